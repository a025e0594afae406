/* SPDX-License-Identifier: Apache-2.0 */
/* writer.h - the one thread that changes the index (internal).
 *
 * What is queued goes into one transaction, each command in a savepoint; a
 * command is answered only after COMMIT. Apply functions run on the writer
 * thread and see struct writer. What they keep in memory beyond a command is
 * a cache: it must follow a rolled back savepoint (writer.c restores what is
 * declared here) and is dropped whole when a COMMIT fails.
 *
 * An apply function that fails returns -1 with e set; its savepoint is rolled
 * back. It must then have left nothing in memory: whatever it puts aside for
 * the end of the transaction (points) it puts aside last.
 */
#ifndef ORRERY_INDEX_WRITER_H
#define ORRERY_INDEX_WRITER_H

#include <stdatomic.h>

#include "indexer/index/command.h"
#include "indexer/index/db.h"
#include "indexer/index/limits.h"
#include "indexer/index/reader.h"

struct index;
struct points;    /* points.h */
struct run_cache; /* run_cache.c */
struct touched;   /* run rows to be stamped at the end of the transaction */

/* Counters read by other threads (index_stats). */
struct writer_stats {
	_Atomic int64_t change, commits, commands, failed, checkpoints;
	_Atomic int64_t wal_bytes, db_bytes;
	_Atomic int64_t last_commit_us, longest_commit_us;
	_Atomic int64_t points, folds, tail_bytes; /* kept by points.c */
};

struct writer {
	struct db db;
	struct writer_stats *stats;

	/* Of the transaction under way. */
	int64_t change; /* the number it will have */
	int64_t now;    /* its time, ms */
	bool dirty;     /* something visible changed: the number is used */
	/* Written with the number; restored when a savepoint is rolled back. */
	struct index_totals totals;
	int64_t last_series;

	struct run_cache *runs;
	struct touched *touched;
	struct points *points;
};

/* A run as commands need it. */
struct run_ref {
	int64_t row, experiment, project;
	bool deleted; /* itself, or its experiment */
};

/* By public id, from a bounded cache or the table; ERR_NOT_FOUND "Run with
 * id=X not found". */
int writer_run(struct writer *w, struct str run_id, struct run_ref *ret,
	       struct err *e);
/* The same for a write: also not found where who may not see it, ERR_DENIED
 * where who may see and not write, ERR_STATE where it is deleted. */
int writer_run_active(struct writer *w, const struct principal *who,
		      struct str run_id, struct run_ref *ret, struct err *e);
/* Visible and writable, deleted or not. */
int writer_run_any(struct writer *w, const struct principal *who,
		   struct str run_id, struct run_ref *ret, struct err *e);

/* Something visible changes: returns the transaction's number. */
static inline int64_t writer_changes(struct writer *w)
{
	w->dirty = true;
	return w->change;
}

/* run.modified and run.change are written once at the end of the transaction,
 * however often this is called. */
void writer_touch_run(struct writer *w, int64_t run_row);

/* A row of "removed". */
int writer_removed(struct writer *w, const struct changed *x, int64_t project,
		   struct err *e);

#endif
