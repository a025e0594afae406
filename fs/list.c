/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - listing a directory, from any offset, in pieces.
 *
 * What has rows is streamed from the index, each piece in a snapshot of its
 * own that begins after the last row given out; so a directory of any size
 * costs no memory. What has none is collected at its opening and numbered.
 */
#include "fs/list.h"

#include <stdlib.h>

#include "fs/handle.h"
#include "fs/kind.h"

enum { LIST_DOTS = 2 }; /* offsets 1 and 2 follow "." and ".." */

struct listed { /* an entry of a snapshot; its strings follow it */
	struct found x;
};

struct listing {
	struct arena arena;
	struct listed *items;
	size_t n, cap;
	bool done;
};

struct lister {
	struct fs_call *c;
	struct node *dir;
	int64_t offset;
	fs_entry_fn *fn; /* NULL: collect */
	void *ctx;
	struct listing *into;
	bool full;
};

struct node *lister_dir(const struct lister *l)
{
	return l->dir;
}

bool lister_full(const struct lister *l)
{
	return l->full;
}

int64_t lister_after(const struct lister *l)
{
	return l->offset >= LIST_ROWS ? l->offset - LIST_ROWS - 1 : -1;
}

/* Its node counts as looked up when it was taken. */
static int give(struct lister *l, const struct found *x, int64_t next)
{
	struct nodes *t = &l->c->fs->nodes;
	struct fs_entry entry = {0, x->attr};
	struct node *n = x->has_attr ? nodes_take(t, l->dir, x) : NULL;
	int r;

	if (n) {
		if (!x->node)
			atomic_store(&n->gone, x->gone);
		entry.id = n->id;
		entry.attr.ino = n->id;
		kind_patience(n, &entry.attr);
	} else {
		entry.attr.mode = kinds[x->kind].mode;
		entry.attr.ino = node_ident(x->kind, x->row, x->key);
	}
	r = l->fn(l->ctx, x->name, next, &entry);
	if (r && n)
		nodes_forget(t, entry.id, 1);
	l->full = r;
	return r;
}

/* Names and keys of the reader live for the call only: they are copied. */
static int collect(struct listing *into, const struct found *x, struct err *e)
{
	struct listed *more;
	size_t cap = into->cap ? into->cap * 2 : 64;

	if (into->n == FS_LISTING)
		return err_set(e, ERR_TOO_LARGE,
			       "a directory of more than %d names", FS_LISTING);
	if (into->n == into->cap) {
		more = realloc(into->items, cap * sizeof(*more));
		if (!more)
			return err_set(e, ERR_NO_SPACE, "no memory to list");
		into->items = more;
		into->cap = cap;
	}
	more = &into->items[into->n];
	more->x = *x;
	more->x.name = arena_str(&into->arena, x->name);
	more->x.key = arena_str(&into->arena, x->key);
	if (!more->x.name.p)
		return arena_full(&into->arena, e);
	into->n++;
	return 0;
}

int lister_add(struct lister *l, const struct found *x, int64_t row,
	       struct err *e)
{
	if (!l->fn)
		return collect(l->into, x, e);
	return give(l, x, LIST_ROWS + row + 1);
}

/* --- in three parts: dots and fixed children, then the rest --------------- */

static int give_dots(struct lister *l)
{
	struct fs_entry x = {0};

	x.attr.mode = kinds[KIND_ROOT].mode;
	x.attr.ino = l->dir->id;
	if (l->offset < 1 && l->fn(l->ctx, STR("."), 1, &x))
		return 1;
	return l->offset < LIST_DOTS && l->fn(l->ctx, STR(".."), LIST_DOTS, &x);
}

static bool is_absent(enum node_kind kind, const struct err *e)
{
	return (kinds[kind].flags & KIND_OPTIONAL) && e->kind == ERR_NOT_FOUND;
}

