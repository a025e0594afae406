/* SPDX-License-Identifier: Apache-2.0 */
/* affected.c - from what changed to what the kernel knows of it.
 *
 * A name is taken back only where the kernel has it at the place that it
 * lost: what this mount did itself is right already.
 */
#include "fs/affected.h"

#include <limits.h>
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/logged_model.h"
#include "indexer/index/owner.h"

/* --- queueing ------------------------------------------------------------- */

/* Takes over the hold on n. */
static void due_node(struct fs *fs, struct due *d, struct node *n,
		     unsigned what)
{
	if (!n->due) {
		n->next_due = d->inodes;
		d->inodes = n;
	} else {
		nodes_drop(&fs->nodes, n);
	}
	n->due |= what;
}

/* Nothing to do for what the kernel does not know. */
static void due_inode(struct fs *fs, struct due *d, enum node_kind kind,
		      int64_t row, struct str key, unsigned what)
{
	struct node *n = nodes_known(&fs->nodes, node_ident(kind, row, key));

	if (n)
		due_node(fs, d, n, what);
}

static void due_name(struct fs *fs, struct due *d, struct node *dir,
		     struct str name)
{
	struct due_entry *x = calloc(1, sizeof(*x) + name.n + 1);

	if (!x)
		return;
	nodes_hold(&fs->nodes, dir);
	x->dir = dir;
	memcpy(x->name, name.p, name.n);
	x->next = d->entries;
	d->entries = x;
}

/* Where the kernel has it now, its name is to be asked again. */
static void due_place(struct fs *fs, struct due *d, struct node *n)
{
	struct buf name;
	struct node *dir;

	buf_init(&name, PATH_MAX);
	dir = nodes_place(&fs->nodes, n, &name);
	if (dir)
		due_name(fs, d, dir, buf_view(&name));
	nodes_drop(&fs->nodes, dir);
	buf_fini(&name);
}

/* The node still lies where the thing was. */
static void due_lost(struct fs *fs, struct due *d, struct node *n,
		     uint64_t dir_ident, struct str name)
{
	struct node *dir = nodes_known(&fs->nodes, dir_ident);

	if (dir && n && nodes_is_at(&fs->nodes, n, dir, name))
		due_name(fs, d, dir, name);
	nodes_drop(&fs->nodes, dir);
}

void due_clear(struct fs *fs, struct due *d)
{
	struct due_entry *x;
	struct node *n;

	while ((n = d->inodes)) {
		d->inodes = n->next_due;
		n->due = 0;
		nodes_drop(&fs->nodes, n);
	}
	while ((x = d->entries)) {
		d->entries = x->next;
		nodes_drop(&fs->nodes, x->dir);
		free(x);
	}
}

/* --- experiments ---------------------------------------------------------- */

static uint64_t ident(enum node_kind kind, int64_t row)
{
	return node_ident(kind, row, STR_NONE);
}

/* Moved to the trash or back, renamed, tagged: the node says which by what it
 * finds now. */
static void experiment_changed(struct fs_call *c, struct due *d,
			       const struct changed *x)
{
	static const enum node_kind parts[] = {
		KIND_EXPERIMENT_META,
		KIND_EXPERIMENT_TAGS,
		KIND_RUNS,
		KIND_EXPERIMENT_TABLES,
		KIND_TRASH_RUNS_OF,
		KIND_LOGGED_MODELS,
	};
	struct nodes *t = &c->fs->nodes;
	struct node *n = nodes_known(t, ident(KIND_EXPERIMENT, x->row));
	struct experiment now;
	struct err e;

	if (x->removed || x->created) {
		due_inode(c->fs, d, KIND_EXPERIMENTS, 0, STR_NONE, DUE_DATA);
		due_inode(c->fs, d, KIND_TRASH_EXPERIMENTS, 0, STR_NONE,
			  DUE_DATA);
	}
	if (x->removed) {
		due_lost(c->fs, d, n, ident(KIND_EXPERIMENTS, 0), x->name);
		due_lost(c->fs, d, n, ident(KIND_TRASH_EXPERIMENTS, 0),
			 x->name);
	}
	if (n && experiment_by_row(c->rd, x->row, &c->arena, &now, &e) == 0)
		atomic_store(&n->gone, now.lifecycle == LIFE_DELETED);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		due_inode(c->fs, d, parts[i], x->row, STR_NONE, DUE_ATTR);
	if (n)
		due_node(c->fs, d, n, DUE_ATTR);
}

/* --- artifacts shown elsewhere (views.c) ---------------------------------- */

struct viewed {
	struct fs *fs;
	struct due *d;
	const struct changed *x; /* of an artifact */
};

static bool is_top_view(struct nodes *t, struct node *n)
{
	SCOPED_LOCK(&t->mu);

	return n->parent && n->parent->kind != KIND_VIEW_DIR;
}

/* Where something was removed, a directory that held what is shown may be
 * gone, and names alone do not tell: all is asked again from the top. */
