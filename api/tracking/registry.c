/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c - MLflow's calls about registered models, versions and aliases.
 *
 * A request is the command itself, so its fields are the command's. Where the
 * answer is the model or version as it then is, the call comes back to a
 * worker after COMMIT and reads it.
 */
#include "indexer/index/registry.h"
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/render/registry.h"
#include "indexer/render/render.h"

#define FIELDS_OF(kind) &command_types[kind].in

/* --- models -------------------------------------------------------------- */

static void answer_model(struct call *c, struct str name)
{
	struct registered_model m;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    registered_model_by_name(r.rd, name, c->arena, &m, &r.e) == 0) {
		jo_key(r.j, "registered_model");
		render_registered_model(r.j, r.rd, &m, &r.e);
	}
	reading_end(&r);
}

/* Applies the request, then answers with the model of this name. */
static void change_model(struct call *c, enum command_kind kind,
			 struct str name)
{
	int returned = write_returned(c);

	if (returned > 0)
		answer_model(c, name);
	else if (!returned)
		write_request_and_return(c, kind);
}

static void model_create(struct call *c)
{
	const struct cmd_model *q = c->request;

	change_model(c, COMMAND_MODEL_CREATE, q->name);
}

static void model_rename(struct call *c)
{
	const struct cmd_model *q = c->request;

	change_model(c, COMMAND_MODEL_RENAME, q->new_name);
}

static void model_update(struct call *c)
{
	const struct cmd_model *q = c->request;

	change_model(c, COMMAND_MODEL_UPDATE, q->name);
}

static void model_get(struct call *c)
{
	const struct cmd_model *q = c->request;

	answer_model(c, q->name);
}

static void model_delete(struct call *c)
{
	write_request(c, COMMAND_MODEL_DELETE, NULL);
}

static void model_set_tag(struct call *c)
{
	write_request(c, COMMAND_MODEL_TAG, NULL);
}

static void model_delete_tag(struct call *c)
{
	write_request(c, COMMAND_MODEL_UNTAG, NULL);
}

static void alias_set(struct call *c)
{
	write_request(c, COMMAND_MODEL_ALIAS, NULL);
}

static void alias_delete(struct call *c)
{
	write_request(c, COMMAND_MODEL_UNALIAS, NULL);
}

/* --- versions ------------------------------------------------------------ */

static void put_version(struct reading *r, const struct model_version *v)
{
	jo_key(r->j, "model_version");
	render_model_version(r->j, r->rd, v, &r->e);
}

static void answer_version(struct call *c, struct str name, struct str version)
{
	struct model_version v;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    model_version_by_name(r.rd, name, version, c->arena, &v, &r.e) == 0)
		put_version(&r, &v);
	reading_end(&r);
}

static void change_version(struct call *c, enum command_kind kind)
{
	const struct cmd_version *q = c->request;
	int returned = write_returned(c);

	if (returned > 0)
		answer_version(c, q->name,
			       q->version.n ? q->version
					    : write_returned_id(c));
	else if (!returned)
		write_request_and_return(c, kind);
}

static void version_create(struct call *c)
{
	change_version(c, COMMAND_VERSION_CREATE);
}

static void version_update(struct call *c)
{
	change_version(c, COMMAND_VERSION_UPDATE);
}

static void version_stage(struct call *c)
{
	change_version(c, COMMAND_VERSION_STAGE);
}

static void version_get(struct call *c)
{
	const struct cmd_version *q = c->request;

	answer_version(c, q->name, q->version);
}

static void version_get_uri(struct call *c)
{
	const struct cmd_version *q = c->request;
	struct model_version v;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    model_version_by_name(r.rd, q->name, q->version, c->arena, &v,
				  &r.e) == 0)
		jo_kstr(r.j, "artifact_uri", v.location);
	reading_end(&r);
}

static void version_get_by_alias(struct call *c)
{
	const struct cmd_model *q = c->request;
	struct model_version v;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    model_version_by_alias(r.rd, q->name, q->alias, c->arena, &v,
				   &r.e) == 0)
		put_version(&r, &v);
	reading_end(&r);
}

static void version_delete(struct call *c)
{
	write_request(c, COMMAND_VERSION_DELETE, NULL);
}

static void version_set_tag(struct call *c)
{
	write_request(c, COMMAND_VERSION_TAG, NULL);
}

static void version_delete_tag(struct call *c)
{
	write_request(c, COMMAND_VERSION_UNTAG, NULL);
}

/* --- the newest of each stage -------------------------------------------- */

struct latest_query {
	struct str name;
	struct field_list stages;
};

static const struct field latest_rows[] = {
	ROW_FILLED(latest_query, name),
	ROW_STRS(latest_query, stages),
};
static const struct field_set latest_fields =
	FIELD_SET(latest_rows, struct latest_query);

struct latest {
	struct render_list list;
	struct reader *rd;
	bool wanted[STAGES];
};

/* Every stage, where none is named. */
static int want_stages(struct latest *l, const struct field_list *stages,
		       struct err *e)
{
	const struct str *name = stages->items;
	enum model_stage stage;

