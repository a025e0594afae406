/* SPDX-License-Identifier: Apache-2.0 */
/* links.c - MLflow's calls that tie runs to datasets and models. */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/page.h"
#include "api/tracking/tracking.h"
#include "indexer/base/scope.h"
#include "indexer/index/logged_model.h"
#include "indexer/render/render.h"

enum { DATASET_EXPERIMENTS_MAX = 20, DATASET_SUMMARIES_MAX = 1000 };

static const struct field outputs_rows[] = {
	ROW_RUN_ID(cmd_run_outputs),
	{.name = "models",
	 .type = FIELD_LIST,
	 .flags = FIELD_REQUIRED,
	 .sub = &run_model_fields,
	 .offset = offsetof(struct cmd_run_outputs, models)},
};
static const struct field_set outputs_fields =
	FIELD_SET(outputs_rows, struct cmd_run_outputs);

static void log_inputs(struct call *c)
{
	write_request(c, COMMAND_RUN_INPUTS, NULL);
}

static void log_outputs(struct call *c)
{
	write_request(c, COMMAND_RUN_OUTPUTS, NULL);
}

/* --- log-model of MLflow 2 ------------------------------------------------ */

struct log_model {
	struct str run_id, model_json;
};

static const struct field log_model_rows[] = {
	ROW_RUN_ID(log_model),
	ROW_FILLED(log_model, model_json),
};
static const struct field_set log_model_fields =
	FIELD_SET(log_model_rows, struct log_model);

/* What is kept of a model's description: so many members, and its flavors. */
struct description {
	struct str artifact_path, utc_time_created, run_id, model_uuid, flavors;
};

#define ROW_RAW(of, member, how)                                               \
	{                                                                      \
		.name = #member, .type = FIELD_RAW, .flags = (how),            \
		.offset = offsetof(struct of, member)                          \
	}
static const struct field description_rows[] = {
	ROW_RAW(description, artifact_path, FIELD_REQUIRED),
	ROW_RAW(description, utc_time_created, FIELD_REQUIRED),
	ROW_RAW(description, run_id, FIELD_REQUIRED),
	ROW_RAW(description, model_uuid, 0),
	ROW_RAW(description, flavors, FIELD_REQUIRED),
};
static const struct field_set description_fields =
	FIELD_SET(description_rows, struct description);

/* The value that begins with t, as it stands in the text. */
static int raw_value(struct json_pull *in, const struct json_token *t,
		     struct str *ret, struct err *e)
{
	if (json_pull_skip(in, t, e) < 0)
		return -1;
	*ret = str_n(in->in.p + t->at, in->at - t->at);
	return 0;
}

/* The members of one flavor, but for its config: that may be large, and is in
 * the model's own file. */
static int copy_flavor(struct json_pull *in, struct json_out *j, struct err *e)
{
	struct json_token key, value;
	struct str raw;

	jo_object(j);
	for (;;) {
		if (json_pull_next(in, &key, e) < 0)
			return -1;
		if (key.kind == JSON_OBJECT_END)
			break;
		if (json_pull_next(in, &value, e) < 0 ||
		    raw_value(in, &value, &raw, e) < 0)
			return -1;
		if (str_is(key.text, "config"))
			continue;
		jo_key_str(j, key.text);
		jo_raw(j, raw);
	}
	jo_object_end(j);
	return 0;
}

static int copy_flavors(struct str flavors, struct arena *a, struct json_out *j,
			struct err *e)
{
	struct json_pull in;
	struct json_token t;
	struct str raw;

	json_pull_init(&in, flavors, a);
	if (json_pull_next(&in, &t, e) < 0)
		return -1;
	if (t.kind != JSON_OBJECT)
		return err_set(e, ERR_INVALID,
			       "'flavors' of a model must be an object");
	jo_object(j);
	for (;;) {
		if (json_pull_next(&in, &t, e) < 0)
			return -1;
		if (t.kind == JSON_OBJECT_END)
			break;
		jo_key_str(j, t.text);
		if (json_pull_next(&in, &t, e) < 0)
			return -1;
		if (t.kind == JSON_OBJECT) {
			if (copy_flavor(&in, j, e) < 0)
				return -1;
			continue;
		}
		if (raw_value(&in, &t, &raw, e) < 0)
			return -1;
		jo_raw(j, raw);
	}
	jo_object_end(j);
	return 0;
}