static void view_changed(void *ctx, struct node *n)
{
	const struct viewed *v = ctx;
	const struct changed *x = v->x;
	bool mine = n->row == x->row;

	if (x->removed && (mine || is_top_view(&v->fs->nodes, n)))
		due_place(v->fs, v->d, n);
	if (mine)
		due_node(v->fs, v->d, n, DUE_ATTR);
	else if (n->kind == KIND_VIEW_DIR && n->row == x->parent_dir &&
		 (x->removed || x->created))
		due_node(v->fs, v->d, n, DUE_DATA);
	else
		nodes_drop(&v->fs->nodes, n);
}

static void views_changed(struct fs *fs, struct due *d, const struct changed *x)
{
	struct viewed v = {fs, d, x};

	nodes_each_of(&fs->nodes, x->parent, view_changed, &v);
}

static void view_lost(void *ctx, struct node *n)
{
	const struct viewed *v = ctx;

	if (is_top_view(&v->fs->nodes, n))
		due_place(v->fs, v->d, n);
	nodes_drop(&v->fs->nodes, n);
}

/* The owner itself went. */
static void views_lost(struct fs *fs, struct due *d, int64_t owner)
{
	struct viewed v = {fs, d, NULL};

	nodes_each_of(&fs->nodes, owner, view_lost, &v);
}

/* --- runs ----------------------------------------------------------------- */

static void run_listings(struct fs_call *c, struct due *d,
			 const struct changed *x, struct node *n)
{
	due_inode(c->fs, d, KIND_RUNS, x->parent, STR_NONE, DUE_DATA);
	due_inode(c->fs, d, KIND_TRASH_RUNS_OF, x->parent, STR_NONE, DUE_DATA);
	if (!x->removed)
		return;
	due_lost(c->fs, d, n, ident(KIND_RUNS, x->parent), x->name);
	due_lost(c->fs, d, n, ident(KIND_TRASH_RUNS_OF, x->parent), x->name);
}

/* A run changes with everything below it, so this is the busiest of all: where
 * the kernel does not know the run it knows nothing of it. */
static void run_changed(struct fs_call *c, struct due *d,
			const struct changed *x)
{
	static const enum node_kind parts[] = {
		KIND_RUN_META,  KIND_STATUS,      KIND_LATEST,
		KIND_ARTIFACTS, KIND_METRICS_TSV, KIND_METRICS_JSONL,
	};
	struct node *n = nodes_known(&c->fs->nodes, ident(KIND_RUN, x->row));
	struct run now;
	struct err e;

	if (x->removed || x->created)
		run_listings(c, d, x, n);
	if (x->removed)
		views_lost(c->fs, d, x->row);
	if (n && run_by_row(c->rd, x->row, &c->arena, &now, &e) == 0)
		atomic_store(&n->gone, now.lifecycle == LIFE_DELETED);
	for (size_t i = 0; n && i < sizeof(parts) / sizeof(parts[0]); i++)
		due_inode(c->fs, d, parts[i], x->row, STR_NONE, DUE_ATTR);
	if (n)
		due_node(c->fs, d, n, DUE_ATTR);
}

/* --- what lies in runs ---------------------------------------------------- */

/* A key "a/b" has come: what was the file a is a directory now. */
static void becomes_directory(struct fs *fs, struct due *d, int64_t run,
			      struct str key)
{
	struct node *n;

	for (size_t i = 1; i < key.n; i++) {
		if (key.p[i] != '/')
			continue;
		n = nodes_known(&fs->nodes,
				node_ident(KIND_METRIC, run, str_n(key.p, i)));
		if (n)
			due_place(fs, d, n);
		nodes_drop(&fs->nodes, n);
	}
}

static void series_changed(struct fs_call *c, struct due *d,
			   const struct changed *x)
{
	struct fs *fs = c->fs;

	if (x->created) {
		young_remove(&fs->young, KIND_METRIC, x->parent, x->name);
		becomes_directory(fs, d, x->parent, x->name);
	}
	due_inode(fs, d, KIND_METRIC, x->parent, x->name, DUE_ATTR);
}

static void value_changed(struct fs *fs, struct due *d, enum node_kind kind,
			  const struct changed *x)
{
	struct node *n =
		nodes_known(&fs->nodes, node_ident(kind, x->parent, x->name));

	if (!n)
		return;
	if (x->removed)
		due_place(fs, d, n);
	due_node(fs, d, n, DUE_ATTR);
}

static void artifact_changed(struct fs_call *c, struct due *d,
			     const struct changed *x)
{
	struct fs *fs = c->fs;
	enum node_kind in = x->parent_dir ? KIND_ARTIFACT_DIR : KIND_ARTIFACTS;
	bool listed = x->removed || x->created;
	int64_t dir = x->parent_dir ? x->parent_dir : x->parent;
	struct node *n = nodes_known(&fs->nodes, ident(KIND_ARTIFACT, x->row));

	if (owner_kind(x->parent) == OWNER_TRACE)
		return; /* traces are not in the tree */
	if (!n)
		n = nodes_known(&fs->nodes, ident(KIND_ARTIFACT_DIR, x->row));
	views_changed(fs, d, x);
	if (listed && x->parent < 0 && !x->parent_dir)
		due_inode(fs, d, KIND_LOGGED_ARTIFACTS, -x->parent, STR_NONE,
			  DUE_DATA);
	if (listed)
		due_inode(fs, d, in, dir, STR_NONE, DUE_DATA);
	if (x->removed)
		due_lost(fs, d, n, ident(in, dir), x->name);
	if (n)
		due_node(fs, d, n, DUE_ATTR);
}

