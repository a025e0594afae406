/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - artifacts shown elsewhere than in their run's artifacts/, to be
 * read only: the files of versions and of logged models.
 *
 * A directory has one path, so what is shown is not the same node as in the
 * run: it is one of its own (by the artifact and, in a version, by the
 * version), which reads the same object. Whoever shows artifacts of an owner
 * is found again by that owner (nodes_each_of), so that a change of the
 * artifact is told of each of them.
 */
#include <sys/stat.h>

#include "fs/artifact.h"
#include "fs/families.h"
#include "indexer/base/num.h"

static bool is_fixed(enum node_kind kind, struct str name)
{
	const struct fixed *f = kinds[kind].fixed;

	for (; f && f->name; f++) {
		if (str_is(name, f->name))
			return true;
	}
	return false;
}

/* Where a version's files are: below a directory, or one of it. */
static int version_files(struct fs_call *c, int64_t row,
			 struct artifact_dir *ret, struct err *e)
{
	struct model_version v;
	struct artifact x;
	struct str path;

	if (model_version_by_row(c->rd, row, &c->arena, &v, e) ||
	    model_version_files(c->rd, &v, &c->arena, &ret->owner, &path, e) ||
	    artifact_by_path(c->rd, ret->owner, path, &c->arena, &x, e))
		return -1;
	ret->parent = x.is_dir ? x.row : x.parent_row;
	ret->only = x.is_dir ? STR_NONE : x.name;
	return 0;
}

int view_dir_of(struct fs_call *c, const struct node *dir,
		struct artifact_dir *ret, struct err *e)
{
	char number[NUM_MAX];

	*ret = (struct artifact_dir){.owner = dir->owner};
	switch ((int)dir->kind) {
	case KIND_VIEW_DIR:
		ret->parent = dir->row;
		ret->mark = dir->key;
		return 0;
	case KIND_LOGGED_ARTIFACTS:
		ret->owner = logged_model_owner(dir->row);
		return 0;
	default:
		ret->mark = arena_str(
			&c->arena,
			str_n(number, num_format_i64(dir->row, number)));
		return version_files(c, dir->row, ret, e);
	}
}

static struct attr view_attrs(const struct artifact *x)
{
	uint32_t mode = (uint32_t)x->mode & 0777;

	if (x->is_dir)
		return attr_of(S_IFDIR | ((mode ? mode : 0755) & 0555), 0,
			       x->mtime);
	return attr_of(S_IFREG | ((mode ? mode : 0644) & 0555), x->size,
		       x->mtime);
}

static struct found view_thing(const struct artifact_dir *at,
			       const struct artifact *x)
{
	return (struct found){
		.kind = x->is_dir ? KIND_VIEW_DIR : KIND_VIEW_FILE,
		.row = x->row,
		.owner = at->owner,
		.key = at->mark,
		.name = x->name,
		.has_attr = true,
		.attr = view_attrs(x),
	};
}

static int lookup_prompt(struct fs_call *c, const struct node *dir,
			 struct str name, struct found *ret, struct err *e)
{
	if (dir->kind != KIND_VERSION || version_prompt(c, dir->row, ret, e) ||
	    !str_eq(ret->name, name))
		return fs_no_entry(name, e);
	return 0;
}

int view_lookup(struct fs_call *c, struct node *dir, struct str name,
		struct found *ret, struct err *e)
{
	struct artifact_dir at;
	struct artifact x;

	if (view_dir_of(c, dir, &at, e))
		return e->kind == ERR_NOT_FOUND
			       ? lookup_prompt(c, dir, name, ret, e)
			       : -1;
	if (at.only.n && !str_eq(at.only, name))
		return fs_no_entry(name, e);
	if (artifact_by_name(c->rd, at.owner, at.parent, name, &c->arena, &x,
			     e))
		return e->kind == ERR_NOT_FOUND ? fs_no_entry(name, e) : -1;
	*ret = view_thing(&at, &x);
	return 0;
}

/* --- listing -------------------------------------------------------------- */

struct view_list {
	struct lister *l;
	struct artifact_dir at;
};

static int list_row(void *ctx, const struct artifact *x, struct err *e)
{
	const struct view_list *k = ctx;
	struct found t = view_thing(&k->at, x);

	if (is_fixed(lister_dir(k->l)->kind, x->name))
		return 0;
	return lister_add(k->l, &t, x->row, e);
}

/* A prompt has no files: its text is listed as row 0. */
static int list_prompt(struct fs_call *c, struct lister *l, struct err *e)
{
	struct found t;

	if (lister_dir(l)->kind != KIND_VERSION || lister_after(l) >= 0 ||
	    version_prompt(c, lister_dir(l)->row, &t, e))
		return 0;
	return lister_add(l, &t, 0, e);
}

static int list_only(struct fs_call *c, struct view_list *k, struct err *e)
{
	struct artifact x;

	if (artifact_by_name(c->rd, k->at.owner, k->at.parent, k->at.only,
			     &c->arena, &x, e))
		return -1;
	return lister_after(k->l) < x.row ? list_row(k, &x, e) : 0;
}

int view_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct view_list k = {.l = l};
	int64_t after = lister_after(l);

	if (view_dir_of(c, lister_dir(l), &k.at, e))
		return e->kind == ERR_NOT_FOUND ? list_prompt(c, l, e) : -1;
	if (k.at.only.n)
		return list_only(c, &k, e);
	return artifact_each(c->rd, k.at.owner, k.at.parent,
			     after < 0 ? 0 : after, list_row, &k, e);
}

/* Not only as a file whose mode says so: a time is not changed either. */
int view_set(struct fs_call *c, const struct subject *s,
	     const struct fs_changes *set, struct err *e)
{
	(void)c;
	(void)s;
	(void)set;
	return err_set(e, ERR_READ_ONLY, "it is changed in its run");
}

/* --- attributes ----------------------------------------------------------- */

int view_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
	      struct err *e)
{
	struct artifact x;

	if (!s->node || artifact_of(c, s->node, &x, e))
		return s->node ? -1 : fs_no_entry(s->key, e);
	*ret = view_attrs(&x);
	return 0;
}
