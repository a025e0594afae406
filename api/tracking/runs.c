/* SPDX-License-Identifier: Apache-2.0 */
/* runs.c - MLflow's calls about single runs.
 *
 * Creating and updating answer with the run as it then is: the call comes
 * back to a worker after COMMIT and reads it.
 */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/render/render.h"

struct run_ref {
	struct str run_id;
};

static const struct field create_rows[] = {
	ROW_STR(cmd_run_create, experiment_id),
	ROW_STR(cmd_run_create, run_name),
	ROW_STR(cmd_run_create, user_id),
	ROW_I64(cmd_run_create, start_time),
	ROW_LIST(cmd_run_create, tags, key_value_fields),
};
static const struct field_set create_fields =
	FIELD_SET(create_rows, struct cmd_run_create);

static const struct field update_rows[] = {
	ROW_RUN_ID(cmd_run_update),
	{.name = "status",
	 .type = FIELD_ENUM,
	 .names = run_status_names,
	 .offset = offsetof(struct cmd_run_update, status)},
	ROW_I64(cmd_run_update, end_time),
	ROW_STR(cmd_run_update, run_name),
};
static const struct field_set update_fields =
	FIELD_SET(update_rows, struct cmd_run_update);

static const struct field ref_rows[] = {ROW_RUN_ID(run_ref)};
static const struct field_set ref_fields = FIELD_SET(ref_rows, struct run_ref);

static const struct field target_rows[] = {ROW_RUN_ID(cmd_run)};
static const struct field_set target_fields =
	FIELD_SET(target_rows, struct cmd_run);

static const struct field untag_rows[] = {
	ROW_RUN_ID(cmd_run_untag),
	ROW_FILLED(cmd_run_untag, key),
};
static const struct field_set untag_fields =
	FIELD_SET(untag_rows, struct cmd_run_untag);

static void put_run(struct reading *r, const struct run *run)
{
	jo_key(r->j, "run");
	render_run(r->j, r->rd, run, &r->e);
}

static void put_info(struct reading *r, const struct run *run)
{
	jo_key(r->j, "run_info");
	render_run_info(r->j, run);
}

static void answer_run(struct call *c, struct str id,
		       void (*put)(struct reading *r, const struct run *run))
{
	struct reading r;
	struct run run;

	if (reading_begin(&r, c) == 0 &&
	    run_by_id(r.rd, id, c->arena, &run, &r.e) == 0)
		put(&r, &run);
	reading_end(&r);
}

static void run_create(struct call *c)
{
	const struct cmd_run_create *q = c->request;
	int returned = write_returned(c);
	struct cmd_run_create *x;

	if (returned > 0)
		answer_run(c, write_returned_id(c), put_run);
	if (returned)
		return;
	x = command_new(COMMAND_RUN_CREATE);
	x->experiment_id = q->experiment_id;
	x->run_name = q->run_name;
	x->user_id = q->user_id;
	x->start_time = q->start_time;
	x->tags = q->tags;
	write_and_return(c, x);
}

static void run_get(struct call *c)
{
	const struct run_ref *q = c->request;

	answer_run(c, q->run_id, put_run);
}

static void run_update(struct call *c)
{
	const struct cmd_run_update *q = c->request;
	int returned = write_returned(c);
	struct cmd_run_update *x;

	if (returned > 0)
		answer_run(c, q->run_id, put_info);
	if (returned)
		return;
	x = command_new(COMMAND_RUN_UPDATE);
	x->run_id = q->run_id;
	x->status = q->status;
	x->end_time = q->end_time;
	x->run_name = q->run_name;
	write_and_return(c, x);
}

static void run_delete(struct call *c)
{
	write_request(c, COMMAND_RUN_DELETE, NULL);
}

static void run_restore(struct call *c)
{
	write_request(c, COMMAND_RUN_RESTORE, NULL);
}

static void run_delete_tag(struct call *c)
{
	write_request(c, COMMAND_RUN_UNTAG, NULL);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/create",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &create_fields,
	 .handle = run_create,
	 .summary = "Create a run and start it."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/runs/get",
	 .need = LEVEL_READ,
	 .fields = &ref_fields,
	 .handle = run_get,
	 .summary = "A run with its params, tags and latest metrics."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/update",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &update_fields,
	 .handle = run_update,
	 .summary = "Change the status, end time or name of a run."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/delete",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &target_fields,
	 .handle = run_delete,
	 .summary = "Move a run to the trash."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/restore",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &target_fields,
	 .handle = run_restore,
	 .summary = "Bring a run back from the trash."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/delete-tag",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &untag_fields,
	 .handle = run_delete_tag,
	 .summary = "Remove a tag of a run."},
};

const struct route_group tracking_runs =
	TRACKING_GROUP(tracking_prefixes, routes);
