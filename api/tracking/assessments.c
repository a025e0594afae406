/* SPDX-License-Identifier: Apache-2.0 */
/* assessments.c - MLflow 3's calls about what was said of a trace.
 *
 * An assessment is feedback, an expectation or an issue: the member of that
 * name tells which, and is read by a table of its own, since an empty one
 * counts, too.
 */
#include <math.h>

#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "indexer/base/json_pull.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/render/trace.h"

#define SOURCE_RUN "mlflow.assessment.sourceRunId"

enum { METADATA_MAX = 1000 };

static const char *const source_names[] = {"SOURCE_TYPE_UNSPECIFIED", "HUMAN",
					   "LLM_JUDGE", "CODE", NULL};

#define NAMED(of, member, label)                                               \
	{                                                                      \
		.name = (label), .type = FIELD_STR,                            \
		.offset = offsetof(struct of, member)                          \
	}
#define RAW(of, member, label, set)                                            \
	{                                                                      \
		.name = (label), .type = FIELD_RAW,                            \
		.limit = LIMIT_ASSESSMENT_TEXT, .sub = (set),                  \
		.offset = offsetof(struct of, member)                          \
	}
#define TIME(of, member, label)                                                \
	{                                                                      \
		.name = (label), .type = FIELD_I64, .flags = FIELD_TIME,       \
		.offset = offsetof(struct of, member)                          \
	}
#define OBJECT(of, member, label, set)                                         \
	{                                                                      \
		.name = (label), .type = FIELD_OBJECT, .sub = &(set),          \
		.offset = offsetof(struct of, member)                          \
	}

static const struct field source_rows[] = {
	{.name = "source_type",
	 .type = FIELD_ENUM,
	 .names = source_names,
	 .offset = offsetof(struct assessment_source, type)},
	NAMED(assessment_source, id, "source_id"),
};
static const struct field_set source_fields =
	FIELD_SET(source_rows, struct assessment_source);

static const struct field failure_rows[] = {
	NAMED(assessment_failure, code, "error_code"),
	NAMED(assessment_failure, message, "error_message"),
	NAMED(assessment_failure, stack, "stack_trace"),
};
static const struct field_set failure_fields =
	FIELD_SET(failure_rows, struct assessment_failure);

static const struct field feedback_rows[] = {
	RAW(assessment_feedback, value, "value", NULL),
	OBJECT(assessment_feedback, error, "error", failure_fields),
};
static const struct field_set feedback_fields =
	FIELD_SET(feedback_rows, struct assessment_feedback);

static const struct field serialized_rows[] = {
	NAMED(assessment_serialized, format, "serialization_format"),
	NAMED(assessment_serialized, value, "value"),
};
static const struct field_set serialized_fields =
	FIELD_SET(serialized_rows, struct assessment_serialized);

static const struct field expectation_rows[] = {
	RAW(assessment_expectation, value, "value", NULL),
	OBJECT(assessment_expectation, serialized, "serialized_value",
	       serialized_fields),
};
static const struct field_set expectation_fields =
	FIELD_SET(expectation_rows, struct assessment_expectation);

static const struct field issue_rows[] = {
	NAMED(assessment_issue, name, "issue_name"),
};
static const struct field_set issue_fields =
	FIELD_SET(issue_rows, struct assessment_issue);

static const struct field assessment_rows[] = {
	NAMED(assessment_body, id, "assessment_id"),
	NAMED(assessment_body, name, "assessment_name"),
	NAMED(assessment_body, span_id, "span_id"),
	OBJECT(assessment_body, source, "source", source_fields),
	TIME(assessment_body, created, "create_time"),
	TIME(assessment_body, updated, "last_update_time"),
	RAW(assessment_body, feedback, "feedback", &feedback_fields),
	RAW(assessment_body, expectation, "expectation", &expectation_fields),
	RAW(assessment_body, issue, "issue", &issue_fields),
	NAMED(assessment_body, rationale, "rationale"),
	OBJECT(assessment_body, error, "error", failure_fields),
	{.name = "metadata",
	 .type = FIELD_LIST,
	 .flags = FIELD_MAP,
	 .limit = METADATA_MAX,
	 .offset = offsetof(struct assessment_body, metadata)},
	NAMED(assessment_body, overrides, "overrides"),
	{.name = "valid",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct assessment_body, valid)},
};
const struct field_set assessment_fields =
	FIELD_SET(assessment_rows, struct assessment_body);

