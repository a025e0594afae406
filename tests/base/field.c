/* SPDX-License-Identifier: Apache-2.0 */
/* field.c - one table read from bodies and queries, written back, and every
 * sentence of refusal.
 */
#include "indexer/base/field.h"

#include <math.h>
#include <stddef.h>

#include "tests/tap.h"

struct point {
	struct str key;
	struct opt_f64 value;
	struct opt_i64 time;
};

struct box {
	struct opt_i64 left;
};

struct request {
	int64_t untouched; /* before the first member */
	struct str id, name, note;
	struct opt_i64 count, status;
	struct opt_f64 ratio;
	struct opt_bool flag;
	struct field_list points, words;
	struct box box;
	struct str raw;
	int64_t extra; /* no member */
};

static const char *const statuses[] = {"", "RUNNING", "DONE", NULL};

static const struct field point_fields[] = {
	{"key", NULL, FIELD_STR, FIELD_FILLED | FIELD_NO_NUL,
	 offsetof(struct point, key), 8},
	{"value", NULL, FIELD_F64, FIELD_REQUIRED,
	 offsetof(struct point, value)},
	{"timestamp", NULL, FIELD_I64, 0, offsetof(struct point, time)},
};
static const struct field_set point_set = FIELD_SET(point_fields, struct point);

static const struct field box_fields[] = {
	{"left", NULL, FIELD_I64, 0, offsetof(struct box, left)},
};
static const struct field_set box_set = FIELD_SET(box_fields, struct box);

#define AT(member) offsetof(struct request, member)
static const struct field fields[] = {
	{"id", "uuid", FIELD_STR, FIELD_REQUIRED, AT(id)},
	{"name", NULL, FIELD_STR, 0, AT(name), 10},
	{"note", NULL, FIELD_STR, FIELD_NO_NUL, AT(note)},
	{"count", NULL, FIELD_I64, 0, AT(count)},
	{"status", NULL, FIELD_ENUM, 0, AT(status), 0, NULL, statuses},
	{"ratio", "share", FIELD_F64, 0, AT(ratio)},
	{"flag", NULL, FIELD_BOOL, 0, AT(flag)},
	{"points", NULL, FIELD_LIST, 0, AT(points), 20, &point_set},
	{"words", "terms", FIELD_STRS, 0, AT(words), 20},
	{"box", NULL, FIELD_OBJECT, 0, AT(box), 0, &box_set},
	{"raw", NULL, FIELD_RAW, 0, AT(raw), 40},
};
static const struct field_set set = FIELD_SET(fields, struct request);

static struct arena arena;

static int read_text(const char *json, struct request *r, struct err *e)
{
	arena_reset(&arena);
	memset(r, 0x55, sizeof(*r));
	return field_read_json(&set, str_from(json), &arena, r, e);
}

static void test_read(void)
{
	struct request r;
	struct err e = {0};
	const struct point *points;
	const struct str *words;

	is_i64(read_text("{\"id\":\"x\",\"uuid\":\"x\",\"count\":\"-5\","
			 "\"status\":\"DONE\",\"ratio\":\"NaN\","
			 "\"flag\":\"TRUE\",\"name\":null,\"unknown\":{\"a\":["
			 "1]},"
			 "\"points\":[{\"key\":\"k\",\"value\":1.5,"
			 "\"timestamp\":7},{\"value\":\"2\",\"key\":\"l\"}],"
			 "\"words\":[\"a\",\"b\\n\"],\"box\":{\"left\":3},"
			 "\"raw\": {\"x\": [1, 2]} }",
			 &r, &e),
	       0, "a body with everything");
	ok(str_is(r.id, "x") && !r.name.p && !r.note.p, "strings and absence");
	ok(r.count.set && r.count.v == -5, "integer as text");
	ok(r.status.set && r.status.v == 2, "enum by name");
	ok(r.ratio.set && isnan(r.ratio.v), "double as text");
	ok(r.flag.set && r.flag.v, "boolean as text");
	points = r.points.items;
	ok(r.points.n == 2 && points[0].value.v == 1.5 &&
		   points[0].time.v == 7 && str_is(points[1].key, "l") &&
		   points[1].value.v == 2 && !points[1].time.set,
	   "a list of objects");
	words = r.words.items;
	ok(r.words.n == 2 && str_is(words[1], "b\n"), "a list of strings");
	ok(r.box.left.v == 3, "an object within");
	ok(str_is(r.raw, "{\"x\": [1, 2]}"), "raw text");
	ok(r.untouched == 0x5555555555555555, "nothing before the first field");
	is_i64(r.extra, 0, "all behind it is zeroed");
}

