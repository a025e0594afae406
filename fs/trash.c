/* SPDX-License-Identifier: Apache-2.0 */
/* trash.c - trash/runs/<experiment>/: runs that were removed from experiments
 * that were not. (An experiment in the trash has its runs in it.)
 *
 * The directory of any experiment resolves, so that a run can be moved there;
 * those that hold something are listed.
 */
#include "fs/families.h"

static struct found trash_thing(const struct experiment *x)
{
	struct found t = experiment_thing(x);

	t.kind = KIND_TRASH_RUNS_OF;
	t.attr.mode = kinds[t.kind].mode;
	return t;
}

int trash_runs_lookup(struct fs_call *c, struct node *dir, struct str name,
		      struct found *ret, struct err *e)
{
	struct experiment x;

	(void)dir;
	if (experiment_by_dir(c->rd, LIFE_ACTIVE, name, &c->arena, &x, e))
		return e->kind == ERR_NOT_FOUND ? fs_no_entry(name, e) : -1;
	*ret = trash_thing(&x);
	return 0;
}

struct candidates {
	struct fs_call *c;
	struct lister *l;
	struct found *list;
	size_t n, cap;
};

static int add_candidate(void *ctx, const struct experiment *x, struct err *e)
{
	struct candidates *k = ctx;
	struct found *more;
	size_t cap = k->cap ? k->cap * 2 : 64;

	if (k->n == k->cap) {
		more = arena_array(&k->c->arena, cap, sizeof(*more));
		if (!more)
			return arena_full(&k->c->arena, e);
		if (k->n)
			memcpy(more, k->list, k->n * sizeof(*more));
		k->list = more;
		k->cap = cap;
	}
	more = &k->list[k->n++];
	*more = trash_thing(x);
	more->name = arena_str(&k->c->arena, x->dir);
	more->key = arena_str(&k->c->arena, x->id);
	return 0;
}

static int has_one(void *ctx, const struct run *r, struct err *e)
{
	(void)r;
	(void)e;
	*(bool *)ctx = true;
	return 1;
}

int trash_runs_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct candidates k = {.c = c, .l = l};
	bool any;

	if (experiment_each(c->rd, LIFE_ACTIVE, -1, add_candidate, &k, e) < 0)
		return -1;
	for (size_t i = 0; i < k.n; i++) {
		any = false;
		if (run_each(c->rd, k.list[i].row, LIFE_DELETED, -1, has_one,
			     &any, e) < 0 ||
		    (any && lister_add(l, &k.list[i], -1, e) < 0))
			return -1;
	}
	return 0;
}
