/* SPDX-License-Identifier: Apache-2.0 */
/* cache_pool.h - threads for what may take long, started as they are needed
 * (internal to indexer/objects/cache*.c). */
#ifndef ORRERY_OBJECTS_CACHE_POOL_H
#define ORRERY_OBJECTS_CACHE_POOL_H

#include <pthread.h>
#include <stdbool.h>

struct pool_job {
	void (*run)(void *ctx);
	void *ctx;
	struct pool_job *next;
};

struct pool {
	pthread_mutex_t mu;
	pthread_cond_t more, ended;
	struct pool_job *head, **tail; /* guarded by: mu, as all below */
	int queued, idle, threads, most;
	bool closed;
};

void pool_init(struct pool *p, int most);
/* Runs what is queued, and waits for it. */
void pool_fini(struct pool *p);
/* False where no thread can be had at all: the job was not taken. */
bool pool_add(struct pool *p, struct pool_job *j);

#endif
