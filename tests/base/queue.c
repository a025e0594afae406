/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - order, weight, closing; many threads that push. */
#include "indexer/base/queue.h"

#include <sched.h>

#include "indexer/base/clock.h"
#include "tests/tap.h"

struct message {
	struct queue_node node;
	int from, number;
};

static void test_order(void)
{
	struct queue q;
	struct message m[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
	struct queue_node *n;

	queue_init(&q, 100);
	for (int i = 0; i < 3; i++)
		ok(queue_push(&q, &m[i].node), "push");
	is_i64((int64_t)queue_count(&q), 3, "count");
	ok(queue_pop(&q, 0) == &m[0].node, "first in, first out");
	n = queue_pop_all(&q, 0);
	ok(n == &m[1].node && n->next == &m[2].node && !n->next->next,
	   "all that is left, in order");
	ok(!queue_pop(&q, 0) && !queue_pop_all(&q, 0), "empty");
	ok(queue_push(&q, &m[0].node) && queue_pop(&q, -1) == &m[0].node,
	   "works on");
	queue_fini(&q);
}

static void test_weight(void)
{
	struct queue q;
	struct message a = {.node.weight = 60}, b = {.node.weight = 40},
		       c = {.node.weight = 1}, huge = {.node.weight = 1000};

	queue_init(&q, 100);
	ok(queue_push(&q, &a.node) && queue_push(&q, &b.node), "up to limit");
	ok(!queue_push(&q, &c.node), "not beyond");
	ok(!queue_push(&q, &huge.node), "nor with what is heavier than all");
	queue_pop(&q, 0);
	ok(queue_push(&q, &c.node), "room again");
	queue_pop_all(&q, 0);
	ok(queue_push(&q, &huge.node), "an empty queue takes one of any size");
	ok(!queue_push(&q, &c.node), "and is full then");
	queue_pop(&q, 0);
	ok(queue_push(&q, &a.node), "weights do not leak");
	queue_pop(&q, 0);
	queue_fini(&q);
}

static void test_close(void)
{
	struct queue q;
	struct message a = {0}, b = {0};
	int64_t start;

	queue_init(&q, 100);
	start = clock_mono_ms();
	ok(!queue_pop(&q, 20), "nothing within the time");
	ok(clock_mono_ms() - start >= 19, "which was waited");
	queue_push(&q, &a.node);
	queue_close(&q);
	ok(!queue_push(&q, &b.node), "closed takes nothing");
	ok(queue_pop(&q, -1) == &a.node, "but hands out what is left");
	ok(!queue_pop(&q, -1) && !queue_pop_all(&q, -1), "then nothing");
	queue_fini(&q);
}

enum { THREADS = 4, EACH = 20000 };

struct pusher {
	struct queue *q;
	int id;
	struct message *messages;
};

static void *push_all(void *arg)
{
	struct pusher *p = arg;

	for (int i = 0; i < EACH; i++) {
		struct message *m = &p->messages[i];

		m->from = p->id;
		m->number = i;
		m->node.weight = 10;
		while (!queue_push(p->q, &m->node))
			sched_yield();
	}
	return NULL;
}

/* Each thread's messages come in its own order. */
static int take_all(struct queue *q, int next[THREADS])
{
	int wrong = 0, taken = 0;

	while (taken < THREADS * EACH) {
		struct queue_node *n =
			taken % 3 ? queue_pop(q, -1) : queue_pop_all(q, -1);

		for (; n; n = n->next, taken++) {
			struct message *m = (struct message *)(void *)n;

			wrong += m->number != next[m->from]++;
		}
	}
	return wrong;
}

static void test_threads(void)
{
	struct queue q;
	struct pusher pushers[THREADS];
	pthread_t threads[THREADS];
	int next[THREADS] = {0};

	queue_init(&q, 1000);
	for (int i = 0; i < THREADS; i++) {
		pushers[i] = (struct pusher){
			&q, i, calloc(EACH, sizeof(struct message))};
		pthread_create(&threads[i], NULL, push_all, &pushers[i]);
	}
	is_i64(take_all(&q, next), 0, "order of each thread is kept");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		is_i64(next[i], EACH, "and nothing is lost");
		free(pushers[i].messages);
	}
	queue_fini(&q);
}

int main(void)
{
	test_order();
	test_weight();
	test_close();
	test_threads();
	return tap_done();
}
