/* SPDX-License-Identifier: Apache-2.0 */
/* cache_range.c - ranges: asked for, under way, here, and done with.
 *
 * A range under way holds its object; so who is last to let go of it may be
 * the store's thread. One that nobody wants is taken out of the list at once
 * and freed when the store has let go of its memory.
 */
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/objects/cache_own.h"
#include "indexer/objects/room.h"

/* --- memory --------------------------------------------------------------- */

struct spare {
	struct spare *next;
	size_t n;
};

static struct spare *spare_find(struct cache *c, size_t n)
{
	SCOPED_LOCK(&c->spare_mu);
	struct spare **p = &c->spares, *s;

	while ((s = *p) && s->n != n)
		p = &s->next;
	if (s) {
		*p = s->next;
		c->nspare -= n;
	}
	return s;
}

static void *spare_take(struct cache *c, size_t n)
{
	void *p = spare_find(c, n);

	if (!p)
		p = n < CACHE_LEAST ? malloc(n) : room_new(n);
	if (p)
		atomic_fetch_add(&c->used, n);
	return p;
}

static void spare_give(struct cache *c, void *p, size_t n)
{
	struct spare *s = p;
	bool kept = false;

	if (!p)
		return;
	atomic_fetch_sub(&c->used, n);
	if (n < CACHE_LEAST) {
		free(p);
		return;
	}
	pthread_mutex_lock(&c->spare_mu);
	if (n <= CACHE_RANGE && c->nspare + n <= CACHE_SPARE) {
		*s = (struct spare){c->spares, n};
		c->spares = s;
		c->nspare += n;
		kept = true;
	}
	pthread_mutex_unlock(&c->spare_mu);
	if (!kept)
		room_free(p, n);
}

void spares_free(struct cache *c)
{
	SCOPED_LOCK(&c->spare_mu);
	struct spare *s;

	while ((s = c->spares)) {
		c->spares = s->next;
		c->nspare -= s->n;
		room_free(s, s->n);
	}
}

/* Of one reader in sequence, so that all get some. */
size_t cache_share(struct cache *c)
{
	int streams = atomic_load(&c->streams);
	size_t share = c->memory / (size_t)(streams > 0 ? streams : 1);

	return share < CACHE_WINDOW ? share : CACHE_WINDOW;
}

/* --- the list ------------------------------------------------------------- */

struct range *range_at(struct cache_object *o, int64_t off)
{
	for (struct range *r = o->ranges; r; r = r->next)
		if (off >= r->off && off < r->off + (int64_t)r->n)
			return r;
	return NULL;
}

void range_pin(struct range *r)
{
	r->pins++;
}

static void range_free(struct range *r)
{
	spare_give(r->o->c, r->mem, r->n);
	free(r->key);
	free(r);
}

void range_unpin(struct range *r)
{
	if (--r->pins == 0 && r->gone)
		range_free(r);
}

/* What came for nothing, or will have to come again. */
static void count_loss(const struct range *r)
{
	struct counts *n = &r->o->c->counts;

	if (r->state != RANGE_HERE || r->saved)
		return;
	if (r->read == r->off)
		atomic_fetch_add(&n->wasted, (int64_t)r->n);
	else if (!r->saving && r->o->c->disk.dir)
		atomic_fetch_add(&n->bypassed, (int64_t)r->n);
}

/* A range under way is pinned by the store. */
void range_drop(struct range *r)
{
	struct range **p = &r->o->ranges;

	if (r->gone)
		return;
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	r->o->held -= r->n;
	r->gone = true;
	count_loss(r);
	if (!r->pins)
		range_free(r);
}

/* --- under way ------------------------------------------------------------ */

static void take_answer(struct range *r)
{
	struct cache_object *o = r->o;

	r->state = r->f.err.kind ? RANGE_FAILED : RANGE_HERE;
	r->e = r->f.err;
	r->used = clock_mono_ms();
	atomic_fetch_add(&o->c->counts.fetched,
			 (int64_t)atomic_load(&r->f.got));
	if (r->state == RANGE_FAILED && !r->waiters)
		range_drop(r);
	else if (o->soon && r->state == RANGE_HERE)
		save_soon(o);
	pthread_cond_broadcast(&o->changed);
}

static void done(struct object_fetch *f)
{
	struct range *r = (struct range *)f;
	struct cache_object *o = r->o;

	pthread_mutex_lock(&o->mu);
	take_answer(r);
	if (o->soon)
		atomic_fetch_sub(&o->c->soon_flying, 1);
	range_unpin(r);
	pthread_mutex_unlock(&o->mu);
	object_let(o);
}

static int fetch_pieces(struct range *r, struct object_get *g, struct err *e)
{
	struct object_fetch *f = &r->f;
	size_t got = 0;
	struct str piece;

	for (;;) {
		if (atomic_load(&r->unwanted))
			return err_set(e, ERR_INTERRUPTED, "given up");
		if (object_get_next(g, &piece, e) < 0)
			return -1;
		if (!piece.n)
			break;
		if (piece.n > f->n - got)
			return err_set(e, ERR_CORRUPT,
				       "the store sends too many bytes");
		memcpy(f->out + got, piece.p, piece.n);
		got += piece.n;
		atomic_store(&f->got, got);
	}
	if (got < f->n)
		return err_set(e, ERR_CORRUPT, "object %.*s ends too early",
			       STR_ARG(f->key));
	return 0;
}

