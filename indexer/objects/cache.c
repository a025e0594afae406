/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - the table of objects that are open, and who holds them. */
#include "indexer/objects/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "indexer/base/scope.h"
#include "indexer/base/thread.h"
#include "indexer/objects/cache_own.h"

/* --- objects -------------------------------------------------------------- */

static struct cache_object **bucket(struct cache *c, const struct cache_id *id)
{
	return &c->table[str_hash(str_from(id->hex)) % CACHE_BUCKETS];
}

static struct cache_object *find(struct cache *c, const struct cache_id *id,
				 int64_t size)
{
	struct cache_object *o = *bucket(c, id);

	while (o && (!cache_id_eq(&o->id, id) || o->check.size != size))
		o = o->next;
	return o;
}

static struct cache_object *object_new(struct cache *c, struct objects *store,
				       const struct cache_id *id,
				       const struct cached_name *name)
{
	struct cache_object *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	o->c = c;
	o->id = *id;
	o->refs = 1;
	o->store = store;
	o->key = strndup(name->key.n ? name->key.p : "", name->key.n);
	if (!o->key)
		abort();
	pthread_mutex_init(&o->mu, NULL);
	thread_condition(&o->changed);
	check_init(&o->check, id, name->size, name->sums);
	disk_file_init(&o->file, &o->check);
	disk_find(&c->disk, &o->file, &o->check);
	return o;
}

static void object_free(struct cache_object *o)
{
	while (o->ranges)
		range_drop(o->ranges);
	disk_file_fini(&o->file);
	check_fini(&o->check);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->mu);
	free(o->key);
	free(o);
}

void object_hold(struct cache_object *o)
{
	atomic_fetch_add(&o->refs, 1);
}

static void unlink_object(struct cache_object *o)
{
	struct cache_object **p = bucket(o->c, &o->id);

	while (*p != o)
		p = &(*p)->next;
	*p = o->next;
}

void object_let(struct cache_object *o)
{
	struct cache *c = o->c;
	int refs = atomic_load(&o->refs);
	bool last;

	while (refs > 1)
		if (atomic_compare_exchange_weak(&o->refs, &refs, refs - 1))
			return;
	pthread_mutex_lock(&c->mu);
	last = atomic_fetch_sub(&o->refs, 1) == 1;
	if (last)
		unlink_object(o);
	pthread_mutex_unlock(&c->mu);
	if (!last)
		return;
	object_free(o);
	pthread_mutex_lock(&c->mu);
	if (--c->objects == 0)
		pthread_cond_broadcast(&c->none);
	pthread_mutex_unlock(&c->mu);
}

/* --- handles -------------------------------------------------------------- */

/* The newest key: an older one may be gone meanwhile. */
static void take_name(struct cache_object *o, struct objects *store,
		      struct str key)
{
	SCOPED_LOCK(&o->mu);

	if (!store || (o->store == store && str_is(key, o->key)))
		return;
	free(o->key);
	o->key = strndup(key.n ? key.p : "", key.n);
	if (!o->key)
		abort();
	o->store = store;
}

static struct cache_object *hold_found(struct cache *c,
				       const struct cache_id *id, int64_t size)
{
	struct cache_object *o = find(c, id, size);

	if (!o)
		return NULL;
	o->handles++;
	object_hold(o);
	return o;
}

static struct cache_object *get(struct cache *c, struct objects *store,
				const struct cache_id *id,
				const struct cached_name *name, bool *ret_new)
{
	struct cache_object *o, *made;

	*ret_new = false;
	pthread_mutex_lock(&c->mu);
	o = hold_found(c, id, name->size);
	pthread_mutex_unlock(&c->mu);
	if (o)
		return o;
	made = object_new(c, store, id, name);
	pthread_mutex_lock(&c->mu);
	o = hold_found(c, id, name->size);
	if (!o) {
		made->next = *bucket(c, id);
		*bucket(c, id) = made;
		made->handles = 1;
		c->objects++;
		*ret_new = true;
	}
	pthread_mutex_unlock(&c->mu);
	if (o)
		object_free(made);
	return o ? o : made;
}

static int check_name(const struct cached_name *name, struct cache_id *id,
		      struct err *e)
{
	if (name->size < 0)
		return err_set(e, ERR_INVALID, "a size below 0");
	return cache_id_init(id, name->kind, name->digest, e);
}

