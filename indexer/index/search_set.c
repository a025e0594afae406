/* SPDX-License-Identifier: Apache-2.0 */
/* search_set.c - see search_set.h. A set made here says who has a value that
 * compares so; slots of rows that are gone or hidden may be in it, the set of
 * those that may be found takes them out in the end. */
#include "indexer/index/search_set.h"

#include "indexer/base/scope.h"
#include "indexer/index/project.h"
#include "indexer/index/search_reals.h"
#include "indexer/index/search_spans.h"
#include "indexer/query/match.h"
#include "indexer/query/mlflow.h"

enum {
	MATCH_ARENA = 4 << 20, /* one compiled comparison */
	FIND_LIST_MAX = 200,   /* values of IN looked up one by one */
};

/* --- leaves on columns ------------------------------------------------- */

static void fill_numbers(const struct columns *c, const struct match *m,
			 slot_number_fn *number, struct bitset *set)
{
	for (size_t i = 0; i < set->size; i++) {
		int64_t v = number(c, i);

		if (v == COLUMN_NO_TIME ? m->cmp == CMP_IS_NULL
					: match_integer(m, v))
			bitset_add(set, (int64_t)i);
	}
}

static void fill_named(const struct columns *c, const struct match *m,
		       const struct search_field *f, struct bitset *set)
{
	bool wanted[NAMES_MAX] = {false};

	for (size_t i = 0; i < NAMES_MAX && f->number_names[i]; i++)
		wanted[i] = match_text(m, str_from(f->number_names[i]));
	for (size_t i = 0; i < set->size; i++) {
		int64_t v = f->number(c, i);

		if (v >= 0 && v < NAMES_MAX && wanted[v])
			bitset_add(set, (int64_t)i);
	}
}

/* Without a branch: which values satisfy it is anyone's guess. */
static void fill_ordered(const uint64_t *bits, const struct match_order *m,
			 struct bitset *set)
{
	for (size_t i = 0; i < set->size; i++) {
		double v;
		unsigned good;

		memcpy(&v, &bits[i], sizeof(v));
		good = (unsigned)(m->less & (v < m->want)) |
		       (unsigned)(m->equal & (v == m->want)) |
		       (unsigned)(m->greater & (v > m->want)) |
		       (unsigned)(m->nan & (bits[i] == METRIC_NAN));
		set->words[i / 64] |= (uint64_t)good << i % 64;
	}
}

static void fill_metric(const uint64_t *bits, const struct match *m,
			struct bitset *set)
{
	struct match_order order;

	if (match_order(m, &order)) {
		fill_ordered(bits, &order, set);
		return;
	}
	for (size_t i = 0; i < set->size; i++) {
		double v;

		memcpy(&v, &bits[i], sizeof(v));
		if (bits[i] == METRIC_MISSING ? m->cmp == CMP_IS_NULL
					      : match_real(m, v))
			bitset_add(set, (int64_t)i);
	}
}

static bool can_find(const struct leaf_set *x)
{
	if (x->field.how != FIELD_TEXT || x->field.text->find == STMTS)
		return false;
	return x->leaf->cmp == CMP_EQ ||
	       (x->leaf->cmp == CMP_IN && x->leaf->nvalues <= FIND_LIST_MAX);
}

/* Where it stays not ready, a statement will do. */
static int fill_text(struct search_set *s, struct columns *c,
		     const struct match *m, struct leaf_set *x, struct err *e)
{
	struct text_origin from;
	struct text_column *texts;

	x->ready = false;
	if (!text_origin_of(&x->field, &from))
		return 0;
	if (columns_text(c, s->rd, &from, !can_find(x), &texts, e) < 0)
		return -1;
	x->ready = texts && text_column_match(texts, m, &x->set);
	return 0;
}

static int fill_leaf(struct search_set *s, struct columns *c,
		     struct leaf_set *x, struct err *e)
{
	SCOPED(arena_fini) struct arena arena;
	const uint64_t *bits;
	struct match m;

	arena_init(&arena, MATCH_ARENA);
	if (match_compile(&m, x->leaf, &arena, e) < 0)
		return -1;
	bitset_init(&x->set, (int64_t)s->slots->n - 1);
	x->ready = true;
	if (x->field.how == FIELD_TEXT)
		return fill_text(s, c, &m, x, e);
	if (x->field.how == FIELD_NUMBER) {
		fill_numbers(c, &m, x->field.number, &x->set);
	} else if (x->field.how == FIELD_NAMED) {
		fill_named(c, &m, &x->field, &x->set);
	} else if (x->field.how == FIELD_METRIC) {
		if (columns_metric(c, s->rd, x->field.key, &bits, e) < 0)
			return -1;
		fill_metric(bits, &m, &x->set);
	} else if (m.cmp == CMP_IS_NULL) {
		bitset_fill(&x->set);
	}
	return 0;
}