/* Where the store has no better way. */
static void fetch_here(void *ctx)
{
	struct range *r = ctx;
	struct object_fetch *f = &r->f;
	struct object_get *g = object_get_begin(r->store, f->key, f->off,
						(int64_t)f->n, &f->err);

	if (g)
		fetch_pieces(r, g, &f->err);
	object_get_end(g);
	f->done(f);
}

/* The store's answer may come before this returns, but o->mu keeps it. */
static void submit(struct range *r)
{
	struct cache_object *o = r->o;

	r->state = RANGE_FLYING;
	r->began = clock_mono_ms();
	r->checked = 0;
	r->pins++;
	free(r->key);
	r->key = strdup(o->key);
	if (!r->key)
		abort();
	r->store = o->store;
	r->f = (struct object_fetch){.key = str_from(r->key),
				     .off = r->off,
				     .n = r->n,
				     .out = r->mem,
				     .done = done};
	atomic_fetch_add(&o->c->counts.requests, 1);
	if (o->soon)
		atomic_fetch_add(&o->c->soon_flying, 1);
	object_hold(o);
	if (object_fetch(r->store, &r->f))
		return;
	r->job = (struct pool_job){.run = fetch_here, .ctx = r};
	if (pool_add(&o->c->fetchers, &r->job))
		return;
	err_set(&r->e, ERR_BUSY, "no thread can be had");
	r->state = RANGE_FAILED;
	if (o->soon)
		atomic_fetch_sub(&o->c->soon_flying, 1);
	r->pins--;
	object_let(o);
}

static bool is_read(const struct range *r)
{
	return r->read >= r->off + (int64_t)r->n || !r->ahead;
}

static void drop_idle(struct cache_object *o)
{
	struct range *r, *next;

	for (r = o->ranges; r; r = next) {
		next = r->next;
		if (r->state == RANGE_HERE && !r->pins && is_read(r))
			range_drop(r);
	}
}

/* What others keep only for who steps back. Their locks are not ours to wait
 * for, since we hold one. */
static void reclaim(struct cache_object *mine)
{
	struct cache *c = mine->c;

	if (pthread_mutex_trylock(&c->mu))
		return;
	for (int i = 0; i < CACHE_BUCKETS; i++)
		for (struct cache_object *o = c->table[i]; o; o = o->next) {
			if (o == mine || pthread_mutex_trylock(&o->mu))
				continue;
			drop_idle(o);
			pthread_mutex_unlock(&o->mu);
		}
	pthread_mutex_unlock(&c->mu);
}

static bool is_room(struct cache_object *o, size_t n)
{
	struct cache *c = o->c;

	if (atomic_load(&c->used) + n <= c->memory)
		return true;
	reclaim(o);
	return atomic_load(&c->used) + n <= c->memory;
}

struct range *range_start(struct cache_object *o, int64_t off, size_t n,
			  bool ahead)
{
	struct range *r;

	if (!is_room(o, n) && ahead)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r)
		r->mem = spare_take(o->c, n);
	if (!r || !r->mem) {
		free(r);
		return NULL;
	}
	r->o = o;
	r->off = r->read = off;
	r->n = n;
	r->ahead = ahead;
	r->next = o->ranges;
	o->ranges = r;
	o->held += n;
	submit(r);
	return r;
}

/* In other memory: somebody may be copying blocks that did hold. */
struct range *range_again(struct range *old)
{
	int tries = old->tries + 1;
	struct range *r;

	range_drop(old);
	r = range_start(old->o, old->off, old->n, false);
	if (r)
		r->tries = tries;
	return r;
}

void range_cancel(struct range *r)
{
	if (r->state == RANGE_FLYING && !r->cancelled) {
		r->cancelled = true;
		atomic_store(&r->unwanted, true);
		if (!r->job.run)
			object_fetch_cancel(r->store, &r->f);
	}
	range_drop(r);
}

/* --- done with ------------------------------------------------------------ */

/* Where the disk has it, memory need not. Where it has not, a little is kept
 * for who steps back. */
void ranges_trim(struct cache_object *o)
{
	struct range *r, *next, *last = NULL;
	size_t kept = 0;

	for (r = o->ranges; r; r = next) {
		next = r->next;
		if (r->state != RANGE_HERE || r->pins || !is_read(r))
			continue;
		if (r->saved) {
			range_drop(r);
			continue;
		}
		kept += r->n;
		if (!last || r->used < last->used)
			last = r;
	}
	if (last && atomic_load(&o->c->used) > o->c->memory)
		range_drop(last);
	else if (last && kept > cache_share(o->c) / 4 &&
		 (!disk_usable(&o->c->disk) ||
		  clock_mono_ms() - o->saved_ms > CACHE_DISK_MS ||
		  kept > cache_share(o->c)))
		range_drop(last);
}

void ranges_end(struct cache_object *o)
{
	struct range *r, *next;

	for (r = o->ranges; r; r = next) {
		next = r->next;
		if (r->state == RANGE_FLYING)
			range_cancel(r);
		else if (!r->pins &&
			 (r->saved || !r->checked || !o->save_queued))
			range_drop(r);
	}
}
