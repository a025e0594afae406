/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - pages of a series in MLflow's order: time, step, value.
 *
 * The hard idea: blocks are taken by their least time, and what is kept are
 * the points that come first, one more than the page holds. Once so many are
 * there, no block that begins after the last of them matters. A series logged
 * in order so costs the blocks of its page and no more; one in wild order is
 * read whole for each page, in constant memory.
 */
#include <math.h>
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/series_cache.h"

/* The order of history made total: values that it calls equal are told apart,
 * but for NaN, of which there is one kind only in the index. */
static int compare(const struct point *a, const struct point *b)
{
	int d = point_compare_history(a, b);

	if (d || isnan(a->value))
		return d;
	return (signbit(b->value) != 0) - (signbit(a->value) != 0);
}

static int compare_for_qsort(const void *a, const void *b)
{
	return compare(a, b);
}

/* The points that come first, of those after "after". */
struct first {
	const struct point *after; /* NULL: all */
	size_t want;
	struct point *p; /* room for want + BLOCK_POINTS */
	size_t n;
	bool sorted; /* p is in order */
	bool full;   /* there are "want": p[want - 1] is a bound */
};

static void cut(struct first *f)
{
	if (!f->sorted)
		qsort(f->p, f->n, sizeof(*f->p), compare_for_qsort);
	f->sorted = true;
	f->full = f->n >= f->want;
	if (f->full)
		f->n = f->want;
}

static int offer(void *ctx, const struct point *p, size_t n, struct err *e)
{
	struct first *f = ctx;

	(void)e;
	for (size_t i = 0; i < n; i++) {
		if ((f->after && compare(&p[i], f->after) <= 0) ||
		    (f->full && compare(&p[i], &f->p[f->want - 1]) >= 0))
			continue;
		if (f->n && compare(&f->p[f->n - 1], &p[i]) > 0)
			f->sorted = false;
		f->p[f->n++] = p[i];
		if (f->n == f->want + BLOCK_POINTS)
			cut(f);
	}
	return 0;
}

static int offer_block(struct reader *rd, const struct series *s, int64_t start,
		       struct point *room, struct first *f, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;
	size_t n;

	if (cursor_open(&q, reader_db(rd), STMT_BLOCK_DATA,
			BINDS(B(s->row), B(start)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	n = (size_t)cursor_i64(&q, 0);
	if (block_unpack(series_cache(rd)->codec, cursor_str(&q, 1), room, n,
			 e))
		return -1;
	return offer(f, room, n, e);
}

static int offer_blocks(struct reader *rd, const struct series *s,
			struct first *f, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	SCOPED_FREE struct point *room = series_room();
	int64_t from = f->after ? f->after->time : INT64_MIN;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_BLOCK_RANGES,
			BINDS(B(s->row), B(from)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		if (f->n >= f->want)
			cut(f);
		if (f->full && cursor_i64(&q, 1) > f->p[f->want - 1].time)
			return 0;
		if (offer_block(rd, s, cursor_i64(&q, 0), room, f, e))
			return -1;
	}
	return rc;
}

int series_history(struct reader *rd, const struct series *s,
		   const struct point *after, size_t max, struct arena *a,
		   struct point **ret, size_t *ret_n, bool *ret_more,
		   struct err *e)
{
	struct first f = {.after = after, .sorted = true};
	struct series_place place;

	if (series_place(rd, s, &place, e))
		return -1;
	if (max > (size_t)place.count)
		max = (size_t)place.count;
	f.want = max + 1;
	f.p = arena_array(a, f.want + BLOCK_POINTS, sizeof(*f.p));
	if (!f.p)
		return arena_full(a, e);
	if (place.block_count && offer_blocks(rd, s, &f, e) < 0)
		return -1;
	if (series_tail(rd, s, &place, offer, &f, e) < 0)
		return -1;
	cut(&f);
	*ret = f.p;
	*ret_more = f.n > max;
	*ret_n = f.n > max ? max : f.n;
	return 0;
}
