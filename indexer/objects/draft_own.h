/* SPDX-License-Identifier: Apache-2.0 */
/* draft_own.h - drafts from inside (internal to indexer/objects). */
#ifndef ORRERY_OBJECTS_DRAFT_OWN_H
#define ORRERY_OBJECTS_DRAFT_OWN_H

#include <pthread.h>

#include "indexer/objects/draft.h"

struct drafts {
	struct draft_options o;
	char *dir;
	pthread_mutex_t mu;
	pthread_cond_t ended;
	size_t sending;    /* guarded by: mu; threads */
	atomic_int memory; /* drafts that are there */
};

enum {
	DRAFT_PIECE = 1 << 20,  /* read and sent at one time */
	DRAFT_SHORT = 64 << 10, /* up to here who waits sends it himself */
	DRAFT_MEMORY = 512,     /* drafts in memory at one time */
};

enum draft_state {
	DRAFT_IDLE,
	DRAFT_SENDING,
	DRAFT_SENT,   /* key and digest are of what the spool holds */
	DRAFT_FAILED, /* why */
};

struct object_draft {
	struct drafts *home;
	char *wanted, *fallback;
	int fd;
	struct object_put *put; /* where objects are files */
	bool memory; /* fd is there; the owner sees to who reads it meanwhile */
	pthread_mutex_t mu;
	pthread_cond_t moved;
	/* guarded by: mu */
	enum draft_state state;
	bool ending;     /* no more is written: all of it is to be sent */
	bool spoiled;    /* what this pass has sent is not so any more */
	bool freed;      /* nobody waits for it */
	bool streamed;   /* a pass has begun before the end */
	int refs;        /* its owner's, the thread's */
	int64_t looked;  /* size up to which there was room */
	int64_t ready;   /* written from the first byte on */
	int64_t sent;    /* read, or being read */
	int64_t size;    /* once ending */
	int64_t touched; /* clock_mono_ms of the last progress */
	struct err why;
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct buf sums;
};

/* A put of the draft's key; its store. */
struct object_put *draft_put(const struct object_draft *d, struct objects **ret,
			     struct err *e);
/* One use less; the last one frees it. */
void draft_drop(struct object_draft *d);
/* Under the lock: a thread sends all of it once, and leaves it sent, failed or
 * idle. */
int draft_send(struct object_draft *d, struct err *e);
/* The same at once, of a short one: quit is asked whether to go on. */
int draft_send_here(struct object_draft *d,
		    bool (*quit)(void *ctx, struct err *e), void *ctx,
		    struct err *e);

#endif
