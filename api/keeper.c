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

enum {
	SWEEP_MS = 3600 * 1000,
	PATIENCE_MS = 2000, /* with the collection that runs */
};

struct keeper {
	struct index *index;
	struct objects *objects;
	pthread_t thread;
	pthread_mutex_t busy; /* held as long as a collection runs */
	pthread_mutex_t mu;
	pthread_cond_t stop;
	bool stopping; /* guarded by: mu */
};

static bool stopping(void *ctx)
{
	struct keeper *k = ctx;

	SCOPED_LOCK(&k->mu);
	return k->stopping;
}

/* False when it is to stop. */
static bool wait_long(struct keeper *k)
{
	struct timespec until = clock_deadline(SWEEP_MS);

	SCOPED_LOCK(&k->mu);
	while (!k->stopping)
		if (pthread_cond_timedwait(&k->stop, &k->mu, &until))
			break;
	return !k->stopping;
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
	struct timespec until = clock_deadline(PATIENCE_MS);
	int rc;

	if (pthread_mutex_clocklock(&k->busy, CLOCK_MONOTONIC, &until))
		return err_set(e, ERR_BUSY, "a collection is under way");
	rc = collect(k, g, rd, e);
	pthread_mutex_unlock(&k->busy);
	return rc;
}

static void *keeper_main(void *arg)
{
	struct keeper *k = arg;
	struct err e;

	do {
		struct collect g = {.who = principal_owner(),
				    .what = COLLECT_BEGUN};

		pthread_mutex_lock(&k->busy);
		if (collect(k, &g, NULL, &e) < 0)
			log_warn("housekeeping failed", "why=\"%s\"", e.msg);
		pthread_mutex_unlock(&k->busy);
	} while (wait_long(k));
	return NULL;
}

static void init_stop(struct keeper *k)
{
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&k->stop, &clock);
	pthread_condattr_destroy(&clock);
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
	pthread_mutex_init(&k->busy, NULL);
	pthread_mutex_init(&k->mu, NULL);
	init_stop(k);
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
	pthread_cond_signal(&k->stop);
	pthread_mutex_unlock(&k->mu);
	pthread_join(k->thread, NULL);
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	pthread_cond_destroy(&k->stop);
	pthread_mutex_destroy(&k->mu);
	pthread_mutex_destroy(&k->busy);
	free(k);
}
