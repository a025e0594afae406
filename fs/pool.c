/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - a queue, threads that take from it, and one that weeds it.
 */
#include "fs/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"

enum { WEED_MS = 250, REST_MS = 2000, STACK_BYTES = 512 << 10 };

struct pool {
	pthread_mutex_t mu;
	pthread_cond_t more, weed;
	struct task *head, **tail; /* guarded by: mu */
	size_t count, limit, idle, threads, most;
	bool closed, look;
	pthread_t *list;
	pthread_t weeder;
};

static struct task *take(struct pool *p)
{
	SCOPED_LOCK(&p->mu);
	struct task *t;

	p->idle++;
	while (!p->head && !p->closed)
		pthread_cond_wait(&p->more, &p->mu);
	p->idle--;
	t = p->head;
	if (!t)
		return NULL;
	p->head = t->next;
	if (!p->head)
		p->tail = &p->head;
	p->count--;
	return t;
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	struct task *t;

	while ((t = take(p))) {
		if (t->over(t))
			t->give_up(t);
		else
			t->run(t);
	}
	return NULL;
}

/* Those that are over, out of the queue. */
static struct task *weed_out(struct pool *p)
{
	struct task *over = NULL, **at = &p->head, *t;

	while ((t = *at)) {
		if (!t->over(t)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		p->count--;
		t->next = over;
		over = t;
	}
	p->tail = at;
	return over;
}

static bool wait_to_weed(struct pool *p, struct task **ret)
{
	SCOPED_LOCK(&p->mu);
	struct timespec until = clock_deadline(p->head ? WEED_MS : REST_MS);

	while (!p->closed && !p->look &&
	       pthread_cond_timedwait(&p->weed, &p->mu, &until) == 0)
		;
	p->look = false;
	*ret = weed_out(p);
	return !p->closed;
}

/* Ends what is over, while all workers may be waiting for the daemon. */
static void *weeder(void *arg)
{
	struct task *over, *next;
	bool go_on;

	do {
		go_on = wait_to_weed(arg, &over);
		for (; over; over = next) {
			next = over->next;
			over->give_up(over);
		}
	} while (go_on);
	return NULL;
}

static bool start(struct pool *p, pthread_t *ret, void *(*fn)(void *))
{
	pthread_attr_t attr;
	bool made;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	made = pthread_create(ret, &attr, fn, p) == 0;
	pthread_attr_destroy(&attr);
	return made;
}

struct pool *pool_new(size_t threads, size_t waiting, struct err *e)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p)
		p->list = calloc(threads, sizeof(*p->list));
	if (!p || !p->list) {
		free(p);
		err_set(e, ERR_NO_SPACE, "no memory for threads");
		return NULL;
	}
	p->tail = &p->head;
	p->limit = waiting;
	p->most = threads;
	pthread_mutex_init(&p->mu, NULL);
	pthread_cond_init(&p->more, NULL);
	thread_condition(&p->weed);
	if (!start(p, &p->weeder, weeder)) {
		free(p->list);
		free(p);
		err_set(e, ERR_IO, "no thread");
		return NULL;
	}
	return p;
}

static void close_pool(struct pool *p)
{
	SCOPED_LOCK(&p->mu);

	p->closed = true;
	pthread_cond_broadcast(&p->more);
	pthread_cond_broadcast(&p->weed);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	close_pool(p);
	pthread_join(p->weeder, NULL);
	for (size_t i = 0; i < p->threads; i++)
		pthread_join(p->list[i], NULL);
	pthread_mutex_destroy(&p->mu);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->weed);
	free(p->list);
	free(p);
}

bool pool_queue(struct pool *p, struct task *t)
{
	SCOPED_LOCK(&p->mu);

	if (p->count >= p->limit || p->closed)
		return false;
	if (p->idle <= p->count && p->threads < p->most &&
	    start(p, &p->list[p->threads], worker))
		p->threads++;
	if (!p->threads)
		return false;
	t->next = NULL;
	*p->tail = t;
	p->tail = &t->next;
	p->count++;
	pthread_cond_signal(&p->more);
	return true;
}

void pool_look(struct pool *p)
{
	SCOPED_LOCK(&p->mu);

	p->look = true;
	pthread_cond_signal(&p->weed);
}