struct assessment_create {
	struct assessment_body assessment;
};
static const struct field create_rows[] = {
	{.name = "assessment",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &assessment_fields,
	 .offset = offsetof(struct assessment_create, assessment)},
};
static const struct field_set create_fields =
	FIELD_SET(create_rows, struct assessment_create);

struct assessment_update {
	struct assessment_body assessment;
	struct str update_mask;
};
static const struct field update_rows[] = {
	{.name = "assessment",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &assessment_fields,
	 .offset = offsetof(struct assessment_update, assessment)},
	ROW_FILLED(assessment_update, update_mask),
};
static const struct field_set update_fields =
	FIELD_SET(update_rows, struct assessment_update);

/* --- what a body says ----------------------------------------------------- */

/* JSON written by fn, in the arena. */
static int keep_json(struct buf *b, struct arena *a, struct str *ret,
		     struct err *e)
{
	*ret = buf_ok(b) ? arena_str(a, buf_view(b)) : STR_NONE;
	return ret->p ? 0 : arena_full(a, e);
}

static int take_failure(const struct assessment_failure *f, struct arena *a,
			struct str *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, a->ceiling);
	if (!f->code.p && !f->message.p && !f->stack.p)
		return 0;
	jo_init(&j, &b, 0);
	field_write_json(&failure_fields, f, &j);
	return keep_json(&b, a, ret, e);
}

static int take_metadata(const struct field_list *given, struct arena *a,
			 struct str *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	const struct field_pair *p = given->items;
	struct json_out j;

	buf_init(&b, a->ceiling);
	if (!given->n)
		return 0;
	jo_init(&j, &b, 0);
	jo_object(&j);
	for (size_t i = 0; i < given->n; i++) {
		jo_key_str(&j, p[i].key);
		jo_str(&j, p[i].value);
	}
	jo_object_end(&j);
	return keep_json(&b, a, ret, e);
}

/* What a body says: of which kind, its value, and why there is none. */
struct said {
	enum assessment_kind kind;
	struct str value, error;
};

/* A value is given back as it came, so it must be what any reader of JSON
 * takes: NaN and Infinity, which requests may have, are none. */
static int check_json(struct str text, struct arena *a, struct err *e)
{
	struct json_pull pull;
	struct json_token t;

	json_pull_init(&pull, text, a);
	do {
		if (json_pull_next(&pull, &t, e) < 0)
			return -1;
		if (t.kind == JSON_NUMBER && !isfinite(t.real))
			return err_set(e, ERR_INVALID,
				       "The value of an assessment cannot hold "
				       "%.*s; JSON has no such number.",
				       STR_ARG(t.text));
	} while (t.kind != JSON_END);
	return 0;
}

static int take_feedback(const struct assessment_body *b, struct arena *a,
			 struct said *ret, struct err *e)
{
	struct assessment_feedback f;

	if (field_read_json(&feedback_fields, b->feedback, a, &f, e) < 0 ||
	    take_failure(&f.error, a, &ret->error, e) < 0)
		return -1;
	ret->kind = ASSESSMENT_FEEDBACK;
	ret->value = f.value;
	if (f.value.n && check_json(f.value, a, e) < 0)
		return -1;
	return ret->error.n ? 0 : take_failure(&b->error, a, &ret->error, e);
}

static int take_expectation(const struct assessment_body *b, struct arena *a,
			    struct said *ret, struct err *e)
{
	struct assessment_expectation x;

