/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - see match.h. */
#include "indexer/query/match.h"

#include <math.h>

#include "indexer/base/text.h"

/* --- lists ------------------------------------------------------------- */

static int compare_real(double a, double b)
{
	if (isnan(a) || isnan(b))
		return !!isnan(a) - !!isnan(b);
	return (a > b) - (a < b);
}

static int compare_values(const void *pa, const void *pb)
{
	const struct expr_value *a = pa;
	const struct expr_value *b = pb;

	return a->is_number ? compare_real(a->real, b->real)
			    : str_cmp(a->text, b->text);
}

static bool in_list(const struct match *m, const struct expr_value *v)
{
	return bsearch(v, m->values, m->nvalues, sizeof(*v), compare_values);
}

static int copy_list(struct match *m, const struct expr *leaf, struct arena *a,
		     struct err *e)
{
	m->values = arena_array(a, leaf->nvalues, sizeof(*m->values));
	if (!m->values)
		return arena_full(a, e);
	memcpy(m->values, leaf->values, leaf->nvalues * sizeof(*m->values));
	qsort(m->values, m->nvalues, sizeof(*m->values), compare_values);
	return 0;
}

/* --- LIKE -------------------------------------------------------------- */

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static size_t char_length(struct str s, size_t i)
{
	size_t n = utf8_sequence(str_n(s.p + i, s.n - i));

	return n ? n : 1;
}

/* Take what pattern[*k] stands for from s[*i]. */
static bool like_one(struct str pattern, size_t *k, struct str s, size_t *i,
		     bool nocase)
{
	char c = pattern.p[*k];

	if (*i >= s.n)
		return false;
	if (c == '_') {
		*i += char_length(s, *i);
	} else {
		if (nocase ? fold(c) != fold(s.p[*i]) : c != s.p[*i])
			return false;
		++*i;
	}
	++*k;
	return true;
}

/* Greedy, and back only to the last %, which is enough. */
static bool like(struct str pattern, struct str s, bool nocase)
{
	size_t i = 0;
	size_t k = 0;
	size_t back_i = 0;
	size_t back_k = 0; /* behind the last %, 0 before the first */

	while (i < s.n || k < pattern.n) {
		if (k < pattern.n && pattern.p[k] == '%') {
			back_k = ++k;
			back_i = i;
			if (k == pattern.n)
				return true;
		} else if (k == pattern.n ||
			   !like_one(pattern, &k, s, &i, nocase)) {
			if (!back_k || back_i >= s.n)
				return false;
			back_i += char_length(s, back_i);
			i = back_i;
			k = back_k;
		}
	}
	return true;
}

/* --- one comparison ---------------------------------------------------- */

int match_compile(struct match *m, const struct expr *leaf, struct arena *a,
		  struct err *e)
{
	bool like_pattern = leaf->cmp == CMP_LIKE || leaf->cmp == CMP_ILIKE;

	*m = (struct match){leaf->cmp, leaf->values, leaf->nvalues, NULL};
	if (like_pattern && leaf->values[0].text.n > LIKE_PATTERN_MAX)
		return err_set(e, ERR_INVALID,
			       "A LIKE pattern has %zu bytes; at most %d are "
			       "allowed",
			       leaf->values[0].text.n, LIKE_PATTERN_MAX);
	if (leaf->cmp == CMP_RLIKE)
		return regex_compile(leaf->values[0].text, a, &m->regex, e);
	if (leaf->cmp == CMP_IN || leaf->cmp == CMP_NOT_IN)
		return copy_list(m, leaf, a, e);
	return 0;
}

bool match_text(const struct match *m, struct str s)
{
	struct expr_value v = {.text = s};

	switch (m->cmp) {
	case CMP_EQ:
		return str_eq(s, m->values[0].text);
	case CMP_NE:
		return !str_eq(s, m->values[0].text);
	case CMP_LT:
		return str_cmp(s, m->values[0].text) < 0;
	case CMP_LE:
		return str_cmp(s, m->values[0].text) <= 0;
	case CMP_GT:
		return str_cmp(s, m->values[0].text) > 0;
	case CMP_GE:
		return str_cmp(s, m->values[0].text) >= 0;
	case CMP_LIKE:
		return like(m->values[0].text, s, false);
	case CMP_ILIKE:
		return like(m->values[0].text, s, true);
	case CMP_RLIKE:
		return regex_search(m->regex, s);
	case CMP_IN:
		return in_list(m, &v);
	case CMP_NOT_IN:
		return !in_list(m, &v);
	case CMP_IS_NULL:
		return false;
	case CMP_IS_NOT_NULL:
		return true;
	}
	return false;
}

static bool by_order(enum expr_cmp cmp, int order)
{
	switch (cmp) {
	case CMP_EQ:
		return order == 0;
	case CMP_NE:
		return order != 0;
	case CMP_LT:
		return order < 0;
	case CMP_LE:
		return order <= 0;
	case CMP_GT:
		return order > 0;
	case CMP_GE:
		return order >= 0;
	case CMP_LIKE:
	case CMP_ILIKE:
	case CMP_RLIKE:
	case CMP_IN:
	case CMP_NOT_IN:
	case CMP_IS_NULL:
	case CMP_IS_NOT_NULL:
		break;
	}
	return cmp == CMP_IS_NOT_NULL;
}

bool match_real(const struct match *m, double v)
{
	struct expr_value key = {.real = v, .is_number = true};
	double want;

	if (m->cmp == CMP_IN || m->cmp == CMP_NOT_IN)
		return in_list(m, &key) == (m->cmp == CMP_IN);
	if (!m->nvalues)
		return m->cmp == CMP_IS_NOT_NULL;
	want = m->values[0].real;
	if (isnan(v) || isnan(want)) {
		bool same = isnan(v) && isnan(want);

		return same ? m->cmp == CMP_EQ : m->cmp == CMP_NE;
	}
	return by_order(m->cmp, compare_real(v, want));
}

bool match_integer(const struct match *m, int64_t v)
{
	const struct expr_value *want = m->values;

	if (m->nvalues != 1 || !want->is_integer || m->cmp == CMP_IN ||
	    m->cmp == CMP_NOT_IN)
		return match_real(m, (double)v);
	return by_order(m->cmp, (v > want->integer) - (v < want->integer));
}

bool match_order(const struct match *m, struct match_order *ret)
{
	if (m->nvalues != 1 || m->cmp == CMP_IN || m->cmp == CMP_NOT_IN ||
	    isnan(m->values[0].real))
		return false;
	*ret = (struct match_order){.want = m->values[0].real,
				    .less = by_order(m->cmp, -1),
				    .equal = by_order(m->cmp, 0),
				    .greater = by_order(m->cmp, 1),
				    .nan = m->cmp == CMP_NE};
	return true;
}
