/* SPDX-License-Identifier: Apache-2.0 */
/* A search in one line: its parts, what is refused, and as a file name. */
#include "indexer/query/sentence.h"

#include "tests/tap.h"

static const struct {
	const char *text, *filter, *order; /* items joined by '|' */
	int64_t limit, offset;
} good[] = {
	{"", "", "", 1000, 0},
	{"metrics.a > 1", "metrics.a > 1", "", 1000, 0},
	{" a = 'x'  limit 5", "a = 'x'", "", 5, 0},
	{"limit 5 offset 10", "", "", 5, 10},
	{"offset 10", "", "", 1000, 10},
	{"order by metrics.a desc", "", "metrics.a desc", 1000, 0},
	{"a = 1 ORDER BY x, y DESC LIMIT 3", "a = 1", "x|y DESC", 3, 0},
	{"a = ' order by x limit 3'", "a = ' order by x limit 3'", "", 1000, 0},
	{"tags.`limit 3` = 'x' limit 4", "tags.`limit 3` = 'x'", "", 4, 0},
	{"a in ('limit', 'x') order by b", "a in ('limit', 'x')", "b", 1000, 0},
	{"order by metrics.`a, b`, c", "", "metrics.`a, b`|c", 1000, 0},
	{"a = 'open limit 3", "a = 'open limit 3", "", 1000, 0},
	{"order = 1", "order = 1", "", 1000, 0},
	{"order by", "", "", 1000, 0},
};

static const char *const bad[] = {
	"limit 0",
	"limit 1001",
	"limit 1.5",
	"limit -1",
	"limit 99999999999999999999",
	"a = 1 limit 5 offset -1",
	"limit 5 offset 1000001",
	"limit 5 and a = 1",
	"limit 5 limit 6",
	"offset 5 limit 6",
	"limit 5 order by a",
	"order by a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
};

static void test_parts(void)
{
	struct sentence s;
	struct err e = {0};
	char order[256];
	size_t n;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(sentence_parse(str_from(good[i].text), &s, &e) == 0 &&
			   str_is(s.filter, good[i].filter) &&
			   s.limit == good[i].limit &&
			   s.offset == good[i].offset,
		   good[i].text);
		order[n = 0] = '\0';
		for (size_t k = 0; k < s.norder; k++)
			n += (size_t)snprintf(order + n, sizeof(order) - n,
					      "%s%.*s", k ? "|" : "",
					      STR_ARG(s.order[k]));
		is_str(order, good[i].order, "its order");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = (struct err){0};
		ok(sentence_parse(str_from(bad[i]), &s, &e) < 0 &&
			   e.kind == ERR_INVALID && e.msg[0],
		   bad[i]);
	}
}

static const char *const names[][2] = {
	/* name, text */
	{"a%2Fb", "a/b"},
	{"a%252Fb", "a%2Fb"},
	{"a%25252Fb", "a%252Fb"},
	{"like '%25%'", "like '%25%'"},
	{"like '%ab%'", "like '%ab%'"},
	{"%", "%"},
	{"%2", "%2"},
	{"%25", "%25"},
	{"%2F%2F", "//"},
};

static void test_names(void)
{
	char out[256], back[256];
	size_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n = sentence_from_name(str_from(names[i][0]), out);
		ok(str_is(str_n(out, n), names[i][1]), names[i][0]);
		n = sentence_to_name(str_n(out, n), back);
		ok(str_is(str_n(back, n), names[i][0]), "and back");
	}
	n = sentence_from_name(STR("a%2fb"), out);
	ok(str_is(str_n(out, n), "a/b"), "small letters, too");
}

int main(void)
{
	test_parts();
	test_names();
	return tap_done();
}
