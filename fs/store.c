/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - see store.h.
 */
#include "fs/store.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"
#include "indexer/objects/told.h"

enum {
	STEP_MS = 20,   /* between two looks whether to go on waiting */
	AGAIN_MS = 500, /* between two tries */
	WAIT_MS = 5000, /* for a try */
	PART = 20,      /* of the disk that stays free */
};

struct store {
	char *data, *server, *token; /* the last two NULL: the store is told */
	const char *at;              /* its URL, to be named */
	struct conf told;
	bool files;
	struct drafts *drafts;
	struct cache *cache;
	pthread_t thread;
	bool started;
	pthread_mutex_t mu;
	pthread_cond_t moved;
	/* guarded by: mu */
	struct objects *objects; /* stays once it is there */
	bool stopping, wanted;
	unsigned tries;
	struct err why;
	_Atomic bool answers, known;
};

/* --- joining -------------------------------------------------------------- */

void store_note(struct store *s, const struct err *e)
{
	bool good = !e;

	if (s->files)
		return;
	if (e && e->kind != ERR_UNAVAILABLE && e->kind != ERR_TIMEOUT)
		return;
	if (atomic_exchange(&s->answers, good) == good &&
	    atomic_exchange(&s->known, true))
		return;
	atomic_store(&s->known, true);
	if (good)
		log_info("the object store answers", "at=\"%s\"", s->at);
	else
		log_warn("the object store cannot be used: bytes of artifacts "
			 "can be neither read nor stored until it can",
			 "at=\"%s\" why=\"%s\"", s->at, e->msg);
}

bool store_answers(const struct store *s)
{
	return s->files || atomic_load(&s->answers);
}

static struct objects *join(struct store *s, struct err *e)
{
	const struct daemon_link link = {.url = s->server,
					 .token = s->token,
					 .spool = cache_spool(s->cache)};
	struct objects *o =
		s->server ? objects_open_daemon(&link, e)
			  : objects_join(s->data, &s->told.objects, e);

	if (!o)
		e->kind = ERR_UNAVAILABLE;
	return o;
}

static void try(struct store *s)
{
	struct err e = {0};
	struct objects *o = join(s, &e);
	bool bad = !o || objects_look(o, &e) < 0;

	store_note(s, bad ? &e : NULL);
	SCOPED_LOCK(&s->mu);
	s->objects = o;
	s->why = e;
	s->tries++;
	pthread_cond_broadcast(&s->moved);
}

/* False at the end. */
static bool wait_turn(struct store *s)
{
	SCOPED_LOCK(&s->mu);
	struct timespec until = clock_deadline(AGAIN_MS);

	while (!s->stopping &&
	       !pthread_cond_timedwait(&s->moved, &s->mu, &until))
		;
	while (!s->stopping && (s->objects || !s->wanted))
		pthread_cond_wait(&s->moved, &s->mu);
	s->wanted = false;
	return !s->stopping;
}

static void *joiner(void *arg)
{
	do
		try(arg);
	while (wait_turn(arg));
	return NULL;
}

static int await_try(struct store *s, const struct fs_call *c, struct err *e)
{
	int64_t end = clock_mono_ms() + WAIT_MS;
	unsigned before = s->tries;

	s->wanted = true;
	pthread_cond_broadcast(&s->moved);
	while (!s->objects && s->tries == before && clock_mono_ms() < end) {
		struct timespec until = clock_deadline(STEP_MS);

		if (c && fs_check_cancelled(c, e))
			return -1;
		pthread_cond_timedwait(&s->moved, &s->mu, &until);
	}
	if (s->objects)
		return 0;
	*e = s->why;
	if (e->kind == ERR_NONE)
		err_set(e, ERR_TIMEOUT, "the object store is being opened");
	return -1;
}

struct objects *store_objects(struct store *s, struct fs_call *c, struct err *e)
{
	SCOPED_LOCK(&s->mu);

	if (s->objects)
		return s->objects;
	if (c && fs_may_wait(c, e))
		return NULL;
	return await_try(s, c, e) ? NULL : s->objects;
}

