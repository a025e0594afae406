/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - a store for tests: objects in memory, answers that come late, not
 * at all, short, with a flipped bit, or as an error. */
#ifndef ORRERY_TESTS_OBJECTS_MEMORY_H
#define ORRERY_TESTS_OBJECTS_MEMORY_H

#include <stdatomic.h>
#include <unistd.h>

#include "indexer/base/thread.h"
#include "indexer/objects/cache.h"
#include "indexer/objects/digest.h"
#include "indexer/objects/kind.h"
#include "indexer/objects/sums.h"

enum { MEMORY_OBJECTS = 512 };

struct memory_object {
	char key[40], sha256[65];
	char *bytes;
	struct buf sums;
	int64_t size;
};

struct memory {
	struct objects base;
	struct memory_object v[MEMORY_OBJECTS];
	int n;
	atomic_int delay_us, requests, flying, most;
	atomic_bool hang; /* nothing comes while it is set; */
	int64_t hang_at;  /* of objects as large as this, or of all (0) */
	atomic_int flips, shorts, errors; /* so many answers are like that */
	_Atomic int64_t sent;
};

struct memory_get {
	struct object_get base;
	const struct memory_object *x;
	int64_t at, end;
	bool flip, cut;
	char *piece;
};

enum { MEMORY_PIECE = 64 << 10 };

static inline bool memory_spend(atomic_int *n)
{
	int v = atomic_load(n);

	while (v > 0)
		if (atomic_compare_exchange_weak(n, &v, v - 1))
			return true;
	return false;
}

static inline struct memory_object *memory_find(struct memory *m,
						struct str key)
{
	for (int i = 0; i < m->n; i++)
		if (str_is(key, m->v[i].key))
			return &m->v[i];
	return NULL;
}

static inline bool memory_hangs(struct memory *m, const struct memory_object *x)
{
	return atomic_load(&m->hang) && (!m->hang_at || m->hang_at == x->size);
}

static inline void memory_stay(struct memory *m, const struct memory_object *x)
{
	if (atomic_load(&m->delay_us))
		usleep((useconds_t)atomic_load(&m->delay_us));
	while (memory_hangs(m, x))
		usleep(1000);
}

static inline int memory_refuse(struct memory *m, struct memory_object *x,
				struct err *e)
{
	if (!x)
		return err_set(e, ERR_NOT_FOUND, "no such object");
	memory_stay(m, x);
	if (memory_spend(&m->errors))
		return err_set(e, ERR_UNAVAILABLE, "out of order");
	return 0;
}

static inline struct object_get *memory_get_begin(struct objects *o,
						  struct str key, int64_t off,
						  int64_t n, struct err *e)
{
	struct memory *m = (struct memory *)o;
	struct memory_object *x = memory_find(m, key);
	struct memory_get *g;
	int flying = atomic_fetch_add(&m->flying, 1) + 1;

	atomic_fetch_add(&m->requests, 1);
	if (flying > atomic_load(&m->most))
		atomic_store(&m->most, flying);
	if (memory_refuse(m, x, e) < 0) {
		atomic_fetch_sub(&m->flying, 1);
		return NULL;
	}
	g = calloc(1, sizeof(*g));
	g->piece = malloc(MEMORY_PIECE);
	g->x = x;
	g->at = off;
	g->end = n < 0 || off + n > x->size ? x->size : off + n;
	g->flip = memory_spend(&m->flips);
	g->cut = memory_spend(&m->shorts);
	return &g->base;
}

static inline int memory_get_next(struct object_get *base, struct str *ret,
				  struct err *e)
{
	struct memory_get *g = (struct memory_get *)base;
	struct memory *m = (struct memory *)base->o;
	int64_t n = g->end - g->at;

	(void)e;
	if (g->cut)
		n /= 2;
	if (n > MEMORY_PIECE)
		n = MEMORY_PIECE;
	if (n)
		memcpy(g->piece, g->x->bytes + g->at, (size_t)n);
	if (n && g->flip)
		g->piece[n / 3] ^= 4;
	g->flip = false;
	if (g->cut)
		g->end = g->at + n;
	g->cut = false;
	g->at += n;
	atomic_fetch_add(&m->sent, n);
	*ret = str_n(g->piece, (size_t)n);
	return 0;
}

static inline void memory_get_end(struct object_get *base)
{
	struct memory_get *g = (struct memory_get *)base;

	atomic_fetch_sub(&((struct memory *)base->o)->flying, 1);
	free(g->piece);
	free(g);
}

