/* SPDX-License-Identifier: Apache-2.0 */
/* points.c - points on their way from commands to tail rows and blocks.
 *
 * The hard idea: what is taken lives in memory until the transaction ends, so
 * that thousands of points of one commit cost one tail row per run and one
 * update per series. Folding is idle work, done for runs in a queue; only
 * where a tail grows faster than idle time comes is some of it done at the
 * flush, so that it can never grow without bound.
 *
 * All of it belongs to the writer's thread.
 */
#include "indexer/index/points.h"

#include <assert.h>
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/fold.h"
#include "indexer/index/intake.h"
#include "indexer/index/jobs.h"
#include "indexer/index/names.h"
#include "indexer/index/points_internal.h"
#include "indexer/index/tail.h"

enum {
	QUIET_ROWS = 16,             /* more are folded when it is quiet */
	URGENT_ROWS = 4 * FOLD_ROWS, /* folded at the flush */
	URGENT_BYTES = 2 * FOLD_BYTES,
	URGENT_US = 5000,
	ROW_CEILING = 256 << 20,
	/* What a flush takes, about: per run, series, points. */
	RUN_US = 20,
	SERIES_US = 4,
	NEW_SERIES_US = 8,
	POINTS_PER_US = 16,
};

int points_new(struct writer *w, struct err *e)
{
	struct points *p = calloc(1, sizeof(*p));

	(void)e;
	if (!p)
		abort();
	p->codec = codec_new();
	intake_init(&p->intake, &p->live, p->codec);
	folder_init(&p->folder, &p->live, p->codec);
	buf_init(&p->row, ROW_CEILING);
	p->dirty_last = &p->dirty_first;
	p->sweep = -1;
	w->points = p;
	return 0;
}

void points_free(struct writer *w)
{
	struct points *p = w->points;

	if (!p)
		return;
	intake_fini(&p->intake);
	folder_fini(&p->folder);
	live_fini(&p->live);
	buf_fini(&p->row);
	jobs_fini(&p->soon);
	jobs_fini(&p->later);
	codec_free(p->codec);
	free(p);
	w->points = NULL;
}

/* --- taking ----------------------------------------------------------------
 */

/* A series got new points: it and its run are to be written. */
static void mark(struct writer *w, struct live_run *r, struct live_series *s)
{
	struct points *p = w->points;

	if (!r->dirty) {
		r->dirty = true;
		r->next_dirty = NULL;
		r->dirty_first = NULL;
		r->dirty_last = &r->dirty_first;
		*p->dirty_last = r;
		p->dirty_last = &r->next_dirty;
		p->owed_us += RUN_US;
		writer_touch_run(w, r->row);
	}
	if (!s->dirty) {
		s->dirty = true;
		s->next_dirty = NULL;
		*r->dirty_last = s;
		r->dirty_last = &s->next_dirty;
		p->owed_us += s->row ? SERIES_US : NEW_SERIES_US;
		writer_changes(w);
	}
}

int points_take(struct writer *w, struct err *e)
{
	struct points *p = w->points;

	p->owed_us += (int64_t)p->intake.n / POINTS_PER_US;
	return intake_take(&p->intake, w, mark, e);
}

int64_t points_owed_us(const struct writer *w)
{
	return w->points->owed_us;
}

static int check(const struct key_points *x, size_t i, struct err *e)
{
	char what[40];

	snprintf(what, sizeof(what), "metrics[%zu].name", i);
	if (name_check_key(x->key, what, e))
		return -1;
	if (!x->value.set || !x->timestamp.set)
		return err_set(e, ERR_INVALID,
			       "Missing value for required parameter "
			       "'metrics[%zu].%s'. See the API docs for more "
			       "information about request parameters.",
			       i, x->value.set ? "timestamp" : "value");
	if (x->timestamp.v < 0)
		return err_set(e, ERR_INVALID,
			       "Invalid value %lld for parameter "
			       "'metrics[%zu].timestamp' supplied: Timestamp "
			       "must be a nonnegative long (64-bit integer)",
			       (long long)x->timestamp.v, i);
	return 0;
}

int points_log(struct writer *w, int64_t run_row, const struct key_points *x,
	       size_t n, struct err *e)
{
	struct points *p = w->points;
	struct live_series *s = NULL;
	struct live_run *r;

	for (size_t i = 0; i < n; i++)
		if (check(&x[i], i, e))
			return -1;
	if (!n)
		return 0;
	r = live_run(&p->live, w, run_row, e);
	if (!r)
		return -1;
	intake_begin(&p->intake);
	for (size_t i = 0; i < n; i++) {
		struct journal_point jp = {{x[i].step.set ? x[i].step.v : 0,
					    x[i].timestamp.v, x[i].value.v},
					   true,
					   true};

		if (!s || !str_eq(live_key(s), x[i].key))
			s = live_series(&p->live, r, x[i].key);
		intake_add(&p->intake, r, s, &jp, 0);
	}
	return points_take(w, e);
}

/* --- writing ---------------------------------------------------------------
 */

