/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - MLflow's calls that log to a run: the hot ones.
 *
 * All of them become one kind of command. A batch is read from its text
 * straight into that command's lists; a single metric, param or tag is a list
 * of one that lies in the request's own struct.
 */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"

struct log_metric {
	struct str run_id;
	struct key_points point;
};

struct log_pair {
	struct str run_id;
	struct key_value pair;
};

static const struct field metric_rows[] = {
	ROW_RUN_ID(log_metric),
	{.name = "key",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct log_metric, point.key)},
	{.name = "value",
	 .type = FIELD_F64,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct log_metric, point.value)},
	{.name = "timestamp",
	 .type = FIELD_I64,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct log_metric, point.timestamp)},
	{.name = "step",
	 .type = FIELD_I64,
	 .offset = offsetof(struct log_metric, point.step)},
	{.name = "model_id",
	 .type = FIELD_STR,
	 .offset = offsetof(struct log_metric, point.model_id)},
	{.name = "dataset_name",
	 .type = FIELD_STR,
	 .offset = offsetof(struct log_metric, point.dataset_name)},
	{.name = "dataset_digest",
	 .type = FIELD_STR,
	 .offset = offsetof(struct log_metric, point.dataset_digest)},
};
static const struct field_set metric_fields =
	FIELD_SET(metric_rows, struct log_metric);

static const struct field pair_rows[] = {
	ROW_RUN_ID(log_pair),
	{.name = "key",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct log_pair, pair.key)},
	{.name = "value",
	 .type = FIELD_STR,
	 .offset = offsetof(struct log_pair, pair.value)},
};
static const struct field_set pair_fields =
	FIELD_SET(pair_rows, struct log_pair);

static const struct field batch_rows[] = {
	ROW_RUN_ID(cmd_run_log),
	ROW_LIST(cmd_run_log, metrics, key_points_fields),
	ROW_LIST(cmd_run_log, params, key_value_fields),
	ROW_LIST(cmd_run_log, tags, key_value_fields),
};
static const struct field_set batch_fields =
	FIELD_SET(batch_rows, struct cmd_run_log);

static void log_metric(struct call *c)
{
	struct log_metric *q = c->request;
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

	x->run_id = q->run_id;
	x->metrics = (struct field_list){&q->point, 1};
	write_command(c, x, NULL);
}

static void log_param(struct call *c)
{
	struct log_pair *q = c->request;
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

	x->run_id = q->run_id;
	x->params = (struct field_list){&q->pair, 1};
	x->single_param = true;
	write_command(c, x, NULL);
}

static void set_tag(struct call *c)
{
	struct log_pair *q = c->request;
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

	x->run_id = q->run_id;
	x->tags = (struct field_list){&q->pair, 1};
	write_command(c, x, NULL);
}

static void log_batch(struct call *c)
{
	write_request(c, COMMAND_RUN_LOG, NULL);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/log-metric",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &metric_fields,
	 .handle = log_metric,
	 .summary = "Append one point to a metric."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/log-parameter",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &pair_fields,
	 .handle = log_param,
	 .summary = "Write a param, once."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/set-tag",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &pair_fields,
	 .handle = set_tag,
	 .summary = "Set a tag of a run."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/log-batch",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &batch_fields,
	 .handle = log_batch,
	 .summary = "Log metrics, params and tags: all of them or none."},
};

const struct route_group tracking_log =
	TRACKING_GROUP(tracking_prefixes, routes);
