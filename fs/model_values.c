/* SPDX-License-Identifier: Apache-2.0 */
/* model_values.c - values of registered models, versions and logged models as
 * the index has them: descriptions, a stage, params, tags.
 *
 * Commands name a model by its name, which may have changed since the kernel
 * learnt of its directory: it is asked for by row each time.
 */
#include "fs/families.h"

typedef int each_fn(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		    struct err *e);

struct wanted {
	struct fs_call *c;
	struct str key, *ret;
	int64_t *ret_modified;
};

static int take_one(void *ctx, struct str key, struct str value,
		    int64_t modified, struct err *e)
{
	const struct wanted *w = ctx;

	if (!str_eq(key, w->key))
		return 0;
	*w->ret = arena_str(&w->c->arena, value);
	*w->ret_modified = modified;
	return w->ret->p ? 1 : arena_full(&w->c->arena, e);
}

/* There are few: the one of a key is looked for among all. */
static int get_of(struct fs_call *c, each_fn *each, const struct subject *s,
		  struct str *ret, int64_t *ret_modified, struct err *e)
{
	struct wanted w = {c, s->key, ret, ret_modified};

	*ret = STR_NONE;
	if (each(c->rd, s->row, take_one, &w, e) < 0)
		return -1;
	return ret->p ? 0 : fs_no_entry(s->key, e);
}

/* --- registered models ---------------------------------------------------- */

static int get_description(struct fs_call *c, const struct subject *s,
			   struct str *ret, int64_t *ret_modified,
			   struct err *e)
{
	struct registered_model m;

	if (registered_model_by_row(c->rd, s->row, &c->arena, &m, e))
		return -1;
	*ret = m.description;
	*ret_modified = m.modified;
	return 0;
}

static int get_tag(struct fs_call *c, const struct subject *s, struct str *ret,
		   int64_t *ret_modified, struct err *e)
{
	return get_of(c, registered_model_tags, s, ret, ret_modified, e);
}

/* A command about the model of a row. */
static struct cmd_model *about_model(struct fs_call *c, enum command_kind kind,
				     const struct subject *s, struct err *e)
{
	struct cmd_model *x;
	struct str name;

	if (fs_begin(c, e) || model_name(c, s->row, &name, e))
		return NULL;
	x = command_new(kind);
	x->name = command_str(&x->c, name);
	x->key = command_str(&x->c, s->key);
	return x;
}

static int post(struct fs_call *c, struct command *x, struct err *e)
{
	int r = fs_post(c, x, e);

	command_free(x);
	return r;
}

static int put_description(struct fs_call *c, const struct subject *s,
			   struct node *at, struct str value, struct err *e)
{
	struct cmd_model *x = about_model(c, COMMAND_MODEL_UPDATE, s, e);

	(void)at;
	if (!x)
		return -1;
	x->description = command_str(&x->c, value);
	return post(c, &x->c, e);
}

static int put_tag(struct fs_call *c, const struct subject *s, struct node *at,
		   struct str value, struct err *e)
{
	struct cmd_model *x = about_model(c, COMMAND_MODEL_TAG, s, e);

	(void)at;
	if (!x)
		return -1;
	x->value = command_str(&x->c, value);
	return post(c, &x->c, e);
}

static int remove_tag(struct fs_call *c, const struct subject *s,
		      struct node *at, struct err *e)
{
	struct cmd_model *x = about_model(c, COMMAND_MODEL_UNTAG, s, e);

	(void)at;
	return x ? post(c, &x->c, e) : -1;
}

const struct value_type model_description_value = {.get = get_description,
						   .put = put_description};
const struct value_type model_tag_value = {
	.get = get_tag, .put = put_tag, .remove = remove_tag};
const struct key_dir model_tags_keys = {KIND_MODEL_TAG, registered_model_tags};

/* --- versions ------------------------------------------------------------- */

static int get_version_description(struct fs_call *c, const struct subject *s,
				   struct str *ret, int64_t *ret_modified,
				   struct err *e)
{
	struct model_version v;

	if (model_version_by_row(c->rd, s->row, &c->arena, &v, e))
		return -1;
	*ret = v.description;
	*ret_modified = v.modified;
	return 0;
}

static int get_stage(struct fs_call *c, const struct subject *s,
		     struct str *ret, int64_t *ret_modified, struct err *e)
{
	struct model_version v;

	if (model_version_by_row(c->rd, s->row, &c->arena, &v, e))
		return -1;
	*ret = str_from(model_stage_names[v.stage]);
	*ret_modified = v.modified;
	return 0;
}

static int get_version_tag(struct fs_call *c, const struct subject *s,
			   struct str *ret, int64_t *ret_modified,
			   struct err *e)
{
	return get_of(c, model_version_tags, s, ret, ret_modified, e);
}