static int write_series(struct writer *w, const struct live_run *r,
			const struct live_series *s, bool add, struct err *e)
{
	int64_t bits;

	memcpy(&bits, &s->latest.value, sizeof(bits));
#define ROW                                                                    \
	B(r->row), B(s->row), B(s->count), B(s->text), B(s->block_count),      \
		B(s->block_text), B(s->folded), B(s->latest.step),             \
		B(s->latest.time), B(bits), B(s->last_step), B(s->last_time),  \
		B(s->min_step), B(s->max_step), B(s->min_time),                \
		B(s->max_time), B(w->now)
	if (add)
		return db_exec(&w->db, STMT_SERIES_ADD,
			       BINDS(ROW, B(live_key(s)), B(w->change)), e);
	return db_exec(&w->db, STMT_SERIES_SET, BINDS(ROW, B(w->change)), e);
#undef ROW
}

/* A series' new points: whole blocks of them, its row, and what is left for
 * the tail row. */
static int flush_series(struct writer *w, struct live_run *r,
			struct live_series *s, struct tail_writer *t,
			struct err *e)
{
	bool add = !s->row;

	if (add) {
		s->row = ++w->last_series;
		w->totals.series++;
	}
	w->totals.points += (int64_t)s->pending;
	if (fold_full(&w->points->folder, w, r, s, e) ||
	    write_series(w, r, s, add, e))
		return -1;
	if (s->pending)
		tail_put(t, s->row, s->tail + s->ntail, s->pending);
	return 0;
}

/* Points of the tail are all in the row that was just written: the older
 * ones are of no more use. */
static int drop_dead_rows(struct writer *w, struct live_run *r, struct err *e)
{
	if (db_exec(&w->db, STMT_TAIL_DROP, BINDS(B(r->row), B(w->change)), e) <
	    0)
		return -1;
	r->rows = 0;
	r->row_bytes = 0;
	r->pass_seq = 0;
	return 0;
}

static int write_tail(struct writer *w, struct live_run *r,
		      struct tail_writer *t, struct err *e)
{
	const struct buf *row = t->out;
	bool any = tail_end(t);

	if (!buf_ok(row))
		return err_set(e, ERR_TOO_LARGE, "too many points at once");
	if (r->rows && !r->points && drop_dead_rows(w, r, e))
		return -1;
	if (!any)
		return 0;
	if (db_exec(&w->db, STMT_TAIL_ADD,
		    BINDS(B(r->row), B(w->change), BLOB(buf_view(row))), e) < 0)
		return -1;
	r->rows++;
	r->row_bytes += (int64_t)row->n;
	r->last_seq = w->change;
	return 0;
}

static int flush_run(struct writer *w, struct live_run *r, struct err *e)
{
	struct points *p = w->points;
	struct tail_writer t;

	writer_changes(w);
	if ((r->rows > URGENT_ROWS || r->row_bytes > URGENT_BYTES) &&
	    fold_step(&p->folder, w, r, false, URGENT_US, e) < 0)
		return -1;
	tail_begin(&t, &p->row);
	for (struct live_series *s = r->dirty_first; s; s = s->next_dirty)
		if (flush_series(w, r, s, &t, e))
			return -1;
	if (write_tail(w, r, &t, e))
		return -1;
	for (struct live_series *s = r->dirty_first; s; s = s->next_dirty) {
		s->ntail += s->pending;
		r->points += (int64_t)s->pending;
		s->pending = 0;
		s->dirty = false;
	}
	r->dirty_first = NULL;
	return 0;
}

int points_flush(struct writer *w, struct err *e)
{
	for (struct live_run *r = w->points->dirty_first; r; r = r->next_dirty)
		if (flush_run(w, r, e))
			return -1;
	return 0;
}

/* --- after the transaction -------------------------------------------------
 */

static void publish(struct writer *w)
{
	const struct points *p = w->points;

	w->stats.points = w->totals.points;
	w->stats.folds = p->folder.folds;
	w->stats.tail_bytes = (int64_t)p->live.bytes;
}

static void plan(struct points *p, struct live_run *r, int64_t now)
{
	r->used_ms = now;
	if (r->rows >= FOLD_ROWS || r->row_bytes >= FOLD_BYTES) {
		if (!r->queued)
			jobs_add(&p->soon, (struct job){r->row, now, false});
		r->queued = true;
	} else if (r->rows > QUIET_ROWS && !r->waiting) {
		r->waiting = true;
		jobs_add(&p->later,
			 (struct job){r->row, now + QUIET_MS, false});
	}
}

void points_committed(struct writer *w)
{
	struct points *p = w->points;
	int64_t now = p->dirty_first ? clock_mono_ms() : 0;

	for (struct live_run *r = p->dirty_first; r; r = r->next_dirty) {
		r->dirty = false;
		plan(p, r, now);
	}
	p->dirty_first = NULL;
	p->dirty_last = &p->dirty_first;
	p->owed_us = 0;
	live_shrink(&p->live, LIMIT_TAIL_CACHE);
	publish(w);
}

void points_forget(struct writer *w, int64_t run_row)
{
	struct live *live = &w->points->live;
	struct live_run *r = live_known(live, run_row);

	if (!r)
		return;
	assert(!r->dirty);
	live_forget(live, r);
}

void points_dropped(struct writer *w)
{
	struct points *p = w->points;

	p->dirty_first = NULL;
	p->dirty_last = &p->dirty_first;
	p->owed_us = 0;
	intake_begin(&p->intake);
	live_fini(&p->live);
	publish(w);
}
