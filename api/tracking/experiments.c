/* SPDX-License-Identifier: Apache-2.0 */
/* experiments.c - MLflow's calls about single experiments. */
#include <errno.h>
#include <unistd.h>

#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/base/scope.h"
#include "indexer/render/render.h"

struct experiment_ref {
	struct str experiment_id;
};

struct experiment_named {
	struct str experiment_name;
};

static const struct field create_rows[] = {
	ROW_FILLED(cmd_experiment_create, name),
	ROW_STR(cmd_experiment_create, artifact_location),
	ROW_LIST(cmd_experiment_create, tags, key_value_fields),
};
static const struct field_set create_fields =
	FIELD_SET(create_rows, struct cmd_experiment_create);

static const struct field ref_rows[] = {
	ROW_FILLED(experiment_ref, experiment_id),
};
static const struct field_set ref_fields =
	FIELD_SET(ref_rows, struct experiment_ref);

static const struct field named_rows[] = {
	ROW_FILLED(experiment_named, experiment_name),
};
static const struct field_set named_fields =
	FIELD_SET(named_rows, struct experiment_named);

static const struct field target_rows[] = {
	ROW_FILLED(cmd_experiment, experiment_id),
};
static const struct field_set target_fields =
	FIELD_SET(target_rows, struct cmd_experiment);

static const struct field update_rows[] = {
	ROW_FILLED(cmd_experiment_update, experiment_id),
	ROW_FILLED(cmd_experiment_update, new_name),
};
static const struct field_set update_fields =
	FIELD_SET(update_rows, struct cmd_experiment_update);

static const struct field tag_rows[] = {
	ROW_FILLED(cmd_experiment_tag, experiment_id),
	ROW_FILLED(cmd_experiment_tag, key),
	ROW_STR(cmd_experiment_tag, value),
};
static const struct field_set tag_fields =
	FIELD_SET(tag_rows, struct cmd_experiment_tag);

static const struct field untag_rows[] = {
	ROW_FILLED(cmd_experiment_tag, experiment_id),
	ROW_FILLED(cmd_experiment_tag, key),
};
static const struct field_set untag_fields =
	FIELD_SET(untag_rows, struct cmd_experiment_tag);

static void put_created(struct json_out *j, const struct command *x)
{
	const struct cmd_experiment_create *created = (const void *)x;

	jo_kstr(j, "experiment_id", created->ret_experiment_id);
}

/* A relative path is meant below where the daemon was started, as MLflow's
 * server has it: each client would take it for one below its own place. */
static int make_absolute(struct arena *a, struct str *location, struct err *e)
{
	SCOPED_FREE char *here = NULL;
	const char *whole;

	if (!location->n || location->p[0] == '/' ||
	    memchr(location->p, ':', location->n))
		return 0;
	here = getcwd(NULL, 0);
	if (!here)
		return err_sys(e, errno, "the daemon's working directory");
	whole = arena_printf(a, "%s/%.*s", here[1] ? here : "",
			     STR_ARG(*location));
	*location = str_from(whole);
	return whole ? 0 : arena_full(a, e);
}

static void experiment_create(struct call *c)
{
	struct cmd_experiment_create *x = c->request;
	struct err e;

	if (make_absolute(c->arena, &x->artifact_location, &e))
		answer_error(c, &e);
	else
		write_request(c, COMMAND_EXPERIMENT_CREATE, put_created);
}

static void put_experiment(struct reading *r, const struct experiment *x)
{
	jo_key(r->j, "experiment");
	render_experiment(r->j, r->rd, x, &r->e);
}

static void experiment_get(struct call *c)
{
	const struct experiment_ref *q = c->request;
	struct experiment x;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    experiment_by_id(r.rd, q->experiment_id, c->arena, &x, &r.e) == 0)
		put_experiment(&r, &x);
	reading_end(&r);
}

static void experiment_get_by_name(struct call *c)
{
	const struct experiment_named *q = c->request;
	struct experiment x;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    experiment_by_name(r.rd, q->experiment_name, c->arena, &x, &r.e) ==
		    0)
		put_experiment(&r, &x);
	reading_end(&r);
}

static void experiment_update(struct call *c)
{
	write_request(c, COMMAND_EXPERIMENT_UPDATE, NULL);
}

/* Its runs take no more points afterwards: those on their way come first. */
static void experiment_delete(struct call *c)
{
	if (!call_wait_run(c, STR_NONE))
		write_request(c, COMMAND_EXPERIMENT_DELETE, NULL);
}

static void experiment_restore(struct call *c)
{
	write_request(c, COMMAND_EXPERIMENT_RESTORE, NULL);
}

static void experiment_set_tag(struct call *c)
{
	write_request(c, COMMAND_EXPERIMENT_TAG, NULL);
}

static void experiment_delete_tag(struct call *c)
{
	write_request(c, COMMAND_EXPERIMENT_UNTAG, NULL);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/create",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &create_fields,
	 .handle = experiment_create,
	 .summary = "Create an experiment."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/experiments/get",
	 .need = LEVEL_READ,
	 .fields = &ref_fields,
	 .handle = experiment_get,
	 .summary = "An experiment by its id, deleted or not."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/experiments/get-by-name",
	 .need = LEVEL_READ,
	 .fields = &named_fields,
	 .handle = experiment_get_by_name,
	 .summary = "An experiment by its name, deleted or not."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/update",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &update_fields,
	 .handle = experiment_update,
	 .summary = "Rename an experiment."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/delete",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &target_fields,
	 .handle = experiment_delete,
	 .summary = "Move an experiment and its runs to the trash."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/restore",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &target_fields,
	 .handle = experiment_restore,
	 .summary = "Bring an experiment back from the trash."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/set-experiment-tag",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &tag_fields,
	 .handle = experiment_set_tag,
	 .summary = "Set a tag of an experiment."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/delete-experiment-tag",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &untag_fields,
	 .handle = experiment_delete_tag,
	 .summary = "Remove a tag of an experiment."},
};

const struct route_group tracking_experiments =
	TRACKING_GROUP(tracking_prefixes, routes);
