/* SPDX-License-Identifier: Apache-2.0 */
/* artifacts.c - artifacts/ as an ordinary directory.
 *
 * Directories are made in the index at once; a file is of this mount alone
 * until its first commit (file.h). Names are what they are, byte for byte.
 */
#include "fs/artifact.h"

#include <fcntl.h>

#include <sys/stat.h>

#include "fs/families.h"
#include "indexer/index/limits.h"
#include "indexer/index/names.h"

enum { FRESH_SHIFT = 60 }; /* fresh files are listed after all rows */

static int64_t parent_row(const struct node *dir)
{
	return dir->kind == KIND_ARTIFACT_DIR ? dir->row : 0;
}

static struct attr artifact_attrs(const struct artifact *x)
{
	uint32_t mode = (uint32_t)x->mode & 07777;

	if (x->is_dir)
		return attr_of(S_IFDIR | (mode ? mode : 0755), 0, x->mtime);
	return attr_of(S_IFREG | (mode ? mode : 0644), x->size, x->mtime);
}

/* Where this mount is writing it, its own view counts. */
static void local_view(struct fs *fs, const struct found *t, struct attr *ret)
{
	struct node *n;
	struct file *f;

	if (t->kind != KIND_ARTIFACT)
		return;
	n = nodes_known(&fs->nodes, node_ident(t->kind, t->row, t->key));
	f = n ? file_of(fs, n) : NULL;
	if (f) {
		file_attr(f, ret);
		file_put(fs, f);
	}
	nodes_drop(&fs->nodes, n);
}

static struct found artifact_thing(struct fs *fs, const struct artifact *x)
{
	struct found t = {
		.kind = x->is_dir ? KIND_ARTIFACT_DIR : KIND_ARTIFACT,
		.row = x->row,
		.name = x->name,
		.has_attr = true,
		.attr = artifact_attrs(x),
	};

	local_view(fs, &t, &t.attr);
	return t;
}

int artifacts_lookup(struct fs_call *c, struct node *dir, struct str name,
		     struct found *ret, struct err *e)
{
	struct artifact x;

	if (artifact_by_name(c->rd, fs_run_row(c->fs, dir), parent_row(dir),
			     name, &c->arena, &x, e))
		return e->kind == ERR_NOT_FOUND ? fs_no_entry(name, e) : -1;
	*ret = artifact_thing(c->fs, &x);
	return 0;
}

/* --- listing -------------------------------------------------------------- */

struct artifact_list {
	struct fs *fs;
	struct lister *l;
};

static int list_row(void *ctx, const struct artifact *x, struct err *e)
{
	const struct artifact_list *k = ctx;
	struct found t = artifact_thing(k->fs, x);

	return lister_add(k->l, &t, x->row, e);
}

/* A stable place in a listing for what has no row. */
static int64_t fresh_row(const struct node *n)
{
	return (INT64_C(1) << FRESH_SHIFT) + (int64_t)(n->id & 0xffffffff);
}

static int list_fresh(void *ctx, struct node *n, struct err *e)
{
	const struct artifact_list *k = ctx;
	SCOPED(buf_fini) struct buf name;
	struct found t = {.kind = n->kind, .node = n};
	struct file *f = file_of(k->fs, n);

	buf_init(&name, NAME_FILE_MAX);
	if (!f)
		return 0;
	t.has_attr = file_attr(f, &t.attr);
	file_put(k->fs, f);
	nodes_drop(&k->fs->nodes, nodes_place(&k->fs->nodes, n, &name));
	t.name = buf_view(&name);
	return lister_add(k->l, &t, fresh_row(n), e);
}

int artifacts_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct artifact_list k = {c->fs, l};
	struct node *dir = lister_dir(l);
	int64_t after = lister_after(l);
	uint64_t fresh = 0;
	int r = 0;

	if (after >> FRESH_SHIFT == 1)
		fresh = nodes_made_up_id((uint64_t)after & 0xffffffff);
	else
		r = artifact_each(c->rd, fs_run_row(c->fs, dir),
				  parent_row(dir), after < 0 ? 0 : after,
				  list_row, &k, e);
	if (r || lister_full(l))
		return r;
	return files_each_fresh(c->fs, dir, fresh, list_fresh, &k, e);
}

/* --- attributes ----------------------------------------------------------- */

static int dir_of(struct fs_call *c, const struct node *n, struct node *dir,
		  struct artifact_dir *ret, struct err *e)
{
	if (n->kind == KIND_VIEW_DIR || n->kind == KIND_VIEW_FILE)
		return view_dir_of(c, dir, ret, e);
	*ret = (struct artifact_dir){.owner = fs_run_row(c->fs, dir),
				     .parent = parent_row(dir)};
	return 0;
}

/* The row of a node where it is; something else may be there by now. */
int artifact_of(struct fs_call *c, struct node *n, struct artifact *ret,
		struct err *e)
{
	SCOPED(buf_fini) struct buf name;
	struct artifact_dir at;
	struct node *dir;
	int r;

	buf_init(&name, NAME_FILE_MAX);
	dir = nodes_place(&c->fs->nodes, n, &name);
	if (!dir)
		return err_set(e, ERR_NOT_FOUND, "it was removed");
	r = dir_of(c, n, dir, &at, e);
	if (!r)
		r = artifact_by_name(c->rd, at.owner, at.parent,
				     buf_view(&name), &c->arena, ret, e);
	nodes_drop(&c->fs->nodes, dir);
	if (!r && ret->row != n->row)
		return err_set(e, ERR_NOT_FOUND, "it was replaced");
	return r;
}

