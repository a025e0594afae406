/* SPDX-License-Identifier: Apache-2.0 */
/* drain.h - what mounts appended becomes points: a thread of the daemon.
 *
 * It finds the journals of DATA/journal (which it makes), copies out what the
 * index does not have yet, and hands it to the writer in batches; after each
 * COMMIT the mount is told. Journals whose mount is gone are drained to their
 * end and removed; one that does not hold is set aside as <id>.bad.
 *
 * A request that concerns a run with something pending is parked here: it
 * costs no thread and goes on when what was written at its arrival is
 * committed.
 */
#ifndef ORRERY_INDEX_DRAIN_H
#define ORRERY_INDEX_DRAIN_H

#include "indexer/index/index.h"

enum {
	DRAIN_JOURNALS = 64,    /* drained at a time; others wait their turn */
	DRAIN_PARKED = 16384,   /* requests parked at a time */
	DRAIN_PARK_MS = 1000,   /* how long one waits at most */
	DRAIN_LINES = 4096,     /* records in one command */
	DRAIN_POINTS = 16384,   /* points after which a command is full */
	DRAIN_STOP_MS = 10000,  /* how long the end may take */
	DRAIN_RESCAN_MS = 1000, /* how often it looks for left files */
};

struct drain;

struct drain *drain_start(struct index *ix, struct err *e);
/* Applies what was written until now, resumes who is parked, ends. Before
 * index_close. */
void drain_stop(struct drain *d);

/* Whether anything of a run (an empty id: of any run) is pending. */
bool drain_pending(struct drain *d, struct str run_id);
/* The same; where it is so, resume(ctx) is called exactly once, from the
 * drain's thread, when that is committed or DRAIN_PARK_MS passed, which may be
 * before this returns. It must be short. False: it will not be called. */
bool drain_park(struct drain *d, struct str run_id, void (*resume)(void *ctx),
		void *ctx);

/* Figures for `orrery status` and /metrics. */
struct drain_stats {
	int64_t journals; /* known now */
	int64_t stuck;    /* of those, corrupt or not to be applied */
	int64_t pending;  /* records written and not committed */
	int64_t parked;   /* requests waiting */
	int64_t records, points, batches; /* applied since the start */
	int64_t retries; /* batches that failed and were tried again */
	int64_t bad;     /* journals set aside */
};
void drain_stats(struct drain *d, struct drain_stats *ret);

#endif