static void test_forms(void)
{
	struct request r;
	struct err e = {0};

	is_i64(read_text("\"{\\\"id\\\":\\\"z\\\"}\"", &r, &e), 0,
	       "a body encoded twice");
	ok(str_is(r.id, "z"), "is opened");
	is_i64(read_text("\"\\\"{}\\\"\"", &r, &e), -1, "but not thrice");
	is_i64(read_text("{\"id\":\"\",\"flag\":false,\"status\":1,"
			 "\"ratio\":-Infinity,\"count\":9223372036854775807,"
			 "\"points\":[],\"box\":{}}",
			 &r, &e),
	       0, "numbers as numbers");
	ok(r.id.p && !r.id.n, "required may be empty");
	ok(r.status.v == 1 && r.flag.set && !r.flag.v && isinf(r.ratio.v) &&
		   r.count.v == INT64_MAX,
	   "each in its type");
	ok(r.points.items && !r.points.n && !r.words.items,
	   "an empty list is not an absent one");
	is_i64(read_text("{\"uuid\":\"y\",\"id\":null}", &r, &e), 0,
	       "null is absence, the other name counts");
	ok(str_is(r.id, "y"), "by alias");
}

static void test_refused(void)
{
#define DOCS " See the API docs for more information about request parameters."
	static const struct {
		const char *json, *message;
		enum err_kind kind;
	} rows[] = {
		{"", "Missing value for required parameter 'id'." DOCS,
		 ERR_INVALID},
		{" \n", "Missing value for required parameter 'id'." DOCS,
		 ERR_INVALID},
		{"{}", "Missing value for required parameter 'id'." DOCS,
		 ERR_INVALID},
		{"{\"id\":null}",
		 "Missing value for required parameter 'id'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"x\",\"points\":[{\"key\":\"k\",\"value\":1},"
		 "{\"value\":1}]}",
		 "Missing value for required parameter 'points[1].key'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"x\",\"points\":[{\"key\":\"\",\"value\":1}]}",
		 "Missing value for required parameter 'points[0].key'." DOCS,
		 ERR_INVALID},
		{"{\"id\":5}",
		 "Invalid value 5 for parameter 'id' supplied: Expected a "
		 "string. Hint: Value was of type 'int'." DOCS,
		 ERR_INVALID},
		{"{\"uuid\":[1, {}]}",
		 "Invalid value [1, {}] for parameter 'uuid' supplied: "
		 "Expected a string. Hint: Value was of type 'list'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"uuid\":\"b\"}",
		 "Invalid value \"b\" for parameter 'uuid' supplied: It "
		 "differs from what its other name says. Hint: Value was of "
		 "type 'str'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"id\":\"a\"}",
		 "Parameter 'id' was supplied more than once." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"box\":{\"left\":1,\"left\":1}}",
		 "Parameter 'box.left' was supplied more than once." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"words\":[],\"terms\":[]}",
		 "Parameter 'terms' was supplied more than once." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"name\":\"12345678901\"}",
		 "Invalid value \"12345678901\" for parameter 'name' "
		 "supplied: The string is too long. Hint: Value was of type "
		 "'str'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"note\":\"\\u0001\"}",
		 "Invalid value \"\\u0001\" for parameter 'note' supplied: "
		 "Control characters are not allowed. Hint: Value was of type "
		 "'str'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"count\":5.0}",
		 "Invalid value 5.0 for parameter 'count' supplied: Expected "
		 "an integer of 64 bits. Hint: Value was of type 'float'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"count\":9223372036854775808}", NULL,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"count\":true}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"count\":\"\"}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"status\":\"GONE\"}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"status\":0}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"status\":\"\"}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"status\":3}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"ratio\":true}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"ratio\":\"x\"}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"flag\":1}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"flag\":\"yes\"}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"points\":{}}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"points\":[5]}",
		 "Invalid value 5 for parameter 'points[0]' supplied: Expected "
		 "an object. Hint: Value was of type 'int'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"words\":[\"x\",null]}",
		 "Invalid value null for parameter 'words[1]' supplied: "
		 "Expected a string. Hint: Value was of type 'NoneType'." DOCS,
		 ERR_INVALID},
		{"{\"id\":\"a\",\"box\":[]}", NULL, ERR_INVALID},
		{"{\"id\":\"a\",\"raw\":\"0123456789012345678901234567890123"
		 "456789\"}",
		 NULL, ERR_INVALID},
		{"[]", "The body must be a JSON object, but it is an array.",
		 ERR_MALFORMED},
		{"{\"id\":\"a\"}}", NULL, ERR_MALFORMED},
		{"{\"id\":\"a\"", NULL, ERR_MALFORMED},
		{"{\"id\":\"a\",\"ratio\":1e999}", NULL, ERR_MALFORMED},
		{"{\"id\":\"a\",\"skipped\":[}}", NULL, ERR_MALFORMED},
	};
	struct request r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ok(read_text(rows[i].json, &r, &e) == -1 &&
			   e.kind == rows[i].kind,
		   rows[i].json);
		if (rows[i].message)
			is_str(e.msg, rows[i].message, "its sentence");
	}
}