	for (int i = 0; i < STAGES; i++)
		l->wanted[i] = !stages->n;
	for (size_t i = 0; i < stages->n; i++) {
		if (model_stage_parse(name[i], &stage, e) < 0)
			return -1;
		l->wanted[stage] = true;
	}
	return 0;
}

static int put_latest(void *ctx, const struct model_version *v, struct err *e)
{
	struct latest *l = ctx;

	if (!l->wanted[v->stage])
		return 0;
	render_list_next(&l->list);
	return render_model_version(l->list.j, l->rd, v, e);
}

static void answer_latest(struct reading *r, const struct latest_query *q)
{
	struct latest l = {{r->j, "model_versions", false}, r->rd, {false}};
	struct registered_model m;

	if (registered_model_by_name(r->rd, q->name, r->c->arena, &m, &r->e) <
		    0 ||
	    want_stages(&l, &q->stages, &r->e) < 0)
		return;
	model_version_newest_each(r->rd, m.row, put_latest, &l, &r->e);
	render_list_end(&l.list);
}

static void versions_latest(struct call *c)
{
	struct reading r;

	if (reading_begin(&r, c) == 0)
		answer_latest(&r, c->request);
	reading_end(&r);
}

/* --- routes -------------------------------------------------------------- */

#define WRITE(verb, where, kind, handler, what)                                \
	{                                                                      \
		.methods = (verb), .path = (where), .need = LEVEL_WRITE,       \
		.body = BODY_JSON, .fields = FIELDS_OF(kind),                  \
		.handle = (handler), .summary = (what)                         \
	}
#define READ(where, kind, handler, what)                                       \
	{                                                                      \
		.methods = HTTP_GET, .path = (where), .need = LEVEL_READ,      \
		.fields = FIELDS_OF(kind), .handle = (handler),                \
		.summary = (what)                                              \
	}

static const struct route routes[] = {
	WRITE(HTTP_POST, "/mlflow/registered-models/create",
	      COMMAND_MODEL_CREATE, model_create,
	      "Create a registered model, or a prompt."),
	READ("/mlflow/registered-models/get", COMMAND_MODEL_DELETE, model_get,
	     "A registered model with its newest versions, tags and aliases."),
	WRITE(HTTP_POST, "/mlflow/registered-models/rename",
	      COMMAND_MODEL_RENAME, model_rename, "Rename a registered model."),
	WRITE(HTTP_PATCH, "/mlflow/registered-models/update",
	      COMMAND_MODEL_UPDATE, model_update,
	      "Change the description of a registered model."),
	WRITE(HTTP_DELETE, "/mlflow/registered-models/delete",
	      COMMAND_MODEL_DELETE, model_delete,
	      "Delete a registered model with its versions."),
	WRITE(HTTP_POST, "/mlflow/registered-models/set-tag", COMMAND_MODEL_TAG,
	      model_set_tag, "Set a tag of a registered model."),
	WRITE(HTTP_DELETE, "/mlflow/registered-models/delete-tag",
	      COMMAND_MODEL_UNTAG, model_delete_tag,
	      "Remove a tag of a registered model."),
	WRITE(HTTP_POST, "/mlflow/registered-models/alias", COMMAND_MODEL_ALIAS,
	      alias_set, "Give a version an alias, or move it there."),
	READ("/mlflow/registered-models/alias", COMMAND_MODEL_UNALIAS,
	     version_get_by_alias, "The version that an alias names."),
	WRITE(HTTP_DELETE, "/mlflow/registered-models/alias",
	      COMMAND_MODEL_UNALIAS, alias_delete, "Remove an alias."),
	{.methods = HTTP_GET | HTTP_POST,
	 .path = "/mlflow/registered-models/get-latest-versions",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &latest_fields,
	 .handle = versions_latest,
	 .summary = "The newest version of each stage."},
	WRITE(HTTP_POST, "/mlflow/model-versions/create",
	      COMMAND_VERSION_CREATE, version_create,
	      "Create a version of a registered model."),
	READ("/mlflow/model-versions/get", COMMAND_VERSION_DELETE, version_get,
	     "A version of a registered model."),
	READ("/mlflow/model-versions/get-download-uri", COMMAND_VERSION_DELETE,
	     version_get_uri, "Where the files of a version are."),
	WRITE(HTTP_PATCH, "/mlflow/model-versions/update",
	      COMMAND_VERSION_UPDATE, version_update,
	      "Change the description of a version."),
	WRITE(HTTP_POST, "/mlflow/model-versions/transition-stage",
	      COMMAND_VERSION_STAGE, version_stage,
	      "Move a version to another stage."),
	WRITE(HTTP_DELETE, "/mlflow/model-versions/delete",
	      COMMAND_VERSION_DELETE, version_delete,
	      "Delete a version and its aliases."),
	WRITE(HTTP_POST, "/mlflow/model-versions/set-tag", COMMAND_VERSION_TAG,
	      version_set_tag, "Set a tag of a version."),
	WRITE(HTTP_DELETE, "/mlflow/model-versions/delete-tag",
	      COMMAND_VERSION_UNTAG, version_delete_tag,
	      "Remove a tag of a version."),
};

const struct route_group tracking_registry =
	TRACKING_GROUP(tracking_prefixes, routes);
