/* SPDX-License-Identifier: Apache-2.0 */
/* versions.c - models/<name>/versions/<n>, less its files (views.c).
 *
 * A version is removed by rmdir, as a run is, with all that is shown in it:
 * that is MLflow's delete_model_version, and takes no file from the run or
 * logged model that has them. rm -r stops at the first of those files.
 */
#include "fs/families.h"
#include "indexer/base/num.h"
#include "indexer/render/registry.h"

#define PROMPT_TEXT_TAG "mlflow.prompt.text"
#define PROMPT_TYPE_TAG "_mlflow_prompt_type"

static struct found version_thing(const struct model_version *v)
{
	return (struct found){
		.kind = KIND_VERSION,
		.row = v->row,
		.key = v->version,
		.name = v->version,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_VERSION].mode, 0, v->modified),
	};
}

int versions_lookup(struct fs_call *c, struct node *dir, struct str name,
		    struct found *ret, struct err *e)
{
	struct model_version v;
	int64_t number;

	if (!num_parse_i64(name, &number) ||
	    model_version_by_number(c->rd, dir->row, number, &c->arena, &v, e))
		return fs_no_entry(name, e);
	if (!str_eq(v.version, name))
		return fs_no_entry(name, e);
	*ret = version_thing(&v);
	return 0;
}

static int list_one(void *ctx, const struct model_version *v, struct err *e)
{
	struct found t = version_thing(v);

	return lister_add(ctx, &t, v->number, e);
}

int versions_list(struct fs_call *c, struct lister *l, struct err *e)
{
	return model_version_each(c->rd, lister_dir(l)->row, lister_after(l),
				  list_one, l, e);
}

int version_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		 struct err *e)
{
	struct model_version v;

	if (model_version_by_row(c->rd, s->row, &c->arena, &v, e))
		return -1;
	ret->mtime = v.modified;
	return 0;
}

int version_meta(struct fs_call *c, const struct subject *s, struct buf *b,
		 struct err *e)
{
	struct model_version v;
	struct json_out j;

	if (model_version_by_row(c->rd, s->row, &c->arena, &v, e))
		return -1;
	jo_init(&j, b, 2);
	if (render_model_version(&j, c->rd, &v, e))
		return -1;
	buf_putc(b, '\n');
	return 0;
}

int version_remove(struct fs_call *c, struct node *dir, const struct found *x,
		   struct err *e)
{
	struct cmd_version *cmd;
	struct str name;
	int r;

	if (fs_may_wait(c, e) || fs_begin(c, e) ||
	    model_name(c, dir->row, &name, e))
		return -1;
	cmd = command_new(COMMAND_VERSION_DELETE);
	cmd->name = command_str(&cmd->c, name);
	cmd->version = command_str(&cmd->c, x->key);
	r = fs_post(c, &cmd->c, e);
	command_free(&cmd->c);
	return r;
}

/* --- prompts -------------------------------------------------------------- */

struct prompt {
	struct fs_call *c;
	struct str text;
	int64_t modified;
	bool chat;
};

static int take_tag(void *ctx, struct str key, struct str value,
		    int64_t modified, struct err *e)
{
	struct prompt *p = ctx;

	if (str_is(key, PROMPT_TYPE_TAG))
		p->chat = str_is(value, "chat");
	if (!str_is(key, PROMPT_TEXT_TAG))
		return 0;
	p->text = arena_str(&p->c->arena, value);
	p->modified = modified;
	return p->text.p ? 0 : arena_full(&p->c->arena, e);
}

static int find_prompt(struct fs_call *c, int64_t row, struct prompt *ret,
		       struct err *e)
{
	*ret = (struct prompt){.c = c};
	if (model_version_tags(c->rd, row, take_tag, ret, e) < 0)
		return -1;
	return ret->text.p ? 0
			   : err_set(e, ERR_NOT_FOUND, "it is not a prompt");
}

int version_prompt(struct fs_call *c, int64_t row, struct found *ret,
		   struct err *e)
{
	struct prompt p;

	if (find_prompt(c, row, &p, e))
		return -1;
	*ret = (struct found){
		.kind = KIND_PROMPT,
		.row = row,
		.name = p.chat ? STR("prompt.json") : STR("prompt.txt"),
		.has_attr = true,
		.attr = attr_of(kinds[KIND_PROMPT].mode, (int64_t)p.text.n,
				p.modified),
	};
	return 0;
}

int prompt_text(struct fs_call *c, const struct subject *s, struct buf *b,
		struct err *e)
{
	struct prompt p;

	if (find_prompt(c, s->row, &p, e))
		return -1;
	buf_str(b, p.text);
	return 0;
}
