/* SPDX-License-Identifier: Apache-2.0 */
/* drain_find.h - the drain as its thread sees it, and the journals of its
 * directory: found, opened, removed (internal).
 *
 * The thread owns the sources. Under mu others read their heads, to park; the
 * thread takes mu to change the list or what is committed.
 */
#ifndef ORRERY_INDEX_DRAIN_FIND_H
#define ORRERY_INDEX_DRAIN_FIND_H

#include <pthread.h>

#include "indexer/index/drain_parking.h"
#include "indexer/index/reader.h"

struct drain {
	struct index *ix;
	char *dir;
	struct reader *rd;
	struct journal_bell *bell;
	struct journal_line *scratch; /* of the batch in the making */
	int64_t numbers, scanned_at;
	bool open_failed;    /* said so; not again until it works */
	bool crowded;        /* some wait until others are at their end */
	struct parked *last; /* what is to be committed before the end */
	pthread_t thread;

	pthread_mutex_t mu;
	pthread_cond_t moved;
	struct source *sources; /* guarded by: mu, for others than the thread */
	struct queue_node *done;  /* guarded by: mu; answered commands */
	struct parking parking;   /* guarded by: mu */
	uint32_t scanned_files;   /* guarded by: mu; the bell's, at the scan */
	struct drain_stats stats; /* guarded by: mu */
	bool stopping;            /* guarded by: mu */
};

/* Open the journals that are new, remove what killed mounts left unmade; tell
 * those who were unsure. */
void drain_scan(struct drain *d);
/* Ask which mounts are gone. */
void drain_look_for_left(struct drain *d);
/* Away with journals that are at their end: removed, or set aside where they
 * do not hold. */
void drain_remove_ended(struct drain *d);
void drain_unlist(struct drain *d, struct source **at);

#endif
