/* SPDX-License-Identifier: Apache-2.0 */
/* models.c - MLflow's calls about single logged models, and their artifacts.
 *
 * The model is named by the path; what a body says of its id is passed over.
 */
#include "api/app.h"
#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/index/names.h"
#include "indexer/render/logged.h"

struct model_get {
	struct opt_bool allow_deleted;
};

struct model_artifacts {
	struct str artifact_directory_path, artifact_file_path;
};

static const struct field get_rows[] = {
	{.name = "allow_deleted",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct model_get, allow_deleted)},
};
static const struct field_set get_fields =
	FIELD_SET(get_rows, struct model_get);

static const struct field finalize_rows[] = {
	{.name = "status",
	 .type = FIELD_ENUM,
	 .flags = FIELD_REQUIRED,
	 .names = logged_status_names,
	 .offset = offsetof(struct cmd_logged, status)},
};
static const struct field_set finalize_fields =
	FIELD_SET(finalize_rows, struct cmd_logged);

static const struct field tags_rows[] = {
	ROW_LIST(cmd_logged_values, tags, key_value_fields),
};
static const struct field_set tags_fields =
	FIELD_SET(tags_rows, struct cmd_logged_values);

static const struct field params_rows[] = {
	ROW_LIST(cmd_logged_values, params, key_value_fields),
};
static const struct field_set params_fields =
	FIELD_SET(params_rows, struct cmd_logged_values);

static const struct field directory_rows[] = {
	ROW_STR(model_artifacts, artifact_directory_path),
};
static const struct field_set directory_fields =
	FIELD_SET(directory_rows, struct model_artifacts);

static const struct field file_rows[] = {
	ROW_FILLED(model_artifacts, artifact_file_path),
};
static const struct field_set file_fields =
	FIELD_SET(file_rows, struct model_artifacts);

/* --- models --------------------------------------------------------------- */

static int find_model(struct reader *rd, struct call *c, struct str id,
		      bool deleted, struct logged_model *ret, struct err *e)
{
	if (logged_model_by_id(rd, id, c->arena, ret, e) < 0)
		return -1;
	if (deleted || ret->lifecycle == LIFE_ACTIVE)
		return 0;
	return err_set(e, ERR_NOT_FOUND,
		       "Logged model with ID '%.*s' not found.", STR_ARG(id));
}

static void answer_model(struct call *c, struct str id, bool deleted)
{
	struct logged_model m;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    find_model(r.rd, c, id, deleted, &m, &r.e) == 0) {
		jo_key(r.j, "model");
		render_logged_model(r.j, r.rd, &m, &r.e);
	}
	reading_end(&r);
}

static void model_create(struct call *c)
{
	int returned = write_returned(c);

	if (returned > 0)
		answer_model(c, write_returned_id(c), true);
	else if (!returned)
		write_request_and_return(c, COMMAND_LOGGED_CREATE);
}

static void model_get(struct call *c)
{
	const struct model_get *q = c->request;

	answer_model(c, c->params[0], q->allow_deleted.v);
}

static void model_finalize(struct call *c)
{
	struct cmd_logged *q = c->request;
	int returned = write_returned(c);

	q->model_id = c->params[0];
	if (returned > 0)
		answer_model(c, q->model_id, true);
	else if (!returned)
		write_request_and_return(c, COMMAND_LOGGED_FINALIZE);
}

static void model_delete(struct call *c)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_DELETE);

	x->model_id = c->params[0];
	write_command(c, x, NULL);
}

static void model_set_tags(struct call *c)
{
	struct cmd_logged_values *q = c->request;

	q->model_id = c->params[0];
	write_request(c, COMMAND_LOGGED_TAGS, NULL);
}

static void model_log_params(struct call *c)
{
	struct cmd_logged_values *q = c->request;

	q->model_id = c->params[0];
	write_request(c, COMMAND_LOGGED_PARAMS, NULL);
}

static void model_delete_tag(struct call *c)
{
	struct cmd_logged_untag *x = command_new(COMMAND_LOGGED_UNTAG);

	x->model_id = c->params[0];
	x->key = c->params[1];
	write_command(c, x, NULL);
}

/* --- their artifacts ------------------------------------------------------ */

static void model_directory(struct call *c)
{
	const struct model_artifacts *q = c->request;
	struct str path = q->artifact_directory_path;
	struct logged_model m;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    name_check_artifact(path, true, &r.e) == 0 &&
	    find_model(r.rd, c, c->params[0], false, &m, &r.e) == 0) {
		jo_kstr(r.j, "root_uri", m.artifact_uri);
		artifact_list(&r, logged_model_owner(m.row), path, path);
	}
	reading_end(&r);
}

static int find_file(struct call *c, struct str path, struct artifact *ret,
		     struct err *e)
{
	struct logged_model m;
	struct reader *rd;
	int failed;

	if (name_check_artifact(path, false, e))
		return -1;
	rd = reading_raw(c, e);
	if (!rd)
		return -1;
	failed = find_model(rd, c, c->params[0], false, &m, e) ||
		 artifact_by_path(rd, logged_model_owner(m.row), path, c->arena,
				  ret, e);
	reader_end(rd);
	if (!failed && ret->is_dir)
		failed = err_set(e, ERR_IS_DIR, "'%.*s' is a directory",
				 STR_ARG(path));
	return failed ? -1 : 0;
}

static void model_file(struct call *c)
{
	const struct model_artifacts *q = c->request;
	struct artifact x;
	struct err e;

	if (find_file(c, q->artifact_file_path, &x, &e))
		answer_error(c, &e);
	else
		artifact_send(c, &x);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/logged-models",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &command_types[COMMAND_LOGGED_CREATE].in,
	 .handle = model_create,
	 .summary = "Create a logged model; its files are yet to come."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/logged-models/{model_id}",
	 .need = LEVEL_READ,
	 .fields = &get_fields,
	 .handle = model_get,
	 .summary = "A logged model with its params, tags and metrics."},
	{.methods = HTTP_PATCH,
	 .path = "/mlflow/logged-models/{model_id}",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &finalize_fields,
	 .handle = model_finalize,
	 .summary = "Say whether a logged model is complete."},
	{.methods = HTTP_DELETE,
	 .path = "/mlflow/logged-models/{model_id}",
	 .need = LEVEL_WRITE,
	 .body = BODY_BUFFER,
	 .handle = model_delete,
	 .summary = "Hide a logged model."},
	{.methods = HTTP_PATCH,
	 .path = "/mlflow/logged-models/{model_id}/tags",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &tags_fields,
	 .handle = model_set_tags,
	 .summary = "Set tags of a logged model."},
	{.methods = HTTP_DELETE,
	 .path = "/mlflow/logged-models/{model_id}/tags/{key...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_BUFFER,
	 .handle = model_delete_tag,
	 .summary = "Remove a tag of a logged model."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/logged-models/{model_id}/params",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &params_fields,
	 .handle = model_log_params,
	 .summary = "Write params of a logged model, once."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/logged-models/{model_id}/artifacts/directories",
	 .need = LEVEL_READ,
	 .fields = &directory_fields,
	 .handle = model_directory,
	 .summary = "The artifacts of a logged model in one directory."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/logged-models/{model_id}/artifacts/files",
	 .need = LEVEL_READ,
	 .fields = &file_fields,
	 .handle = model_file,
	 .summary = "The bytes of one artifact of a logged model."},
};

const struct route_group tracking_models =
	TRACKING_GROUP(tracking_prefixes, routes);
