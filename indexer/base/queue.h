/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - the one way data crosses threads: a bounded queue of messages.
 *
 * Messages are intrusive (the node is a member of the message) and change
 * owner when pushed. The bound is on the sum of weights (bytes), so a few
 * large messages fill it as many small ones do; a push onto a full queue
 * fails at once and the caller answers "busy". Many pushers; poppers take one
 * message or everything at once. A closed queue takes nothing more and hands
 * out what is left, then NULL.
 */
#ifndef ORRERY_BASE_QUEUE_H
#define ORRERY_BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_node {
	struct queue_node *next;
	size_t weight;
};

struct queue {
	pthread_mutex_t mu;
	pthread_cond_t more;
	struct queue_node *head, **tail; /* guarded by: mu */
	size_t weight, limit, count;     /* guarded by: mu */
	bool closed;                     /* guarded by: mu */
};

void queue_init(struct queue *q, size_t limit);
void queue_fini(struct queue *q); /* must be empty */
/* False when full or closed: the message stays the caller's. */
bool queue_push(struct queue *q, struct queue_node *n);
/* Waits up to wait_ms (-1: for ever); NULL on time-out, or closed and empty. */
struct queue_node *queue_pop(struct queue *q, int64_t wait_ms);
struct queue_node *queue_pop_all(struct queue *q, int64_t wait_ms);
void queue_close(struct queue *q);
size_t queue_count(struct queue *q);

#endif