struct cached *cached_open(struct cache *c, struct objects *store,
			   const struct cached_name *name, struct err *e)
{
	struct cached *h;
	struct cache_id id;
	bool made;

	if (check_name(name, &id, e) < 0)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (!h)
		abort();
	h->o = get(c, store, &id, name, &made);
	if (!made) {
		take_name(h->o, store, name->key);
		soon_used(h->o);
	}
	return h;
}

void cached_join(struct cached *h, struct objects *store)
{
	SCOPED_LOCK(&h->o->mu);

	if (!h->o->store)
		h->o->store = store;
}

void cached_close(struct cached *h)
{
	struct cache_object *o;
	bool last;

	if (!h)
		return;
	o = h->o;
	pthread_mutex_lock(&o->c->mu);
	last = --o->handles == 0;
	pthread_mutex_unlock(&o->c->mu);
	pthread_mutex_lock(&o->mu);
	ahead_end(h);
	if (last) {
		atomic_store(&o->learn_stop, true);
		ranges_end(o);
	}
	pthread_mutex_unlock(&o->mu);
	free(h);
	object_let(o);
}

int cached_fd(struct cached *h)
{
	SCOPED_LOCK(&h->o->mu);

	return h->o->file.state == DISK_TRUSTED ? h->o->file.fd : -1;
}

/* --- the cache ------------------------------------------------------------ */

struct cache *cache_open(const struct cache_options *o, struct err *e)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	if (disk_init(&c->disk, o, e) < 0) {
		disk_fini(&c->disk);
		free(c);
		return NULL;
	}
	pthread_mutex_init(&c->mu, NULL);
	pthread_mutex_init(&c->spare_mu, NULL);
	pthread_cond_init(&c->none, NULL);
	c->memory = o->memory ? o->memory : CACHE_MEMORY;
	pool_init(&c->fetchers, CACHE_FETCHERS);
	pool_init(&c->writers, CACHE_WRITERS);
	pool_init(&c->adopters, 1);
	return c;
}

void cache_close(struct cache *c)
{
	if (!c)
		return;
	atomic_store(&c->closing, true);
	soon_end(c);
	pthread_mutex_lock(&c->mu);
	while (c->objects)
		pthread_cond_wait(&c->none, &c->mu);
	pthread_mutex_unlock(&c->mu);
	pool_fini(&c->fetchers);
	pool_fini(&c->writers);
	pool_fini(&c->adopters);
	spares_free(c);
	disk_return(&c->disk);
	disk_fini(&c->disk);
	pthread_cond_destroy(&c->none);
	pthread_mutex_destroy(&c->spare_mu);
	pthread_mutex_destroy(&c->mu);
	free(c);
}

const char *cache_spool(const struct cache *c)
{
	return c->disk.spool;
}

int cache_adopt(struct cache *c, int fd, enum cache_digest kind,
		struct str digest, struct err *e)
{
	struct cache_id id;
	struct stat st;
	int rc;

	if (cache_id_init(&id, kind, digest, e) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "a file for the cache");
	if (!disk_usable(&c->disk))
		return err_set(e, ERR_UNAVAILABLE,
			       "the cache's directory cannot be used");
	if (!disk_reserve(&c->disk, st.st_size))
		return err_set(e, ERR_NO_SPACE, "the cache has no room");
	rc = disk_link(&c->disk, fd, &id);
	if (rc)
		return err_sys(e, rc, "%s", c->disk.dir);
	disk_stamp(&c->disk, fd, &id, st.st_size);
	return 0;
}

int cache_percent(struct cache *c, const struct cached_name *name)
{
	struct err ignored = {0};
	struct cache_id id;

	if (!name->size)
		return 100;
	if (check_name(name, &id, &ignored) < 0)
		return 0;
	return disk_percent(&c->disk, &id, name->size);
}

struct cache_figures cache_figures(struct cache *c)
{
	struct counts *n = &c->counts;

	return (struct cache_figures){
		.bytes = atomic_load(&c->disk.total),
		.memory = (int64_t)atomic_load(&c->used),
		.hits = atomic_load(&n->hits),
		.misses = atomic_load(&n->misses),
		.requests = atomic_load(&n->requests),
		.fetched = atomic_load(&n->fetched),
		.wasted = atomic_load(&n->wasted),
		.soon = atomic_load(&n->soon),
		.soon_hits = atomic_load(&n->soon_hits),
		.evicted = atomic_load(&c->disk.evicted),
		.corrupt = atomic_load(&n->corrupt),
		.bypassed = atomic_load(&n->bypassed),
	};
}
