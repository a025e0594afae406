/* SPDX-License-Identifier: Apache-2.0 */
/* estimate.c - what a collection would do (collect.h).
 *
 * It reads in pages, a snapshot each, so that it may take its time: what it
 * finds is as true as anything that was read a moment ago.
 */
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/gc.h"
#include "indexer/objects/staging.h"

enum { PAGE = 50 };

struct estimate {
	struct collect *g;
	struct reader *rd;
	int64_t before;
	/* The page read last: rows of it. */
	int64_t rows[PAGE];
	int n;
};

/* Where a page begins: behind this. */
struct position {
	int64_t time, row;
};

static int read_page(struct estimate *s, enum stmt_id id, struct opt_i64 of,
		     struct position *at, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct collect_counts *did = &s->g->did;
	int rc;

	s->n = 0;
	if (cursor_open(&q, reader_db(s->rd), id,
			BINDS(B(s->before), B(of), B(at->time), B(at->row),
			      B((int64_t)PAGE)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		*at = (struct position){cursor_i64(&q, 0), cursor_i64(&q, 1)};
		s->rows[s->n++] = at->row;
		did->objects += cursor_i64(&q, 2);
		did->bytes += cursor_i64(&q, 3);
	}
	return rc;
}

static int next_page(struct estimate *s, enum stmt_id id, struct opt_i64 of,
		     struct position *at, struct err *e)
{
	int rc = reader_begin(s->rd, &s->g->who, e);

	if (rc < 0)
		return -1;
	rc = read_page(s, id, of, at, e);
	reader_end(s->rd);
	return rc;
}

static int count(struct estimate *s, enum stmt_id id, struct opt_i64 of,
		 int64_t *n, struct err *e)
{
	struct position at = {INT64_MIN, INT64_MIN};

	do {
		if (next_page(s, id, of, &at, e) < 0)
			return -1;
		*n += s->n;
	} while (s->n == PAGE);
	return 0;
}

/* What hangs on an experiment that is old, and is not old itself. */
static int count_below(struct estimate *s, int64_t experiment, struct err *e)
{
	struct opt_i64 of = {experiment, true};
	int64_t traces = 0; /* they go with it and are not told */

	if (count(s, STMT_ESTIMATE_RUNS_OF, of, &s->g->did.runs, e) < 0)
		return -1;
	if (count(s, STMT_ESTIMATE_MODELS_OF, of, &s->g->did.models, e) < 0)
		return -1;
	return count(s, STMT_ESTIMATE_TRACES_OF, of, &traces, e);
}

static int count_experiments(struct estimate *s, struct err *e)
{
	struct position at = {INT64_MIN, INT64_MIN};
	struct opt_i64 none = {0};
	int64_t rows[PAGE];
	int n;

	do {
		if (next_page(s, STMT_ESTIMATE_OLD_EXPERIMENTS, none, &at, e) <
		    0)
			return -1;
		n = s->n;
		memcpy(rows, s->rows, sizeof(rows));
		s->g->did.experiments += n;
		for (int i = 0; i < n; i++)
			if (count_below(s, rows[i], e) < 0)
				return -1;
	} while (n == PAGE);
	return 0;
}

static int count_garbage(struct estimate *s, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;

	if (cursor_open(&q, reader_db(s->rd), STMT_ESTIMATE_GARBAGE,
			BINDS(B(s->before)), e) < 0 ||
	    cursor_next(&q, e) < 0)
		return -1;
	s->g->did.objects += cursor_i64(&q, 0);
	s->g->did.bytes += cursor_i64(&q, 1);
	return 0;
}

static int count_garbage_now(struct estimate *s, struct err *e)
{
	int rc = reader_begin(s->rd, &s->g->who, e);

	if (rc < 0)
		return -1;
	rc = count_garbage(s, e);
	reader_end(s->rd);
	return rc;
}

int collect_estimate(struct collect *g, struct reader *rd, struct err *e)
{
	struct estimate s = {
		.g = g, .rd = rd, .before = clock_ms() - g->age_ms};
	struct opt_i64 none = {0};
	int rc;

	if (count(&s, STMT_ESTIMATE_OLD_RUNS, none, &g->did.runs, e) < 0 ||
	    count(&s, STMT_ESTIMATE_OLD_MODELS, none, &g->did.models, e) < 0 ||
	    count(&s, STMT_ESTIMATE_TAGS, none, &g->did.tags, e) < 0 ||
	    count_experiments(&s, e) < 0 || count_garbage_now(&s, e) < 0)
		return -1;
	rc = collect_orphans(g, rd, false, e);
	g->did.objects += g->did.orphans;
	g->did.bytes += g->did.orphan_bytes;
	g->complete = rc > 0;
	if (rc < 0)
		return -1;
	return staging_sweep(g->objects, clock_ms() - UPLOAD_MS, false,
			     &g->did.uploads, e);
}
