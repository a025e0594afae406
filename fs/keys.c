/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - directories of keys: params/ and tags/.
 *
 * A key is one flat name in its file form. Names that were too long for one
 * are found by comparing forms.
 */
#include "fs/families.h"
#include "fs/move.h"
#include "fs/scalar.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/names.h"

static struct found value_thing(enum node_kind kind, int64_t row,
				struct str key, size_t size, int64_t modified)
{
	return (struct found){
		.kind = kind,
		.row = row,
		.key = key,
		.has_attr = true,
		.attr = attr_of(kinds[kind].mode, (int64_t)size + 1, modified),
	};
}

/* --- looking up ----------------------------------------------------------- */

struct search { /* for the key whose file form is name */
	struct fs_call *c;
	struct str name, key;
};

static int compare_form(void *ctx, struct str key, struct str value,
			int64_t modified, struct err *e)
{
	struct search *s = ctx;
	char form[NAME_FILE_MAX];

	(void)value;
	(void)modified;
	if (!str_eq(str_n(form, name_to_file(key, form)), s->name))
		return 0;
	s->key = arena_str(&s->c->arena, key);
	return s->key.p ? 1 : arena_full(&s->c->arena, e);
}

/* The key that a file name stands for. A shortened one tells only its form. */
static int key_of(struct fs_call *c, const struct node *dir, struct str name,
		  struct str *ret, struct err *e)
{
	struct search s = {c, name, STR_NONE};

	if (fs_decode(c, name, ret, e) == 0)
		return 0;
	if (kinds[dir->kind].keys->each(c->rd, dir->row, compare_form, &s, e) <
	    0)
		return -1;
	*ret = s.key;
	return s.key.p ? 0 : fs_no_entry(name, e);
}

int keys_lookup(struct fs_call *c, struct node *dir, struct str name,
		struct found *ret, struct err *e)
{
	enum node_kind kind = kinds[dir->kind].keys->value;
	struct subject s = {kind, dir->row, STR_NONE, NULL};

	if (key_of(c, dir, name, &s.key, e))
		return -1;
	*ret = (struct found){.kind = kind, .row = dir->row, .key = s.key};
	ret->attr = attr_of(kinds[kind].mode, 0, 0);
	if (scalar_attr(c, &s, &ret->attr, e))
		return e->kind == ERR_NOT_FOUND ? fs_no_entry(name, e) : -1;
	ret->has_attr = true;
	return 0;
}

/* --- listing -------------------------------------------------------------- */

struct keys_list {
	struct lister *l;
	enum node_kind kind;
	int64_t row;
};

static int list_one(void *ctx, struct str key, struct str value,
		    int64_t modified, struct err *e)
{
	const struct keys_list *k = ctx;
	char form[NAME_FILE_MAX];
	struct found t = value_thing(k->kind, k->row, key, value.n, modified);

	t.name = str_n(form, name_to_file(key, form));
	return lister_add(k->l, &t, -1, e);
}

int keys_list(struct fs_call *c, struct lister *l, struct err *e)
{
	const struct node *dir = lister_dir(l);
	const struct key_dir *d = kinds[dir->kind].keys;
	struct keys_list k = {l, d->value, dir->row};

	return d->each(c->rd, k.row, list_one, &k, e);
}

const struct key_dir params_keys = {KIND_PARAM, run_params};
const struct key_dir tags_keys = {KIND_TAG, run_tags};
const struct key_dir experiment_tags_keys = {KIND_EXPERIMENT_TAG,
					     experiment_tags};

/* --- making and removing -------------------------------------------------- */

/* A new key by its file name. */
static int new_key(struct fs_call *c, struct str name, struct str *ret,
		   struct err *e)
{
	if (fs_decode(c, name, ret, e))
		return -1;
	return name_check_key(*ret, "key", e);
}

int scalar_create(struct fs_call *c, struct node *dir, struct str name,
		  const struct fs_creation *how, struct found *ret,
		  struct err *e)
{
	enum node_kind kind = kinds[dir->kind].keys->value;
	struct str key;

