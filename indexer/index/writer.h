/* SPDX-License-Identifier: Apache-2.0 */
/* writer.h - the one thread that changes the index (internal).
 *
 * What is queued goes into one transaction, each command in a savepoint; a
 * command is answered only after COMMIT. Apply functions run on the writer
 * thread and see struct writer. What they keep in memory beyond a command is
 * a cache: it must follow a rolled back savepoint (writer.c restores what is
 * declared here so) and is dropped whole when a COMMIT fails.
 *
 * An apply function that fails returns -1 with e set; its savepoint is rolled
 * back. It must then have left nothing in memory: whatever it puts aside for
 * the end of the transaction (points, touched runs) it puts aside last.
 */
#ifndef ORRERY_INDEX_WRITER_H
#define ORRERY_INDEX_WRITER_H

#include <stdatomic.h>

#include "indexer/index/checkpoint.h"
#include "indexer/index/command.h"
#include "indexer/index/db.h"
#include "indexer/index/lanes.h"
#include "indexer/index/limits.h"
#include "indexer/index/reader.h"

struct backup;    /* backup.h */
struct points;    /* points.h */
struct run_cache; /* run_cache.h */
struct row_set;
struct span_codec; /* span_block.h */

/* Counters read by other threads (index_stats). */
struct writer_stats {
	_Atomic int64_t change, commits, commands, failed, checkpoints;
	_Atomic int64_t wal_bytes, wal_holder, db_bytes;
	_Atomic int64_t last_commit_us, longest_commit_us;
	_Atomic int64_t points, folds, tail_bytes; /* kept by points.c */
};

struct writer {
	struct db db;
	struct lanes lanes;
	struct writer_stats stats;
	struct bulletin *bulletin;
	struct checkpoint checkpoint;
	void (*on_commit)(void *ctx, int64_t change);
	void *on_commit_ctx;

	/* Of the transaction under way. */
	int64_t change; /* the number it will have */
	int64_t now;    /* its time, ms */
	bool dirty;     /* something visible changed: the number is used */
	/* Written with the number; restored when a savepoint is rolled back. */
	struct index_totals totals;
	int64_t last_series;
	/* The same as committed last. */
	struct index_totals saved_totals;
	int64_t saved_series;
	struct row_set *touched; /* run rows to be stamped at its end */

	int64_t epoch;
	struct run_cache *runs;
	struct points *points;
	struct backup *backup;
	struct span_codec *spans; /* made when first used */
	/* Rows of removed directories, models, traces may be left to take
	 * away. */
	bool reap;
	int64_t pruned_at, idled_at; /* monotonic ms */
};

/* The connection is made and migrated, caches filled; writer_main is to be
 * run by a thread until lanes_close and the last command. */
struct writer *writer_new(const char *dir, struct err *e);
void writer_free(struct writer *w); /* NULL is fine */
void *writer_main(void *w);

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
 * where who may see and not write. */
int writer_run_any(struct writer *w, const struct principal *who,
		   struct str run_id, struct run_ref *ret, struct err *e);
/* For naming it elsewhere. Who sees all may name any, for what is not here may
 * be another server's; to others that, too, does not exist. */
int writer_run_seen(struct writer *w, const struct principal *who,
		    struct str run_id, struct err *e);
/* And ERR_STATE where it is deleted. */
int writer_run_active(struct writer *w, const struct principal *who,
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

/* For work that the writer does on its own: a transaction around fn, with all
 * that belongs to one (points flushed, number taken, COMMIT). */
int writer_transaction(struct writer *w,
		       int (*fn)(struct writer *w, void *arg, struct err *e),
		       void *arg, struct err *e);

/* A row of "removed". */
int writer_removed(struct writer *w, const struct changed *x, int64_t project,
		   struct err *e);

#endif
