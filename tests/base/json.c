/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - what the reader takes and refuses, what the writer writes, and
 * trees that keep their numbers.
 */
#include <math.h>

#include "indexer/base/json_doc.h"
#include "indexer/base/json_out.h"
#include "indexer/base/json_pull.h"
#include "tests/tap.h"

/* Reads to the end; false where the text was refused. */
static bool readable(struct str text, struct err *e)
{
	struct arena a;
	struct json_pull j;
	struct json_token t;
	int rc;

	arena_init(&a, 1 << 20);
	json_pull_init(&j, text, &a);
	do
		rc = json_pull_next(&j, &t, e);
	while (!rc && t.kind != JSON_END);
	arena_fini(&a);
	return !rc;
}

static void test_accepted(void)
{
	static const char *const rows[] = {
		"{}",
		" [ ] ",
		"0",
		"-0",
		"-0.0e-0",
		"1E5",
		"1e-999",
		"\"\"",
		"true",
		"false",
		"null",
		"NaN",
		"[Infinity,-Infinity]",
		"{\"a\":{\"b\":[1,{\"c\":[]}]},\"a\":2}",
		"\t\r\n{ \"a\" : 1 , \"b\" : [ 1 , 2 ] } \n",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\"",
		"\"\x7f\xc3\xa4\xf0\x9f\x98\x80\"",
		"123456789012345678901234567890",
	};
	struct err e = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(readable(str_from(rows[i]), &e), rows[i]);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "ends too early"},
		{"   ", "ends too early"},
		{"{", "key"},
		{"[", "ends too early"},
		{"[1", "comma"},
		{"{\"a\"", "colon"},
		{"{\"a\":", "ends too early"},
		{"{\"a\":1", "comma"},
		{"{\"a\":1,}", "key"},
		{"[1,]", "value was expected"},
		{"[,1]", "value was expected"},
		{"{,}", "key"},
		{"{a:1}", "key"},
		{"{\"a\" 1}", "colon"},
		{"[1 2]", "comma"},
		{"[1}", "comma"},
		{"{\"a\":1]", "comma"},
		{"]", "value was expected"},
		{"1 2", "more text"},
		{"{} {}", "more text"},
		{"[1]x", "more text"},
		{"\xef\xbb\xbf{}", "value was expected"},
		{"01", "number"},
		{"-", "number"},
		{"-01", "number"},
		{"1.", "number"},
		{".5", "value was expected"},
		{"+1", "value was expected"},
		{"1e", "number"},
		{"1e+", "number"},
		{"1.e5", "number"},
		{"0x10", "more text"},
		{"1e999", "range"},
		{"-1e999", "range"},
		{"1e99999999999999999999", "range"},
		{"nan", "value was expected"},
		{"Inf", "value was expected"},
		{"-NaN", "number"},
		{"tru", "value was expected"},
		{"nul", "value was expected"},
		{"True", "value was expected"},
		{"\"abc", "without its end"},
		{"\"a\nb\"", "control"},
		{"\"a\tb\"", "control"},
		{"\"\\x\"", "escape"},
		{"\"\\u12\"", "escape"},
		{"\"\\u12g4\"", "escape"},
		{"\"\\u0000\"", "escape"},
		{"\"\\ud800\"", "surrogate"},
		{"\"\\ud800x\"", "surrogate"},
		{"\"\\ud800\\u0041\"", "surrogate"},
		{"\"\\udc00\"", "surrogate"},
		{"\"\\", "escape"},
		{"\"\xff\"", "UTF-8"},
		{"\"\xc3\"", "UTF-8"},
		{"\"\xed\xa0\x80\"", "UTF-8"},
		{"\"12345678901234567\x01\"", "control"},
		{"'a'", "value was expected"},
		{"// x\n1", "value was expected"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		bool refused = !readable(str_from(rows[i].text), &e);

		ok(refused && e.kind == ERR_MALFORMED &&
			   strstr(e.msg, rows[i].why),
		   rows[i].text);
	}
	ok(!readable(STR("\"a\0b\""), &(struct err){0}), "a raw NUL");
	ok(!readable(STR("1\0"), &(struct err){0}), "NUL behind the value");
}

static void test_position(void)
{
	struct err e = {0};

	readable(STR("{\n  \"a\": 1,\n  \"b\": x}"), &e);
	is_str(e.msg, "not valid JSON: line 3, column 8: a value was expected",
	       "line and column");
}