struct objects *store_peek(struct store *s)
{
	SCOPED_LOCK(&s->mu);

	return s->objects;
}

static struct objects *objects_for_draft(void *ctx, struct err *e)
{
	return store_objects(ctx, NULL, e);
}

/* --- life ----------------------------------------------------------------- */

/* A small disk is not all kept free. */
static int64_t floor_of(const char *dir, int64_t wanted)
{
	struct statvfs st;
	int64_t part;

	if (wanted > 0 || statvfs(dir, &st) < 0)
		return wanted > 0 ? wanted : CACHE_FLOOR;
	part = (int64_t)(st.f_blocks / PART) * (int64_t)st.f_frsize;
	return part < CACHE_FLOOR ? part : CACHE_FLOOR;
}

static int open_cache(struct store *s, const struct store_options *o,
		      struct err *e)
{
	char dir[PATH_MAX];
	struct cache_options cache = {.dir = dir, .bytes = o->bytes};
	struct draft_options drafts = {objects_for_draft, s, false, dir, 0};

	if (o->cache)
		snprintf(dir, sizeof(dir), "%s", o->cache);
	else
		snprintf(dir, sizeof(dir), "%s/cache", o->data);
	if (io_mkdirs(dir, 0700, e))
		return -1;
	cache.floor = drafts.floor = floor_of(dir, o->floor);
	s->cache = cache_open(&cache, e);
	if (!s->cache)
		return -1;
	if (cache_spool(s->cache))
		drafts.dir = cache_spool(s->cache);
	s->drafts = drafts_open(&drafts, e);
	return s->drafts ? 0 : -1;
}

static int open_files(struct store *s, struct err *e)
{
	struct draft_options drafts = {objects_for_draft, s, true, NULL, 0};

	s->files = true;
	s->objects = objects_join(s->data, &s->told.objects, e);
	if (!s->objects)
		return -1;
	s->drafts = drafts_open(&drafts, e);
	return s->drafts ? 0 : -1;
}

static bool is_far(const struct store *s)
{
	struct str url = s->told.objects.url;

	return s->server || memmem(url.p, url.n, "://", 3);
}

static int open_any(struct store *s, const struct store_options *o,
		    struct err *e)
{
	if (conf_init(&s->told, e))
		return -1;
	if (!s->server && objects_told(o->data, &s->told, e))
		return -1;
	s->at = s->server ? s->server : s->told.objects.url.p;
	if (!is_far(s))
		return open_files(s, e);
	if (open_cache(s, o, e) || thread_start(&s->thread, joiner, s, e))
		return -1;
	s->started = true;
	return 0;
}

struct store *store_open(const struct store_options *o, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->data = strdup(o->data);
	s->server = o->server ? strdup(o->server) : NULL;
	s->token = o->token ? strdup(o->token) : NULL;
	pthread_mutex_init(&s->mu, NULL);
	thread_condition(&s->moved);
	if (open_any(s, o, e) == 0)
		return s;
	store_close(s);
	return NULL;
}

static void end_thread(struct store *s)
{
	if (!s->started)
		return;
	pthread_mutex_lock(&s->mu);
	s->stopping = true;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->mu);
	pthread_join(s->thread, NULL);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	end_thread(s);
	if (s->objects)
		objects_hurry(s->objects);
	drafts_close(s->drafts);
	cache_close(s->cache);
	objects_close(s->objects);
	conf_fini(&s->told);
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->mu);
	if (s->token)
		explicit_bzero(s->token, strlen(s->token));
	free(s->token);
	free(s->server);
	free(s->data);
	free(s);
}

bool store_is_files(const struct store *s)
{
	return s->files;
}

bool store_is_daemon(const struct store *s)
{
	return s->server != NULL;
}

struct drafts *store_drafts(const struct store *s)
{
	return s->drafts;
}

struct cache *store_cache(const struct store *s)
{
	return s->cache;
}

int store_near(const struct store *s, const struct cached_name *name)
{
	return s->files ? 100 : cache_percent(s->cache, name);
}
