/* SPDX-License-Identifier: Apache-2.0 */
/* crew.c - threads, their queue, and running a handler.
 *
 * The order is: who asks, the request's fields, the before hook, the handler.
 * A parked call comes back to the hook; what was read stays.
 */
#include "api/http/crew.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "api/http/body.h"
#include "api/http/core.h"
#include "api/http/transfer.h"
#include "indexer/base/thread.h"

enum { ERRANDS_WAITING_MAX = 1 << 20 };

static int prepare(struct exchange *x, struct err *e)
{
	const struct server_options *o = &x->server->o;

	if (x->prepared)
		return 0;
	if (o->authenticate && o->authenticate(&x->c, e))
		return -1;
	if (body_fields(x, e))
		return -1;
	x->prepared = true;
	return 0;
}

static void run(struct hand *hand, struct exchange *x)
{
	const struct server_options *o = &x->server->o;
	struct err e;

	x->hand = hand;
	hand->let_go = false;
	x->c.worker = hand->app;
	if (prepare(x, &e))
		reply_error(&x->c, &e);
	else if (!o->before || !o->before(&x->c))
		x->c.route->handle(&x->c);
	if (hand->let_go)
		return;
	if (!x->body_done)
		transfer_drain(hand, x);
	call_finish(&x->c);
}

static void take(struct hand *hand, struct exchange *x)
{
	switch (x->errand) {
	case ERRAND_RUN:
		run(hand, x);
		break;
	case ERRAND_SEAL:
		call_seal(x, &hand->gzip);
		break;
	case ERRAND_FILE:
		transfer_file(hand, x);
		break;
	}
}

static void *hand_main(void *arg)
{
	struct hand *hand = arg;
	struct crew *w = hand->crew;
	struct queue_node *n;

	while ((n = queue_pop(&w->queue, -1))) {
		atomic_fetch_add_explicit(&w->busy, 1, memory_order_relaxed);
		take(hand, CONTAINER_OF(n, struct exchange, node));
		atomic_fetch_sub_explicit(&w->busy, 1, memory_order_relaxed);
	}
	return NULL;
}

static void hand_fini(struct crew *w, struct hand *hand)
{
	if (w->server->o.worker_free && hand->app)
		w->server->o.worker_free(hand->app);
	gzip_fini(&hand->gzip);
	free(hand->scratch);
}

static int hand_start(struct crew *w, struct hand *hand, struct err *e)
{
	const struct server_options *o = &w->server->o;

	hand->crew = w;
	hand->scratch = malloc(HTTP_SCRATCH);
	if (!hand->scratch)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (o->worker_new) {
		hand->app = o->worker_new(o->app, e);
		if (!hand->app)
			goto fail;
	}
	if (thread_start(&hand->thread, hand_main, hand, e) == 0)
		return 0;
fail:
	hand_fini(w, hand);
	return -1;
}

void crew_init(struct crew *w, struct server *s)
{
	*w = (struct crew){.server = s};
	queue_init(&w->queue, ERRANDS_WAITING_MAX);
}

void crew_fini(struct crew *w)
{
	while (atomic_load(&w->giving))
		sched_yield();
	if (w->server)
		queue_fini(&w->queue);
}

int crew_start(struct crew *w, unsigned n, bool transfers, struct err *e)
{
	w->transfers = transfers;
	w->hands = calloc(n, sizeof(*w->hands));
	if (!w->hands)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (; w->n < n; w->n++)
		if (hand_start(w, &w->hands[w->n], e))
			return -1;
	return 0;
}

void crew_stop(struct crew *w)
{
	if (!w->hands)
		return;
	queue_close(&w->queue);
	for (unsigned i = 0; i < w->n; i++) {
		pthread_join(w->hands[i].thread, NULL);
		hand_fini(w, &w->hands[i]);
	}
	w->n = 0;
	free(w->hands);
	w->hands = NULL;
}

static bool give(struct crew *w, struct exchange *x, enum errand errand,
		 bool sure)
{
	if (w->transfers && !sure &&
	    queue_count(&w->queue) >= HTTP_TRANSFERS_WAITING)
		return false;
	x->errand = errand;
	x->node.weight = 1;
	return queue_push(&w->queue, &x->node);
}

/* The exchange may be through with everything, and the server about to end,
 * before the push has returned: crew_fini waits for that. */
bool crew_give(struct crew *w, struct exchange *x, enum errand errand,
	       bool sure)
{
	bool given;

	atomic_fetch_add(&w->giving, 1);
	given = give(w, x, errand, sure);
	atomic_fetch_sub(&w->giving, 1);
	return given;
}
