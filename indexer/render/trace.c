/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - traces as MLflow's JSON. */
#include "indexer/render/trace.h"

#include "indexer/base/clock.h"
#include "indexer/base/json_pull.h"
#include "indexer/base/text.h"
#include "indexer/formats/trace_file.h"

#define ARTIFACT_LOCATION "mlflow.artifactLocation"
#define SIZE_STATS        "mlflow.trace.sizeStats"

enum { OTEL_ID = 16 };

static void put_time(struct json_out *j, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	jo_kstr(j, key, str_n(text, clock_rfc3339(ms, text)));
}

/* What was not given is left out. */
static void put_given(struct json_out *j, const char *key, struct str s)
{
	if (s.p)
		jo_kstr(j, key, s);
}

/* --- tags and metadata --------------------------------------------------- */

/* Of MLflow 3 an object, of MLflow 2 a list. */
struct values {
	struct render_list list;
	bool map, located;
};

static int put_value(void *ctx, struct str key, struct str value,
		     int64_t modified, struct err *e)
{
	struct values *v = ctx;

	if (str_is(key, ARTIFACT_LOCATION))
		v->located = true;
	if (!v->map)
		return render_entry(&v->list, key, value, modified, e);
	jo_key_str(v->list.j, key);
	jo_str(v->list.j, value);
	return 0;
}

/* Clients look for artifacts where this tag says. */
static int put_tags(struct values *v, struct reader *rd, const struct trace *t,
		    struct err *e)
{
	if (trace_tags(rd, t->row, put_value, v, e) < 0)
		return -1;
	if (v->located)
		return 0;
	return put_value(v, STR(ARTIFACT_LOCATION), t->artifact_uri, 0, e);
}

static int put_maps(struct json_out *j, struct reader *rd,
		    const struct trace *t, struct err *e)
{
	struct values v = {{j, NULL, true}, true, false};
	int rc;

	jo_key(j, "trace_metadata");
	jo_object(j);
	rc = trace_metadata(rd, t->row, put_value, &v, e);
	jo_object_end(j);
	if (rc < 0)
		return -1;
	v.located = false;
	jo_key(j, "tags");
	jo_object(j);
	rc = put_tags(&v, rd, t, e);
	jo_object_end(j);
	return rc;
}

static int put_lists(struct json_out *j, struct reader *rd,
		     const struct trace *t, struct err *e)
{
	struct values metadata = {{j, "request_metadata", false}, false, false};
	struct values tags = {{j, "tags", false}, false, false};
	int rc;

	rc = trace_metadata(rd, t->row, put_value, &metadata, e);
	render_list_end(&metadata.list);
	if (rc == 0)
		rc = put_tags(&tags, rd, t, e);
	render_list_end(&tags.list);
	return rc;
}

/* --- assessments --------------------------------------------------------- */

/* MLflow's clients want lists and objects as text within the JSON. */
static void put_expectation(struct json_out *j, struct str value)
{
	jo_object(j);
	if (value.n && (value.p[0] == '{' || value.p[0] == '[')) {
		jo_key(j, "serialized_value");
		jo_object(j);
		jo_kstr(j, "serialization_format", STR("JSON_FORMAT"));
		jo_kstr(j, "value", value);
		jo_object_end(j);
	} else {
		jo_key(j, "value");
		jo_raw(j, value);
	}
	jo_object_end(j);
}

static void put_feedback(struct json_out *j, const struct assessment *x)
{
	jo_object(j);
	jo_key(j, "value");
	jo_raw(j, x->value);
	if (x->error.n) {
		jo_key(j, "error");
		jo_raw(j, x->error);
	}
	jo_object_end(j);
}

static void put_said(struct json_out *j, const struct assessment *x)
{
	jo_key(j, assessment_kind_names[x->kind]);
	switch ((enum assessment_kind)x->kind) {
	case ASSESSMENT_FEEDBACK:
		put_feedback(j, x);
		break;
	case ASSESSMENT_EXPECTATION:
		put_expectation(j, x->value);
		break;
	case ASSESSMENT_ISSUE:
	case ASSESSMENT_KINDS:
		jo_object(j);
		jo_key(j, "issue_name");
		jo_raw(j, x->value);
		jo_object_end(j);
		break;
	}
}

void render_assessment(struct json_out *j, struct str trace_id,
		       const struct assessment *x)
{
	jo_object(j);
	jo_kstr(j, "assessment_id", x->id);
	jo_kstr(j, "assessment_name", x->name);
	jo_kstr(j, "trace_id", trace_id);
	put_given(j, "span_id", x->span_id);
	jo_key(j, "source");
	jo_object(j);
	jo_kstr(j, "source_type", x->source_type);
	put_given(j, "source_id", x->source_id);
	jo_object_end(j);
	put_time(j, "create_time", x->created);
	put_time(j, "last_update_time", x->updated);
	put_said(j, x);
	put_given(j, "rationale", x->rationale);
	if (x->metadata.n) {
		jo_key(j, "metadata");
		jo_raw(j, x->metadata);
	}
	put_given(j, "overrides", x->overrides);
	jo_kbool(j, "valid", x->valid);
	jo_object_end(j);
}

struct assessments {
	struct render_list list;
	struct str trace_id;
};

static int put_assessment(void *ctx, const struct assessment *x, struct err *e)
{
	struct assessments *l = ctx;

	(void)e;
	render_list_next(&l->list);
	render_assessment(l->list.j, l->trace_id, x);
	return 0;
}

/* --- info ---------------------------------------------------------------- */

