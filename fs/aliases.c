/* SPDX-License-Identifier: Apache-2.0 */
/* aliases.c - models/<name>/aliases/<alias>, a link to a version.
 *
 * The kernel asks for a link each time (KIND_VOLATILE): an alias that another
 * face has moved is never stale, not even for a moment. ln -sfn makes a link
 * of a temporary name and renames it: where that name can be an alias it is
 * one meanwhile; where it cannot, and is of the kind that only tools use, the
 * link is this mount's own (struct young, "name/target") until it is renamed.
 */
#include "fs/families.h"
#include "fs/move.h"
#include "indexer/index/limits.h"
#include "indexer/index/names.h"

/* --- what is there -------------------------------------------------------- */

static struct found alias_thing(int64_t model, const struct model_alias *a)
{
	size_t n = sizeof("../versions/") - 1 + a->version.n;

	return (struct found){
		.kind = KIND_ALIAS,
		.row = model,
		.key = a->alias,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_ALIAS].mode, (int64_t)n,
				a->modified),
	};
}

struct draft {
	struct fs_call *c;
	struct str key;
};

static void take_draft(void *ctx, enum node_kind kind, struct str key,
		       int64_t since)
{
	struct draft *d = ctx;

	(void)since;
	if (kind == KIND_ALIAS_DRAFT)
		d->key = arena_str(&d->c->arena, key);
}

static int find_draft(struct fs_call *c, const struct node *dir,
		      struct str name, struct found *ret, struct err *e)
{
	char *prefix = arena_printf(&c->arena, "%.*s/", STR_ARG(name));
	struct draft d = {.c = c};

	if (!prefix)
		return arena_full(&c->arena, e);
	young_each(&c->fs->young, dir->row, str_from(prefix), take_draft, &d);
	if (!d.key.n)
		return fs_no_entry(name, e);
	*ret = (struct found){
		.kind = KIND_ALIAS_DRAFT, .row = dir->row, .key = d.key};
	return 0;
}

int alias_lookup(struct fs_call *c, struct node *dir, struct str name,
		 struct found *ret, struct err *e)
{
	struct model_alias a;
	struct str alias;

	if (fs_decode(c, name, &alias, e))
		return fs_no_entry(name, e);
	if (model_alias_by_name(c->rd, dir->row, alias, &c->arena, &a, e))
		return e->kind == ERR_NOT_FOUND
			       ? find_draft(c, dir, name, ret, e)
			       : -1;
	*ret = alias_thing(dir->row, &a);
	return 0;
}

struct alias_list {
	struct lister *l;
	int64_t model;
};

static int list_one(void *ctx, const struct model_alias *a, struct err *e)
{
	const struct alias_list *k = ctx;
	struct found t = alias_thing(k->model, a);
	char form[NAME_FILE_MAX];

	t.name = str_n(form, name_to_file(a->alias, form));
	return lister_add(k->l, &t, -1, e);
}

int alias_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct alias_list k = {l, lister_dir(l)->row};

	return model_alias_each(c->rd, k.model, list_one, &k, e);
}

int alias_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
	       struct err *e)
{
	struct model_alias a;

	if (model_alias_by_name(c->rd, s->row, s->key, &c->arena, &a, e))
		return -1;
	ret->mtime = a.modified;
	return 0;
}

int alias_text(struct fs_call *c, const struct subject *s, struct buf *b,
	       struct err *e)
{
	struct model_alias a;

	if (model_alias_by_name(c->rd, s->row, s->key, &c->arena, &a, e))
		return -1;
	buf_puts(b, "../versions/");
	buf_str(b, a.version);
	return 0;
}

int alias_draft_text(struct fs_call *c, const struct subject *s, struct buf *b,
		     struct err *e)
{
	struct str key = s->key;

	(void)e;
	(void)c;
	str_cut(&key, '/');
	buf_str(b, key);
	return 0;
}