static int give_fixed(struct lister *l, struct err *e)
{
	const struct fixed *f = kinds[l->dir->kind].fixed;
	int64_t at = LIST_DOTS;

	for (; f && f->name; f++) {
		struct found x = {.kind = f->kind,
				  .row = l->dir->row,
				  .name = str_from(f->name)};
		struct subject s = subject_of_thing(&x);

		if (f->hidden || at++ < l->offset)
			continue;
		if (!(kinds[f->kind].flags & KIND_NO_NODES)) {
			if (fs_subject_attr(l->c, &s, &x.attr, e)) {
				if (is_absent(f->kind, e))
					continue;
				return -1;
			}
			x.has_attr = true;
		}
		if (give(l, &x, at))
			return 1;
	}
	return 0;
}

/* Offsets are places in the collection. */
static int give_collected(struct lister *l, const struct listing *from)
{
	size_t i = 0;

	if (l->offset >= LIST_ROWS)
		i = (size_t)(l->offset - LIST_ROWS);
	for (; i < from->n; i++) {
		if (give(l, &from->items[i].x, LIST_ROWS + (int64_t)i + 1))
			return 1;
	}
	return 0;
}

static int collect_all(struct lister *l, struct listing *into, struct err *e)
{
	struct subject s = subject_of(l->dir);
	struct lister collecting = *l;

	if (fs_seen(l->c, &s, e) || fs_begin(l->c, e))
		return -1;
	arena_reset(&into->arena);
	into->n = 0;
	collecting.fn = NULL;
	collecting.into = into;
	if (kinds[l->dir->kind].list(l->c, &collecting, e) < 0)
		return -1;
	into->done = true;
	return 0;
}

/* A collection is made once and kept by the handle, so that offsets hold
 * while names come and go; and before anything is given out, for it may have
 * to wait, and what waits is tried from its start. */
static int collect_first(struct lister *l, struct fs_handle *h, struct err *e)
{
	const struct kind *k = &kinds[l->dir->kind];

	if (l->offset == 0)
		h->listing->done = false;
	if (!(k->flags & KIND_SNAPSHOT) || !k->list || h->listing->done)
		return 0;
	return collect_all(l, h->listing, e);
}

static int give_rest(struct lister *l, struct fs_handle *h, struct err *e)
{
	const struct kind *k = &kinds[l->dir->kind];

	if (!k->list)
		return 0;
	if (k->flags & KIND_SNAPSHOT)
		return give_collected(l, h->listing);
	return fs_begin(l->c, e) ? -1 : k->list(l->c, l, e);
}

int fs_readdir(struct fs_call *c, struct fs_handle *h, int64_t offset,
	       fs_entry_fn *fn, void *ctx, struct err *e)
{
	struct lister l = {.c = c, .dir = h->node, .offset = offset};
	int r;

	l.fn = fn;
	l.ctx = ctx;
	if (fs_lock(c, &h->mu, e))
		return -1;
	r = collect_first(&l, h, e);
	if (!r)
		r = give_dots(&l);
	if (!r && offset < LIST_ROWS)
		r = give_fixed(&l, e);
	if (!r)
		r = give_rest(&l, h, e);
	fs_end(c);
	pthread_mutex_unlock(&h->mu);
	return r < 0 ? -1 : 0;
}

/* --- handles -------------------------------------------------------------- */

int fs_opendir(struct fs_call *c, uint64_t dir, struct fs_handle **ret,
	       struct err *e)
{
	struct node *n = nodes_find(&c->fs->nodes, dir);

	if (!n || !kind_is_dir(n->kind))
		return err_set(e, ERR_NOT_DIR, "not a directory");
	*ret = fs_handle_new(c, n, 0, e);
	if (!*ret)
		return -1;
	(*ret)->listing = calloc(1, sizeof(struct listing));
	if (!(*ret)->listing) {
		fs_handle_free(c->fs, *ret);
		return err_set(e, ERR_NO_SPACE, "no memory to list");
	}
	arena_init(&(*ret)->listing->arena, FS_TEXT_MAX);
	return 0;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	arena_fini(&l->arena);
	free(l->items);
	free(l);
}