static void put_location(struct json_out *j, struct str experiment_id)
{
	jo_key(j, "trace_location");
	jo_object(j);
	jo_kstr(j, "type", STR("MLFLOW_EXPERIMENT"));
	jo_key(j, "mlflow_experiment");
	jo_object(j);
	jo_kstr(j, "experiment_id", experiment_id);
	jo_object_end(j);
	jo_object_end(j);
}

static void put_duration(struct json_out *j, struct opt_i64 ms)
{
	char text[CLOCK_TEXT];

	if (ms.set)
		jo_kstr(j, "execution_duration",
			str_n(text, clock_seconds(ms.v, text)));
}

int render_trace_info(struct json_out *j, struct reader *rd,
		      const struct trace *t, struct err *e)
{
	struct assessments said = {{j, "assessments", false}, t->id};
	int rc;

	jo_object(j);
	jo_kstr(j, "trace_id", t->id);
	put_given(j, "client_request_id", t->client_request_id);
	put_location(j, t->experiment_id);
	put_given(j, "request_preview", t->request_preview);
	put_given(j, "response_preview", t->response_preview);
	put_time(j, "request_time", t->request_time);
	put_duration(j, t->duration);
	jo_kstr(j, "state", str_from(trace_state_names[t->state]));
	rc = put_maps(j, rd, t, e);
	if (rc == 0)
		rc = trace_assessments(rd, t->row, put_assessment, &said, e);
	render_list_end(&said.list);
	jo_object_end(j);
	return rc;
}

int render_trace_info_2(struct json_out *j, struct reader *rd,
			const struct trace *t, struct err *e)
{
	const char *state = t->state ? trace_state_names[t->state]
				     : "TRACE_STATUS_UNSPECIFIED";
	int rc;

	jo_object(j);
	jo_kstr(j, "request_id", t->id);
	jo_kstr(j, "experiment_id", t->experiment_id);
	jo_ki64(j, "timestamp_ms", t->request_time);
	jo_ki64(j, "execution_time_ms", t->duration.v);
	jo_kstr(j, "status", str_from(state));
	rc = put_lists(j, rd, t, e);
	jo_object_end(j);
	return rc;
}

/* --- spans --------------------------------------------------------------- */

static int root_first(const void *a, const void *b)
{
	const struct otlp_span *x = a, *y = b;
	bool x_child = x->parent_span_id.n, y_child = y->parent_span_id.n;

	if (x_child != y_child)
		return x_child ? 1 : -1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return str_cmp(x->span_id, y->span_id);
}

/* The 16 bytes that the spans have as the id of their trace. */
static int otel_id(const struct trace *t, struct arena *a, struct str *ret,
		   struct err *e)
{
	struct str hex = t->id;
	char *bytes = arena_alloc(a, OTEL_ID);

	*ret = t->otel_id;
	if (ret->n)
		return 0;
	if (!bytes)
		return arena_full(a, e);
	if (str_starts(hex, STR("tr-")))
		hex = str_n(hex.p + 3, hex.n - 3);
	if (hex.n == (size_t)2 * OTEL_ID && !hex_decode(hex, bytes))
		memset(bytes, 0, OTEL_ID);
	*ret = str_n(bytes, OTEL_ID);
	return 0;
}

int render_load_spans(struct reader *rd, const struct trace *t, struct arena *a,
		      struct field_list *ret, struct err *e)
{
	struct otlp_span *spans;
	struct str id;
	size_t n;

	if (trace_spans(rd, t->row, a, &spans, &n, e) < 0 ||
	    otel_id(t, a, &id, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		spans[i].trace_id = id;
	if (n && !spans[0].form)
		qsort(spans, n, sizeof(*spans), root_first);
	*ret = (struct field_list){spans, n};
	return 0;
}

int render_trace(struct json_out *j, struct reader *rd, const struct trace *t,
		 struct arena *a, struct err *e)
{
	struct render_list list = {j, "spans", false};
	struct field_list spans;
	struct otlp_span *s;

	if (render_load_spans(rd, t, a, &spans, e) < 0)
		return -1;
	jo_object(j);
	jo_key(j, "trace_info");
	if (render_trace_info(j, rd, t, e) < 0)
		return -1;
	s = spans.items;
	for (size_t i = 0; i < spans.n; i++) {
		if (trace_span_complete(&s[i], t->id, a, e) < 0)
			return -1;
		render_list_next(&list);
		message_write_json(&otlp_span_message, &s[i], j);
	}
	render_list_end(&list);
	jo_object_end(j);
	return 0;
}

/* The count of spans in the statistics of a trace; 0 where there is none. */
static int64_t counted(struct str json, struct arena *a)
{
	struct json_pull pull;
	struct json_token t;
	struct err e;
	bool here = false;

	json_pull_init(&pull, json, a);
	while (json_pull_next(&pull, &t, &e) == 0 && t.kind != JSON_END) {
		if (here)
			return t.is_integer ? t.integer : 0;
		here = t.kind == JSON_KEY && str_is(t.text, "num_spans");
	}
	return 0;
}

int render_trace_complete(struct reader *rd, const struct trace *t,
			  struct arena *a, bool *ret, struct err *e)
{
	struct str stats;

	*ret = t->spans > 0;
	if (trace_metadatum(rd, t->row, STR(SIZE_STATS), a, &stats, e) == 0) {
		*ret = t->spans > 0 && counted(stats, a) <= t->spans;
		return 0;
	}
	if (e->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(e);
	return 0;
}
