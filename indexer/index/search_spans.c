/* SPDX-License-Identifier: Apache-2.0 */
/* search_spans.c - see search_spans.h. */
#include "indexer/index/search_spans.h"

#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/span_block.h"
#include "indexer/index/span_text.h"
#include "indexer/index/trace.h"
#include "indexer/query/match.h"

enum {
	MATCH_ARENA = 16 << 20,  /* compiled comparisons */
	SPANS_ARENA = 256 << 20, /* one block unpacked */
	FEW_SHARE = 16,          /* one in so many: looked up one by one */
};

enum part { PART_NAME, PART_TYPE, PART_STATUS, PART_CONTENT, PART_ATTRIBUTE };

struct question {
	enum part part;
	const char *key; /* of an attribute */
	struct match match;
};

struct asking {
	struct reader *rd;
	const struct slots *slots;
	const struct bitset *within;
	struct question *questions;
	size_t n;
	bool deep;        /* the blocks must be looked into */
	struct str named; /* the name asked for, where it is one */
	struct arena compiled, spans;
	struct buf text;
};

static void asking_fini(struct asking *a)
{
	free(a->questions);
	arena_fini(&a->compiled);
	arena_fini(&a->spans);
	buf_fini(&a->text);
}

static enum part part_of(const struct expr *leaf)
{
	if (leaf->family == FAMILY_SPAN_ATTRIBUTE)
		return PART_ATTRIBUTE;
	if (str_is(leaf->key, "name"))
		return PART_NAME;
	if (str_is(leaf->key, "type"))
		return PART_TYPE;
	return str_is(leaf->key, "status") ? PART_STATUS : PART_CONTENT;
}

static int compile(struct asking *a, const struct expr *leaf, struct err *e)
{
	struct question *q = &a->questions[a->n++];

	q->part = part_of(leaf);
	q->key = arena_strdup(&a->compiled, leaf->key);
	if (!q->key)
		return arena_full(&a->compiled, e);
	a->deep |= q->part >= PART_CONTENT;
	if (q->part == PART_NAME && leaf->cmp == CMP_EQ)
		a->named = leaf->values[0].text;
	return match_compile(&q->match, leaf, &a->compiled, e);
}

/* --- kinds --------------------------------------------------------------- */

struct kind {
	struct str name, type;
	int64_t status;
};

/* What can be said by these three alone. */
static bool kind_matches(const struct asking *a, const struct kind *k)
{
	const struct str parts[] = {
		[PART_NAME] = k->name,
		[PART_TYPE] = k->type,
		[PART_STATUS] = str_from(span_status_names[k->status])};

	for (size_t i = 0; i < a->n; i++) {
		const struct question *q = &a->questions[i];

		if (q->part <= PART_STATUS && q->match.cmp != CMP_IS_NOT_NULL &&
		    !match_text(&q->match, parts[q->part]))
			return false;
	}
	return true;
}

static void add_kind(const struct asking *a, const struct cursor *q,
		     struct bitset *set)
{
	int64_t slot = slot_of(a->slots, cursor_i64(q, 0));
	int64_t status = cursor_i64(q, 3);
	struct kind k = {cursor_str(q, 1), cursor_str(q, 2),
			 status >= 0 && status <= OTLP_ERROR ? status : 0};

	if (slot >= 0 && bitset_has(a->within, slot) &&
	    !bitset_has(set, slot) && kind_matches(a, &k))
		bitset_add(set, slot);
}

static int each_kind(const struct asking *a, enum stmt_id id,
		     const struct bind *b, size_t n, struct bitset *set,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(a->rd), id, b, n, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		add_kind(a, &q, set);
	return rc;
}

static int find_kinds(const struct asking *a, struct bitset *set, struct err *e)
{
	const struct bitset *within = a->within;
	size_t count = (size_t)bitset_count(within);

	if (a->named.p)
		return each_kind(a, STMT_SEARCH_SPANS_NAMED, BINDS(B(a->named)),
				 set, e);
	if (count > a->slots->n / FEW_SHARE)
		return each_kind(a, STMT_SEARCH_SPANS, NO_BINDS, set, e);
	for (int64_t i = bitset_next(within, 0); i >= 0;
	     i = bitset_next(within, i + 1)) {
		int64_t row = slot_row(a->slots, (size_t)i);

		if (each_kind(a, STMT_SEARCH_SPANS_OF, BINDS(B(row)), set, e) <
		    0)
			return -1;
	}
	return 0;
}

/* --- blocks -------------------------------------------------------------- */

static bool deep_matches(struct asking *a, const struct question *q,
			 const struct otlp_span *s)
{
	bool there = true;

	if (q->part == PART_ATTRIBUTE) {
		there = span_attribute(&a->text, s, q->key);
	} else {
		buf_reset(&a->text);
		span_content(&a->text, s);
	}
	if (!there || !buf_ok(&a->text))
		return false;
	return q->match.cmp == CMP_IS_NOT_NULL ||
	       match_text(&q->match, buf_view(&a->text));
}

static bool span_matches(struct asking *a, const struct otlp_span *s)
{
	const struct kind k = {s->name, span_type(s), s->status.code};

	if (!kind_matches(a, &k))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->questions[i].part > PART_STATUS &&
		    !deep_matches(a, &a->questions[i], s))
			return false;
	return true;
}

/* 1 where any span of the block is one. */
static int look_into(struct asking *a, struct str block, struct err *e)
{
	struct otlp_span *spans;
	size_t n;

	arena_reset(&a->spans);
	if (span_block_unpack(reader_spans(a->rd), block, &a->spans, &spans, &n,
			      e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (span_matches(a, &spans[i]))
			return 1;
	return 0;
}

static int look_at_trace(struct asking *a, int64_t row, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(a->rd), STMT_TRACE_BLOCK_EACH,
			BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = look_into(a, cursor_str(&q, 0), e);
		if (rc)
			return rc;
	}
	return rc;
}

/* Of those that their kinds have left. */
static int find_deep(struct asking *a, struct bitset *set, struct err *e)
{
	SCOPED(bitset_fini) struct bitset left = {0};

	bitset_init(&left, (int64_t)a->slots->n - 1);
	if (find_kinds(a, &left, e) < 0)
		return -1;
	for (int64_t i = bitset_next(&left, 0); i >= 0;
	     i = bitset_next(&left, i + 1)) {
		int rc = look_at_trace(a, slot_row(a->slots, (size_t)i), e);

		if (rc < 0 || db_in_time(reader_db(a->rd), e) < 0)
			return -1;
		if (rc > 0)
			bitset_add(set, i);
	}
	return 0;
}

int spans_find(struct reader *rd, const struct slots *slots,
	       const struct expr *const *leaves, size_t n,
	       const struct bitset *within, struct bitset *set, struct err *e)
{
	SCOPED(asking_fini)
	struct asking a = {.rd = rd, .slots = slots, .within = within};

	arena_init(&a.compiled, MATCH_ARENA);
	arena_init(&a.spans, SPANS_ARENA);
	buf_init(&a.text, SPAN_TEXT_MAX);
	a.questions = calloc(n, sizeof(*a.questions));
	if (!a.questions)
		abort();
	for (size_t i = 0; i < n; i++)
		if (compile(&a, leaves[i], e) < 0)
			return -1;
	return a.deep ? find_deep(&a, set, e) : find_kinds(&a, set, e);
}
