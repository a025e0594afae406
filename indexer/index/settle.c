/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - folding when there is nothing better to do.
 *
 * Runs come into the queue when their tail has grown, when they end, and when
 * no points came for a while. After a start the whole tail table is looked
 * through once, for what a stopped daemon left.
 */
#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/points_internal.h"

enum { LEFT_ROWS = 16, STEP_US = 5000 };

void points_run_ended(struct writer *w, int64_t run_row)
{
	jobs_add(&w->points->soon, (struct job){run_row, 0, true});
}

bool points_idle_wanted(const struct writer *w)
{
	const struct points *p = w->points;
	const struct job *later = jobs_first(&p->later);

	return p->sweep != SWEPT || jobs_first(&p->soon) ||
	       (later && later->due_ms <= clock_mono_ms());
}

/* Look at the next run that has a tail. */
static int sweep(struct writer *w, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	SCOPED(cursor_close) struct cursor state = CURSOR_NONE;
	struct points *p = w->points;
	bool ended;
	int64_t rows;

	if (cursor_open(&q, &w->db, STMT_TAIL_NEXT_RUN, BINDS(B(p->sweep)), e) <
		    0 ||
	    cursor_next(&q, e) < 0)
		return -1;
	if (cursor_null(&q, 0)) {
		p->sweep = SWEPT;
		return 0;
	}
	p->sweep = cursor_i64(&q, 0);
	if (cursor_open(&state, &w->db, STMT_TAIL_STATE, BINDS(B(p->sweep)),
			e) < 0 ||
	    cursor_next(&state, e) < 0)
		return -1;
	rows = cursor_i64(&state, 0);
	ended = cursor_i64(&state, 2) >= RUN_FINISHED;
	if (rows > LEFT_ROWS || cursor_i64(&state, 1) >= FOLD_BYTES ||
	    (ended && rows > 1))
		jobs_add(&p->soon, (struct job){p->sweep, 0, ended});
	return 0;
}

/* The first of those that wait for quiet: it is quiet, or it waits again. */
static void come_due(struct points *p, int64_t now)
{
	struct job j = *jobs_first(&p->later);
	struct live_run *r = live_known(&p->live, j.run);

	jobs_drop(&p->later);
	j.due_ms = r ? r->used_ms + QUIET_MS : now;
	if (r)
		r->waiting = j.due_ms > now;
	jobs_add(j.due_ms > now ? &p->later : &p->soon, j);
}

/* What cannot be done now is tried again later, but for a run whose stored
 * points are damaged: its tail is left as it is. */
static void put_off(struct points *p, bool loaded, const struct err *e)
{
	struct job j = *jobs_first(&p->soon);

	jobs_drop(&p->soon);
	if (loaded || e->kind != ERR_CORRUPT) {
		j.due_ms = clock_mono_ms() + QUIET_MS;
		jobs_add(&p->later, j);
	}
	log_error("tail stays as it is", "run=%lld why=\"%s\"",
		  (long long)j.run, e->msg);
}

/* Some of the first job. */
static int work(struct writer *w, int64_t budget_us, struct err *e)
{
	struct points *p = w->points;
	struct job j = *jobs_first(&p->soon);
	struct live_run *r = live_run(&p->live, w, j.run, e);
	int rc = r ? fold_step(&p->folder, w, r, j.whole, budget_us, e) : -1;

	if (rc > 0)
		return 0;
	if (r)
		r->queued = false;
	if (rc == 0) {
		jobs_drop(&p->soon);
		return 0;
	}
	put_off(p, r != NULL, e);
	if (r || e->kind != ERR_CORRUPT)
		return -1;
	err_clear(e);
	return 0;
}

int points_idle(struct writer *w, int64_t budget_ms, struct err *e)
{
	struct points *p = w->points;
	int64_t now = clock_mono_us(), until = now + 1000 * budget_ms;

	for (; now < until && points_idle_wanted(w); now = clock_mono_us()) {
		int64_t budget = until - now < STEP_US ? until - now : STEP_US;

		if (jobs_first(&p->soon)) {
			if (work(w, budget, e))
				return -1;
		} else if (p->sweep != SWEPT) {
			if (sweep(w, e))
				return -1;
		} else {
			come_due(p, now / 1000);
		}
	}
	live_shrink(&p->live, LIMIT_TAIL_CACHE);
	return 0;
}
