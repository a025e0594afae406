/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h - when the WAL is written back (internal).
 *
 * Only the writer's connection does it. While idle a passive one, which
 * bothers nobody. But readers that overlap always hold some part of the WAL,
 * so it would never start over; above LIMIT_WAL_BYTES the gate of the bulletin
 * is closed, the readers there are end, the WAL is restarted, the gate opens.
 */
#ifndef ORRERY_INDEX_CHECKPOINT_H
#define ORRERY_INDEX_CHECKPOINT_H

#include "indexer/index/bulletin.h"
#include "indexer/index/db.h"

struct checkpoint {
	struct db *db;
	struct bulletin *bulletin;
	int64_t page_bytes;
	int64_t wal_pages;  /* in the WAL after the last commit */
	int64_t done_pages; /* of them, written back */
	/* After tries that readers foiled: how long until the next, and when
	 * that is, monotonic ms. */
	int64_t pause_ms, not_before;
	int64_t count;  /* checkpoints so far */
	int64_t holder; /* process that foiled the last one, 0 for none */
};

int checkpoint_init(struct checkpoint *cp, struct db *db, struct bulletin *b,
		    struct err *e);
int64_t checkpoint_wal_bytes(const struct checkpoint *cp);
/* After each commit: acts when the WAL has grown beyond its limit. */
void checkpoint_committed(struct checkpoint *cp);
/* Nobody waits for the writer: also what a holder has foiled is tried again. */
void checkpoint_idle(struct checkpoint *cp);
/* The disk is full: what the WAL holds on to may be used again. */
void checkpoint_make_room(struct checkpoint *cp);
/* The last one: the WAL is left empty, if no reader is in the way. */
void checkpoint_close(struct checkpoint *cp);

#endif