	if (field_read_json(&expectation_fields, b->expectation, a, &x, e) < 0)
		return -1;
	ret->kind = ASSESSMENT_EXPECTATION;
	ret->value = x.value;
	if (!x.serialized.value.p)
		return x.value.n ? check_json(x.value, a, e) : 0;
	if (!str_is(x.serialized.format, "JSON_FORMAT"))
		return err_set(e, ERR_INVALID,
			       "Unknown serialization format: %.*s. Only "
			       "JSON_FORMAT is supported.",
			       (int)(x.serialized.format.n < 100
					     ? x.serialized.format.n
					     : 100),
			       x.serialized.format.p ? x.serialized.format.p
						     : "");
	ret->value = str_trim(x.serialized.value);
	return check_json(ret->value, a, e);
}

static int take_issue(const struct assessment_body *b, struct arena *a,
		      struct said *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf text;
	struct assessment_issue issue;
	struct json_out j;

	buf_init(&text, a->ceiling);
	if (field_read_json(&issue_fields, b->issue, a, &issue, e) < 0)
		return -1;
	ret->kind = ASSESSMENT_ISSUE;
	jo_init(&j, &text, 0);
	jo_str(&j, issue.name);
	return keep_json(&text, a, &ret->value, e);
}

static int take_said(const struct assessment_body *b, struct arena *a,
		     struct said *ret, struct err *e)
{
	*ret = (struct said){0};
	if ((b->feedback.p != NULL) + (b->expectation.p != NULL) +
		    (b->issue.p != NULL) !=
	    1)
		return err_set(e, ERR_INVALID,
			       "Exactly one of `feedback`, `expectation`, or "
			       "`issue` should be specified.");
	if (b->feedback.p)
		return take_feedback(b, a, ret, e);
	return b->expectation.p ? take_expectation(b, a, ret, e)
				: take_issue(b, a, ret, e);
}

static struct str source_run(const struct field_list *metadata)
{
	const struct field_pair *p = metadata->items;

	for (size_t i = 0; i < metadata->n; i++)
		if (str_is(p[i].key, SOURCE_RUN))
			return p[i].value;
	return STR_NONE;
}

int assessment_take(const struct assessment_body *b, struct arena *a,
		    struct trace_assessment *ret, struct err *e)
{
	struct said said;

	if (take_said(b, a, &said, e) < 0)
		return -1;
	if (!b->name.n)
		return err_set(e, ERR_INVALID,
			       "An assessment needs an assessment_name.");
	*ret = (struct trace_assessment){
		.assessment_id = b->id,
		.kind = {said.kind, true},
		.name = b->name,
		.value = said.value,
		.error = said.error,
		.source_type = str_from(source_names[b->source.type.v]),
		.source_id = b->source.id,
		.run_id = source_run(&b->metadata),
		.span_id = b->span_id,
		.rationale = b->rationale,
		.overrides = b->overrides,
		.valid = b->valid,
		.created = b->created,
		.updated = b->updated,
	};
	return take_metadata(&b->metadata, a, &ret->metadata, e);
}

/* --- the calls ------------------------------------------------------------ */

static void answer_assessment(struct call *c, struct str id)
{
	struct assessment x;
	struct trace t;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    trace_by_id(r.rd, c->params[0], c->arena, &t, &r.e) == 0 &&
	    assessment_by_id(r.rd, &t, id, c->arena, &x, &r.e) == 0) {
		jo_key(r.j, "assessment");
		render_assessment(r.j, t.id, &x);
	}
	reading_end(&r);
}