static void test_limits(void)
{
	struct buf b;
	struct request r;
	struct err e = {0};

	buf_init(&b, 100000);
	buf_puts(&b, "{\"id\":\"a\",\"words\":[\"0\"");
	for (int i = 1; i < 20; i++)
		buf_printf(&b, ",\"%d\"", i);
	buf_puts(&b, "]}");
	is_i64(read_text(b.p, &r, &e), 0, "a list up to its limit");
	ok(r.words.n == 20 && str_is(((struct str *)r.words.items)[19], "19"),
	   "is whole");
	b.p[b.n - 2] = ',';
	buf_drop(&b, 0);
	b.n--;
	buf_puts(&b, "\"20\"]}");
	is_i64(read_text(b.p, &r, &e), -1, "one more is refused");
	ok(strstr(e.msg, "At most 20 elements are allowed.") != NULL,
	   "with the limit");
	buf_reset(&b);
	buf_puts(&b, "{\"id\":[\"");
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "\xc3\xa4");
	buf_puts(&b, "\"]}");
	is_i64(read_text(b.p, &r, &e), -1, "a long value");
	ok(strstr(e.msg, "\xc3\xa4... for") != NULL, "is shown in part");
	buf_fini(&b);
}

static void test_ceiling(void)
{
	struct arena small;
	struct request r;
	struct err e = {0};

	arena_init(&small, 64);
	is_i64(field_read_json(&set, STR("{\"id\":\"x\",\"points\":[{}]}"),
			       &small, &r, &e),
	       -1, "an arena that is too small");
	is_i64(e.kind, ERR_TOO_LARGE, "is too large");
	arena_fini(&small);
}

static int read_query(const char *query, struct request *r, struct err *e)
{
	arena_reset(&arena);
	memset(r, 0x55, sizeof(*r));
	return field_read_query(&set, str_from(query), &arena, r, e);
}

static void test_query(void)
{
	struct request r;
	struct err e = {0};
	struct buf b;

	is_i64(read_query("uuid=a%20b+c&count=5&flag=true&status=DONE&words=x&"
			  "words=&terms=%C3%A4&other=%41&ratio=1e3&&",
			  &r, &e),
	       0, "a query");
	ok(str_is(r.id, "a b c") && r.count.v == 5 && r.flag.v &&
		   r.status.v == 2 && r.ratio.v == 1000,
	   "its scalars");
	ok(r.words.n == 3 &&
		   str_is(((struct str *)r.words.items)[2], "\xc3\xa4") &&
		   str_is(((struct str *)r.words.items)[1], ""),
	   "repeated keys fill a list");
	is_i64(read_query("", &r, &e), -1, "nothing");
	ok(strstr(e.msg, "Missing value for required parameter 'id'"), "says");
	is_i64(read_query("id=a&id=a", &r, &e), -1, "twice");
	is_i64(read_query("id=a&uuid=a", &r, &e), 0, "by both its names");
	is_i64(read_query("id=a&uuid=b", &r, &e), -1, "that differ");
	is_i64(read_query("id=a&uuid=a&id=a", &r, &e), -1, "and once more");
	is_i64(read_query("id=a&count=x", &r, &e), -1, "no number");
	ok(strstr(e.msg, "Invalid value \"x\" for parameter 'count' supplied:"),
	   "says");
	is_i64(read_query("id=a&points=x", &r, &e), -1, "no objects");
	is_i64(read_query("id=a&box=x", &r, &e), -1, "no object");
	is_i64(read_query("id=%zz", &r, &e), -1, "bad escape");
	is_i64(e.kind, ERR_MALFORMED, "is malformed");
	is_i64(read_query("id=%ff", &r, &e), -1, "not UTF-8");
	is_i64(read_query("id=%00", &r, &e), -1, "NUL");
	is_i64(read_query("id=a&name=12345678901", &r, &e), -1, "too long");
	buf_init(&b, 1000);
	buf_puts(&b, "id=a");
	for (int i = 0; i < 20; i++)
		buf_printf(&b, "&words=%d", i);
	is_i64(read_query(b.p, &r, &e), 0, "a list up to its limit");
	ok(r.words.n == 20 && str_is(((struct str *)r.words.items)[7], "7") &&
		   str_is(((struct str *)r.words.items)[19], "19"),
	   "in order");
	buf_puts(&b, "&words=20");
	is_i64(read_query(b.p, &r, &e), -1, "and one more");
	buf_fini(&b);
}