static int describe(const struct description *d, struct arena *a,
		    struct str *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, a->ceiling);
	jo_init(&j, &b, 0);
	jo_object(&j);
	jo_key(&j, "run_id");
	jo_raw(&j, d->run_id);
	jo_key(&j, "artifact_path");
	jo_raw(&j, d->artifact_path);
	jo_key(&j, "utc_time_created");
	jo_raw(&j, d->utc_time_created);
	if (d->model_uuid.n) {
		jo_key(&j, "model_uuid");
		jo_raw(&j, d->model_uuid);
	}
	jo_key(&j, "flavors");
	if (copy_flavors(d->flavors, a, &j, e) < 0)
		return -1;
	jo_object_end(&j);
	*ret = arena_str(a, buf_view(&b));
	return buf_ok(&b) && ret->p ? 0 : arena_full(a, e);
}

static void log_model(struct call *c)
{
	const struct log_model *q = c->request;
	struct cmd_run_log_model *x;
	struct description d;
	struct str model;
	struct err e;

	if (field_read_json(&description_fields, q->model_json, c->arena, &d,
			    &e) < 0 ||
	    describe(&d, c->arena, &model, &e) < 0) {
		if (e.kind == ERR_MALFORMED)
			e.kind = ERR_INVALID;
		err_wrap(&e, "Malformed model info");
		answer_error(c, &e);
		return;
	}
	x = command_new(COMMAND_RUN_LOG_MODEL);
	x->run_id = q->run_id;
	x->model = model;
	write_command(c, x, NULL);
}

/* --- which datasets there are --------------------------------------------- */

struct dataset_search {
	struct field_list experiment_ids;
};

static const struct field dataset_rows[] = {
	ROW_STRS(dataset_search, experiment_ids),
};
static const struct field_set dataset_fields =
	FIELD_SET(dataset_rows, struct dataset_search);

struct summaries {
	struct render_list list;
	struct str experiment_id;
	size_t n;
};

/* 1 where there are enough. */
static int put_summary(void *ctx, struct str name, struct str digest,
		       struct str context, struct err *e)
{
	struct summaries *x = ctx;
	struct json_out *j = x->list.j;

	(void)e;
	render_list_next(&x->list);
	jo_object(j);
	jo_kstr(j, "experiment_id", x->experiment_id);
	jo_kstr(j, "name", name);
	jo_kstr(j, "digest", digest);
	if (context.n)
		jo_kstr(j, "context", context);
	jo_object_end(j);
	return ++x->n == DATASET_SUMMARIES_MAX;
}

/* Unknown experiments are passed over. */
static int put_datasets(struct reading *r, struct str id, struct summaries *x)
{
	struct experiment in;

	if (x->n == DATASET_SUMMARIES_MAX)
		return 0;
	if (experiment_by_id(r->rd, id, r->c->arena, &in, &r->e) < 0) {
		if (r->e.kind != ERR_NOT_FOUND)
			return -1;
		err_clear(&r->e);
		return 0;
	}
	x->experiment_id = in.id;
	return dataset_contexts(r->rd, in.row, put_summary, x, &r->e);
}

static void answer_datasets(struct call *c, const struct field_list *ids)
{
	const struct str *id = ids->items;
	struct summaries x = {{NULL, "dataset_summaries", false}, STR_NONE, 0};
	struct reading r;
	int failed = 0;

	if (reading_begin(&r, c) == 0) {
		x.list.j = r.j;
		for (size_t i = 0; i < ids->n && !failed; i++)
			failed = put_datasets(&r, id[i], &x);
		render_list_end(&x.list);
	}
	reading_end(&r);
}

static void datasets_search(struct call *c)
{
	const struct dataset_search *q = c->request;
	size_t n = q->experiment_ids.n;
	struct err e;

	if (n == 0)
		err_set(&e, ERR_INVALID,
			"SearchDatasets request must specify at least one "
			"experiment_id.");
	else if (n > DATASET_EXPERIMENTS_MAX)
		err_set(&e, ERR_INVALID,
			"SearchDatasets request cannot specify more than %d "
			"experiment_ids. Received %zu experiment_ids.",
			DATASET_EXPERIMENTS_MAX, n);
	else if (page_check_ids(&q->experiment_ids, &e) == 0) {
		answer_datasets(c, &q->experiment_ids);
		return;
	}
	answer_error(c, &e);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/log-inputs",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &command_types[COMMAND_RUN_INPUTS].in,
	 .handle = log_inputs,
	 .summary = "Tell which datasets and logged models a run took."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/outputs",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &outputs_fields,
	 .handle = log_outputs,
	 .summary = "Tell which logged models a run made."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/log-model",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &log_model_fields,
	 .handle = log_model,
	 .summary = "Note a model among a run's artifacts (MLflow 2)."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/experiments/search-datasets",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &dataset_fields,
	 .handle = datasets_search,
	 .summary = "Which datasets the runs of experiments took."},
};

const struct route_group tracking_links =
	TRACKING_GROUP(tracking_prefixes, routes);
