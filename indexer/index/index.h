/* SPDX-License-Identifier: Apache-2.0 */
/* index.h - the index: one directory, one writer, many readers.
 *
 * index_open takes the data directory for this process (a second daemon is
 * refused), opens the only connection in the whole system that writes and
 * checkpoints, migrates the schema, and starts the writer thread. What
 * changes the index is a command (command.h): queued, applied in a savepoint
 * of a shared transaction, answered after COMMIT. What reads it is a reader
 * (reader.h), one per thread, also in other processes.
 *
 * Files in the data directory: index.db with its -wal and -shm, lock,
 * bulletin (bulletin.h), objects/, journal/, orrery.sock.
 */
#ifndef ORRERY_INDEX_INDEX_H
#define ORRERY_INDEX_INDEX_H

#include "indexer/base/err.h"
#include "indexer/index/bulletin.h"
#include "indexer/index/command.h"

struct index;

struct index *index_open(const char *dir, struct err *e);
/* Drains the queue, folds nothing, checkpoints and truncates the WAL. */
void index_close(struct index *ix);

/* Hand a command to the writer. 0: it will be answered through its done
 * call-back, exactly once. -1 (ERR_BUSY, or ERR_UNAVAILABLE when closing):
 * it is still the caller's. */
int index_submit(struct index *ix, struct command *c, struct err *e);
/* Submit and wait; the command's own error, if any, is returned in e. The
 * command stays the caller's, its answer is in its ret_ members. */
int index_apply(struct index *ix, struct command *c, struct err *e);

/* Number of the last committed change. */
int64_t index_change(const struct index *ix);
/* Wait until change is reached; false on time-out. */
bool index_wait(struct index *ix, int64_t change, int64_t wait_ms);
/* Called on the writer thread after each COMMIT that changed something; must
 * be short and must not submit and wait. Set before the first command. */
void index_on_commit(struct index *ix, void (*fn)(void *ctx, int64_t change),
		     void *ctx);
struct bulletin *index_bulletin(struct index *ix);
const char *index_dir(const struct index *ix);

/* Figures for `orrery status` and /metrics. */
struct index_stats {
	int64_t change, commits, commands, failed;
	int64_t queued, queued_bytes, wal_bytes, wal_holder, checkpoints;
	int64_t db_bytes, points, folds, tail_bytes;
	int64_t last_commit_us, longest_commit_us;
};
void index_stats(struct index *ix, struct index_stats *ret);

/* Verify the whole index: SQLite's own check, every relation, every block
 * decoded and compared with its summary. report is called for each finding. */
int index_check(const char *dir,
		void (*report)(void *ctx, const char *what, const char *detail),
		void *ctx, struct err *e);
/* Consistent copy of the database into a file, from the writer. */
int index_backup(struct index *ix, const char *path, struct err *e);

#endif
