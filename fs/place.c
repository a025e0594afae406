/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - where a node is: what lies above it, and its path; and which
 * nodes there are.
 */
#include "fs/node.h"

#include <stdlib.h>

#include "indexer/base/scope.h"

struct node *nodes_place(struct nodes *t, struct node *n, struct buf *name)
{
	SCOPED_LOCK(&t->mu);

	buf_puts(name, n->name);
	if (n->parent)
		n->parent->refs++;
	return n->parent;
}

/* Names from below top down to n, each followed by a slash. */
static struct node *add_path(struct node *n, enum node_kind top,
			     struct buf *path)
{
	struct node *chain[128], *last = n;
	size_t depth = 0;

	while (last && last->kind != top) {
		if (depth == sizeof(chain) / sizeof(chain[0]))
			return NULL;
		chain[depth++] = last;
		last = last->parent;
	}
	while (last && depth > 0) {
		buf_puts(path, chain[--depth]->name);
		buf_putc(path, '/');
	}
	return last;
}

struct node *nodes_path(struct nodes *t, struct node *dir, struct str name,
			enum node_kind top, struct buf *path)
{
	SCOPED_LOCK(&t->mu);
	struct node *found = add_path(dir, top, path);

	if (name.n)
		buf_str(path, name);
	else if (path->n > 0)
		path->p[--path->n] = '\0';
	return found;
}

bool nodes_is_at(struct nodes *t, const struct node *n, const struct node *dir,
		 struct str name)
{
	SCOPED_LOCK(&t->mu);

	return n->parent == dir && (!name.n || str_is(name, n->name));
}

struct node *nodes_above(struct nodes *t, struct node *n, enum node_kind kind)
{
	SCOPED_LOCK(&t->mu);

	while (n && n->kind != kind)
		n = n->parent;
	return n;
}

struct node *nodes_in_trash(struct nodes *t, struct node *n)
{
	SCOPED_LOCK(&t->mu);

	for (; n; n = n->parent) {
		if ((n->kind == KIND_RUN || n->kind == KIND_EXPERIMENT) &&
		    atomic_load(&n->gone))
			return n;
	}
	return NULL;
}

/* --- all of them ---------------------------------------------------------- */

static struct node **hold_all(struct nodes *t, size_t *ret_n)
{
	SCOPED_LOCK(&t->mu);
	struct node **all = calloc(t->count + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; all && i < t->buckets; i++) {
		for (struct node *x = t->by_id[i]; x; x = x->next_id) {
			x->refs++;
			all[n++] = x;
		}
	}
	*ret_n = n;
	return all;
}

static struct node **hold_of(struct nodes *t, int64_t owner, size_t *ret_n)
{
	SCOPED_LOCK(&t->mu);
	struct node *first = *node_owner_slot(t, owner), *x, **all;
	size_t n = 0;

	for (x = first; x; x = x->next_owner)
		n += x->owner == owner;
	*ret_n = 0;
	all = n ? calloc(n, sizeof(struct node *)) : NULL;
	for (x = first; all && x; x = x->next_owner) {
		if (x->owner != owner)
			continue;
		x->refs++;
		all[(*ret_n)++] = x;
	}
	return all;
}

static void call_each(struct node **all, size_t n,
		      void (*fn)(void *ctx, struct node *n), void *ctx)
{
	for (size_t i = 0; i < n; i++)
		fn(ctx, all[i]);
	free(all);
}

void nodes_each(struct nodes *t, void (*fn)(void *ctx, struct node *n),
		void *ctx)
{
	size_t n;
	struct node **all = hold_all(t, &n);

	call_each(all, n, fn, ctx);
}

void nodes_each_of(struct nodes *t, int64_t owner,
		   void (*fn)(void *ctx, struct node *n), void *ctx)
{
	size_t n;
	struct node **all = hold_of(t, owner, &n);

	call_each(all, n, fn, ctx);
}

/* Held by look-ups of the kernel only: no handle, nothing that lies in it. */
static size_t idle_of(const struct node *n, uint64_t *ret, size_t max)
{
	size_t got = 0;

	for (; n && got < max; n = n->next_id) {
		if (n->lookups && !n->refs && n->parent)
			ret[got++] = n->id;
	}
	return got;
}

size_t nodes_idle(struct nodes *t, size_t *hand, uint64_t *ret, size_t max)
{
	SCOPED_LOCK(&t->mu);
	size_t got = 0;

	for (size_t i = 0; i < t->buckets && got < max; i++)
		got += idle_of(t->by_id[(*hand)++ & (t->buckets - 1)],
			       ret + got, max - got);
	return got;
}
