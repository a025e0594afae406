/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.h - commands that wait for the writer (internal).
 *
 * One inbox that any thread pushes into; the writer sorts what came into
 * lanes, which take turns. Each lane has a bound of its own on the bytes that
 * wait, so that a large crawl makes no request wait for room.
 */
#ifndef ORRERY_INDEX_LANES_H
#define ORRERY_INDEX_LANES_H

#include <stdatomic.h>

#include "indexer/index/command.h"

struct lanes {
	struct queue inbox;
	_Atomic int64_t bytes[LANES], count;
	_Atomic bool closed;
	/* The writer's own. */
	struct queue_node *head[LANES], **tail[LANES];
	int turn;
};

void lanes_init(struct lanes *l);
void lanes_fini(struct lanes *l); /* must be empty */
/* Any thread. ERR_BUSY when the lane is full, ERR_UNAVAILABLE when closed. */
int lanes_push(struct lanes *l, struct command *c, struct err *e);
/* Nothing more is taken; what waits is still handed out. */
void lanes_close(struct lanes *l);

/* Writer: sort what came, waiting for it up to wait_ms. */
void lanes_collect(struct lanes *l, int64_t wait_ms);
bool lanes_empty(const struct lanes *l);
/* The next command in turn, NULL when all lanes are empty. */
struct command *lanes_take(struct lanes *l);

#endif