int artifact_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		  struct err *e)
{
	struct artifact x;

	if (!s->node || artifact_of(c, s->node, &x, e))
		return s->node ? -1 : fs_no_entry(s->key, e);
	*ret = artifact_attrs(&x);
	return 0;
}

/* The root has no row of its own. */
int artifacts_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		   struct err *e)
{
	struct artifact x;

	if (artifact_by_path(c->rd, s->row, STR(""), &c->arena, &x, e))
		return -1;
	*ret = artifact_attrs(&x);
	return 0;
}

/* --- making --------------------------------------------------------------- */

int artifact_check_name(struct str name, struct err *e)
{
	if (fs_check_text(name, e))
		return -1;
	return name_check_artifact(name, false, e);
}

/* The path of name in dir, and the node that it begins below. */
static struct node *path_below(struct fs_call *c, struct node *dir,
			       struct str name, struct buf *path, struct err *e)
{
	struct node *root =
		nodes_path(&c->fs->nodes, dir, name, KIND_ARTIFACTS, path);

	if (!root)
		err_set(e, ERR_NOT_FOUND, "the directory is gone");
	else if (!buf_ok(path))
		err_set(e, ERR_TOO_LONG,
			"the path is too long: below artifacts/ at most %d "
			"bytes",
			LIMIT_ARTIFACT_PATH);
	return root && buf_ok(path) ? root : NULL;
}

/* What can never be stored is not made. */
static int check_path(struct fs_call *c, struct node *dir, struct str name,
		      struct err *e)
{
	SCOPED(buf_fini) struct buf path;

	buf_init(&path, LIMIT_ARTIFACT_PATH);
	return path_below(c, dir, name, &path, e) ? 0 : -1;
}

/* Path of name in dir, and the run it is in, into a command. */
int artifact_path(struct fs_call *c, struct command *x, struct node *dir,
		  struct str name, struct artifact_place *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf path;
	struct node *root;

	buf_init(&path, LIMIT_ARTIFACT_PATH);
	root = path_below(c, dir, name, &path, e);
	if (!root)
		return -1;
	ret->run = command_str(x, fs_run_id(c->fs, root));
	ret->path = command_str(x, buf_view(&path));
	return 0;
}

int artifact_mkdir(struct fs_call *c, struct node *dir, struct str name,
		   uint32_t mode, struct err *e)
{
	struct cmd_artifact_mkdir *x;
	struct artifact_place at;
	int r;

	if (artifact_check_name(name, e) || fs_may_wait(c, e) ||
	    paths_use(c, e))
		return -1;
	x = command_new(COMMAND_ARTIFACT_MKDIR);
	r = artifact_path(c, &x->c, dir, name, &at, e);
	if (!r) {
		x->run_id = at.run;
		x->path = at.path;
		x->mode = (struct opt_i64){mode & 07777, true};
		r = fs_post(c, &x->c, e);
	}
	command_free(&x->c);
	paths_used(c);
	return r;
}

int artifact_create(struct fs_call *c, struct node *dir, struct str name,
		    const struct fs_creation *how, struct found *ret,
		    struct err *e)
{
	struct fs *fs = c->fs;
	struct node *n;
	struct file *f;

	if (artifact_check_name(name, e) || check_path(c, dir, name, e))
		return -1;
	n = nodes_make_up(&fs->nodes, dir, KIND_ARTIFACT, name);
	f = n ? file_get(c, n, NULL, how->mode, e) : NULL;
	if (!f || file_draft(c, f, 0, e)) {
		if (f)
			file_put(fs, f);
		else
			err_set(e, ERR_NO_SPACE, "no memory for a file");
		nodes_drop(&fs->nodes, n);
		return -1;
	}
	f->exclusive = how->flags & O_EXCL;
	atomic_store(&f->dirty, true);
	*ret = (struct found){.kind = KIND_ARTIFACT, .node = n};
	ret->has_attr = file_attr(f, &ret->attr);
	return 0;
}

/* --- changing ------------------------------------------------------------- */

/* chmod and utimens of what is stored. */
static int post_set(struct fs_call *c, struct node *n,
		    const struct fs_changes *set, struct err *e)
{
	struct cmd_artifact_set *x;
	struct artifact_place at;
	int r;

	if (paths_use(c, e))
		return -1;
	x = command_new(COMMAND_ARTIFACT_SET);
	r = artifact_path(c, &x->c, n, STR_NONE, &at, e);
	if (!r) {
		x->run_id = at.run;
		x->path = at.path;
		x->mtime = (struct opt_i64){set->mtime, set->set_mtime};
		x->mode = (struct opt_i64){set->mode & 07777, set->set_mode};
		r = fs_post(c, &x->c, e);
	}
	command_free(&x->c);
	paths_used(c);
	return r;
}

int artifact_set(struct fs_call *c, const struct subject *s,
		 const struct fs_changes *set, struct err *e)
{
	struct file *f;
	int ours = 0;

	if (fs_may_wait(c, e))
		return -1;
	f = file_of(c->fs, s->node);
	if (f) {
		ours = file_set(c, f, set, e);
		file_put(c->fs, f);
	}
	if (ours)
		return ours < 0 ? -1 : 0;
	return post_set(c, s->node, set, e);
}
