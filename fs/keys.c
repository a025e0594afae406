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

typedef int each_fn(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		    struct err *e);

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
static int key_of(struct fs_call *c, each_fn *each, int64_t row,
		  struct str name, struct str *ret, struct err *e)
{
	struct search s = {c, name, STR_NONE};

	if (fs_decode(c, name, ret, e) == 0)
		return 0;
	if (each(c->rd, row, compare_form, &s, e) < 0)
		return -1;
	*ret = s.key;
	return s.key.p ? 0 : fs_no_entry(name, e);
}

static int lookup(struct fs_call *c, enum node_kind kind, each_fn *each,
		  struct node *dir, struct str name, struct found *ret,
		  struct err *e)
{
	struct subject s = {kind, dir->row, STR_NONE, NULL};

	if (key_of(c, each, dir->row, name, &s.key, e))
		return -1;
	*ret = (struct found){.kind = kind, .row = dir->row, .key = s.key};
	ret->attr = attr_of(kinds[kind].mode, 0, 0);
	if (scalar_attr(c, &s, &ret->attr, e))
		return e->kind == ERR_NOT_FOUND ? fs_no_entry(name, e) : -1;
	ret->has_attr = true;
	return 0;
}

int params_lookup(struct fs_call *c, struct node *dir, struct str name,
		  struct found *ret, struct err *e)
{
	return lookup(c, KIND_PARAM, run_params, dir, name, ret, e);
}

int tags_lookup(struct fs_call *c, struct node *dir, struct str name,
		struct found *ret, struct err *e)
{
	return lookup(c, KIND_TAG, run_tags, dir, name, ret, e);
}

int experiment_tags_lookup(struct fs_call *c, struct node *dir, struct str name,
			   struct found *ret, struct err *e)
{
	return lookup(c, KIND_EXPERIMENT_TAG, experiment_tags, dir, name, ret,
		      e);
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

static int list(struct fs_call *c, enum node_kind kind, each_fn *each,
		struct lister *l, struct err *e)
{
	struct keys_list k = {l, kind, lister_dir(l)->row};

	return each(c->rd, k.row, list_one, &k, e);
}

int params_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return list(c, KIND_PARAM, run_params, l, e);
}

int tags_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return list(c, KIND_TAG, run_tags, l, e);
}

int experiment_tags_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return list(c, KIND_EXPERIMENT_TAG, experiment_tags, l, e);
}

/* --- making and removing -------------------------------------------------- */

static enum node_kind kind_in(const struct node *dir)
{
	switch ((int)dir->kind) {
	case KIND_PARAMS:
		return KIND_PARAM;
	case KIND_TAGS:
		return KIND_TAG;
	default:
		return KIND_EXPERIMENT_TAG;
	}
}

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
	enum node_kind kind = kind_in(dir);
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

static int untag_run(struct fs_call *c, struct node *dir, struct str key,
		     struct err *e)
{
	struct cmd_run_untag *x = command_new(COMMAND_RUN_UNTAG);
	int r;

	x->run_id = command_str(&x->c, fs_run_id(c->fs, dir));
	x->key = command_str(&x->c, key);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static int untag_experiment(struct fs_call *c, struct node *dir, struct str key,
			    struct err *e)
{
	struct cmd_experiment_tag *x = command_new(COMMAND_EXPERIMENT_UNTAG);
	int r;

	x->experiment_id = command_str(&x->c, fs_experiment_id(c->fs, dir));
	x->key = command_str(&x->c, key);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
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
	int r = 0;

	if (fs_may_wait(c, e) || paths_change(c, e))
		return -1;
	if (!young_remove(&c->fs->young, x->kind, x->row, x->key))
		r = x->kind == KIND_TAG ? untag_run(c, dir, x->key, e)
					: untag_experiment(c, dir, x->key, e);
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

int scratch_to_scalar(struct fs_call *c, struct move *m, struct err *e)
{
	SCOPED(buf_fini) struct buf text;
	struct subject s = {kind_in(m->to), m->to->row, STR_NONE, NULL};

	buf_init(&text, FS_TEXT_MAX);
	if (m->to->kind == KIND_RUN) {
		s.kind = KIND_STATUS;
		if (m->over.kind != KIND_STATUS)
			return err_set(e, ERR_READ_ONLY,
				       "only status can be set here");
	} else if (new_key(c, m->to_name, &s.key, e)) {
		return -1;
	}
	if (fs_may_wait(c, e) ||
	    scratch_read(c, m->what.node, FS_VALUE_MAX, &text, e) ||
	    scalar_put(c, &s, m->to, scalar_value(buf_view(&text)), e))
		return -1;
	scratch_remove(c->fs, m->what.node);
	m->moved = true;
	return 0;
}
