/* SPDX-License-Identifier: Apache-2.0 */
/* points.h - what the writer asks of the points (internal).
 *
 * points_log takes points into memory; points_flush, called once before
 * COMMIT, writes them: a tail row per run, and the series rows (counts,
 * latest values). Folding tails into blocks is idle work. All of it runs on
 * the writer thread. w->points is owned here.
 */
#ifndef ORRERY_INDEX_POINTS_H
#define ORRERY_INDEX_POINTS_H

#include "indexer/index/writer.h"

/* Sets and frees w->points. */
int points_new(struct writer *w, struct err *e);
void points_free(struct writer *w);

/* Take n points for a run that is known to be active. It checks keys, values
 * and limits first; once it has taken one it cannot fail. Calls
 * writer_changes and writer_touch_run for what is really new. */
int points_log(struct writer *w, int64_t run_row, const struct key_points *p,
	       size_t n, struct err *e);

/* About what the flush will take: counts against the time of a group. */
int64_t points_owed_us(const struct writer *w);

/* Write what was taken, as w->change at w->now; before COMMIT. Adds to
 * w->totals (points, series) and w->last_series. */
int points_flush(struct writer *w, struct err *e);
/* The transaction that flushed is committed. */
void points_committed(struct writer *w);
/* The transaction was rolled back whole, or its COMMIT failed: forget all
 * that memory holds; the tables are the truth again. Not called when a single
 * command's savepoint is rolled back. */
void points_dropped(struct writer *w);

/* The run is taken away: nothing of it is kept in memory. It takes no points
 * since an earlier transaction. */
void points_forget(struct writer *w, int64_t run_row);
/* A run reached a terminal status: fold its tail when there is time. */
void points_run_ended(struct writer *w, int64_t run_row);
/* Is there idle work (folding)? Must be cheap. */
bool points_idle_wanted(const struct writer *w);
/* Do about budget_ms of it, inside a transaction that the writer opened and
 * will commit. */
int points_idle(struct writer *w, int64_t budget_ms, struct err *e);

/* Apply function of COMMAND_JOURNAL (journal_apply.c): refused lines become
 * rows of "refused", the journal's row gets last_seq; points are taken last. */
int journal_apply(struct writer *w, struct command *c, struct err *e);

/* Verify all points (points_check.c): every block decoded and compared with
 * its summary, every tail, the rows of the series against both. report is
 * called for each finding. It takes a snapshot per series: none may be open,
 * and it may run beside a daemon. */
int points_check(struct db *db,
		 void (*report)(void *ctx, const char *what,
				const char *detail),
		 void *ctx, struct err *e);

#endif