static void test_write(void)
{
	static const char json[] =
		"{\"id\":\"x\",\"count\":5,\"status\":\"DONE\","
		"\"ratio\":\"NaN\",\"flag\":false,\"points\":[{\"key\":\"k\","
		"\"value\":0.1,\"timestamp\":7}],\"words\":[],"
		"\"box\":{\"left\":0},\"raw\":{\"x\":1}}";
	struct request r;
	struct err e = {0};
	struct json_out j;
	struct buf b;

	buf_init(&b, 1000);
	is_i64(read_text(json, &r, &e), 0, "read");
	jo_init(&j, &b, 0);
	field_write_json(&set, &r, &j);
	is_str(b.p, json, "written back the same");
	buf_reset(&b);
	memset(&r, 0, sizeof(r));
	jo_init(&j, &b, 0);
	field_write_json(&set, &r, &j);
	is_str(b.p, "{}", "what is absent is left out");
	buf_fini(&b);
}

/* As protobuf's JSON has maps, times and durations. */
struct formed {
	struct opt_i64 at, lasts;
	struct field_list tags; /* of struct field_pair */
};

static const struct field formed_fields[] = {
	{"at", NULL, FIELD_I64, FIELD_TIME, offsetof(struct formed, at)},
	{"lasts", NULL, FIELD_I64, FIELD_SECONDS,
	 offsetof(struct formed, lasts)},
	{"tags", NULL, FIELD_LIST, FIELD_MAP, offsetof(struct formed, tags), 3},
};
static const struct field_set formed_set =
	FIELD_SET(formed_fields, struct formed);

static int read_formed(const char *json, struct formed *r, struct err *e)
{
	arena_reset(&arena);
	return field_read_json(&formed_set, str_from(json), &arena, r, e);
}

static void test_formed(void)
{
	const char *text = "{\"at\":\"2026-01-02T03:04:05.678Z\",\"lasts\":"
			   "\"1.500s\",\"tags\":{\"a\":\"1\",\"b\":\"\"}}";
	static const struct {
		const char *json, *says;
	} refused[] = {
		{"{\"at\":5}", "'at'"},
		{"{\"at\":\"5\"}", "2026-01-02T03:04:05.678Z"},
		{"{\"lasts\":1.5}", "'lasts'"},
		{"{\"lasts\":\"1\"}", "such as 1.5s"},
		{"{\"tags\":[]}", "Expected an object"},
		{"{\"tags\":{\"a\":1}}", "'tags[0]'"},
		{"{\"tags\":{\"a\":null}}", "Expected a string"},
		{"{\"tags\":{\"a\":\"\",\"a\":\"\"}}", "more than once"},
		{"{\"tags\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}}",
		 "At most 3"},
	};
	const struct field_pair *p;
	struct err e = {0};
	struct json_out j;
	struct formed r;
	struct buf b;

	is_i64(read_formed(text, &r, &e), 0, "formed values");
	ok(r.at.set && r.at.v == 1767323045678, "a time");
	ok(r.lasts.set && r.lasts.v == 1500, "a duration");
	p = r.tags.items;
	ok(r.tags.n == 2 && str_is(p[0].key, "a") && str_is(p[1].key, "b") &&
		   str_is(p[0].value, "1") && !p[1].value.n,
	   "a map");
	buf_init(&b, 4096);
	jo_init(&j, &b, 0);
	field_write_json(&formed_set, &r, &j);
	is_str(b.p, text, "and back");
	buf_fini(&b);
	ok(read_formed("{\"tags\":{}}", &r, &e) == 0 && r.tags.items &&
		   !r.tags.n,
	   "an empty map is there");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ok(read_formed(refused[i].json, &r, &e) < 0 &&
			   strstr(e.msg, refused[i].says),
		   refused[i].json);
}

int main(void)
{
	arena_init(&arena, 1 << 20);
	test_read();
	test_forms();
	test_refused();
	test_limits();
	test_ceiling();
	test_query();
	test_write();
	test_formed();
	arena_fini(&arena);
	return tap_done();
}