static void assessment_create(struct call *c)
{
	const struct assessment_create *q = c->request;
	int returned = write_returned(c);
	struct cmd_assessment_create *x;
	struct err e;

	if (returned > 0)
		answer_assessment(c, write_returned_id(c));
	if (returned)
		return;
	x = command_new(COMMAND_ASSESSMENT_CREATE);
	x->trace_id = c->params[0];
	if (assessment_take(&q->assessment, c->arena, &x->assessment, &e) < 0) {
		command_free(&x->c);
		answer_error(c, &e);
		return;
	}
	/* Ids are given here, not by who asks. */
	x->assessment.assessment_id = STR_NONE;
	write_and_return(c, x);
}

static void assessment_get(struct call *c)
{
	answer_assessment(c, c->params[1]);
}

static int update_said(struct cmd_assessment_update *x,
		       const struct assessment_body *b, struct arena *a,
		       struct err *e)
{
	struct said said;

	if (take_said(b, a, &said, e) < 0)
		return -1;
	x->kind = (struct opt_i64){said.kind, true};
	x->value = said.value.p ? said.value : STR("null");
	x->error = said.error;
	return 0;
}

/* One path of the mask, as protobuf's JSON has it or by its own name. */
static int update_path(struct cmd_assessment_update *x, struct str path,
		       const struct assessment_body *b, struct arena *a,
		       struct err *e)
{
	if (str_is(path, "assessmentName") || str_is(path, "assessment_name"))
		x->name = b->name;
	else if (str_is(path, "rationale"))
		x->rationale = b->rationale.p ? b->rationale : STR("");
	else if (str_is(path, "metadata"))
		return take_metadata(&b->metadata, a, &x->metadata, e);
	else if (str_is(path, "feedback") || str_is(path, "expectation"))
		return update_said(x, b, a, e);
	else
		return err_set(e, ERR_INVALID,
			       "Invalid path '%.*s' in 'update_mask'. These "
			       "can be updated: assessment_name, feedback, "
			       "expectation, rationale, metadata.",
			       (int)(path.n < 100 ? path.n : 100),
			       path.p ? path.p : "");
	return 0;
}

static int fill_update(struct cmd_assessment_update *x,
		       const struct assessment_update *q, struct arena *a,
		       struct err *e)
{
	struct str mask = q->update_mask;

	while (mask.n)
		if (update_path(x, str_trim(str_cut(&mask, ',')),
				&q->assessment, a, e) < 0)
			return -1;
	return 0;
}

static void assessment_update(struct call *c)
{
	int returned = write_returned(c);
	struct cmd_assessment_update *x;
	struct err e;

	if (returned > 0)
		answer_assessment(c, c->params[1]);
	if (returned)
		return;
	x = command_new(COMMAND_ASSESSMENT_UPDATE);
	x->trace_id = c->params[0];
	x->assessment_id = c->params[1];
	if (fill_update(x, c->request, c->arena, &e) == 0) {
		write_and_return(c, x);
		return;
	}
	command_free(&x->c);
	answer_error(c, &e);
}

static void assessment_delete(struct call *c)
{
	struct cmd_assessment_update *x =
		command_new(COMMAND_ASSESSMENT_DELETE);

	x->trace_id = c->params[0];
	x->assessment_id = c->params[1];
	write_command(c, x, NULL);
}

#define ONE "/mlflow/traces/{trace_id}/assessments/{assessment_id}"

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/{trace_id}/assessments",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &create_fields,
	 .handle = assessment_create,
	 .summary = "Say something about a trace or one of its spans."},
	{.methods = HTTP_GET,
	 .path = ONE,
	 .need = LEVEL_READ,
	 .handle = assessment_get,
	 .summary = "What was said about a trace."},
	{.methods = HTTP_PATCH,
	 .path = ONE,
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &update_fields,
	 .handle = assessment_update,
	 .summary = "Change what was said about a trace."},
	{.methods = HTTP_DELETE,
	 .path = ONE,
	 .need = LEVEL_WRITE,
	 .body = BODY_BUFFER,
	 .handle = assessment_delete,
	 .summary = "Take back what was said about a trace."},
};

const struct route_group tracking_assessments =
	TRACKING_GROUP(tracking_v3_prefixes, routes);
