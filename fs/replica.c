/* SPDX-License-Identifier: Apache-2.0 */
/* replica.c - the keeper's thread, and who waits for it. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "fs/replica_keep.h"
#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"

enum {
	POLL_MS = 500,        /* without an event stream */
	LOOK_MS = 5000,       /* with one: should it be dead */
	PAUSE_MOST_MS = 5000, /* after many failures */
	ENDING_MS = 5000,     /* of a mount that had the copy before */
	STEP_MS = 20,         /* between two looks whether to go on waiting */
};

bool replica_gives_up(void *arg)
{
	const struct replica *r = arg;

	return atomic_load(&r->stop) || (r->cancelled && r->cancelled(r->ctx));
}

void replica_nap(struct replica *r, int64_t ms)
{
	const struct timespec step = {0, 50 * 1000000};

	for (; ms > 0 && !atomic_load(&r->stop); ms -= 50)
		nanosleep(&step, NULL);
}

int64_t replica_longer(int64_t ms)
{
	return ms * 2 < PAUSE_MOST_MS ? ms * 2 : PAUSE_MOST_MS;
}

/* Under the lock: the keeper looks at once. */
void replica_hurry(struct replica *r)
{
	r->hurry = true;
	pthread_cond_signal(&r->wake);
}

/* --- the keeper ----------------------------------------------------------- */

/* Under the lock. */
static bool points_wanted(const struct replica *r)
{
	for (size_t i = 0; i < REPLICA_FETCHES; i++)
		if (r->fetches[i].state == FETCH_WANTED)
			return true;
	return false;
}

/* True when there is reason to ask. */
static bool await(struct replica *r, int64_t ms)
{
	struct timespec until = clock_deadline(ms);

	SCOPED_LOCK(&r->mu);
	while (!atomic_load(&r->stop)) {
		if (r->hurry || r->heard > r->figures.change)
			return true;
		if (points_wanted(r))
			return false;
		if (pthread_cond_clockwait(&r->wake, &r->mu, CLOCK_MONOTONIC,
					   &until))
			return true;
	}
	return false;
}

static void lost(struct replica *r, const struct err *e)
{
	bool before;

	pthread_mutex_lock(&r->mu);
	before = r->figures.connected;
	r->figures.connected = false;
	r->hurry = false;
	pthread_cond_broadcast(&r->news);
	pthread_mutex_unlock(&r->mu);
	replica_file_connected(r->file, false);
	if (before)
		log_warn("the copy of the index does not follow",
			 "server=%s error=\"%s\"", r->url, e->msg);
}

static void found(struct replica *r, bool again)
{
	if (again)
		log_info("the copy of the index follows again",
			 "server=%s change=%" PRId64, r->url,
			 replica_file_change(r->file));
}

static int64_t patience(struct replica *r)
{
	SCOPED_LOCK(&r->mu);

	return r->listening ? LOOK_MS : POLL_MS;
}

static bool somebody_waits(struct replica *r)
{
	SCOPED_LOCK(&r->mu);

	return r->hurry || points_wanted(r);
}

/* After a failure; a short one while somebody waits. */
static void take_breath(struct replica *r, int64_t ms)
{
	for (; ms > 0 && !atomic_load(&r->stop); ms -= REPLICA_PAUSE_MS) {
		replica_nap(r, REPLICA_PAUSE_MS);
		if (somebody_waits(r))
			return;
	}
}

static void *keeper_main(void *arg)
{
	struct replica *r = arg;
	int64_t pause = 0;

	while (!atomic_load(&r->stop)) {
		struct err e = {0};
		bool due;

		replica_fetch_wanted(r);
		if (pause)
			take_breath(r, pause);
		due = pause || await(r, patience(r));
		if (!due || atomic_load(&r->stop))
			continue;
		if (replica_catch_up(r, &e)) {
			lost(r, &e);
			pause = pause ? replica_longer(pause)
				      : REPLICA_PAUSE_MS;
			continue;
		}
		found(r, pause != 0);
		pause = 0;
		replica_fetch_stale(r);
		replica_file_idle(r->file);
	}
	return NULL;
}

/* --- waiting -------------------------------------------------------------- */

/* One more look at what is waited for; false when the time is over. */
static bool wait_news(struct replica *r, const struct timespec *until)
{
	return pthread_cond_clockwait(&r->news, &r->mu, CLOCK_MONOTONIC,
				      until) == 0;
}

bool replica_wait(struct replica *r, int64_t change, int64_t wait_ms)
{
	struct timespec until = clock_deadline(wait_ms);

	SCOPED_LOCK(&r->mu);
	while (r->figures.change < change) {
		replica_hurry(r);
		if (!wait_news(r, &until))
			return r->figures.change >= change;
	}
	return true;
}

static struct fetch *want(struct replica *r, int64_t run)
{
	struct fetch *empty = NULL;

	for (size_t i = 0; i < REPLICA_FETCHES; i++) {
		struct fetch *f = &r->fetches[i];

		if (f->state == FETCH_WANTED && f->run == run)
			return f;
		if (f->state == FETCH_FREE)
			empty = f;
	}
	if (empty)
		*empty = (struct fetch){.run = run, .state = FETCH_WANTED};
	return empty;
}

