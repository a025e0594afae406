/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.c - see lanes.h. */
#include "indexer/index/lanes.h"

#include "indexer/index/limits.h"

void lanes_init(struct lanes *l)
{
	*l = (struct lanes){0};
	queue_init(&l->inbox, SIZE_MAX);
	for (int i = 0; i < LANES; i++)
		l->tail[i] = &l->head[i];
}

void lanes_fini(struct lanes *l)
{
	queue_fini(&l->inbox);
}

static int64_t weight_of(const struct command *c)
{
	return (int64_t)(command_types[c->kind].size + c->arena.used);
}

int lanes_push(struct lanes *l, struct command *c, struct err *e)
{
	int64_t weight = weight_of(c);
	int64_t before = atomic_fetch_add(&l->bytes[c->lane], weight);

	c->node.weight = (size_t)weight;
	if (before > 0 && before + weight > LIMIT_QUEUE_BYTES) {
		atomic_fetch_sub(&l->bytes[c->lane], weight);
		return err_set(e, ERR_BUSY,
			       "too much waits to be written: try again");
	}
	atomic_fetch_add(&l->count, 1);
	if (queue_push(&l->inbox, &c->node))
		return 0;
	atomic_fetch_sub(&l->bytes[c->lane], weight);
	atomic_fetch_sub(&l->count, 1);
	return err_set(e, ERR_UNAVAILABLE, "the daemon is stopping");
}

void lanes_close(struct lanes *l)
{
	queue_close(&l->inbox);
	atomic_store(&l->closed, true);
}

/* The node is the first member of a command. */
static struct command *command_of(struct queue_node *n)
{
	return (struct command *)(void *)n;
}

void lanes_collect(struct lanes *l, int64_t wait_ms)
{
	struct queue_node *n = queue_pop_all(&l->inbox, wait_ms);

	while (n) {
		struct queue_node *next = n->next;
		enum command_lane lane = command_of(n)->lane;

		n->next = NULL;
		*l->tail[lane] = n;
		l->tail[lane] = &n->next;
		n = next;
	}
}

bool lanes_empty(const struct lanes *l)
{
	for (int i = 0; i < LANES; i++)
		if (l->head[i])
			return false;
	return true;
}

struct command *lanes_take(struct lanes *l)
{
	for (int i = 0; i < LANES; i++) {
		int lane = l->turn;
		struct queue_node *n = l->head[lane];

		l->turn = (lane + 1) % LANES;
		if (!n)
			continue;
		l->head[lane] = n->next;
		if (!n->next)
			l->tail[lane] = &l->head[lane];
		atomic_fetch_sub(&l->bytes[lane], (int64_t)n->weight);
		atomic_fetch_sub(&l->count, 1);
		return command_of(n);
	}
	return NULL;
}
