/* SPDX-License-Identifier: Apache-2.0 */
/* traces_2.c - a trace as MLflow 2 logs it: begun, then ended. */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "indexer/index/limits.h"
#include "indexer/render/trace.h"

/* Numbers are those of enum trace_state. */
static const char *const status_names[] = {"TRACE_STATUS_UNSPECIFIED", "OK",
					   "ERROR", "IN_PROGRESS", NULL};

#define ROW_VALUES(of, label, member)                                          \
	{                                                                      \
		.name = (label), .type = FIELD_LIST,                           \
		.limit = LIMIT_TRACE_VALUES, .sub = &key_value_fields,         \
		.offset = offsetof(struct of, member)                          \
	}

static const struct field start_rows[] = {
	ROW_STR(cmd_trace_start, experiment_id),
	{.name = "timestamp_ms",
	 .type = FIELD_I64,
	 .offset = offsetof(struct cmd_trace_start, request_time)},
	ROW_VALUES(cmd_trace_start, "request_metadata", metadata),
	ROW_VALUES(cmd_trace_start, "tags", tags),
};
static const struct field_set start_fields =
	FIELD_SET(start_rows, struct cmd_trace_start);

static const struct field end_rows[] = {
	{.name = "timestamp_ms",
	 .type = FIELD_I64,
	 .offset = offsetof(struct cmd_trace_end, end_time)},
	{.name = "status",
	 .type = FIELD_ENUM,
	 .names = status_names,
	 .offset = offsetof(struct cmd_trace_end, state)},
	ROW_VALUES(cmd_trace_end, "request_metadata", metadata),
	ROW_VALUES(cmd_trace_end, "tags", tags),
};
static const struct field_set end_fields =
	FIELD_SET(end_rows, struct cmd_trace_end);

static void answer_info(struct call *c, struct str id)
{
	struct reading r;
	struct trace t;

	if (reading_begin(&r, c) == 0 &&
	    trace_by_id(r.rd, id, c->arena, &t, &r.e) == 0) {
		jo_key(r.j, "trace_info");
		render_trace_info_2(r.j, r.rd, &t, &r.e);
	}
	reading_end(&r);
}

static void trace_start(struct call *c)
{
	struct cmd_trace_start *q = c->request;
	int returned = write_returned(c);

	if (!q->experiment_id.n)
		q->experiment_id = STR("0");
	if (returned > 0)
		answer_info(c, write_returned_id(c));
	else if (!returned)
		write_request_and_return(c, COMMAND_TRACE_START);
}

static void trace_end(struct call *c)
{
	struct cmd_trace_end *q = c->request;
	int returned = write_returned(c);

	q->trace_id = c->params[0];
	if (returned > 0)
		answer_info(c, q->trace_id);
	else if (!returned)
		write_request_and_return(c, COMMAND_TRACE_END);
}

static void trace_info(struct call *c)
{
	answer_info(c, c->params[0]);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &start_fields,
	 .handle = trace_start,
	 .summary = "Begin a trace."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/traces",
	 .need = LEVEL_READ,
	 .fields = &traces_search_2_fields,
	 .handle = traces_search_2,
	 .summary = "Traces that satisfy a filter, in order, by pages."},
	{.methods = HTTP_PATCH,
	 .path = "/mlflow/traces/{request_id}",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &end_fields,
	 .handle = trace_end,
	 .summary = "End a trace."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/traces/{request_id}/info",
	 .need = LEVEL_READ,
	 .handle = trace_info,
	 .summary = "What is known of a trace but for its spans."},
};

const struct route_group tracking_traces_2 =
	TRACKING_GROUP(tracking_v2_prefixes, routes);
