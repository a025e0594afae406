/* SPDX-License-Identifier: Apache-2.0 */
/* experiments.c - experiments/<name>, and the same in the trash.
 *
 * The name of an experiment's directory is the file form of its name. Another
 * spelling of it resolves as a link, for a directory has one path.
 */
#include "fs/families.h"
#include "fs/move.h"
#include "indexer/render/render.h"

struct found experiment_thing(const struct experiment *x)
{
	return (struct found){
		.kind = KIND_EXPERIMENT,
		.row = x->row,
		.key = x->id,
		.name = x->dir,
		.gone = x->lifecycle == LIFE_DELETED,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_EXPERIMENT].mode, 0, x->updated),
	};
}

/* The same directory under its listed name, where name is another spelling. */
static int by_other_spelling(struct fs_call *c, enum lifecycle life,
			     const struct node *dir, struct str name,
			     struct found *ret, struct err *e)
{
	struct experiment x;
	struct str decoded, form;

	if (fs_decode(c, name, &decoded, e))
		return fs_no_entry(name, e);
	form = fs_encode(c, decoded);
	if (str_eq(form, name) ||
	    experiment_by_dir(c->rd, life, form, &c->arena, &x, e))
		return fs_no_entry(name, e);
	*ret = (struct found){.kind = KIND_LINK, .row = dir->row, .key = form};
	ret->has_attr = true;
	ret->attr = attr_of(kinds[KIND_LINK].mode, (int64_t)form.n, x.updated);
	return 0;
}

static int lookup(struct fs_call *c, enum lifecycle life, struct node *dir,
		  struct str name, struct found *ret, struct err *e)
{
	struct experiment x;

	if (experiment_by_dir(c->rd, life, name, &c->arena, &x, e))
		return e->kind == ERR_NOT_FOUND
			       ? by_other_spelling(c, life, dir, name, ret, e)
			       : -1;
	*ret = experiment_thing(&x);
	return 0;
}

int experiments_lookup(struct fs_call *c, struct node *dir, struct str name,
		       struct found *ret, struct err *e)
{
	return lookup(c, LIFE_ACTIVE, dir, name, ret, e);
}

int trash_experiments_lookup(struct fs_call *c, struct node *dir,
			     struct str name, struct found *ret, struct err *e)
{
	return lookup(c, LIFE_DELETED, dir, name, ret, e);
}

static int list_one(void *ctx, const struct experiment *x, struct err *e)
{
	struct found t = experiment_thing(x);

	return lister_add(ctx, &t, x->row, e);
}

int experiments_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return experiment_each(c->rd, LIFE_ACTIVE, lister_after(l), list_one, l,
			       e);
}

int trash_experiments_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return experiment_each(c->rd, LIFE_DELETED, lister_after(l), list_one,
			       l, e);
}

int experiment_attr(struct fs_call *c, const struct subject *s,
		    struct attr *ret, struct err *e)
{
	struct experiment x;

	if (experiment_by_row(c->rd, s->row, &c->arena, &x, e))
		return -1;
	ret->mtime = x.updated;
	return 0;
}

int experiment_meta(struct fs_call *c, const struct subject *s, struct buf *b,
		    struct err *e)
{
	struct experiment x;
	struct json_out j;

	if (experiment_by_row(c->rd, s->row, &c->arena, &x, e))
		return -1;
	jo_init(&j, b, 2);
	if (render_experiment(&j, c->rd, &x, e))
		return -1;
	buf_putc(b, '\n');
	return 0;
}

/* --- changes -------------------------------------------------------------- */

int experiment_mkdir(struct fs_call *c, struct node *dir, struct str name,
		     uint32_t mode, struct err *e)
{
	struct cmd_experiment_create *x;
	struct str decoded;
	int r;

	(void)dir;
	(void)mode;
	if (fs_may_wait(c, e) || fs_decode(c, name, &decoded, e))
		return -1;
	x = command_new(COMMAND_EXPERIMENT_CREATE);
	x->name = command_str(&x->c, decoded);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

/* delete, restore */
static int post_plain(struct fs_call *c, enum command_kind kind, struct str id,
		      struct err *e)
{
	struct cmd_experiment *x = command_new(kind);
	int r;

	x->experiment_id = command_str(&x->c, id);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static int post_rename(struct fs_call *c, struct str id, struct str file,
		       struct err *e)
{
	struct cmd_experiment_update *x;
	struct str name;
	int r;

	if (fs_decode(c, file, &name, e))
		return -1;
	x = command_new(COMMAND_EXPERIMENT_UPDATE);
	x->experiment_id = command_str(&x->c, id);
	x->new_name = command_str(&x->c, name);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

/* Handles that are open take nothing from now on, or again. */
static void mark(struct fs_call *c, const struct found *x, bool gone)
{
	struct nodes *t = &c->fs->nodes;
	struct node *n = nodes_known(t, node_ident(x->kind, x->row, x->key));

	if (n)
		atomic_store(&n->gone, gone);
	nodes_drop(t, n);
}

int experiment_remove(struct fs_call *c, struct node *dir,
		      const struct found *x, struct err *e)
{
	if (dir->kind != KIND_EXPERIMENTS)
		return err_set(e, ERR_READ_ONLY,
			       "what is in the trash stays there until gc");
	if (post_plain(c, COMMAND_EXPERIMENT_DELETE, x->key, e))
		return -1;
	mark(c, x, true);
	return 0;
}

int experiment_rename(struct fs_call *c, struct move *m, struct err *e)
{
	if (m->over.kind && m->over.row != m->what.row)
		return err_set(e, ERR_EXISTS,
			       "an experiment of that name exists");
	return post_rename(c, m->what.key, m->to_name, e);
}

int experiment_to_trash(struct fs_call *c, struct move *m, struct err *e)
{
	if (m->over.kind)
		return err_set(e, ERR_EXISTS, "the name is taken");
	return experiment_remove(c, m->from, &m->what, e);
}

int experiment_restore(struct fs_call *c, struct move *m, struct err *e)
{
	if (m->over.kind)
		return err_set(e, ERR_EXISTS, "the name is taken");
	if (post_plain(c, COMMAND_EXPERIMENT_RESTORE, m->what.key, e))
		return -1;
	mark(c, &m->what, false);
	if (str_eq(m->from_name, m->to_name))
		return 0;
	return post_rename(c, m->what.key, m->to_name, e);
}
