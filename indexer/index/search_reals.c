/* SPDX-License-Identifier: Apache-2.0 */
/* search_reals.c - see search_reals.h. */
#include "indexer/index/search_reals.h"

#include "indexer/base/scope.h"

/* Columns of the statements: row, bits, name and digest of the dataset. */

static bool is_on(const struct search_datasets *on, const struct cursor *q)
{
	struct str name = cursor_str(q, 2);
	struct str digest = cursor_str(q, 3);

	for (size_t i = 0; i < on->n; i++)
		if ((!on->items[i].name.n || str_eq(on->items[i].name, name)) &&
		    (!on->items[i].digest.n ||
		     str_eq(on->items[i].digest, digest)))
			return true;
	return on->n == 0;
}

static uint64_t bits_of(const struct cursor *q)
{
	return (uint64_t)cursor_i64(q, 1);
}

int reals_match(struct reader *rd, const struct search_field *f,
		const struct slots *slots, const struct match *m,
		const struct search_datasets *on, struct bitset *set,
		struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), f->reals->each, BINDS(B(f->key)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		uint64_t bits = bits_of(&q);
		double v;

		memcpy(&v, &bits, sizeof(v));
		if (is_on(on, &q) &&
		    (m->cmp == CMP_IS_NOT_NULL || match_real(m, v)))
			bitset_add(set, slot_of(slots, cursor_i64(&q, 0)));
	}
	return rc;
}

int reals_latest(struct reader *rd, const struct search_field *f,
		 const struct slots *slots, const struct search_datasets *on,
		 uint64_t *bits, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	for (size_t i = 0; i < slots->n; i++)
		bits[i] = METRIC_MISSING;
	if (cursor_open(&q, reader_db(rd), f->reals->each, BINDS(B(f->key)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		int64_t slot = slot_of(slots, cursor_i64(&q, 0));

		if (slot >= 0 && is_on(on, &q))
			bits[slot] = bits_of(&q);
	}
	return rc;
}

int reals_on(struct reader *rd, const struct real_source *source,
	     const struct slots *slots, const struct search_datasets *on,
	     struct bitset *set, struct err *e)
{
	for (size_t i = 0; i < on->n; i++) {
		SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
		int rc;

		if (cursor_open(&q, reader_db(rd), source->on,
				BINDS(B(on->items[i].name)), e) < 0)
			return -1;
		while ((rc = cursor_next(&q, e)) > 0)
			if (is_on(on, &q))
				bitset_add(set,
					   slot_of(slots, cursor_i64(&q, 0)));
		if (rc < 0)
			return -1;
	}
	return 0;
}
