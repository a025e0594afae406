/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions: meaning, errors, limits; against the C library's on
 * small random patterns; and hostile ones end in time. */
#include "indexer/query/regex.h"

#include <regex.h>

#include "indexer/base/scope.h"
#include "tests/tap.h"

enum { ARENA = 1 << 20, MATCH = 1, MISS = 0, BAD = -1 };

static int try(const char *pattern, struct str text, struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	struct regex *r;

	arena_init(&a, ARENA);
	if (regex_compile(str_from(pattern), &a, &r, e) < 0)
		return BAD;
	return regex_search(r, text);
}

static const struct {
	const char *pattern, *text;
	int want;
} rows[] = {
	{"", "", MATCH},
	{"", "abc", MATCH},
	{"b", "abc", MATCH},
	{"d", "abc", MISS},
	{"^b", "abc", MISS},
	{"^abc$", "abc", MATCH},
	{"^ab$", "abc", MISS},
	{"^$", "", MATCH},
	{"a.c", "abc", MATCH},
	{"^.$", "é", MATCH},
	{"^..$", "é", MISS},
	{"a|b|c", "xxc", MATCH},
	{"^(a|b)*c$", "ababc", MATCH},
	{"ab*c", "ac", MATCH},
	{"ab+c", "ac", MISS},
	{"ab?c", "abbc", MISS},
	{"^a{2,3}$", "aa", MATCH},
	{"^a{2,3}$", "aaaa", MISS},
	{"^a{2}$", "aaa", MISS},
	{"^a{2,}$", "aaaaaa", MATCH},
	{"^a{0}b$", "b", MATCH},
	{"^a{0}b$", "ab", MISS},
	{"[a-c]+z", "xbcz", MATCH},
	{"^[^a-c]$", "b", MISS},
	{"^[^a-c]$", "é", MATCH},
	{"^[é-ü]$", "ö", MATCH},
	{"[]]", "]", MATCH},
	{"[a-]", "-", MATCH},
	{"^[[:alpha:]_]+$", "ab_C", MATCH},
	{"^[[:digit:]]+$", "12a", MISS},
	{"^\\d+\\.\\d+$", "10.5", MATCH},
	{"^\\w+$", "a b", MISS},
	{"^\\S+\\s\\S+$", "a b", MATCH},
	{"^[\\d-]+$", "1-2", MATCH},
	{"^\\D$", "5", MISS},
	{"a\\+b", "a+b", MATCH},
	{"\\\\", "\\", MATCH},
	{"\\tx", "\tx", MATCH},
	{"(?i)^adam$", "ADAM", MATCH},
	{"(?i)^[a-z]+$", "ADAM", MATCH},
	{"^adam$", "ADAM", MISS},
	{"^(?:ab)+?$", "abab", MATCH},
	{"(a*)*b", "aaab", MATCH},
	{"(|a)+$", "b", MATCH},
	{"()", "x", MATCH},
	{"x{1}{2}", "xx", MATCH},
	{"resnet-?(18|50)", "a resnet50 b", MATCH},
	{"a)", "a)", MATCH},
	{"^x", "\xff", MISS},
	{"^.$", "\xff", MATCH},
	{"(", "", BAD},
	{"[a", "", BAD},
	{"[", "", BAD},
	{"*a", "", BAD},
	{"a|*", "", BAD},
	{"{1}", "", BAD},
	{"a{", "", BAD},
	{"a{,2}", "", BAD},
	{"a{3,2}", "", BAD},
	{"a{256}", "", BAD},
	{"a{99999999999}", "", BAD},
	{"[c-a]", "", BAD},
	{"[a-\\d]", "", BAD},
	{"[[:nope:]]", "", BAD},
	{"\\1", "", BAD},
	{"\\b", "", BAD},
	{"\\", "", BAD},
	{"[\\", "", BAD},
	{"(?=a)", "", BAD},
	{"(?P<n>a)", "", BAD},
	{"((a{30}){30}){30}", "", BAD},
	{"(((a{0}){255}){255}){255}", "", BAD},
	{"((((){255}){255}){255}){255}", "", BAD},
};

