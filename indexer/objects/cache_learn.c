/* SPDX-License-Identifier: Apache-2.0 */
/* cache_learn.c - an object of which no sums are known is read once from end
 * to end, before anybody gets a byte of it.
 *
 * Its digest tells whether all of it is right; its sums, learnt on the way,
 * make it from then on an object as any other. What the directory takes of it
 * meanwhile need not be fetched again.
 */
#include <stdlib.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/cache_own.h"

enum { PIECE = 1 << 20 };

struct learn {
	struct cache_object *o;
	struct pass pass;
	int from, to;      /* files; -1: the store, none */
	uint64_t *written; /* blocks */
};

static void keep(struct learn *l, const void *p, size_t n)
{
	if (l->to < 0)
		return;
	if (!disk_write(&l->o->c->disk, l->to, p, n, l->pass.at))
		l->to = -1;
}

static int take(struct learn *l, struct str piece, struct err *e)
{
	struct cache_object *o = l->o;

	if (atomic_load(&o->learn_stop) || atomic_load(&o->c->closing))
		return err_set(e, ERR_INTERRUPTED, "given up");
	if ((int64_t)piece.n > o->check.size - l->pass.at)
		return err_set(e, ERR_CORRUPT, "the object is too long");
	keep(l, piece.p, piece.n);
	pass_add(&l->pass, piece.p, piece.n);
	atomic_store(&o->learnt, l->pass.at);
	return 0;
}

static int from_store(struct learn *l, struct objects *store, const char *key,
		      struct err *e)
{
	struct object_get *g;
	struct str piece = STR_NONE;
	int rc;

	if (!store)
		return err_set(e, ERR_UNAVAILABLE,
			       "object %.200s: its store is not there yet",
			       key);
	g = object_get_begin(store, str_from(key), 0, l->o->check.size, e);
	rc = g ? 0 : -1;
	atomic_fetch_add(&l->o->c->counts.requests, 1);
	while (rc == 0) {
		rc = object_get_next(g, &piece, e);
		if (rc < 0 || !piece.n)
			break;
		rc = take(l, piece, e);
		atomic_fetch_add(&l->o->c->counts.fetched, (int64_t)piece.n);
	}
	object_get_end(g);
	return rc;
}

static int from_file(struct learn *l, struct err *e)
{
	SCOPED_FREE char *mem = malloc(PIECE);
	ssize_t n;

	if (!mem)
		abort();
	while ((n = io_pread_all(l->from, mem, PIECE, l->pass.at, e)) > 0)
		if (take(l, str_n(mem, (size_t)n), e) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int run_pass(struct learn *l, struct objects *store, const char *key,
		    struct err *e)
{
	if (pass_begin(&l->pass, &l->o->check) < 0)
		return err_set(e, ERR_BUSY, "out of memory");
	return l->from >= 0 ? from_file(l, e) : from_store(l, store, key, e);
}

/* o->mu held. */
static void note_good(struct learn *l)
{
	struct cache_object *o = l->o;

	if (l->from < 0 && l->to < 0)
		return;
	for (int64_t b = 0; b < o->check.blocks; b++)
		disk_set_good(&o->file, b);
	o->file.state = DISK_TRUSTED;
}

static int conclude(struct learn *l, int rc, struct err *e)
{
	struct cache_object *o = l->o;

	if (rc == 0 && pass_end(&l->pass, &o->check)) {
		note_good(l);
		return 0;
	}
	if (rc == 0)
		err_set(e, ERR_CORRUPT,
			"object %.200s is not what was stored: its %s is not "
			"%s",
			o->key, cache_id_kind(o->id.kind), o->id.hex);
	if (e->kind == ERR_CORRUPT)
		atomic_fetch_add(&o->c->counts.corrupt, 1);
	return -1;
}

static void persist(struct learn *l)
{
	struct cache_object *o = l->o;

	if (l->from >= 0)
		disk_stamp(&o->c->disk, l->from, &o->id, o->check.size);
	else if (l->to >= 0)
		disk_promote(&o->c->disk, l->to, &o->check);
}

/* A local file that is wrong is dropped, and the store asked. o->mu held, and
 * let go of meanwhile. */
static int attempt(struct cache_object *o, struct err *e)
{
	struct learn l = {.o = o, .from = -1, .to = -1};
	SCOPED_FREE char *key = strdup(o->key);
	struct objects *store = o->store;
	int rc;

	if (o->file.state == DISK_WHOLE)
		l.from = o->file.fd;
	else
		l.to = save_part(o);
	pthread_mutex_unlock(&o->mu);
	rc = run_pass(&l, store, key, e);
	pthread_mutex_lock(&o->mu);
	rc = conclude(&l, rc, e);
	pthread_mutex_unlock(&o->mu);
	if (rc == 0)
		persist(&l);
	pass_fini(&l.pass);
	pthread_mutex_lock(&o->mu);
	if (rc < 0 && l.from >= 0 && e->kind != ERR_INTERRUPTED) {
		save_broken(o);
		err_clear(e);
		return 1;
	}
	return rc;
}

static void learn(void *ctx)
{
	struct cache_object *o = ctx;
	struct err e = {0};
	int rc;

	pthread_mutex_lock(&o->mu);
	for (int i = 0; i < CACHE_TRIES; i++) {
		err_clear(&e);
		rc = attempt(o, &e);
		if (rc == 0 || (rc < 0 && e.kind != ERR_CORRUPT))
			break;
	}
	o->learn_error = e;
	o->learning = false;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->mu);
	object_let(o);
}

void learn_start(struct cache_object *o)
{
	if (o->learning)
		return;
	err_clear(&o->learn_error);
	atomic_store(&o->learnt, 0);
	atomic_store(&o->learn_stop, false);
	o->learn_job = (struct pool_job){.run = learn, .ctx = o};
	object_hold(o);
	o->learning = pool_add(&o->c->fetchers, &o->learn_job);
	if (o->learning)
		return;
	err_set(&o->learn_error, ERR_BUSY, "no thread can be had");
	object_let(o);
}
