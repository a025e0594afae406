/* SPDX-License-Identifier: Apache-2.0 */
/* Values against comparators: LIKE, lists, NaN, large integers. */
#include "indexer/query/match.h"

#include <math.h>

#include "indexer/base/scope.h"
#include "tests/tap.h"

static const struct {
	enum expr_cmp cmp;
	const char *pattern, *text;
	bool want;
} texts[] = {
	{CMP_EQ, "a", "a", true},
	{CMP_EQ, "a", "A", false},
	{CMP_NE, "a", "A", true},
	{CMP_LT, "b", "a", true},
	{CMP_LE, "b", "b", true},
	{CMP_GT, "b", "a", false},
	{CMP_GE, "b", "c", true},
	{CMP_LIKE, "", "", true},
	{CMP_LIKE, "", "a", false},
	{CMP_LIKE, "%", "", true},
	{CMP_LIKE, "%%", "abc", true},
	{CMP_LIKE, "a%", "abc", true},
	{CMP_LIKE, "A%", "abc", false},
	{CMP_ILIKE, "A%", "abc", true},
	{CMP_ILIKE, "aBc", "AbC", true},
	{CMP_LIKE, "%c", "abc", true},
	{CMP_LIKE, "%b", "abc", false},
	{CMP_LIKE, "%b%", "abc", true},
	{CMP_LIKE, "a_c", "abc", true},
	{CMP_LIKE, "a_c", "ac", false},
	{CMP_LIKE, "_", "é", true},
	{CMP_LIKE, "__", "é", false},
	{CMP_LIKE, "%a%b%c%", "xaxbxcx", true},
	{CMP_LIKE, "%aab", "aaaab", true},
	{CMP_LIKE, "%a_b%", "aaxaab", true},
	{CMP_LIKE, "a%b", "ab", true},
	{CMP_LIKE, "ab", "abc", false},
	{CMP_LIKE, "abc", "ab", false},
	{CMP_LIKE, "%_", "", false},
	{CMP_LIKE, "a\\%", "a\\xyz", true},
	{CMP_RLIKE, "^a+$", "aaa", true},
	{CMP_RLIKE, "^a+$", "aab", false},
	{CMP_IN, "a", "a", true},
	{CMP_NOT_IN, "a", "a", false},
	{CMP_NOT_IN, "a", "b", true},
	{CMP_IS_NULL, "", "b", false},
	{CMP_IS_NOT_NULL, "", "b", true},
};

static void check_texts(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		SCOPED(arena_fini) struct arena a;
		struct expr_value v = {.text = str_from(texts[i].pattern)};
		struct expr leaf = {.op = EXPR_LEAF,
				    .cmp = texts[i].cmp,
				    .values = &v,
				    .nvalues = 1};
		struct match m;
		struct err e;

		arena_init(&a, 1 << 20);
		ok(match_compile(&m, &leaf, &a, &e) == 0 &&
			   match_text(&m, str_from(texts[i].text)) ==
				   texts[i].want,
		   texts[i].pattern);
	}
}

static bool real(enum expr_cmp cmp, double want, double v)
{
	struct expr_value value = {.real = want, .is_number = true};
	struct match m = {.cmp = cmp, .values = &value, .nvalues = 1};

	return match_real(&m, v);
}

static void check_nan(void)
{
	enum expr_cmp all[] = {CMP_EQ, CMP_LT, CMP_LE, CMP_GT, CMP_GE};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		ok(!real(all[i], 1, NAN), "NaN is nothing to a number");
	ok(real(CMP_NE, 1, NAN), "but different");
	ok(real(CMP_EQ, NAN, NAN), "= NaN finds NaN");
	ok(!real(CMP_NE, NAN, NAN), "!= NaN does not");
	ok(real(CMP_NE, NAN, 1), "but numbers");
	ok(!real(CMP_GE, NAN, NAN), "NaN has no order");
	ok(real(CMP_EQ, -0.0, 0.0), "minus zero is zero");
	ok(real(CMP_GT, 1e308, INFINITY), "infinity is greater");
	ok(real(CMP_LT, -1e308, -INFINITY), "or less");
}

static void check_integers(void)
{
	struct expr_value v = {.integer = INT64_MAX,
			       .real = 9223372036854775807.0,
			       .is_number = true,
			       .is_integer = true};
	struct match m = {.cmp = CMP_EQ, .values = &v, .nvalues = 1};

	ok(match_integer(&m, INT64_MAX), "the greatest integer is itself");
	ok(!match_integer(&m, INT64_MAX - 1), "and not its neighbour");
	v = (struct expr_value){.real = 1.5, .is_number = true};
	m.cmp = CMP_GT;
	ok(match_integer(&m, 2) && !match_integer(&m, 1), "against a fraction");
}

static bool in(struct match *m, enum expr_cmp cmp, double v)
{
	m->cmp = cmp;
	return match_real(m, v);
}

static void check_lists(void)
{
	SCOPED(arena_fini) struct arena a;
	struct expr_value v[] = {{.real = 3, .is_number = true},
				 {.real = NAN, .is_number = true},
				 {.real = -1, .is_number = true},
				 {.real = 2, .is_number = true}};
	struct expr_value t[] = {
		{.text = STR("c")}, {.text = STR("a")}, {.text = STR("b")}};
	struct expr leaf = {.cmp = CMP_IN, .values = v, .nvalues = 4};
	struct match m;
	struct err e;

	arena_init(&a, 1 << 20);
	ok(match_compile(&m, &leaf, &a, &e) == 0, "a list");
	ok(in(&m, CMP_IN, 3) && in(&m, CMP_IN, 2) && in(&m, CMP_IN, -1),
	   "its values are in it");
	ok(in(&m, CMP_IN, NAN), "NaN too");
	ok(!in(&m, CMP_IN, 2.5) && in(&m, CMP_NOT_IN, 2.5), "others not");
	ok(v[0].real == 3, "the leaf is left as it was");
	leaf = (struct expr){.cmp = CMP_NOT_IN, .values = t, .nvalues = 3};
	ok(match_compile(&m, &leaf, &a, &e) == 0 && !match_text(&m, STR("a")) &&
		   !match_text(&m, STR("c")) && match_text(&m, STR("d")),
	   "texts");
	leaf.values = v;
	leaf.nvalues = 1;
	leaf.cmp = CMP_IN;
	ok(match_compile(&m, &leaf, &a, &e) == 0 && match_integer(&m, 3) &&
		   !match_integer(&m, 2),
	   "integers");
}

int main(void)
{
	check_texts();
	check_nan();
	check_integers();
	check_lists();
	return tap_done();
}