static void check_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = {0};

		is_i64(try(rows[i].pattern, str_from(rows[i].text), &e),
		       rows[i].want, rows[i].pattern);
	}
}

static void repeat(struct buf *b, const char *part, int n)
{
	for (int i = 0; i < n; i++)
		buf_puts(b, part);
}

static void check_limits(void)
{
	SCOPED(buf_fini) struct buf b;
	SCOPED(buf_fini) struct buf text;
	struct err e = {0};

	buf_init(&b, ARENA);
	buf_init(&text, ARENA);
	repeat(&b, "a", REGEX_PATTERN_MAX + 1);
	is_i64(try(b.p, STR(""), &e), BAD, "too long a pattern");
	is_str(e.msg, "Invalid regular expression: longer than 256 bytes",
	       "says so");
	buf_reset(&b);
	repeat(&b, "(", REGEX_DEPTH_MAX + 1);
	is_i64(try(b.p, STR(""), &e), BAD, "too deep a pattern");
	repeat(&text, "ab", 20000);
	is_i64(try("(a|b)*a(a|b){200}c", buf_view(&text), &e), MISS,
	       "states that double with each step");
	is_i64(try("(((((a*)*)*)*)*)*c", buf_view(&text), &e), MISS,
	       "nested stars");
	is_i64(try("(a?){200}a{200}c", buf_view(&text), &e), MISS,
	       "ambiguous repetitions");
}

/* A random pattern over a b, in the syntax that both know. Anchors stand at
 * the ends only: the C library is wrong about those in repeated groups. */
static void random_pattern(struct buf *b, unsigned *seed, int depth)
{
	static const char *const atoms[] = {"a",    "b",    ".",
					    "[ab]", "[^a]", "(ab)"};
	static const char *const after[] = {"",  "",      "",    "*",
					    "+", "{1,2}", "{2}", "?"};
	int n = 1 + rand_r(seed) % 3;

	for (int i = 0; i < n; i++) {
		if (depth && rand_r(seed) % 3 == 0) {
			buf_puts(b, "(");
			random_pattern(b, seed, depth - 1);
			buf_puts(b, rand_r(seed) % 2 ? "|" : "");
			random_pattern(b, seed, depth - 1);
			buf_puts(b, ")");
		} else {
			buf_puts(b, atoms[rand_r(seed) % 6]);
		}
		buf_puts(b, after[rand_r(seed) % 8]);
	}
}

static int reference(const char *pattern, const char *text)
{
	regex_t r;
	int rc;

	if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return BAD;
	rc = regexec(&r, text, 0, NULL, 0) == 0;
	regfree(&r);
	return rc;
}

static void check_against_library(void)
{
	SCOPED(buf_fini) struct buf b;
	unsigned seed = 7;
	int wrong = 0;

	buf_init(&b, ARENA);
	for (int i = 0; i < 20000; i++) {
		char text[12] = "";
		struct err e = {0};
		int n = rand_r(&seed) % 10;

		for (int k = 0; k < n; k++)
			text[k] = rand_r(&seed) % 2 ? 'a' : 'b';
		text[n] = '\0';
		buf_reset(&b);
		buf_puts(&b, i % 2 ? "^(" : "(");
		random_pattern(&b, &seed, 2);
		buf_puts(&b, i % 3 ? ")$" : ")");
		if (b.n > REGEX_PATTERN_MAX ||
		    try(b.p, str_from(text), &e) == reference(b.p, text))
			continue;
		if (wrong++ < 5)
			printf("# '%s' on '%s': %s\n", b.p, text, e.msg);
	}
	is_i64(wrong, 0, "20000 random patterns, as the C library has them");
}

int main(void)
{
	check_rows();
	check_limits();
	check_against_library();
	return tap_done();
}
