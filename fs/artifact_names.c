/* SPDX-License-Identifier: Apache-2.0 */
/* artifact_names.c - artifacts removed and moved.
 *
 * Both change paths (paths.h): no commit of a file is under way meanwhile, and
 * one that comes later finds its file where it is now, or gone. An empty file
 * is committed only after its close has returned, so this is no rare case.
 */
#include "fs/artifact.h"
#include "fs/families.h"

/* Out of the tree; who has it open keeps it. */
static void vanish(struct fs *fs, const struct found *x)
{
	struct node *n = x->node;

	if (n)
		nodes_hold(&fs->nodes, n);
	else
		n = nodes_known(&fs->nodes,
				node_ident(x->kind, x->row, x->key));
	if (!n)
		return;
	atomic_store(&n->gone, true);
	nodes_move(&fs->nodes, n, NULL, str_from(n->name));
	nodes_drop(&fs->nodes, n);
}

/* One use more, or NULL where nobody has it open. */
static struct file *open_file_of(struct fs *fs, const struct found *x)
{
	struct node *n = x->node;
	struct file *f;

	if (n)
		return file_of(fs, n);
	n = nodes_known(&fs->nodes, node_ident(x->kind, x->row, x->key));
	f = n ? file_of(fs, n) : NULL;
	nodes_drop(&fs->nodes, n);
	return f;
}

/* Of this mount alone: the index does not have it. */
static bool is_fresh(struct fs *fs, const struct found *x)
{
	struct file *f = x->kind == KIND_ARTIFACT ? open_file_of(fs, x) : NULL;
	bool fresh = f && atomic_load(&f->fresh);

	if (f)
		file_put(fs, f);
	return fresh;
}

static int found_one(void *ctx, struct node *n, struct err *e)
{
	(void)n;
	(void)e;
	*(bool *)ctx = true;
	return 1;
}

/* A directory with files in it that only this mount knows. */
static bool holds_fresh(struct fs *fs, const struct found *dir)
{
	struct node *n = nodes_known(&fs->nodes,
				     node_ident(dir->kind, dir->row, dir->key));
	bool any = false;
	struct err e;

	if (n)
		files_each_fresh(fs, n, 0, found_one, &any, &e);
	nodes_drop(&fs->nodes, n);
	return any;
}

static int check_empty(struct fs *fs, const struct found *x, struct err *e)
{
	if (x->kind == KIND_ARTIFACT_DIR && holds_fresh(fs, x))
		return err_set(e, ERR_NOT_EMPTY, "the directory is not empty");
	return 0;
}

/* --- removing ------------------------------------------------------------- */

static int post_delete(struct fs_call *c, struct node *dir, struct str name,
		       struct err *e)
{
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);
	struct artifact_place at;
	int r = artifact_path(c, &x->c, dir, name, &at, e);

	if (!r) {
		x->run_id = at.run;
		x->path = at.path;
		r = fs_post(c, &x->c, e);
	}
	command_free(&x->c);
	return r;
}

int artifact_remove(struct fs_call *c, struct node *dir, const struct found *x,
		    struct err *e)
{
	int r = 0;

	if (fs_may_wait(c, e) || paths_change(c, e))
		return -1;
	if (!is_fresh(c->fs, x)) {
		r = check_empty(c->fs, x, e);
		if (!r)
			r = post_delete(c, dir, x->name, e);
	}
	if (!r)
		vanish(c->fs, x);
	paths_changed(c);
	return r;
}

/* --- moving --------------------------------------------------------------- */

static int post_move(struct fs_call *c, const struct move *m, struct err *e)
{
	struct cmd_artifact_move *x = command_new(COMMAND_ARTIFACT_MOVE);
	struct artifact_place from, to = {0};
	int r = artifact_path(c, &x->c, m->from, m->from_name, &from, e);

	if (!r)
		r = artifact_path(c, &x->c, m->to, m->to_name, &to, e);
	if (!r) {
		x->run_id = from.run;
		x->path = from.path;
		x->to_run_id = to.run;
		x->to_path = to.path;
		x->no_replace = (struct opt_bool){m->no_replace, true};
		r = fs_post(c, &x->c, e);
	}
	command_free(&x->c);
	return r;
}

static void move_node(struct fs *fs, const struct move *m)
{
	const struct found *x = &m->what;
	struct node *n = x->node;

	if (n)
		nodes_hold(&fs->nodes, n);
	else
		n = nodes_known(&fs->nodes,
				node_ident(x->kind, x->row, x->key));
	if (n)
		nodes_move(&fs->nodes, n, m->to, m->to_name);
	nodes_drop(&fs->nodes, n);
}

/* A fresh file onto a free name is of no concern to the index. */
static int move_it(struct fs_call *c, struct move *m, struct err *e)
{
	int r = m->over.kind ? check_empty(c->fs, &m->over, e) : 0;

	if (!r && (m->over.kind || !is_fresh(c->fs, &m->what)))
		r = post_move(c, m, e);
	if (r)
		return -1;
	if (m->over.kind)
		vanish(c->fs, &m->over);
	move_node(c->fs, m);
	m->moved = true;
	return 0;
}

/* What is to replace something has to be in the index first. */
static int store_first(struct fs_call *c, const struct move *m, struct err *e)
{
	struct file *f;
	int r = 0;

	if (!m->over.kind || m->what.kind != KIND_ARTIFACT)
		return 0;
	f = open_file_of(c->fs, &m->what);
	if (!f)
		return 0;
	if (atomic_load(&f->fresh))
		r = file_commit(c, f, e);
	file_put(c->fs, f);
	return r;
}

int artifact_move(struct fs_call *c, struct move *m, struct err *e)
{
	int r;

	if (artifact_check_name(m->to_name, e) || fs_may_wait(c, e) ||
	    store_first(c, m, e) || paths_change(c, e))
		return -1;
	r = move_it(c, m, e);
	paths_changed(c);
	return r;
}