static void param_changed(struct fs_call *c, struct due *d,
			  const struct changed *x)
{
	value_changed(c->fs, d, KIND_PARAM, x);
}

static void tag_changed(struct fs_call *c, struct due *d,
			const struct changed *x)
{
	value_changed(c->fs, d, KIND_TAG, x);
}

static void experiment_tag_changed(struct fs_call *c, struct due *d,
				   const struct changed *x)
{
	value_changed(c->fs, d, KIND_EXPERIMENT_TAG, x);
}

/* --- models --------------------------------------------------------------- */

/* Links, tags and descriptions are asked for each time (KIND_VOLATILE). */
static void model_changed(struct fs_call *c, struct due *d,
			  const struct changed *x)
{
	static const enum node_kind parts[] = {KIND_MODEL_TAGS, KIND_ALIASES,
					       KIND_VERSIONS};
	struct nodes *t = &c->fs->nodes;
	struct node *n = nodes_known(t, ident(KIND_MODEL, x->row));

	if (x->removed || x->created)
		due_inode(c->fs, d, KIND_MODELS, 0, STR_NONE, DUE_DATA);
	if (x->removed)
		due_lost(c->fs, d, n, ident(KIND_MODELS, 0), x->name);
	for (size_t i = 0; n && i < sizeof(parts) / sizeof(parts[0]); i++)
		due_inode(c->fs, d, parts[i], x->row, STR_NONE, DUE_ATTR);
	if (n)
		due_node(c->fs, d, n, DUE_ATTR);
}

static void version_changed(struct fs_call *c, struct due *d,
			    const struct changed *x)
{
	struct nodes *t = &c->fs->nodes;
	struct node *n = nodes_known(t, ident(KIND_VERSION, x->row));

	if (x->removed || x->created)
		due_inode(c->fs, d, KIND_VERSIONS, x->parent, STR_NONE,
			  DUE_DATA);
	if (x->removed)
		due_lost(c->fs, d, n, ident(KIND_VERSIONS, x->parent), x->name);
	due_inode(c->fs, d, KIND_VERSION_TAGS, x->row, STR_NONE, DUE_ATTR);
	if (n)
		due_node(c->fs, d, n, DUE_ATTR);
}

/* A removal names it by its id, which is not the name of its directory. */
static void logged_changed(struct fs_call *c, struct due *d,
			   const struct changed *x)
{
	static const enum node_kind parts[] = {
		KIND_LOGGED_PARAMS, KIND_LOGGED_TAGS, KIND_LOGGED_ARTIFACTS};
	struct nodes *t = &c->fs->nodes;
	struct node *n = nodes_known(t, ident(KIND_LOGGED, x->row));

	if (x->removed || x->created)
		due_inode(c->fs, d, KIND_LOGGED_MODELS, x->parent, STR_NONE,
			  DUE_DATA);
	if (x->removed)
		views_lost(c->fs, d, logged_model_owner(x->row));
	if (x->removed && n)
		due_place(c->fs, d, n);
	for (size_t i = 0; n && i < sizeof(parts) / sizeof(parts[0]); i++)
		due_inode(c->fs, d, parts[i], x->row, STR_NONE, DUE_ATTR);
	if (n)
		due_node(c->fs, d, n, DUE_ATTR);
}

/* What has no row here is not shown in the tree, or asked for each time. */
static void (*const by_thing[])(struct fs_call *c, struct due *d,
				const struct changed *x) = {
	[THING_EXPERIMENT] = experiment_changed,
	[THING_EXPERIMENT_TAG] = experiment_tag_changed,
	[THING_RUN] = run_changed,
	[THING_SERIES] = series_changed,
	[THING_PARAM] = param_changed,
	[THING_TAG] = tag_changed,
	[THING_ARTIFACT] = artifact_changed,
	[THING_LOGGED_MODEL] = logged_changed,
	[THING_MODEL] = model_changed,
	[THING_VERSION] = version_changed,
};

void affected(struct fs_call *c, struct due *d, const struct changed *x)
{
	size_t thing = (size_t)x->thing;

	if (thing < sizeof(by_thing) / sizeof(by_thing[0]) && by_thing[thing])
		by_thing[thing](c, d, x);
}

/* As if it were all new. */
static void affect_one(void *ctx, struct node *n)
{
	void **both = ctx;
	struct fs *fs = both[0];

	due_place(fs, both[1], n);
	due_node(fs, both[1], n, DUE_ATTR | DUE_DATA);
}

void affected_all(struct fs *fs, struct due *d)
{
	void *both[] = {fs, d};

	nodes_each(&fs->nodes, affect_one, both);
}
