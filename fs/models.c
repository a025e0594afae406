/* SPDX-License-Identifier: Apache-2.0 */
/* models.c - models/<name>: registered models, prompts among them.
 *
 * As in the registry itself there is no trash: a model can be removed once it
 * has no version. Another spelling of a name resolves as a link.
 */
#include "fs/families.h"
#include "fs/move.h"
#include "indexer/render/registry.h"

static struct found model_thing(const struct registered_model *m)
{
	return (struct found){
		.kind = KIND_MODEL,
		.row = m->row,
		.name = m->dir,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_MODEL].mode, 0, m->modified),
	};
}

static int by_other_spelling(struct fs_call *c, const struct node *dir,
			     struct str name, struct found *ret, struct err *e)
{
	struct registered_model m;
	struct str decoded, form;

	if (fs_decode(c, name, &decoded, e))
		return fs_no_entry(name, e);
	form = fs_encode(c, decoded);
	if (str_eq(form, name) ||
	    registered_model_by_dir(c->rd, form, &c->arena, &m, e))
		return fs_no_entry(name, e);
	*ret = (struct found){.kind = KIND_LINK, .row = dir->row, .key = form};
	return 0;
}

int models_lookup(struct fs_call *c, struct node *dir, struct str name,
		  struct found *ret, struct err *e)
{
	struct registered_model m;

	if (registered_model_by_dir(c->rd, name, &c->arena, &m, e))
		return e->kind == ERR_NOT_FOUND
			       ? by_other_spelling(c, dir, name, ret, e)
			       : -1;
	*ret = model_thing(&m);
	return 0;
}

static int list_one(void *ctx, const struct registered_model *m, struct err *e)
{
	struct found t = model_thing(m);

	return lister_add(ctx, &t, m->row, e);
}

int models_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return registered_model_each(c->rd, lister_after(l), list_one, l, e);
}

int model_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
	       struct err *e)
{
	struct registered_model m;

	if (registered_model_by_row(c->rd, s->row, &c->arena, &m, e))
		return -1;
	ret->mtime = m.modified;
	return 0;
}

int model_meta(struct fs_call *c, const struct subject *s, struct buf *b,
	       struct err *e)
{
	struct registered_model m;
	struct json_out j;

	if (registered_model_by_row(c->rd, s->row, &c->arena, &m, e))
		return -1;
	jo_init(&j, b, 2);
	if (render_registered_model(&j, c->rd, &m, e))
		return -1;
	buf_putc(b, '\n');
	return 0;
}

int model_latest(struct fs_call *c, const struct subject *s, struct buf *b,
		 struct err *e)
{
	struct model_version v;

	if (model_version_newest(c->rd, s->row, &c->arena, &v, e))
		return -1;
	buf_puts(b, "versions/");
	buf_str(b, v.version);
	return 0;
}

int model_name(struct fs_call *c, int64_t row, struct str *ret, struct err *e)
{
	struct registered_model m;

	if (registered_model_by_row(c->rd, row, &c->arena, &m, e))
		return -1;
	*ret = m.name;
	return 0;
}

/* --- changes -------------------------------------------------------------- */

int model_mkdir(struct fs_call *c, struct node *dir, struct str name,
		uint32_t mode, struct err *e)
{
	struct cmd_model *x;
	struct str decoded;
	int r;

	(void)dir;
	(void)mode;
	if (fs_may_wait(c, e) || fs_decode(c, name, &decoded, e))
		return -1;
	x = command_new(COMMAND_MODEL_CREATE);
	x->name = command_str(&x->c, decoded);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

/* Whether it has versions the daemon says: one may be on its way. */
int model_remove(struct fs_call *c, struct node *dir, const struct found *found,
		 struct err *e)
{
	struct cmd_model *x;
	struct str name;
	int r;

	(void)dir;
	if (fs_may_wait(c, e) || fs_begin(c, e) ||
	    model_name(c, found->row, &name, e))
		return -1;
	x = command_new(COMMAND_MODEL_DELETE);
	x->name = command_str(&x->c, name);
	x->only_empty = (struct opt_bool){true, true};
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

int model_rename(struct fs_call *c, struct move *m, struct err *e)
{
	struct cmd_model *x;
	struct str name, decoded;
	int r;

	if (m->over.kind && m->over.row != m->what.row)
		return err_set(e, ERR_EXISTS, "a model of that name exists");
	if (fs_may_wait(c, e) || fs_decode(c, m->to_name, &decoded, e) ||
	    fs_begin(c, e) || model_name(c, m->what.row, &name, e))
		return -1;
	x = command_new(COMMAND_MODEL_RENAME);
	x->name = command_str(&x->c, name);
	x->new_name = command_str(&x->c, decoded);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}
