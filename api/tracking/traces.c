/* SPDX-License-Identifier: Apache-2.0 */
/* traces.c - calls about traces that are there: whole, by lists of ids, their
 * tags, links and end.
 */
#include "api/tracking/traces.h"

#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/render/trace.h"

enum {
	BATCH_MAX = 500,         /* ids of one call */
	SPANS_BYTES = 256 << 20, /* the spans of one trace in memory */
};

struct trace_get {
	struct str trace_id;
	struct opt_bool allow_partial;
};

static const struct field get_rows[] = {
	ROW_FILLED(trace_get, trace_id),
	{.name = "allow_partial",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct trace_get, allow_partial)},
};
static const struct field_set get_fields =
	FIELD_SET(get_rows, struct trace_get);

/* Where experiments are given, traces of others count as none. */
struct traces_batch {
	struct field_list trace_ids, experiment_ids;
};

static const struct field batch_rows[] = {
	{.name = "trace_ids",
	 .type = FIELD_STRS,
	 .flags = FIELD_REQUIRED,
	 .limit = BATCH_MAX,
	 .offset = offsetof(struct traces_batch, trace_ids)},
	ROW_STRS(traces_batch, experiment_ids),
};
static const struct field_set batch_fields =
	FIELD_SET(batch_rows, struct traces_batch);

/* --- reading -------------------------------------------------------------- */

static int put_whole(struct reading *r, const struct trace *t, bool partial,
		     struct arena *a, bool *ret_put)
{
	*ret_put = partial;
	if (!partial && render_trace_complete(r->rd, t, a, ret_put, &r->e) < 0)
		return -1;
	return *ret_put ? render_trace(r->j, r->rd, t, a, &r->e) : 0;
}

static void trace_get(struct call *c)
{
	const struct trace_get *q = c->request;
	struct reading r;
	struct trace t;
	bool put;

	if (reading_begin(&r, c) == 0 &&
	    trace_by_id(r.rd, q->trace_id, c->arena, &t, &r.e) == 0) {
		jo_key(r.j, "trace");
		if (put_whole(&r, &t, q->allow_partial.v, c->arena, &put) ==
			    0 &&
		    !put)
			err_set(&r.e, ERR_NOT_FOUND,
				"Trace with ID %.*s is not fully exported "
				"yet, please try again later.",
				STR_ARG(t.id));
	}
	reading_end(&r);
}

static bool wanted(const struct traces_batch *q, const struct trace *t)
{
	const struct str *id = q->experiment_ids.items;

	if (!id)
		return true;
	for (size_t i = 0; i < q->experiment_ids.n; i++)
		if (str_eq(id[i], t->experiment_id))
			return true;
	return false;
}

/* The traces that there are, in the order of their ids. */
static int each_of_batch(struct reading *r, const struct traces_batch *q,
			 int (*put)(struct reading *r, const struct trace *t,
				    struct render_list *l, struct arena *a),
			 struct render_list *l)
{
	SCOPED(arena_fini) struct arena a;
	const struct str *ids = q->trace_ids.items;
	int rc = 0;

	arena_init(&a, SPANS_BYTES);
	for (size_t i = 0; i < q->trace_ids.n && rc == 0; i++) {
		struct trace t;

		arena_reset(&a);
		rc = trace_by_id(r->rd, ids[i], &a, &t, &r->e);
		if (rc == 0 && wanted(q, &t))
			rc = put(r, &t, l, &a);
		if (rc < 0 && r->e.kind == ERR_NOT_FOUND) {
			err_clear(&r->e);
			rc = 0;
		}
	}
	render_list_end(l);
	return rc;
}

/* What is not complete is left out. */
static int put_trace(struct reading *r, const struct trace *t,
		     struct render_list *l, struct arena *a)
{
	bool complete;

	if (render_trace_complete(r->rd, t, a, &complete, &r->e) < 0)
		return -1;
	if (!complete)
		return 0;
	render_list_next(l);
	return render_trace(r->j, r->rd, t, a, &r->e);
}

static int put_info(struct reading *r, const struct trace *t,
		    struct render_list *l, struct arena *a)
{
	(void)a;
	render_list_next(l);
	return render_trace_info(r->j, r->rd, t, &r->e);
}

static void batch_get(struct call *c)
{
	struct reading r;

	if (reading_begin(&r, c) == 0)
		each_of_batch(&r, c->request, put_trace,
			      &(struct render_list){r.j, "traces", false});
	reading_end(&r);
}

static void batch_get_infos(struct call *c)
{
	struct reading r;

	if (reading_begin(&r, c) == 0)
		each_of_batch(&r, c->request, put_info,
			      &(struct render_list){r.j, "trace_infos", false});
	reading_end(&r);
}

static const struct route get_routes[] = {
	{.methods = HTTP_GET,
	 .path = "/mlflow/traces/get",
	 .need = LEVEL_READ,
	 .fields = &get_fields,
	 .handle = trace_get,
	 .summary = "A trace with its spans."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/traces/batchGet",
	 .need = LEVEL_READ,
	 .fields = &batch_fields,
	 .handle = batch_get,
	 .summary = "Several traces with their spans."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/batchGetInfos",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &batch_fields,
	 .handle = batch_get_infos,
	 .summary = "Several traces without their spans."},
};