static struct leaf_set *add_leaf(struct search_set *s, const struct expr *leaf)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 8;
		s->leaves = reallocarray(s->leaves, s->cap, sizeof(*s->leaves));
		if (!s->leaves)
			abort();
	}
	s->leaves[s->n] = (struct leaf_set){.leaf = leaf};
	return &s->leaves[s->n++];
}

int search_set_columns(struct search_set *s, struct columns *c,
		       const struct expr *filter, struct err *e)
{
	struct leaf_set *x;

	if (!filter)
		return 0;
	if (filter->op != EXPR_LEAF) {
		if (search_set_columns(s, c, filter->a, e) < 0)
			return -1;
		return search_set_columns(s, c, filter->b, e);
	}
	x = add_leaf(s, filter);
	if (search_field(s->kind, filter->family, filter->key, &x->field, e) <
	    0)
		return -1;
	if (x->field.how == FIELD_REAL || x->field.how == FIELD_SPAN)
		return 0;
	return fill_leaf(s, c, x, e);
}

/* --- leaves on statements ---------------------------------------------- */

static int find_text(struct search_set *s, const struct leaf_set *x,
		     struct str text, struct bitset *set, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct bind value = B(text);
	int rc;

	if (text_open(&q, reader_db(s->rd), x->field.text->find, &x->field,
		      &value, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		bitset_add(set, slot_of(s->slots, cursor_i64(&q, 0)));
	return rc;
}

static int match_each(struct search_set *s, const struct leaf_set *x,
		      const struct match *m, struct bitset *set, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (text_open(&q, reader_db(s->rd), x->field.text->each, &x->field,
		      NULL, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		if (match_text(m, cursor_str(&q, 0)))
			bitset_add(set, slot_of(s->slots, cursor_i64(&q, 1)));
	return rc;
}

static int match_values(struct search_set *s, const struct leaf_set *x,
			const struct match *m, struct bitset *set,
			struct err *e)
{
	if (x->field.how == FIELD_REAL)
		return reals_match(s->rd, &x->field, s->slots, m, &s->datasets,
				   set, e);
	return match_each(s, x, m, set, e);
}

/* In a view, names are compared in their plain form, in whichever they were
 * given; a regular expression is no name. */
static int plain_leaf(const struct search_set *s, const struct leaf_set *x,
		      struct arena *a, struct expr *ret, struct err *e)
{
	struct principal *who = &reader_db(s->rd)->who;
	bool full;

	*ret = *x->leaf;
	if (!who->view || x->field.how != FIELD_TEXT ||
	    !x->field.text->in_view || ret->cmp == CMP_RLIKE || !ret->nvalues)
		return 0;
	ret->values = arena_array(a, ret->nvalues, sizeof(*ret->values));
	if (!ret->values)
		return arena_full(a, e);
	for (size_t i = 0; i < ret->nvalues; i++) {
		ret->values[i] = x->leaf->values[i];
		ret->values[i].text =
			project_plain_name(who, ret->values[i].text, &full);
		who->full_names |= full;
	}
	return 0;
}

static int statement_leaf(struct search_set *s, const struct leaf_set *x,
			  struct bitset *set, struct err *e)
{
	SCOPED(arena_fini) struct arena arena;
	struct expr leaf;
	struct match m;

	arena_init(&arena, MATCH_ARENA);
	if (can_find(x)) {
		for (size_t i = 0; i < x->leaf->nvalues; i++)
			if (find_text(s, x, x->leaf->values[i].text, set, e) <
			    0)
				return -1;
		return 0;
	}
	if (plain_leaf(s, x, &arena, &leaf, e) < 0 ||
	    match_compile(&m, &leaf, &arena, e) < 0)
		return -1;
	if (m.cmp == CMP_IS_NULL)
		m.cmp = CMP_IS_NOT_NULL;
	if (match_values(s, x, &m, set, e) < 0)
		return -1;
	if (x->leaf->cmp == CMP_IS_NULL)
		bitset_not(set);
	return 0;
}

/* --- the tree ---------------------------------------------------------- */

static struct leaf_set *find_leaf(struct search_set *s, const struct expr *leaf)
{
	struct leaf_set *x = s->leaves;

	while (x->leaf != leaf)
		x++;
	return x;
}

static int combine(struct search_set *s, const struct expr *x,
		   const struct bitset *within, struct bitset *set,
		   struct err *e);

/* Of one span each: what stands in one AND is about the same. */
struct same_span {
	const struct expr *leaves[FILTER_LEAVES_MAX];
	size_t n;
};

/* Whether a leaf asks for a span. That there is none is asked by itself. */
static bool asks_for_span(struct search_set *s, const struct expr *x)
{
	return x->op == EXPR_LEAF && x->cmp != CMP_IS_NULL &&
	       find_leaf(s, x)->field.how == FIELD_SPAN;
}

/* Keep in set what satisfies x, and all of an AND; spans are put aside. */
static int narrow(struct search_set *s, const struct expr *x,
		  struct same_span *spans, struct bitset *set, struct err *e)
{
	SCOPED(bitset_fini) struct bitset b = {0};

	if (x->op == EXPR_AND) {
		if (narrow(s, x->a, spans, set, e) < 0)
			return -1;
		return narrow(s, x->b, spans, set, e);
	}
	if (asks_for_span(s, x)) {
		assert(spans->n < FILTER_LEAVES_MAX);
		spans->leaves[spans->n++] = x;
		return 0;
	}
	if (bitset_next(set, 0) < 0)
		return 0;
	bitset_init(&b, (int64_t)s->slots->n - 1);
	if (combine(s, x, set, &b, e) < 0)
		return -1;
	bitset_and(set, &b);
	return 0;
}

static int combine_and(struct search_set *s, const struct expr *x,
		       const struct bitset *within, struct bitset *set,
		       struct err *e)
{
	SCOPED(bitset_fini) struct bitset b = {0};
	struct same_span spans;

	spans.n = 0;
	bitset_or(set, within);
	if (narrow(s, x, &spans, set, e) < 0)
		return -1;
	if (!spans.n || bitset_next(set, 0) < 0)
		return 0;
	bitset_init(&b, (int64_t)s->slots->n - 1);
	if (spans_find(s->rd, s->slots, spans.leaves, spans.n, set, &b, e) < 0)
		return -1;
	bitset_and(set, &b);
	return 0;
}

static int combine_or(struct search_set *s, const struct expr *x,
		      const struct bitset *within, struct bitset *set,
		      struct err *e)
{
	SCOPED(bitset_fini) struct bitset b = {0};

	if (combine(s, x->a, within, set, e) < 0)
		return -1;
	bitset_init(&b, (int64_t)s->slots->n - 1);
	if (combine(s, x->b, within, &b, e) < 0)
		return -1;
	bitset_or(set, &b);
	return 0;
}

static int span_leaf(struct search_set *s, const struct expr *x,
		     const struct bitset *within, struct bitset *set,
		     struct err *e)
{
	struct expr there = *x;
	const struct expr *leaf = &there;

	if (x->cmp == CMP_IS_NULL)
		there.cmp = CMP_IS_NOT_NULL;
	if (spans_find(s->rd, s->slots, &leaf, 1, within, set, e) < 0)
		return -1;
	if (x->cmp == CMP_IS_NULL)
		bitset_not(set);
	return 0;
}

/* set is empty before. What it says beyond within counts for nothing: who asks
 * takes it out. */
static int combine(struct search_set *s, const struct expr *x,
		   const struct bitset *within, struct bitset *set,
		   struct err *e)
{
	struct leaf_set *leaf;

	switch (x->op) {
	case EXPR_AND:
		return combine_and(s, x, within, set, e);
	case EXPR_OR:
		return combine_or(s, x, within, set, e);
	case EXPR_NOT:
		if (combine(s, x->a, within, set, e) < 0)
			return -1;
		bitset_not(set);
		return 0;
	case EXPR_LEAF:
		break;
	}
	leaf = find_leaf(s, x);
	if (leaf->field.how == FIELD_SPAN)
		return span_leaf(s, x, within, set, e);
	if (!leaf->ready)
		return statement_leaf(s, leaf, set, e);
	bitset_or(set, &leaf->set);
	return 0;
}

int search_set_apply(struct search_set *s, const struct expr *filter,
		     struct bitset *found, struct err *e)
{
	SCOPED(bitset_fini) struct bitset set = {0};

	if (!filter || bitset_next(found, 0) < 0)
		return 0;
	bitset_init(&set, (int64_t)s->slots->n - 1);
	if (combine(s, filter, found, &set, e) < 0)
		return -1;
	bitset_and(found, &set);
	return 0;
}

void search_set_fini(struct search_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		bitset_fini(&s->leaves[i].set);
	free(s->leaves);
	s->leaves = NULL;
	s->n = s->cap = 0;
}
