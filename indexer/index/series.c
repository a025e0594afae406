/* SPDX-License-Identifier: Apache-2.0 */
/* series.c - series and their points, as readers see them.
 *
 * The points of a series are those of its blocks, and then those in the tail
 * rows of its run with a seq beyond the series' "folded". A call-back may
 * read other series: nothing is shared between two such walks but the codec,
 * which holds nothing between calls.
 */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/series_cache.h"
#include "indexer/index/tail.h"

struct point *series_room(void)
{
	struct point *p = calloc(BLOCK_POINTS, sizeof(*p));

	if (!p)
		abort();
	return p;
}

/* --- the rows ---------------------------------------------------------------
 */

/* The key lives as long as the cursor's row. */
static void read_row(const struct cursor *q, struct series *ret)
{
	int64_t bits = cursor_i64(q, 8);

	*ret = (struct series){
		.row = cursor_i64(q, 0),
		.run_row = cursor_i64(q, 1),
		.change = cursor_i64(q, 2),
		.key = cursor_str(q, 3),
		.count = cursor_i64(q, 4),
		.text = cursor_i64(q, 5),
		.latest = {cursor_i64(q, 6), cursor_i64(q, 7), 0},
		.last_step = cursor_i64(q, 9),
		.modified = cursor_i64(q, 10),
	};
	memcpy(&ret->latest.value, &bits, sizeof(bits));
}

int series_by_key(struct reader *rd, int64_t run_row, struct str key,
		  struct arena *a, struct series *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_run(rd, run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_SERIES_BY_KEY,
			BINDS(B(run_row), B(key)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return err_set(e, ERR_NOT_FOUND, "no metric '%.*s' in the run",
			       STR_ARG(key));
	read_row(&q, ret);
	return cursor_copy(&q, 3, a, &ret->key, e);
}

int series_each(struct reader *rd, int64_t run_row, struct str prefix,
		int (*fn)(void *ctx, const struct series *s, struct err *e),
		void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_run(rd, run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_SERIES_EACH,
			BINDS(B(run_row), B(prefix)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct series s;
		int stop;

		read_row(&q, &s);
		if (!str_starts(s.key, prefix))
			return 0;
		stop = fn(ctx, &s, e);
		if (stop)
			return stop < 0 ? -1 : 0;
	}
	return rc;
}

int series_latest(struct reader *rd, int64_t run_row, series_latest_fn *fn,
		  void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_run(rd, run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_SERIES_LATEST,
			BINDS(B(run_row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct point p = {cursor_i64(&q, 1), cursor_i64(&q, 2), 0};
		int64_t bits = cursor_i64(&q, 3);

		memcpy(&p.value, &bits, sizeof(bits));
		fn(ctx, cursor_str(&q, 0), &p);
	}
	return rc;
}

int series_place(struct reader *rd, const struct series *s,
		 struct series_place *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_run(rd, s->run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_SERIES_PLACE,
			BINDS(B(s->run_row), B(s->row)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return err_set(e, ERR_NOT_FOUND, "no such metric");
	*ret = (struct series_place){cursor_i64(&q, 0), cursor_i64(&q, 1),
				     cursor_i64(&q, 2), cursor_i64(&q, 3),
				     cursor_i64(&q, 4)};
	return 0;
}

/* --- points in order of arrival ----------------------------------------------
 */

typedef int points_fn(void *ctx, const struct point *p, size_t n,
		      struct err *e);

/* One chunk of a tail row: that of the series is handed on. */
static int tail_row(struct str row, int64_t series, points_fn *fn, void *ctx,
		    struct err *e)
{
	struct tail_reader t;
	struct tail_chunk c;
	int rc;

	if (tail_open(&t, row, e))
		return -1;
	while ((rc = tail_next(&t, &c, e)) > 0) {
		SCOPED_FREE struct point *p = NULL;
		size_t n;

		if (c.series != series)
			continue;
		p = calloc(c.most, sizeof(*p));
		if (!p)
			abort();
		if (tail_points(&c, p, &n, e))
			return -1;
		rc = fn(ctx, p, n, e);
		if (rc)
			return rc;
	}
	return rc;
}

int series_tail(struct reader *rd, const struct series *s,
		const struct series_place *place, points_fn *fn, void *ctx,
		struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (place->count == place->block_count)
		return 0;
	if (cursor_open(&q, reader_db(rd), STMT_TAIL_AFTER,
			BINDS(B(s->run_row), B(place->folded)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = tail_row(cursor_str(&q, 0), s->row, fn, ctx, e);
		if (rc)
			return rc;
	}
	return rc;
}

/* Hands on what follows the first "skip" points. */
struct skipping {
	int64_t skip;
	points_fn *fn;
	void *ctx;
};

static int skip_some(void *ctx, const struct point *p, size_t n, struct err *e)
{
	struct skipping *s = ctx;
	size_t skip = s->skip < (int64_t)n ? (size_t)s->skip : n;

	s->skip -= (int64_t)skip;
	return skip == n ? 0 : s->fn(s->ctx, p + skip, n - skip, e);
}

/* The next of "first, count, data", unpacked: 1, 0 at the end. */
static int next_block(struct reader *rd, struct cursor *q, struct point *p,
		      size_t *ret_n, struct err *e)
{
	int rc = cursor_next(q, e);

	if (rc <= 0)
		return rc;
	*ret_n = (size_t)cursor_i64(q, 1);
	if (block_unpack(series_cache(rd)->codec, cursor_str(q, 2), p, *ret_n,
			 e))
		return -1;
	return 1;
}

static int each_block(struct reader *rd, const struct series *s,
		      struct skipping *to, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	SCOPED_FREE struct point *p = series_room();
	bool first = true;
	size_t n;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_BLOCKS_ALL,
			BINDS(B(s->row), B(to->skip)), e) < 0)
		return -1;
	while ((rc = next_block(rd, &q, p, &n, e)) > 0) {
		if (first)
			to->skip -= cursor_i64(&q, 0);
		first = false;
		rc = skip_some(to, p, n, e);
		if (rc)
			return rc;
	}
	return rc;
}

int series_points_within(struct reader *rd, const struct series *s,
			 struct step_range range, points_fn *fn, void *ctx,
			 struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	SCOPED_FREE struct point *p = series_room();
	struct series_place place;
	size_t n;
	int rc;

	if (series_place(rd, s, &place, e) ||
	    cursor_open(&q, reader_db(rd), STMT_BLOCKS_OF_STEPS,
			BINDS(B(s->row), B(range.from), B(range.to)), e) < 0)
		return -1;
	while ((rc = next_block(rd, &q, p, &n, e)) > 0) {
		rc = fn(ctx, p, n, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	if (!rc)
		rc = series_tail(rd, s, &place, fn, ctx, e);
	return rc < 0 ? -1 : 0;
}

int series_points(struct reader *rd, const struct series *s, int64_t skip,
		  points_fn *fn, void *ctx, struct err *e)
{
	struct skipping to = {skip < 0 ? 0 : skip, fn, ctx};
	struct series_place place;
	int rc = 0;

	if (series_place(rd, s, &place, e))
		return -1;
	if (to.skip < place.block_count)
		rc = each_block(rd, s, &to, e);
	else
		to.skip -= place.block_count;
	if (!rc)
		rc = series_tail(rd, s, &place, skip_some, &to, e);
	return rc < 0 ? -1 : 0;
}