static void test_depth(void)
{
	char text[2 * JSON_DEPTH + 3];
	struct err e = {0};

	memset(text, '[', JSON_DEPTH);
	memset(text + JSON_DEPTH, ']', JSON_DEPTH);
	ok(readable(str_n(text, 2 * JSON_DEPTH), &e), "as deep as allowed");
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	ok(!readable(str_n(text, 2 * JSON_DEPTH + 2), &e), "one deeper");
	ok(strstr(e.msg, "deep") != NULL, "says so");
}

static void test_tokens(void)
{
	static const char text[] =
		"{\"k\\n\": [\"plain\", \"\\u00e4\\ud83d\\ude00\","
		" -12, 1.5, 9223372036854775807,"
		" 9223372036854775808, true, null]}";
	static const enum json_kind kinds[] = {
		JSON_OBJECT,     JSON_KEY,    JSON_ARRAY,  JSON_STRING,
		JSON_STRING,     JSON_NUMBER, JSON_NUMBER, JSON_NUMBER,
		JSON_NUMBER,     JSON_TRUE,   JSON_NULL,   JSON_ARRAY_END,
		JSON_OBJECT_END, JSON_END};
	struct json_token t[14] = {0};
	struct json_pull j;
	struct arena a;
	struct err e = {0};
	int bad = 0;

	arena_init(&a, 1000);
	json_pull_init(&j, STR(text), &a);
	for (size_t i = 0; i < 14; i++)
		bad += json_pull_next(&j, &t[i], &e) || t[i].kind != kinds[i];
	is_i64(bad, 0, "kinds in order");
	ok(str_is(t[1].text, "k\n"), "key unescaped");
	ok(t[3].text.p == text + 10, "a plain string is a slice");
	ok(str_is(t[4].text, "\xc3\xa4\xf0\x9f\x98\x80"), "pairs decoded");
	ok(t[5].is_integer && t[5].integer == -12 && t[5].real == -12, "-12");
	ok(!t[6].is_integer && t[6].real == 1.5, "1.5");
	ok(t[7].is_integer && t[7].integer == INT64_MAX, "all 64 bits");
	ok(!t[8].is_integer && t[8].real == 9223372036854775808.0, "2^63");
	ok(str_is(t[8].text, "9223372036854775808"), "text of a number");
	is_i64((int64_t)t[5].at, 40, "offset");
	is_i64(json_pull_next(&j, &t[0], &e), 0, "the end again");
	arena_fini(&a);
}

static void test_skip(void)
{
	struct json_pull j;
	struct json_token t;
	struct err e = {0};

	json_pull_init(&j, STR("[{\"a\":[1,{}]},2,{\"b\":[]}]"), NULL);
	json_pull_next(&j, &t, &e);
	json_pull_next(&j, &t, &e);
	is_i64(json_pull_skip(&j, &t, &e), 0, "an object");
	json_pull_next(&j, &t, &e);
	ok(t.kind == JSON_NUMBER && t.integer == 2, "what follows it");
	is_i64(json_pull_skip(&j, &t, &e), 0, "a scalar");
	json_pull_next(&j, &t, &e);
	json_pull_next(&j, &t, &e);
	ok(t.kind == JSON_KEY && !json_pull_skip(&j, &t, &e), "a key");
	json_pull_next(&j, &t, &e);
	is_i64(t.kind, JSON_OBJECT_END, "and its value");
	json_pull_init(&j, STR("[[1,2"), NULL);
	json_pull_next(&j, &t, &e);
	is_i64(json_pull_skip(&j, &t, &e), -1, "what does not end");
}

static void test_arena_limit(void)
{
	struct arena a;
	struct json_pull j;
	struct json_token t;
	struct err e = {0};

	arena_init(&a, 16);
	json_pull_init(&j, STR("\"\\n0123456789012345678\""), &a);
	is_i64(json_pull_next(&j, &t, &e), -1, "no room to unescape");
	is_i64(e.kind, ERR_TOO_LARGE, "is too large");
	arena_fini(&a);
}

static void write_sample(struct json_out *j)
{
	jo_object(j);
	jo_kstr(j, "s", STR("a\"\\\n\x01\xc3\xa4\xff\xe2\x82z"));
	jo_ki64(j, "i", INT64_MIN);
	jo_kf64(j, "f", 0.1);
	jo_kf64(j, "n", (double)NAN);
	jo_kf64(j, "p", (double)INFINITY);
	jo_kf64(j, "m", -(double)INFINITY);
	jo_kbool(j, "b", false);
	jo_key_str(j, STR("k\t"));
	jo_array(j);
	jo_null(j);
	jo_raw(j, STR("{\"x\":1}"));
	jo_array_end(j);
	jo_key(j, "e");
	jo_object(j);
	jo_object_end(j);
	jo_key(j, "l");
	jo_array(j);
	jo_array_end(j);
	jo_object_end(j);
}