/* --- changes -------------------------------------------------------------- */

/* The version of this very model that a target leads to. */
static int version_at(struct fs_call *c, struct node *dir, struct str target,
		      struct str *ret, struct err *e)
{
	struct nodes *t = &c->fs->nodes;
	struct node *n, *model;

	if (fs_begin(c, e) || fs_resolve(c, dir, target, &n, e))
		return -1;
	model = nodes_above(t, n, KIND_MODEL);
	if (n->kind == KIND_VERSION && model && model->row == dir->row)
		*ret = arena_str(&c->arena, n->key);
	else
		err_set(e, ERR_INVALID,
			"an alias is a link to a version of its model, as "
			"../versions/3");
	nodes_forget(t, n->id, 1);
	return ret->p ? 0 : -1;
}

static int post(struct fs_call *c, int64_t model, struct str alias,
		struct str version, struct err *e)
{
	struct cmd_model *x;
	struct str name;
	int r;

	if (fs_begin(c, e) || model_name(c, model, &name, e))
		return -1;
	x = command_new(version.n ? COMMAND_MODEL_ALIAS
				  : COMMAND_MODEL_UNALIAS);
	x->name = command_str(&x->c, name);
	x->alias = command_str(&x->c, alias);
	x->version = command_str(&x->c, version);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static struct found link_to(const struct node *dir, struct str target)
{
	return (struct found){
		.kind = KIND_LINK, .row = dir->row, .key = target};
}

static int add_draft(struct fs_call *c, const struct node *dir, struct str name,
		     struct str target, struct err *e)
{
	char *key = arena_printf(&c->arena, "%.*s/%.*s", STR_ARG(name),
				 STR_ARG(target));

	if (!key)
		return arena_full(&c->arena, e);
	return young_add(&c->fs->young, KIND_ALIAS_DRAFT, dir->row,
			 str_from(key), e);
}

int alias_symlink(struct fs_call *c, struct node *dir, struct str name,
		  struct str target, struct found *ret, struct err *e)
{
	struct str alias, version = STR_NONE;
	struct err no_alias = {0};

	*ret = link_to(dir, target);
	if (fs_decode(c, name, &alias, e))
		return -1;
	if (name_check_alias(alias, &no_alias) && scratch_name(name))
		return add_draft(c, dir, name, target, e);
	if (fs_may_wait(c, e) || version_at(c, dir, target, &version, e))
		return -1;
	return post(c, dir->row, alias, version, e);
}

int alias_remove(struct fs_call *c, struct node *dir, const struct found *x,
		 struct err *e)
{
	if (fs_may_wait(c, e))
		return -1;
	return post(c, dir->row, x->key, STR_NONE, e);
}

int alias_draft_remove(struct fs_call *c, struct node *dir,
		       const struct found *x, struct err *e)
{
	(void)e;
	young_remove(&c->fs->young, KIND_ALIAS_DRAFT, dir->row, x->key);
	return 0;
}

/* An alias, or a draft of one, gets another name: the new one leads where the
 * old one did, then the old one goes. */
int alias_rename(struct fs_call *c, struct move *m, struct err *e)
{
	struct subject s = subject_of_thing(&m->what);
	struct str alias, version = STR_NONE;
	struct buf target;
	int r;

	if (m->from != m->to)
		return err_set(e, ERR_READ_ONLY, "an alias stays in its model");
	if (fs_may_wait(c, e) || fs_decode(c, m->to_name, &alias, e) ||
	    fs_begin(c, e))
		return -1;
	buf_init(&target, LIMIT_ARTIFACT_PATH);
	r = kinds[s.kind].render(c, &s, &target, e);
	if (!r)
		r = version_at(c, m->to, buf_view(&target), &version, e);
	buf_fini(&target);
	if (r || post(c, m->to->row, alias, version, e))
		return -1;
	return kinds[s.kind].remove(c, m->from, &m->what, e);
}
