/* SPDX-License-Identifier: Apache-2.0 */
/* replica_apply.h - the file of a replica, as its two halves see it
 * (internal). */
#ifndef ORRERY_INDEX_REPLICA_APPLY_H
#define ORRERY_INDEX_REPLICA_APPLY_H

#include "indexer/index/checkpoint.h"
#include "indexer/index/replica_file.h"

struct replica_file {
	struct db db;
	struct bulletin *bulletin;
	struct checkpoint checkpoint;
	char *dir, *path;
	int lock;   /* whose copy this is */
	int daemon; /* held while the server answers */
	bool anew;  /* a transaction is open, from a new beginning on */
	/* Table "replica". */
	int64_t epoch, view, base, began;
	struct replica_place at;
	bool level;
};

int replica_save(struct replica_file *f, struct err *e);
int replica_begin(struct replica_file *f, struct err *e);
int replica_end(struct replica_file *f, int rc, bool level, struct err *e);

/* Take away some of what was in experiments that went: 1 there is more. */
int replica_reap(struct replica_file *f, int most, struct err *e);

#endif