/* Under the lock: until it was fetched. */
static int await_fetch(struct replica *r, const struct fetch *f,
		       const struct replica_wait *w, struct err *e)
{
	int64_t end = clock_mono_ms() + w->ms;

	while (f->state == FETCH_WANTED) {
		struct timespec step = clock_deadline(STEP_MS);

		if (w->cancelled && w->cancelled(w->ctx))
			return err_set(e, ERR_INTERRUPTED,
				       "the caller gave up");
		if (clock_mono_ms() > end)
			return err_set(e, ERR_TIMEOUT,
				       "the points of this run have not come "
				       "yet");
		wait_news(r, &step);
	}
	if (f->err.kind == ERR_NONE)
		return 0;
	*e = f->err;
	return err_wrap(e, "the points of this run are not here");
}

int replica_points(struct replica *r, int64_t run, const struct replica_wait *w,
		   struct err *e)
{
	struct fetch *f;
	int rc;

	SCOPED_LOCK(&r->mu);
	f = want(r, run);
	if (!f)
		return err_set(e, ERR_BUSY,
			       "the points of many runs are being fetched");
	f->users++;
	pthread_cond_signal(&r->wake);
	rc = await_fetch(r, f, w, e);
	if (--f->users == 0 && f->state == FETCH_DONE)
		f->state = FETCH_FREE;
	return rc;
}

void replica_figures(struct replica *r, struct replica_figures *ret)
{
	SCOPED_LOCK(&r->mu);

	*ret = r->figures;
	if (!ret->connected || r->heard > ret->change)
		ret->behind_ms = clock_mono_ms() - r->level_at;
}

/* --- life ----------------------------------------------------------------- */

static bool passes(const struct err *e)
{
	return e->kind == ERR_UNAVAILABLE || e->kind == ERR_TIMEOUT ||
	       e->kind == ERR_BUSY;
}

static int64_t pages_so_far(struct replica *r)
{
	SCOPED_LOCK(&r->mu);

	return r->figures.pages;
}

/* The whole of it, as long as pages keep coming. */
static int first_copy(struct replica *r, int64_t wait_ms, struct err *e)
{
	int64_t until = clock_mono_ms() + wait_ms, pages = 0;

	log_info("the index is copied", "server=%s", r->url);
	while (replica_catch_up(r, e)) {
		if (pages_so_far(r) > pages) {
			pages = pages_so_far(r);
			until = clock_mono_ms() + wait_ms;
		}
		if (!passes(e) || clock_mono_ms() >= until)
			return err_wrap(e, "there is no copy of the index yet");
		replica_nap(r, REPLICA_PAUSE_MS);
	}
	return 0;
}

static int start(struct replica *r, struct err *e)
{
	if (pthread_create(&r->keeper, NULL, keeper_main, r))
		return err_set(e, ERR_IO, "no thread to keep the copy");
	r->keeps = true;
	if (pthread_create(&r->ear, NULL, replica_ear, r))
		return err_set(e, ERR_IO, "no thread to hear of changes");
	r->hears = true;
	return 0;
}

/* Whose mount ends right now has it for another moment. */
static struct replica_file *
open_file(struct replica *r, const struct replica_options *o, struct err *e)
{
	int64_t until = clock_mono_ms() +
			(o->wait_ms < ENDING_MS ? o->wait_ms : ENDING_MS);
	struct replica_file *f;

	while (!(f = replica_file_open(o->dir, e)) && e->kind == ERR_BUSY &&
	       clock_mono_ms() < until && !replica_gives_up(r))
		replica_nap(r, REPLICA_PAUSE_MS);
	return f;
}

static int prepare(struct replica *r, const struct replica_options *o,
		   struct err *e)
{
	struct str token = str_from(o->token);

	r->client = client_new(o->url, token, e);
	r->stream = r->client ? client_new(o->url, token, e) : NULL;
	if (!r->stream)
		return -1;
	r->file = open_file(r, o, e);
	if (!r->file)
		return -1;
	r->figures.change = replica_file_change(r->file);
	r->level_at = clock_mono_ms();
	if (!replica_file_level(r->file) && first_copy(r, o->wait_ms, e))
		return -1;
	/* from now on only its end ends it */
	r->cancelled = NULL;
	r->hurry = true;
	return start(r, e);
}

struct replica *replica_open(const struct replica_options *o, struct err *e)
{
	struct replica *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->url = strdup(o->url);
	r->cancelled = o->cancelled;
	r->ctx = o->ctx;
	pthread_mutex_init(&r->mu, NULL);
	pthread_cond_init(&r->wake, NULL);
	pthread_cond_init(&r->news, NULL);
	if (r->url && prepare(r, o, e) == 0)
		return r;
	replica_close(r);
	return NULL;
}

void replica_close(struct replica *r)
{
	if (!r)
		return;
	atomic_store(&r->stop, true);
	pthread_mutex_lock(&r->mu);
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->mu);
	if (r->keeps)
		pthread_join(r->keeper, NULL);
	if (r->hears)
		pthread_join(r->ear, NULL);
	replica_file_close(r->file);
	client_free(r->client);
	client_free(r->stream);
	pthread_cond_destroy(&r->wake);
	pthread_cond_destroy(&r->news);
	pthread_mutex_destroy(&r->mu);
	free(r->url);
	free(r);
}