static struct cmd_version *about_version(struct fs_call *c,
					 enum command_kind kind,
					 const struct subject *s, struct err *e)
{
	struct cmd_version *x;
	struct model_version v;

	if (fs_begin(c, e) ||
	    model_version_by_row(c->rd, s->row, &c->arena, &v, e))
		return NULL;
	x = command_new(kind);
	x->name = command_str(&x->c, v.model);
	x->version = command_str(&x->c, v.version);
	x->key = command_str(&x->c, s->key);
	return x;
}

static int put_version_description(struct fs_call *c, const struct subject *s,
				   struct node *at, struct str value,
				   struct err *e)
{
	struct cmd_version *x = about_version(c, COMMAND_VERSION_UPDATE, s, e);

	(void)at;
	if (!x)
		return -1;
	x->description = command_str(&x->c, value);
	return post(c, &x->c, e);
}

/* A shell sees no error of close: a whole line is held against the names. */
static int check_stage(struct fs_call *c, const struct subject *s,
		       struct str text, struct err *e)
{
	enum model_stage stage;

	(void)c;
	(void)s;
	if (!text.n || text.p[text.n - 1] != '\n')
		return 0;
	return model_stage_parse(str_n(text.p, text.n - 1), &stage, e);
}

static int put_stage(struct fs_call *c, const struct subject *s,
		     struct node *at, struct str value, struct err *e)
{
	struct cmd_version *x = about_version(c, COMMAND_VERSION_STAGE, s, e);

	(void)at;
	if (!x)
		return -1;
	x->stage = command_str(&x->c, value);
	return post(c, &x->c, e);
}

static int put_version_tag(struct fs_call *c, const struct subject *s,
			   struct node *at, struct str value, struct err *e)
{
	struct cmd_version *x = about_version(c, COMMAND_VERSION_TAG, s, e);

	(void)at;
	if (!x)
		return -1;
	x->value = command_str(&x->c, value);
	return post(c, &x->c, e);
}

static int remove_version_tag(struct fs_call *c, const struct subject *s,
			      struct node *at, struct err *e)
{
	struct cmd_version *x = about_version(c, COMMAND_VERSION_UNTAG, s, e);

	(void)at;
	return x ? post(c, &x->c, e) : -1;
}

const struct value_type version_description_value = {
	.get = get_version_description, .put = put_version_description};
const struct value_type version_stage_value = {.never_none = true,
					       .check = check_stage,
					       .get = get_stage,
					       .put = put_stage};
const struct value_type version_tag_value = {.get = get_version_tag,
					     .put = put_version_tag,
					     .remove = remove_version_tag};
const struct key_dir version_tags_keys = {KIND_VERSION_TAG, model_version_tags};

/* --- logged models -------------------------------------------------------- */

static int get_logged_param(struct fs_call *c, const struct subject *s,
			    struct str *ret, int64_t *ret_modified,
			    struct err *e)
{
	return get_of(c, logged_model_params, s, ret, ret_modified, e);
}

static int get_logged_tag(struct fs_call *c, const struct subject *s,
			  struct str *ret, int64_t *ret_modified, struct err *e)
{
	return get_of(c, logged_model_tags, s, ret, ret_modified, e);
}

static int logged_id(struct fs_call *c, int64_t row, struct str *ret,
		     struct err *e)
{
	struct logged_model m;

	if (fs_begin(c, e) || logged_model_by_row(c->rd, row, &c->arena, &m, e))
		return -1;
	*ret = m.id;
	return 0;
}

static int put_logged_tag(struct fs_call *c, const struct subject *s,
			  struct node *at, struct str value, struct err *e)
{
	struct cmd_logged_values *x;
	struct key_value tag;
	struct str id;

	(void)at;
	if (logged_id(c, s->row, &id, e))
		return -1;
	x = command_new(COMMAND_LOGGED_TAGS);
	tag.key = command_str(&x->c, s->key);
	tag.value = command_str(&x->c, value);
	x->model_id = command_str(&x->c, id);
	x->tags = (struct field_list){&tag, 1};
	return post(c, &x->c, e);
}

static int remove_logged_tag(struct fs_call *c, const struct subject *s,
			     struct node *at, struct err *e)
{
	struct cmd_logged_untag *x;
	struct str id;

	(void)at;
	if (logged_id(c, s->row, &id, e))
		return -1;
	x = command_new(COMMAND_LOGGED_UNTAG);
	x->model_id = command_str(&x->c, id);
	x->key = command_str(&x->c, s->key);
	return post(c, &x->c, e);
}

const struct value_type logged_param_value = {.get = get_logged_param};
const struct value_type logged_tag_value = {.get = get_logged_tag,
					    .put = put_logged_tag,
					    .remove = remove_logged_tag};
const struct key_dir logged_params_keys = {KIND_LOGGED_PARAM,
					   logged_model_params};
const struct key_dir logged_tags_keys = {KIND_LOGGED_TAG, logged_model_tags};
