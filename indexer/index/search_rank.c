/* SPDX-License-Identifier: Apache-2.0 */
/* search_rank.c - see search_rank.h. Either the index is walked in order of
 * the text, or, where few rows are found, their texts are fetched and sorted.
 */
#include "indexer/index/search_rank.h"

#include "indexer/base/scope.h"

/* Few are fewer than one in so many; fetching more is dearer than a walk. */
enum { FETCH_SHARE = 16, FETCH_MAX = 100000, FETCH_ARENA = 64 << 20 };

struct ranking {
	struct order_key *key;
	const struct str *after; /* NULL once it is placed */
	uint64_t rank;           /* of the last text; even: between texts */
	size_t length;
	char last[ORDER_TEXT_MAX];
};

static struct str ordered_part(struct str text)
{
	return str_n(text.p, text.n < ORDER_TEXT_MAX ? text.n : ORDER_TEXT_MAX);
}

static void place_after(struct ranking *r, struct str text)
{
	int order;

	if (!r->after || r->after->n == ORDER_NO_TEXT)
		return;
	order = str_cmp(text, *r->after);
	if (order < 0)
		return;
	r->key->after = order ? r->rank - 1 : r->rank;
	r->after = NULL;
}

/* Texts come in order. */
static void rank_add(struct ranking *r, struct str text, int64_t slot)
{
	text = ordered_part(text);
	if (!r->rank || !str_eq(text, str_n(r->last, r->length))) {
		r->rank = r->rank ? r->rank + 2 : 3;
		if (text.n)
			memcpy(r->last, text.p, text.n);
		r->length = text.n;
		place_after(r, text);
	}
	if (slot >= 0)
		r->key->numbers[slot] = r->rank;
}

static void rank_end(struct ranking *r)
{
	if (r->after)
		r->key->after = r->after->n == ORDER_NO_TEXT ? ORDER_MISSING
							     : r->rank + 1;
}

/* --- walking over all -------------------------------------------------- */

static int walk(const struct search_order *o, struct ranking *r, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	const struct search_field *f = &r->key->field;
	int rc;

	if (text_open(&q, reader_db(o->rd), f->text->sorted, f, NULL, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		rank_add(r, cursor_str(&q, 0),
			 slot_of(o->slots, cursor_i64(&q, 1)));
	return rc;
}

/* --- fetching what was found ------------------------------------------- */

struct fetched {
	struct str text;
	int64_t slot;
};

int search_rank_text(const struct search_order *o, const struct order_key *k,
		     size_t slot, struct arena *a, struct str *ret,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct bind row = B(slot_row(o->slots, slot));
	int rc;

	*ret = (struct str){NULL, ORDER_NO_TEXT};
	if (text_open(&q, reader_db(o->rd), k->field.text->get, &k->field, &row,
		      e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	*ret = arena_str(a, ordered_part(cursor_str(&q, 0)));
	return ret->p ? 0 : arena_full(a, e);
}

static int compare_fetched(const void *pa, const void *pb)
{
	const struct fetched *a = pa;
	const struct fetched *b = pb;

	return str_cmp(a->text, b->text);
}

static int fetch(const struct search_order *o, struct ranking *r,
		 const struct bitset *found, size_t count, struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	struct fetched *all;
	size_t n = 0;

	arena_init(&a, FETCH_ARENA);
	all = arena_array(&a, count, sizeof(*all));
	if (!all)
		return arena_full(&a, e);
	for (int64_t i = bitset_next(found, 0); i >= 0;
	     i = bitset_next(found, i + 1)) {
		all[n].slot = i;
		if (search_rank_text(o, r->key, (size_t)i, &a, &all[n].text,
				     e) < 0)
			return -1;
		n += all[n].text.n != ORDER_NO_TEXT;
	}
	qsort(all, n, sizeof(*all), compare_fetched);
	for (size_t i = 0; i < n; i++)
		rank_add(r, all[i].text, all[i].slot);
	return 0;
}

int search_rank(const struct search_order *o, struct order_key *k,
		const struct bitset *found, const struct str *after,
		struct err *e)
{
	struct ranking r = {.key = k, .after = after};
	size_t count = (size_t)bitset_count(found);
	int rc = 0;

	memset(k->numbers, 0xff, o->slots->n * sizeof(*k->numbers));
	if (count && count < FETCH_MAX && count < o->slots->n / FETCH_SHARE)
		rc = fetch(o, &r, found, count, e);
	else if (count)
		rc = walk(o, &r, e);
	rank_end(&r);
	return rc;
}
