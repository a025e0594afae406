/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - threads for requests that have to wait.
 *
 * A task is queued and run by the next free thread; threads are made as they
 * are needed and stay. A task that is cancelled or past its deadline while it
 * still waits for a thread is ended by the pool at once: so a caller that
 * gives up, and a daemon that is away, cost no place in the queue.
 */
#ifndef ORRERY_FS_POOL_H
#define ORRERY_FS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/base/err.h"

struct pool;

struct task {
	struct task *next;
	void (*run)(struct task *t);
	/* Instead of run, when it did not get that far. */
	void (*give_up)(struct task *t);
	/* True when it is to be given up. */
	bool (*over)(const struct task *t);
};

struct pool *pool_new(size_t threads, size_t waiting, struct err *e);
/* Runs what is queued, then ends. */
void pool_free(struct pool *p);
/* False when too many wait: the task stays the caller's. */
bool pool_queue(struct pool *p, struct task *t);
/* Something may be over: look now. */
void pool_look(struct pool *p);

#endif
