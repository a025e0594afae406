/* SPDX-License-Identifier: Apache-2.0 */
/* logged.c - experiments/<name>/models/: the logged models of an experiment.
 *
 * Many of them have the same name, for each log_model makes one: a directory
 * is called <name>~<8 digits of the id>, with all digits in the rare case that
 * an earlier model's id begins with the same. So no name ever changes. The
 * name alone leads to the newest of that name, the id to the one it is of;
 * neither is listed.
 */
#include "indexer/render/logged.h"
#include "fs/families.h"
#include "indexer/index/names.h"

enum {
	ID_PREFIX = 2,  /* "m-" */
	ID_DIGITS = 32, /* after it */
};

struct str logged_dir(struct fs_call *c, const struct logged_model *m)
{
	struct str digits = str_n(m->id.p + ID_PREFIX, m->id.n - ID_PREFIX);
	char file[NAME_FILE_MAX];

	if (!m->crowded && digits.n > LOGGED_DIR_DIGITS)
		digits.n = LOGGED_DIR_DIGITS;
	return arena_str(
		&c->arena,
		str_n(file, name_to_file_apart(m->name, digits, file)));
}

static struct found logged_thing(const struct logged_model *m, struct str dir)
{
	return (struct found){
		.kind = KIND_LOGGED,
		.row = m->row,
		.key = m->id,
		.name = dir,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_LOGGED].mode, 0, m->modified),
	};
}

/* --- looking up ----------------------------------------------------------- */

/* What follows the last '~', if it is as many digits as a directory has. */
static struct str digits_of(struct str name)
{
	size_t at = name.n;

	while (at && name.p[at - 1] != '~')
		at--;
	if (at &&
	    (name.n - at == LOGGED_DIR_DIGITS || name.n - at == ID_DIGITS))
		return str_n(name.p + at, name.n - at);
	return STR_NONE;
}

static bool is_here(const struct logged_model *m, const struct node *dir)
{
	return m->experiment_row == dir->row && m->lifecycle == LIFE_ACTIVE;
}

/* 1 where it is the directory of one. */
static int by_dir(struct fs_call *c, const struct node *dir, struct str name,
		  struct found *ret, struct err *e)
{
	struct str digits = digits_of(name), form;
	struct logged_model m;
	char *prefix;

	if (!digits.n)
		return 0;
	prefix = arena_printf(&c->arena, "m-%.*s", STR_ARG(digits));
	if (!prefix)
		return arena_full(&c->arena, e);
	if (logged_model_by_prefix(c->rd, str_from(prefix), &c->arena, &m, e))
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	form = logged_dir(c, &m);
	if (!is_here(&m, dir) || !str_eq(form, name))
		return 0;
	*ret = logged_thing(&m, form);
	return 1;
}

static int by_id_or_name(struct fs_call *c, const struct node *dir,
			 struct str name, struct logged_model *ret,
			 struct err *e)
{
	struct str decoded;

	if (str_starts(name, STR("m-")) &&
	    logged_model_by_id(c->rd, name, &c->arena, ret, e) == 0 &&
	    is_here(ret, dir))
		return 0;
	if (fs_decode(c, name, &decoded, e) ||
	    logged_model_newest_named(c->rd, dir->row, decoded, &c->arena, ret,
				      e))
		return fs_no_entry(name, e);
	return 0;
}

int logged_models_lookup(struct fs_call *c, struct node *dir, struct str name,
			 struct found *ret, struct err *e)
{
	struct logged_model m;
	int rc = by_dir(c, dir, name, ret, e);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (by_id_or_name(c, dir, name, &m, e))
		return -1;
	*ret = (struct found){
		.kind = KIND_LINK, .row = dir->row, .key = logged_dir(c, &m)};
	return 0;
}

/* --- listing and attributes ----------------------------------------------- */

struct logged_list {
	struct fs_call *c;
	struct lister *l;
};

static int list_one(void *ctx, const struct logged_model *m, struct err *e)
{
	const struct logged_list *k = ctx;
	struct found t = logged_thing(m, logged_dir(k->c, m));

	return lister_add(k->l, &t, m->row, e);
}

int logged_models_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct logged_list k = {c, l};

	return logged_model_each(c->rd, lister_dir(l)->row, lister_after(l),
				 list_one, &k, e);
}

int logged_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		struct err *e)
{
	struct logged_model m;

	if (logged_model_by_row(c->rd, s->row, &c->arena, &m, e))
		return -1;
	ret->mtime = m.modified;
	return 0;
}

int logged_meta(struct fs_call *c, const struct subject *s, struct buf *b,
		struct err *e)
{
	struct logged_model m;
	struct json_out j;

	if (logged_model_by_row(c->rd, s->row, &c->arena, &m, e))
		return -1;
	jo_init(&j, b, 2);
	if (render_logged_model(&j, c->rd, &m, e))
		return -1;
	buf_putc(b, '\n');
	return 0;
}
