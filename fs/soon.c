/* SPDX-License-Identifier: Apache-2.0 */
/* soon.c - see soon.h.
 */
#include "fs/soon.h"

#include "fs/store.h"
#include "fs/tree.h"
#include "indexer/base/scope.h"

enum {
	STREAK = 3, /* files in order that make it likely */
	NAMED = 64, /* at one time; more once half of them are open */
	SMALL = 1 << 20,
};

void soon_init(struct soon *s)
{
	*s = (struct soon){0};
	pthread_mutex_init(&s->mu, NULL);
}

void soon_fini(struct soon *s)
{
	pthread_mutex_destroy(&s->mu);
}

/* The row after which to name some; -1: not now. */
static int64_t take_note(struct soon *s, const struct artifact *x)
{
	SCOPED_LOCK(&s->mu);
	bool follows = s->owner == x->owner_row && s->parent == x->parent_row &&
		       x->row > s->last;

	s->streak = follows ? s->streak + 1 : 0;
	if (!follows)
		s->named = 0;
	s->owner = x->owner_row;
	s->parent = x->parent_row;
	s->last = x->row;
	if (s->streak < STREAK || s->named - x->row > NAMED / 2)
		return -1;
	return s->named > x->row ? s->named : x->row;
}

struct neighbours {
	struct fs_call *c;
	struct cached_name names[NAMED];
	size_t n, seen;
	int64_t last;
};

static int add_neighbour(void *ctx, const struct artifact *x, struct err *e)
{
	struct neighbours *b = ctx;
	struct arena *a = &b->c->arena;
	struct cached_name name = {.size = x->size, .kind = CACHE_SHA256};

	(void)e;
	if (b->seen++ == NAMED)
		return 1;
	b->last = x->row;
	if (x->is_dir || x->size <= 0 || x->size > SMALL)
		return 0;
	name.key = arena_str(a, x->key);
	name.digest = arena_str(a, x->sha256);
	if (name.key.p && name.digest.p)
		b->names[b->n++] = name;
	return 0;
}

void soon_opened(struct fs_call *c, const struct artifact *x)
{
	struct soon *s = &c->fs->soon;
	struct objects *o = store_peek(c->fs->store);
	struct neighbours b = {.c = c};
	struct err ignored;
	int64_t after;

	if (!o || !store_cache(c->fs->store) || x->size > SMALL)
		return;
	after = take_note(s, x);
	if (after < 0 || artifact_each(c->rd, x->owner_row, x->parent_row,
				       after, add_neighbour, &b, &ignored))
		return;
	cache_soon(store_cache(c->fs->store), o, b.names, b.n);
	SCOPED_LOCK(&s->mu);
	if (b.last > s->named)
		s->named = b.last;
}
