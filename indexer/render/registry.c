/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c - see registry.h. */
#include "indexer/render/registry.h"

#include "indexer/render/render.h"

static int put_alias_name(void *ctx, const struct model_alias *x, struct err *e)
{
	struct render_list *l = ctx;

	(void)e;
	render_list_next(l);
	jo_str(l->j, x->alias);
	return 0;
}

int render_model_version(struct json_out *j, struct reader *rd,
			 const struct model_version *v, struct err *e)
{
	struct render_list tags = {j, "tags", false};
	struct render_list aliases = {j, "aliases", false};
	int rc;

	jo_object(j);
	jo_kstr(j, "name", v->model);
	jo_kstr(j, "version", v->version);
	jo_ki64(j, "creation_timestamp", v->created);
	jo_ki64(j, "last_updated_timestamp", v->updated);
	jo_kstr(j, "current_stage", str_from(model_stage_names[v->stage]));
	jo_kstr(j, "description", v->description);
	jo_kstr(j, "source", v->source);
	jo_kstr(j, "run_id", v->run_id);
	jo_kstr(j, "status", STR("READY"));
	rc = model_version_tags(rd, v->row, render_entry, &tags, e);
	render_list_end(&tags);
	jo_kstr(j, "run_link", v->run_link);
	if (rc == 0)
		rc = model_alias_of_version(rd, v->row, put_alias_name,
					    &aliases, e);
	render_list_end(&aliases);
	jo_object_end(j);
	return rc;
}

/* A list of versions in the making. */
struct versions {
	struct render_list list;
	struct reader *rd;
};

static int put_version(void *ctx, const struct model_version *v, struct err *e)
{
	struct versions *x = ctx;

	render_list_next(&x->list);
	return render_model_version(x->list.j, x->rd, v, e);
}

static int put_alias(void *ctx, const struct model_alias *x, struct err *e)
{
	struct render_list *l = ctx;

	(void)e;
	render_list_next(l);
	jo_object(l->j);
	jo_kstr(l->j, "alias", x->alias);
	jo_key(l->j, "version");
	jo_str(l->j, x->version);
	jo_object_end(l->j);
	return 0;
}

int render_registered_model(struct json_out *j, struct reader *rd,
			    const struct registered_model *m, struct err *e)
{
	struct versions latest = {{j, "latest_versions", false}, rd};
	struct render_list tags = {j, "tags", false};
	struct render_list aliases = {j, "aliases", false};
	int rc;

	jo_object(j);
	jo_kstr(j, "name", m->name);
	jo_ki64(j, "creation_timestamp", m->created);
	jo_ki64(j, "last_updated_timestamp", m->updated);
	if (m->description.n)
		jo_kstr(j, "description", m->description);
	rc = model_version_newest_each(rd, m->row, put_version, &latest, e);
	render_list_end(&latest.list);
	if (rc == 0)
		rc = registered_model_tags(rd, m->row, render_entry, &tags, e);
	render_list_end(&tags);
	if (rc == 0)
		rc = model_alias_each(rd, m->row, put_alias, &aliases, e);
	render_list_end(&aliases);
	jo_object_end(j);
	return rc;
}