/* --- tags and links ------------------------------------------------------- */

static const struct field tag_rows[] = {
	ROW_FILLED(cmd_trace_tag, key),
	ROW_STR(cmd_trace_tag, value),
};
static const struct field_set tag_fields =
	FIELD_SET(tag_rows, struct cmd_trace_tag);

static const struct field untag_rows[] = {
	ROW_FILLED(cmd_trace_tag, key),
};
static const struct field_set untag_fields =
	FIELD_SET(untag_rows, struct cmd_trace_tag);

static const struct field link_run_rows[] = {
	ROW_SOME(cmd_trace_link_run, trace_ids),
	ROW_FILLED(cmd_trace_link_run, run_id),
};
static const struct field_set link_run_fields =
	FIELD_SET(link_run_rows, struct cmd_trace_link_run);

static const struct field link_prompts_rows[] = {
	ROW_FILLED(cmd_trace_link_prompts, trace_id),
	{.name = "prompt_versions",
	 .type = FIELD_LIST,
	 .flags = FIELD_FILLED,
	 .limit = LIMIT_TRACE_LINKS,
	 .sub = &prompt_version_fields,
	 .offset = offsetof(struct cmd_trace_link_prompts, prompts)},
};
static const struct field_set link_prompts_fields =
	FIELD_SET(link_prompts_rows, struct cmd_trace_link_prompts);

static void trace_tag_set(struct call *c)
{
	struct cmd_trace_tag *q = c->request;

	q->trace_id = c->params[0];
	write_request(c, COMMAND_TRACE_TAG, NULL);
}

static void trace_tag_delete(struct call *c)
{
	struct cmd_trace_tag *q = c->request;

	q->trace_id = c->params[0];
	write_request(c, COMMAND_TRACE_UNTAG, NULL);
}

static void link_run(struct call *c)
{
	write_request(c, COMMAND_TRACE_LINK_RUN, NULL);
}

static void link_prompts(struct call *c)
{
	write_request(c, COMMAND_TRACE_LINK_PROMPTS, NULL);
}

/* --- deleting ------------------------------------------------------------- */

struct traces_delete {
	struct str experiment_id;
	struct opt_i64 max_timestamp_millis, max_traces;
	struct field_list request_ids;
	int64_t deleted; /* by the commands so far */
};

static const struct field delete_rows[] = {
	ROW_FILLED(traces_delete, experiment_id),
	ROW_I64(traces_delete, max_timestamp_millis),
	ROW_I64(traces_delete, max_traces),
	{.name = "request_ids",
	 .alias = "trace_ids",
	 .type = FIELD_STRS,
	 .limit = LIMIT_DELETE_TRACE_IDS,
	 .offset = offsetof(struct traces_delete, request_ids)},
};
static const struct field_set delete_fields =
	FIELD_SET(delete_rows, struct traces_delete);

static void submit_delete(struct call *c, const struct traces_delete *q)
{
	struct cmd_trace_delete *x = command_new(COMMAND_TRACE_DELETE);

	x->experiment_id = q->experiment_id;
	x->trace_ids = q->request_ids;
	x->max_time = q->max_timestamp_millis;
	x->max_traces = q->max_traces;
	if (x->max_traces.v > 0)
		x->max_traces.v -= q->deleted;
	write_and_return(c, x);
}

/* Whether another command has something left to do. */
static bool count_deleted(struct traces_delete *q,
			  const struct cmd_trace_delete *x)
{
	q->deleted += x->ret_deleted.v;
	return x->ret_more.v &&
	       (q->max_traces.v <= 0 || q->deleted < q->max_traces.v);
}

/* A command takes as many as may be at once: one follows the other. */
static void traces_delete(struct call *c)
{
	struct traces_delete *q = c->request;
	int returned = write_returned(c);
	struct json_out *j;

	if (returned < 0)
		return;
	if (!returned || count_deleted(q, write_returned_command(c))) {
		submit_delete(c, q);
		return;
	}
	j = reply_json(c, 200);
	jo_object(j);
	jo_ki64(j, "traces_deleted", q->deleted);
	jo_object_end(j);
	reply_json_end(c);
}

static const struct route routes[] = {
	{.methods = HTTP_PATCH,
	 .path = "/mlflow/traces/{trace_id}/tags",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &tag_fields,
	 .handle = trace_tag_set,
	 .summary = "Set a tag of a trace."},
	{.methods = HTTP_DELETE,
	 .path = "/mlflow/traces/{trace_id}/tags",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &untag_fields,
	 .handle = trace_tag_delete,
	 .summary = "Remove a tag of a trace."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/delete-traces",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &delete_fields,
	 .handle = traces_delete,
	 .summary = "Delete traces by their ids, or the oldest ones."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/link-to-run",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &link_run_fields,
	 .handle = link_run,
	 .summary = "Link traces to a run."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/link-prompts",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &link_prompts_fields,
	 .handle = link_prompts,
	 .summary = "Link versions of prompts to a trace."},
};

const struct route_group tracking_traces =
	TRACKING_GROUP(tracking_prefixes, routes);
const struct route_group tracking_traces_get =
	TRACKING_GROUP(tracking_v3_prefixes, get_routes);
