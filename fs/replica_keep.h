/* SPDX-License-Identifier: Apache-2.0 */
/* replica_keep.h - a replica as its own files see it (replica.h).
 *
 * The keeper's thread owns the copy and one connection, the ear's the other;
 * what they and those who wait share lies behind one lock, which is never held
 * while a page is asked for or put into the copy.
 */
#ifndef ORRERY_FS_REPLICA_KEEP_H
#define ORRERY_FS_REPLICA_KEEP_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/replica.h"
#include "indexer/base/client.h"
#include "indexer/index/replica_file.h"

enum {
	REPLICA_FETCHES = 64,   /* runs whose points are waited for */
	REPLICA_LINE = 128,     /* of an event stream */
	REPLICA_PAUSE_MS = 100, /* after a failure, then twice as long */
};

/* A run whose points somebody waits for. */
struct fetch {
	int64_t run;
	enum { FETCH_FREE, FETCH_WANTED, FETCH_DONE } state;
	int users;
	struct err err;
};

struct replica {
	char *url;
	struct client *client; /* of the keeper */
	struct replica_file *file;
	struct client *stream; /* of the ear */
	char line[REPLICA_LINE];
	size_t nline;
	pthread_t keeper, ear;
	bool keeps, hears;
	atomic_bool stop;
	bool (*cancelled)(void *ctx);
	void *ctx;

	pthread_mutex_t mu;
	pthread_cond_t wake, news; /* of the keeper; of all who wait */
	/* guarded by: mu */
	int64_t heard;    /* change that the stream told of */
	bool listening;   /* the stream is there */
	bool hurry;       /* somebody waits */
	int64_t level_at; /* monotonic ms, when that was */
	struct fetch fetches[REPLICA_FETCHES];
	struct replica_figures figures;
};

/* For requests: whether they are to end. */
bool replica_gives_up(void *r);
/* In short steps; ends when the replica does. */
void replica_nap(struct replica *r, int64_t ms);
/* A pause after one of ms that did not help. */
int64_t replica_longer(int64_t ms);
/* Under the lock: the keeper looks at once. */
void replica_hurry(struct replica *r);

/* replica_ask.c, on the keeper's thread: pages until nothing is missing. */
int replica_catch_up(struct replica *r, struct err *e);
/* The points of runs that somebody waits for; of those that were here. */
void replica_fetch_wanted(struct replica *r);
void replica_fetch_stale(struct replica *r);

/* replica_ear.c: follows the event stream; arg is the replica. */
void *replica_ear(void *arg);

#endif
