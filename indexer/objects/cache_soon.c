/* SPDX-License-Identifier: Apache-2.0 */
/* cache_soon.c - small objects that somebody will probably ask for.
 *
 * Each is opened and its only range started; it stays open in a ring until
 * others push it out, so that it is also there where the directory is not.
 */
#include "indexer/base/scope.h"
#include "indexer/objects/cache_own.h"

/* The ring's turn: what it pushes out is closed by the caller. */
static struct cached *put(struct cache *c, struct cached *h)
{
	SCOPED_LOCK(&c->mu);
	struct cached *old = c->soon[c->soon_at];

	c->soon[c->soon_at] = h;
	c->soon_at = (c->soon_at + 1) % CACHE_SOON;
	return old;
}

static bool is_known(struct cache_object *o)
{
	return o->soon || o->ranges || o->file.state != DISK_NONE;
}

/* False: nothing need be done for it. */
static bool start(struct cached *h)
{
	struct cache_object *o = h->o;
	SCOPED_LOCK(&o->mu);

	if (is_known(o))
		return false;
	o->soon = true;
	if (!range_start(o, 0, (size_t)o->check.size, true))
		o->soon = false;
	return o->soon;
}

static void one(struct cache *c, struct objects *store,
		const struct cached_name *name)
{
	struct err e = {0};
	struct cached *h;

	if (name->size <= 0 || name->size > CACHE_SOON_BYTES)
		return;
	h = cached_open(c, store, name, &e);
	if (!h)
		return;
	if (!start(h)) {
		cached_close(h);
		return;
	}
	atomic_fetch_add(&c->counts.soon, 1);
	cached_close(put(c, h));
}

void cache_soon(struct cache *c, struct objects *store,
		const struct cached_name *names, size_t n)
{
	for (size_t i = 0; i < n && i < CACHE_SOON / 2; i++) {
		if (atomic_load(&c->soon_flying) >= CACHE_SOON_FLYING)
			return;
		one(c, store, &names[i]);
	}
}

void soon_used(struct cache_object *o)
{
	SCOPED_LOCK(&o->mu);

	if (!o->soon || o->soon_hit)
		return;
	o->soon_hit = true;
	atomic_fetch_add(&o->c->counts.soon_hits, 1);
}

void soon_end(struct cache *c)
{
	for (int i = 0; i < CACHE_SOON; i++)
		cached_close(put(c, NULL));
}