/* The other way, in the background: a thread of each. */
struct memory_fetch {
	struct memory *m;
	struct object_fetch *f;
	atomic_bool cancelled;
};

static inline int memory_fill(struct memory *m, struct object_fetch *f,
			      struct object_get *g)
{
	struct str piece;
	size_t got = 0;

	g->o = &m->base;
	while (memory_get_next(g, &piece, &f->err) == 0 && piece.n) {
		memcpy(f->out + got, piece.p, piece.n);
		got += piece.n;
		atomic_store(&f->got, got);
	}
	memory_get_end(g);
	return got == f->n ? 0 : err_set(&f->err, ERR_CORRUPT, "too short");
}

static inline void *memory_fetch_main(void *arg)
{
	struct memory_fetch *x = arg;
	struct object_fetch *f = x->f;
	struct memory *m = x->m;
	struct memory_object *o = memory_find(m, f->key);
	struct object_get *g;

	while (o && memory_hangs(m, o) && !atomic_load(&x->cancelled))
		usleep(1000);
	if (atomic_load(&x->cancelled)) {
		err_set(&f->err, ERR_INTERRUPTED, "given up");
	} else {
		g = memory_get_begin(&m->base, f->key, f->off, (int64_t)f->n,
				     &f->err);
		if (g)
			memory_fill(m, f, g);
	}
	f->done(f);
	free(x);
	return NULL;
}

static inline void memory_fetch(struct objects *o, struct object_fetch *f)
{
	struct memory_fetch *x = calloc(1, sizeof(*x));
	struct err e = {0};
	pthread_t t;

	x->m = (struct memory *)o;
	x->f = f;
	f->own = x;
	if (thread_start(&t, memory_fetch_main, x, &e) < 0)
		abort();
	pthread_detach(t);
}

static inline void memory_fetch_cancel(struct objects *o,
				       struct object_fetch *f)
{
	(void)o;
	atomic_store(&((struct memory_fetch *)f->own)->cancelled, true);
}

static const struct objects_kind memory_kind = {
	.get_begin = memory_get_begin,
	.get_next = memory_get_next,
	.get_end = memory_get_end,
};

static const struct objects_kind memory_fetch_kind = {
	.get_begin = memory_get_begin,
	.get_next = memory_get_next,
	.get_end = memory_get_end,
	.fetch = memory_fetch,
	.fetch_cancel = memory_fetch_cancel,
};

static inline void memory_init(struct memory *m, bool fetches)
{
	memset(m, 0, sizeof(*m));
	m->base.kind = fetches ? &memory_fetch_kind : &memory_kind;
}

static inline void memory_fini(struct memory *m)
{
	for (int i = 0; i < m->n; i++) {
		free(m->v[i].bytes);
		buf_fini(&m->v[i].sums);
	}
}

static inline void memory_digest(struct memory_object *x)
{
	struct object_digest got;
	struct err e = {0};
	struct digest *d = digest_new(&e);

	digest_add(d, x->bytes, (size_t)x->size, &e);
	digest_finish(d, &got, &e);
	digest_free(d);
	memcpy(x->sha256, got.sha256, sizeof(x->sha256));
}

static inline void memory_sum(struct memory_object *x)
{
	struct sums s;

	sums_init(&s);
	sums_add(&s, x->bytes, (size_t)x->size);
	buf_init(&x->sums, SUMS_BYTES);
	sums_write(&s, &x->sums);
	sums_fini(&s);
}

/* An object of so many bytes, no two alike. */
static inline struct memory_object *memory_add(struct memory *m, int64_t size)
{
	struct memory_object *x = &m->v[m->n];
	uint64_t state = 88172645463325252u + 977u * (uint64_t)m->n;

	x->size = size;
	x->bytes = malloc((size_t)size + 1);
	for (int64_t i = 0; i < size; i++) {
		if (i % 8 == 0) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
		}
		x->bytes[i] = (char)(state >> 8 * (i % 8));
	}
	snprintf(x->key, sizeof(x->key), "1/object%d", m->n++);
	memory_digest(x);
	memory_sum(x);
	return x;
}

static inline struct cached_name memory_name(const struct memory_object *x,
					     bool sums)
{
	return (struct cached_name){.key = str_from(x->key),
				    .size = x->size,
				    .digest = str_from(x->sha256),
				    .sums = sums ? buf_view(&x->sums)
						 : STR_NONE};
}

#endif
