/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.c - one collection at a time, whoever asks for it.
 *
 * The keeper's thread ends what an earlier process had begun, then sweeps now
 * and then what is left lying about by clients that went away.
 */
#include "api/keeper.h"

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"

enum {
	SWEEP_MS = 3600 * 1000,
	PATIENCE_MS = 2000, /* with the collection that runs */
};

struct keeper {
	struct index *index;
	struct objects *objects;
	pthread_t thread;
	pthread_mutex_t mu;
	pthread_cond_t changed;
	bool busy, stopping; /* guarded by: mu; busy: a collection runs */
};

static bool stopping(void *ctx)
{
	struct keeper *k = ctx;

	SCOPED_LOCK(&k->mu);
	return k->stopping;
}

/* Until *flag is false, or for so long, or until the end. mu is held. */
static void wait_while(struct keeper *k, const bool *flag, int64_t ms)
{
	struct timespec until = clock_deadline(ms);

	while (*flag && !k->stopping)
		if (pthread_cond_timedwait(&k->changed, &k->mu, &until))
			break;
}

/* False when it is to stop. */
static bool wait_long(struct keeper *k)
{
	const bool always = true;

	SCOPED_LOCK(&k->mu);
	wait_while(k, &always, SWEEP_MS);
	return !k->stopping;
}

static bool take_turn(struct keeper *k, int64_t patience_ms)
{
	SCOPED_LOCK(&k->mu);
	wait_while(k, &k->busy, patience_ms);
	if (k->busy || k->stopping)
		return false;
	k->busy = true;
	return true;
}

static void end_turn(struct keeper *k)
{
	SCOPED_LOCK(&k->mu);
	k->busy = false;
	pthread_cond_broadcast(&k->changed);
}

static int collect(struct keeper *k, struct collect *g, struct reader *rd,
		   struct err *e)
{
	g->index = k->index;
	g->objects = k->objects;
	g->cancelled = stopping;
	g->ctx = k;
	return rd ? collect_estimate(g, rd, e) : collect_run(g, e);
}

int keeper_collect(struct keeper *k, struct collect *g, struct reader *rd,
		   struct err *e)
{
	int rc;

	if (!take_turn(k, PATIENCE_MS))
		return err_set(e, ERR_BUSY, "a collection is under way");
	rc = collect(k, g, rd, e);
	end_turn(k);
	return rc;
}

/* Whoever has the turn does this work as well. */
static void *keeper_main(void *arg)
{
	struct keeper *k = arg;
	struct err e;

	do {
		struct collect g = {.who = principal_owner(),
				    .what = COLLECT_BEGUN};

		if (!take_turn(k, 0))
			continue;
		if (collect(k, &g, NULL, &e) < 0)
			log_warn("housekeeping failed", "why=\"%s\"", e.msg);
		end_turn(k);
	} while (wait_long(k));
	return NULL;
}

struct keeper *keeper_start(struct index *ix, struct objects *o, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int failed;

	if (!k) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	k->index = ix;
	k->objects = o;
	pthread_mutex_init(&k->mu, NULL);
	thread_condition(&k->changed);
	failed = pthread_create(&k->thread, NULL, keeper_main, k);
	if (!failed)
		return k;
	err_sys(e, failed, "the thread that keeps the store");
	keeper_free(k);
	return NULL;
}

void keeper_stop(struct keeper *k)
{
	pthread_mutex_lock(&k->mu);
	k->stopping = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->mu);
	pthread_join(k->thread, NULL);
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->mu);
	free(k);
}