static void test_out(void)
{
	struct buf b;
	struct json_out j;

	buf_init(&b, 10000);
	jo_init(&j, &b, 0);
	write_sample(&j);
	is_str(b.p,
	       "{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd"
	       "\xef\xbf\xbdz\",\"i\":-9223372036854775808,\"f\":0.1,"
	       "\"n\":\"NaN\",\"p\":\"Infinity\",\"m\":\"-Infinity\","
	       "\"b\":false,\"k\\t\":[null,{\"x\":1}],\"e\":{},\"l\":[]}",
	       "compact");
	ok(readable(buf_view(&b), &(struct err){0}), "which can be read");
	buf_reset(&b);
	jo_init(&j, &b, 2);
	jo_object(&j);
	jo_ki64(&j, "a", 1);
	jo_key(&j, "b");
	jo_array(&j);
	jo_i64(&j, 2);
	jo_object(&j);
	jo_object_end(&j);
	jo_array_end(&j);
	jo_object_end(&j);
	is_str(b.p, "{\n  \"a\": 1,\n  \"b\": [\n    2,\n    {}\n  ]\n}",
	       "laid out");
	buf_fini(&b);
	buf_init(&b, 10);
	jo_init(&j, &b, 2);
	write_sample(&j);
	ok(!buf_ok(&b), "beyond the buffer's ceiling it fails");
	buf_fini(&b);
}

static const char *through_tree(const char *text, struct buf *b)
{
	struct err e = {0};
	cJSON *tree = json_doc_parse(str_from(text), &e);
	struct json_out j;

	buf_reset(b);
	if (!tree)
		return NULL;
	jo_init(&j, b, 0);
	json_doc_write(&j, tree);
	cJSON_Delete(tree);
	return b->p;
}

static void test_tree(void)
{
	static const char *const same[] = {
		"{\"a\":[1,2.50,1e5,9007199254740993,-0],\"b\":{\"c\":null}}",
		"[true,false,\"\xc3\xa4\",{},[]]",
		"123456789012345678901234567890",
		"\"x\"",
	};
	static const char *const refused[] = {
		"{\"a\":1,\"b\":2,\"a\":3}",
		"[{\"x\":{\"y\":1,\"y\":1}}]",
		"{\"a\":1",
		"{\"a\":1}x",
		"",
		"[1,]",
		"{\"a\":{\"b\":}}",
	};
	struct buf b;
	struct err e = {0};
	cJSON *tree;

	buf_init(&b, 10000);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		is_str(through_tree(same[i], &b), same[i], same[i]);
	is_str(through_tree("[NaN,-Infinity,1e-5]", &b),
	       "[\"NaN\",\"-Infinity\",1e-5]", "what JSON cannot hold");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ok(!through_tree(refused[i], &b), refused[i]);
	ok(!json_doc_parse(STR("{\"dup\":1,\"dup\":1}"), &e) &&
		   strstr(e.msg, "\"dup\""),
	   "names the key that comes twice");
	tree = json_doc_parse(STR("{\"a\":1,\"A\":2}"), &e);
	ok(tree && json_doc_get(tree, "A")->valuedouble == 2 &&
		   !json_doc_get(tree, "b"),
	   "members by exact name");
	cJSON_Delete(tree);
	buf_fini(&b);
}

/* What Python 3 prints for json.dumps(x, ensure_ascii=False). */
static void test_python(void)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, 1 << 16);
	jo_init(&j, &b, 0);
	j.python = true;
	jo_object(&j);
	jo_kstr(&j, "a", STR("\xc3\xa9\n\x01/\x7f"));
	jo_key(&j, "b");
	jo_array(&j);
	jo_i64(&j, -1);
	jo_f64(&j, 5);
	jo_f64(&j, 1e-7);
	jo_f64(&j, NAN);
	jo_f64(&j, -INFINITY);
	jo_null(&j);
	jo_u64(&j, UINT64_MAX);
	jo_array_end(&j);
	jo_key(&j, "c");
	jo_object(&j);
	jo_object_end(&j);
	jo_object_end(&j);
	is_str(b.p,
	       "{\"a\": \"\xc3\xa9\\n\\u0001/\x7f\", \"b\": [-1, 5.0, 1e-07, "
	       "NaN, "
	       "-Infinity, null, 18446744073709551615], \"c\": {}}",
	       "as Python writes it");
	buf_fini(&b);
}

int main(void)
{
	test_accepted();
	test_refused();
	test_position();
	test_depth();
	test_tokens();
	test_skip();
	test_arena_limit();
	test_out();
	test_tree();
	test_python();
	return tap_done();
}