	(void)how;
	if (new_key(c, name, &key, e) ||
	    young_add(&c->fs->young, kind, dir->row, key, e))
		return -1;
	*ret = (struct found){.kind = kind,
			      .row = dir->row,
			      .key = key,
			      .has_attr = true,
			      .attr = attr_of(kinds[kind].mode, 0, clock_ms())};
	return 0;
}

/* A value that is on its way stays where it is. */
static void mark_gone(struct fs *fs, const struct found *x)
{
	struct node *n =
		nodes_known(&fs->nodes, node_ident(x->kind, x->row, x->key));

	if (n)
		atomic_store(&n->gone, true);
	nodes_drop(&fs->nodes, n);
}

int tag_remove(struct fs_call *c, struct node *dir, const struct found *x,
	       struct err *e)
{
	struct subject s = subject_of_thing(x);
	int r = 0;

	if (fs_may_wait(c, e) || paths_change(c, e))
		return -1;
	if (!young_remove(&c->fs->young, x->kind, x->row, x->key))
		r = kinds[x->kind].value->remove(c, &s, dir, e);
	if (!r)
		mark_gone(c->fs, x);
	paths_changed(c);
	return r;
}

/* --- moves ---------------------------------------------------------------- */

int tag_rename(struct fs_call *c, struct move *m, struct err *e)
{
	struct subject old = subject_of_thing(&m->what), made = old;
	struct str value;
	int64_t modified;

	if (m->over.kind && m->over.row == m->what.row &&
	    str_eq(m->over.key, m->what.key))
		return 0;
	made.row = m->to->row;
	if (new_key(c, m->to_name, &made.key, e) || fs_begin(c, e) ||
	    scalar_get(c, &old, &value, &modified, e) ||
	    scalar_put(c, &made, m->to, value, e))
		return -1;
	return tag_remove(c, m->from, &m->what, e);
}

/* An editor keeps the old value: a copy, nothing is taken away. */
int scalar_to_scratch(struct fs_call *c, struct move *m, struct err *e)
{
	SCOPED(buf_fini) struct buf text;
	struct subject s = subject_of_thing(&m->what);
	struct found made;
	struct file *f;
	int r;

	buf_init(&text, FS_TEXT_MAX);
	if (fs_begin(c, e) || scalar_render(c, &s, &text, e))
		return -1;
	if (m->over.kind == KIND_SCRATCH)
		scratch_remove(c->fs, m->over.node);
	if (scratch_create(c, m->to, m->to_name, 0644, &made, e))
		return -1;
	f = file_of(c->fs, made.node);
	r = file_write(c, f, 0, buf_view(&text), e);
	file_put(c->fs, f);
	nodes_drop(&c->fs->nodes, made.node);
	m->moved = true;
	return r;
}

/* The value that an editor's file is to become: one of a key, or the one that
 * is there under that name. */
static int value_at(struct fs_call *c, const struct move *m,
		    struct subject *ret, struct err *e)
{
	const struct key_dir *keys = kinds[m->to->kind].keys;

	*ret = (struct subject){m->over.kind, m->to->row, STR_NONE, NULL};
	if (keys) {
		ret->kind = keys->value;
		return new_key(c, m->to_name, &ret->key, e);
	}
	if (!m->over.kind || !kinds[m->over.kind].value)
		return err_set(e, ERR_READ_ONLY,
			       "only a value can be set here");
	return 0;
}

int scratch_to_scalar(struct fs_call *c, struct move *m, struct err *e)
{
	SCOPED(buf_fini) struct buf text;
	struct subject s;

	buf_init(&text, FS_TEXT_MAX);
	if (value_at(c, m, &s, e))
		return -1;
	if (fs_may_wait(c, e) ||
	    scratch_read(c, m->what.node, FS_VALUE_MAX, &text, e) ||
	    scalar_put(c, &s, m->to, scalar_value(buf_view(&text)), e))
		return -1;
	scratch_remove(c->fs, m->what.node);
	m->moved = true;
	return 0;
}
