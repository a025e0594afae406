/* SPDX-License-Identifier: Apache-2.0 */
/* cache_pool.c - threads are started while jobs wait and none is idle, and
 * end when they were idle for a while.
 */
#include "indexer/objects/cache_pool.h"

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"

enum { IDLE_MS = 10000 };

void pool_init(struct pool *p, int most)
{

	*p = (struct pool){.most = most};
	p->tail = &p->head;
	pthread_mutex_init(&p->mu, NULL);
	thread_condition(&p->more);
	thread_condition(&p->ended);
}

/* NULL: it is time to end. */
static struct pool_job *take(struct pool *p)
{
	struct timespec end = clock_deadline(IDLE_MS);
	struct pool_job *j;
	int rc = 0;

	p->idle++;
	while (!p->head && !p->closed && rc == 0)
		rc = pthread_cond_timedwait(&p->more, &p->mu, &end);
	p->idle--;
	j = p->head;
	if (!j)
		return NULL;
	p->head = j->next;
	if (!p->head)
		p->tail = &p->head;
	p->queued--;
	return j;
}

static void *pool_main(void *arg)
{
	struct pool *p = arg;
	struct pool_job *j;
	SCOPED_LOCK(&p->mu);

	while ((j = take(p))) {
		pthread_mutex_unlock(&p->mu);
		j->run(j->ctx);
		pthread_mutex_lock(&p->mu);
	}
	p->threads--;
	pthread_cond_broadcast(&p->ended);
	return NULL;
}

static void start(struct pool *p)
{
	struct err e = {0};
	pthread_t t;

	if (thread_start(&t, pool_main, p, &e) < 0)
		return;
	pthread_detach(t);
	p->threads++;
}

bool pool_add(struct pool *p, struct pool_job *j)
{
	SCOPED_LOCK(&p->mu);

	if (p->queued >= p->idle && p->threads < p->most)
		start(p);
	if (!p->threads)
		return false;
	j->next = NULL;
	*p->tail = j;
	p->tail = &j->next;
	p->queued++;
	pthread_cond_signal(&p->more);
	return true;
}

void pool_fini(struct pool *p)
{
	pthread_mutex_lock(&p->mu);
	p->closed = true;
	pthread_cond_broadcast(&p->more);
	while (p->threads)
		pthread_cond_wait(&p->ended, &p->mu);
	pthread_mutex_unlock(&p->mu);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->mu);
}
