/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c - YAML's core schema to JSON, lines, and hostile texts. */
#include "indexer/base/yaml.h"

#include "indexer/base/json_doc.h"
#include "tests/tap.h"

/* The tree as compact JSON; NULL with e where it was refused. */
static const char *as_json(struct str text, struct buf *b, struct err *e)
{
	cJSON *tree = yaml_parse(text, "f.yaml", e);
	struct json_out j;

	buf_reset(b);
	if (!tree)
		return NULL;
	jo_init(&j, b, 0);
	json_doc_write(&j, tree);
	cJSON_Delete(tree);
	return b->p;
}

static void test_values(void)
{
	static const char *const rows[][2] = {
		{"", "null"},
		{"# only a comment\n", "null"},
		{"a: b", "{\"a\":\"b\"}"},
		{"[~, null, Null, NULL, ]", "[null,null,null,null]"},
		{"a:", "{\"a\":null}"},
		{"[true, True, TRUE, false, tRue, yes, on]",
		 "[true,true,true,false,\"tRue\",\"yes\",\"on\"]"},
		{"[1, -2, +3, 007, 0x1F, 0o17, 1_000]",
		 "[1,-2,3,7,31.0,15.0,\"1_000\"]"},
		{"[1.50, 1., .5, 1e3, -1.5E-3, 1.2.3, 1e999]",
		 "[1.50,1.0,0.5,1e3,-1.5E-3,\"1.2.3\",\"1e999\"]"},
		{"[.inf, -.Inf, .NaN, nan, inf, Infinity]",
		 "[\"Infinity\",\"-Infinity\",\"NaN\",\"nan\",\"inf\","
		 "\"Infinity\"]"},
		{"['1', \"2\", !!str 3]", "[\"1\",\"2\",\"3\"]"},
		{"12345678901234567890", "12345678901234567890"},
		{"2024-01-02", "\"2024-01-02\""},
		{"a: |\n  x\n  y\nb: >\n  x\n  y\n",
		 "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}"},
		{"- {a: [1, {b: c}]}\n- - x\n  - y\n",
		 "[{\"a\":[1,{\"b\":\"c\"}]},[\"x\",\"y\"]]"},
		{"x: &a [1, 2]\ny: *a\nz: *a\n",
		 "{\"x\":[1,2],\"y\":[1,2],\"z\":[1,2]}"},
		{"[&a 1, &a 2, *a]", "[1,2,2]"},
		{"1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}"},
		{"--- \na: 1\n...\n", "{\"a\":1}"},
		{"\"\\u00e4\\n\"", "\"\xc3\xa4\\n\""},
		{"\xef\xbb\xbf"
		 "a: 1\n",
		 "{\"a\":1}"},
	};
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		is_str(as_json(str_from(rows[i][0]), &b, &e), rows[i][1],
		       rows[i][0]);
	}
	buf_fini(&b);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"a: [", "f.yaml:2: "},
		{"a: b: c", "f.yaml:1: "},
		{"a: 1\nb: 2\na: 3\n", "f.yaml:3: key \"a\" comes twice"},
		{"a: *x\n", "f.yaml:1: an alias of nothing"},
		{"&a [*a]", "an alias of nothing"},
		{"? [a]\n: b\n", "a key must be"},
		{"a: 1\n---\nb: 2\n", "a second document"},
		{"a: \"\\0\"\n", "NUL"},
		{"\"a\\0b\": 1\n", "a key must be"},
		{"a: \xff\n", "f.yaml:"},
		{"\tx: 1", "f.yaml:1: "},
	};
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ok(!as_json(str_from(rows[i].text), &b, &e) &&
			   e.kind == ERR_MALFORMED &&
			   strstr(e.msg, rows[i].message),
		   rows[i].text);
	}
	buf_fini(&b);
}

static void test_limits(void)
{
	struct buf b, out;
	struct err e = {0};

	buf_init(&b, 3 * YAML_BYTES);
	buf_init(&out, YAML_BYTES);
	for (int i = 0; i < YAML_DEPTH; i++)
		buf_putc(&b, '[');
	for (int i = 0; i < YAML_DEPTH; i++)
		buf_putc(&b, ']');
	ok(as_json(buf_view(&b), &out, &e) != NULL, "as deep as allowed");
	buf_reset(&b);
	for (int i = 0; i < 20000; i++)
		buf_putc(&b, '[');
	ok(!as_json(buf_view(&b), &out, &e) && strstr(e.msg, "deep"), "deeper");
	buf_reset(&b);
	buf_puts(&b, "a: &a [x,x,x,x,x,x,x,x,x,x]\n");
	for (char c = 'b'; c <= 'k'; c++)
		buf_printf(&b, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c,
			   c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1,
			   c - 1);
	ok(!as_json(buf_view(&b), &out, &e) && strstr(e.msg, "too many"),
	   "a billion laughs");
	buf_reset(&b);
	while (b.n <= YAML_BYTES)
		buf_puts(&b, "#################################\n");
	ok(!as_json(buf_view(&b), &out, &e), "too many bytes");
	is_i64(e.kind, ERR_TOO_LARGE, "is too large");
	buf_reset(&b);
	buf_puts(&b, "- a\n");
	for (int i = 0; i < YAML_NODES; i++)
		buf_puts(&b, "- a\n");
	ok(!as_json(buf_view(&b), &out, &e) && strstr(e.msg, "too many"),
	   "too many values");
	buf_fini(&b);
	buf_fini(&out);
}

static void test_lines(void)
{
	struct err e = {0};
	cJSON *tree = yaml_parse(STR("a: 1\nb:\n  c: x\n  d:\n  - y\n  - 5\n"),
				 "f", &e);
	const cJSON *b = json_doc_get(tree, "b"), *d = json_doc_get(b, "d");

	is_i64(yaml_line(json_doc_get(tree, "a")), 1, "a number");
	is_i64(yaml_line(b), 2, "a section has its key's line");
	is_i64(yaml_line(json_doc_get(b, "c")), 3, "a string");
	is_i64(yaml_line(d->child->next), 6, "an item");
	ok(cJSON_IsNumber(d->child->next) && d->child->next->valuedouble == 5,
	   "types are as ever");
	cJSON_Delete(tree);
}

int main(void)
{
	test_values();
	test_refused();
	test_limits();
	test_lines();
	return tap_done();
}
