/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - making, reusing and freeing exchanges. */
#include "api/http/exchange.h"

#include <stdlib.h>

#include "api/http/core.h"

static const size_t in_ceiling =
	HTTP_LINE_MAX + HTTP_HEAD_MAX + HTTP_BODY_INLINE + 2 * HTTP_SCRATCH;

static void keep_small(struct buf *b)
{
	size_t ceiling = b->ceiling;

	if (b->cap > HTTP_KEEP_BUFFER || b->failed) {
		buf_fini(b);
		buf_init(b, ceiling);
	} else {
		buf_reset(b);
	}
}

static void clear(struct exchange *x)
{
	if (x->charged)
		core_uncharge(x->server, x->charged);
	x->charged = 0;
	if (x->arena.used > HTTP_KEEP_BUFFER)
		arena_fini(&x->arena);
	else
		arena_reset(&x->arena);
	keep_small(&x->body);
	answer_reset(&x->answer);
	head_init(&x->head);
	memset(&x->c, 0, sizeof(x->c));
	x->match = (struct route_match){.group = x->server->o.groups};
	x->body_left = 0;
	x->body_done = x->continued = x->refused = x->prepared = false;
	x->verdict = 0;
	x->received = x->transmitted = 0;
	x->pace = (struct pace){0};
	x->hand = NULL;
	x->id[0] = '\0';
}

struct exchange *exchange_new(struct server *s)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->server = s;
	arena_init(&x->arena, HTTP_ARENA_MAX);
	buf_init(&x->in, in_ceiling);
	buf_init(&x->body, HTTP_BODIES_MAX);
	answer_init(&x->answer);
	clear(x);
	return x;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	answer_reset(&x->answer);
	answer_fini(&x->answer);
	buf_fini(&x->body);
	buf_fini(&x->in);
	arena_fini(&x->arena);
	free(x);
}

void exchange_next(struct exchange *x)
{
	buf_drop(&x->in, x->used);
	x->used = 0;
	if (!x->in.n)
		keep_small(&x->in);
	clear(x);
}

void exchange_reset(struct exchange *x)
{
	keep_small(&x->in);
	x->used = 0;
	clear(x);
	x->conn = NULL;
}
