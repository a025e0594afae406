/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - a list under one lock and one condition.
 *
 * A message heavier than the whole limit is taken when the queue is empty:
 * else it could never pass, however long its sender waits.
 */
#include "indexer/base/queue.h"

#include <assert.h>
#include <errno.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"

void queue_init(struct queue *q, size_t limit)
{

	*q = (struct queue){.limit = limit};
	q->tail = &q->head;
	pthread_mutex_init(&q->mu, NULL);
	thread_condition(&q->more);
}

void queue_fini(struct queue *q)
{
	assert(!q->head);
	pthread_cond_destroy(&q->more);
	pthread_mutex_destroy(&q->mu);
}

static bool add(struct queue *q, struct queue_node *n)
{
	SCOPED_LOCK(&q->mu);

	if (q->closed)
		return false;
	if (q->head &&
	    (n->weight > q->limit || q->weight > q->limit - n->weight))
		return false;
	n->next = NULL;
	*q->tail = n;
	q->tail = &n->next;
	q->weight += n->weight;
	q->count++;
	return true;
}

/* Who is woken under the lock would only wait for it once more. */
bool queue_push(struct queue *q, struct queue_node *n)
{
	if (!add(q, n))
		return false;
	pthread_cond_signal(&q->more);
	return true;
}

/* False when the time is over, or closed, with nothing there. */
static bool wait_for_one(struct queue *q, int64_t wait_ms)
{
	struct timespec until = clock_deadline(wait_ms < 0 ? 0 : wait_ms);

	while (!q->head && !q->closed) {
		int rc = 0;

		if (wait_ms < 0)
			rc = pthread_cond_wait(&q->more, &q->mu);
		else
			rc = pthread_cond_timedwait(&q->more, &q->mu, &until);
		if (rc == ETIMEDOUT)
			break;
	}
	return q->head != NULL;
}

struct queue_node *queue_pop(struct queue *q, int64_t wait_ms)
{
	struct queue_node *n;

	SCOPED_LOCK(&q->mu);
	if (!wait_for_one(q, wait_ms))
		return NULL;
	n = q->head;
	q->head = n->next;
	if (!q->head)
		q->tail = &q->head;
	n->next = NULL;
	q->weight -= n->weight;
	q->count--;
	return n;
}

struct queue_node *queue_pop_all(struct queue *q, int64_t wait_ms)
{
	struct queue_node *all;

	SCOPED_LOCK(&q->mu);
	if (!wait_for_one(q, wait_ms))
		return NULL;
	all = q->head;
	q->head = NULL;
	q->tail = &q->head;
	q->weight = 0;
	q->count = 0;
	return all;
}

void queue_close(struct queue *q)
{
	SCOPED_LOCK(&q->mu);
	q->closed = true;
	pthread_cond_broadcast(&q->more);
}

size_t queue_count(struct queue *q)
{
	SCOPED_LOCK(&q->mu);
	return q->count;
}
