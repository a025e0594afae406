/* SPDX-License-Identifier: Apache-2.0 */
/* call.h - one request to the tree: its memory, its snapshot, its patience.
 *
 * A request is first tried by a thread that must not wait. Where it would
 * have to (for lines on their way into the index, for the daemon, for room in
 * the journal) it says so before it has changed anything: fs_may_wait answers
 * -1 and marks the call as parked; it is then tried again, from its start, by
 * a thread that may. All waits end when the call is cancelled.
 */
#ifndef ORRERY_FS_CALL_H
#define ORRERY_FS_CALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "indexer/base/arena.h"
#include "indexer/index/command.h"
#include "indexer/index/reader.h"

struct fs;

struct fs_call {
	struct fs *fs;
	struct arena arena;
	struct reader *rd;  /* between fs_begin and fs_end */
	int64_t generation; /* of rd */
	int64_t before;     /* its queries so far */
	pid_t pid;          /* the thread that asks */
	int64_t arrived;    /* monotonic ms */
	bool may_wait;
	bool parked; /* it has to be tried again */
	bool closes; /* it ends with the thread that asks, if that ends */
	const atomic_bool *cancelled; /* or NULL */
};

void fs_call_init(struct fs_call *c, struct fs *fs, pid_t pid);
void fs_call_fini(struct fs_call *c);

/* A snapshot of the index. Calls nest: the inner ones do nothing. */
int fs_begin(struct fs_call *c, struct err *e);
void fs_end(struct fs_call *c);

/* 0 if the call may wait, else -1 and it is parked. */
int fs_may_wait(struct fs_call *c, struct err *e);
/* -1 with ERR_INTERRUPTED once the caller has given up. */
int fs_check_cancelled(const struct fs_call *c, struct err *e);
bool fs_cancelled(void *call);
/* Sleep ms; -1 if cancelled. */
int fs_nap(const struct fs_call *c, int64_t ms, struct err *e);
/* What is left of so many ms since the call came. */
int64_t fs_left(const struct fs_call *c, int64_t ms);
/* Lock mu: without waiting unless the call may wait. */
int fs_lock(struct fs_call *c, pthread_mutex_t *mu, struct err *e);

/* Hand a command to the writer and wait for its answer. */
int fs_post(struct fs_call *c, struct command *x, struct err *e);
/* A copy in the arena of the command; empty where memory is short. */
static inline struct str command_str(struct command *x, struct str s)
{
	return arena_str(&x->arena, s);
}

#endif
