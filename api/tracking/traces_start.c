/* SPDX-License-Identifier: Apache-2.0 */
/* traces_start.c - a trace as MLflow 3 logs it, when it has ended. */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "indexer/index/limits.h"
#include "indexer/render/trace.h"

struct trace_experiment {
	struct str experiment_id;
};
struct trace_location {
	struct opt_i64 type;
	struct trace_experiment experiment;
};
struct trace_info {
	struct str trace_id, client_request_id;
	struct trace_location location;
	struct str request_preview, response_preview;
	struct opt_i64 request_time, duration, state;
	struct field_list metadata, tags; /* of struct field_pair */
	struct field_list assessments;    /* of struct assessment_body */
};
struct trace_body {
	struct trace_info info;
};
struct trace_start {
	struct trace_body trace;
};

/* A map is taken over into the command as it is. */
_Static_assert(offsetof(struct field_pair, value) ==
			       offsetof(struct key_value, value) &&
		       sizeof(struct field_pair) == sizeof(struct key_value),
	       "pairs are pairs");

static const char *const location_names[] = {"TRACE_LOCATION_TYPE_UNSPECIFIED",
					     "MLFLOW_EXPERIMENT", NULL};

static const struct field experiment_rows[] = {
	ROW_FILLED(trace_experiment, experiment_id),
};
static const struct field_set experiment_fields =
	FIELD_SET(experiment_rows, struct trace_experiment);

static const struct field location_rows[] = {
	{.name = "type",
	 .type = FIELD_ENUM,
	 .names = location_names,
	 .offset = offsetof(struct trace_location, type)},
	{.name = "mlflow_experiment",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &experiment_fields,
	 .offset = offsetof(struct trace_location, experiment)},
};
static const struct field_set location_fields =
	FIELD_SET(location_rows, struct trace_location);

#define ROW_MAP(label, member)                                                 \
	{                                                                      \
		.name = (label), .type = FIELD_LIST, .flags = FIELD_MAP,       \
		.limit = LIMIT_TRACE_VALUES,                                   \
		.offset = offsetof(struct trace_info, member)                  \
	}

static const struct field info_rows[] = {
	ROW_FILLED(trace_info, trace_id),
	ROW_STR(trace_info, client_request_id),
	{.name = "trace_location",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &location_fields,
	 .offset = offsetof(struct trace_info, location)},
	ROW_STR(trace_info, request_preview),
	ROW_STR(trace_info, response_preview),
	{.name = "request_time",
	 .type = FIELD_I64,
	 .flags = FIELD_TIME,
	 .offset = offsetof(struct trace_info, request_time)},
	{.name = "execution_duration",
	 .type = FIELD_I64,
	 .flags = FIELD_SECONDS,
	 .offset = offsetof(struct trace_info, duration)},
	{.name = "state",
	 .type = FIELD_ENUM,
	 .names = trace_state_names,
	 .offset = offsetof(struct trace_info, state)},
	ROW_MAP("trace_metadata", metadata),
	ROW_MAP("tags", tags),
	{.name = "assessments",
	 .type = FIELD_LIST,
	 .limit = LIMIT_TRACE_ASSESSMENTS,
	 .sub = &assessment_fields,
	 .offset = offsetof(struct trace_info, assessments)},
};
static const struct field_set info_fields =
	FIELD_SET(info_rows, struct trace_info);

static const struct field trace_rows[] = {
	{.name = "trace_info",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &info_fields,
	 .offset = offsetof(struct trace_body, info)},
};
static const struct field_set trace_fields =
	FIELD_SET(trace_rows, struct trace_body);

static const struct field start_rows[] = {
	{.name = "trace",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &trace_fields,
	 .offset = offsetof(struct trace_start, trace)},
};
static const struct field_set start_fields =
	FIELD_SET(start_rows, struct trace_start);

static int take_assessments(const struct field_list *given, struct arena *a,
			    struct field_list *ret, struct err *e)
{
	const struct assessment_body *b = given->items;
	struct trace_assessment *x = arena_array(a, given->n + 1, sizeof(*x));

	if (!x)
		return arena_full(a, e);
	*ret = (struct field_list){x, given->n};
	for (size_t i = 0; i < given->n; i++)
		if (assessment_take(&b[i], a, &x[i], e) < 0)
			return -1;
	return 0;
}

static int fill_start(struct cmd_trace_start *x, const struct trace_info *q,
		      struct arena *a, struct err *e)
{
	x->trace_id = q->trace_id;
	x->experiment_id = q->location.experiment.experiment_id;
	x->client_request_id = q->client_request_id;
	x->request_time = q->request_time;
	x->duration = q->duration;
	x->state = q->state;
	x->request_preview = q->request_preview;
	x->response_preview = q->response_preview;
	x->metadata = q->metadata;
	x->tags = q->tags;
	return take_assessments(&q->assessments, a, &x->assessments, e);
}

static void answer_info(struct call *c, struct str id)
{
	struct reading r;
	struct trace t;

	if (reading_begin(&r, c) == 0 &&
	    trace_by_id(r.rd, id, c->arena, &t, &r.e) == 0) {
		jo_key(r.j, "trace");
		jo_object(r.j);
		jo_key(r.j, "trace_info");
		if (render_trace_info(r.j, r.rd, &t, &r.e) == 0)
			jo_object_end(r.j);
	}
	reading_end(&r);
}

static void trace_start(struct call *c)
{
	const struct trace_start *q = c->request;
	int returned = write_returned(c);
	struct cmd_trace_start *x;
	struct err e;

	if (returned > 0)
		answer_info(c, q->trace.info.trace_id);
	if (returned)
		return;
	x = command_new(COMMAND_TRACE_START);
	if (fill_start(x, &q->trace.info, c->arena, &e) == 0) {
		write_and_return(c, x);
		return;
	}
	command_free(&x->c);
	answer_error(c, &e);
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
	 .summary = "Log what is known of a trace but for its spans."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/traces/{trace_id}",
	 .need = LEVEL_READ,
	 .handle = trace_info,
	 .summary = "What is known of a trace but for its spans."},
};

const struct route_group tracking_traces_start =
	TRACKING_GROUP(tracking_v3_prefixes, routes);
