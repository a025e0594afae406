/* SPDX-License-Identifier: Apache-2.0 */
/* logged.c - logged models, and what runs took and made, as MLflow's JSON. */
#include "indexer/render/logged.h"

struct put_input {
	struct render_list list;
	struct reader *rd;
	int64_t run_row;
};

static int put_input(struct json_out *j, struct reader *rd, int64_t run_row,
		     const struct dataset *d, struct err *e)
{
	struct render_list tags = {j, "tags", false};
	int rc;

	jo_object(j);
	rc = run_input_tags(rd, run_row, d->row, render_entry, &tags, e);
	render_list_end(&tags);
	jo_key(j, "dataset");
	jo_object(j);
	jo_kstr(j, "name", d->name);
	jo_kstr(j, "digest", d->digest);
	jo_kstr(j, "source_type", d->source_type);
	jo_kstr(j, "source", d->source);
	if (d->schema.n)
		jo_kstr(j, "schema", d->schema);
	if (d->profile.n)
		jo_kstr(j, "profile", d->profile);
	jo_object_end(j);
	jo_object_end(j);
	return rc;
}

static int put_dataset(void *ctx, const struct dataset *d, struct err *e)
{
	struct put_input *x = ctx;

	render_list_next(&x->list);
	return put_input(x->list.j, x->rd, x->run_row, d, e);
}

struct one_input {
	struct put_input in;
	int64_t dataset_row;
	bool found;
};

static int put_one(void *ctx, const struct dataset *d, struct err *e)
{
	struct one_input *x = ctx;

	if (d->row != x->dataset_row)
		return 0;
	x->found = true;
	return put_input(x->in.list.j, x->in.rd, x->in.run_row, d, e) < 0 ? -1
									  : 1;
}

int render_run_input(struct json_out *j, struct reader *rd, int64_t run_row,
		     int64_t dataset_row, struct err *e)
{
	struct one_input x = {
		{{j, NULL, false}, rd, run_row}, dataset_row, false};

	if (run_inputs(rd, run_row, put_one, &x, e) < 0)
		return -1;
	return x.found ? 0
		       : err_set(e, ERR_NOT_FOUND, "no such input of the run");
}

static int put_model_input(void *ctx, struct str model_id, int64_t step,
			   struct err *e)
{
	struct render_list *l = ctx;

	(void)step;
	(void)e;
	render_list_next(l);
	jo_object(l->j);
	jo_kstr(l->j, "model_id", model_id);
	jo_object_end(l->j);
	return 0;
}

static int put_model_output(void *ctx, struct str model_id, int64_t step,
			    struct err *e)
{
	struct render_list *l = ctx;

	(void)e;
	render_list_next(l);
	jo_object(l->j);
	jo_kstr(l->j, "model_id", model_id);
	jo_ki64(l->j, "step", step);
	jo_object_end(l->j);
	return 0;
}

int render_run_inputs(struct json_out *j, struct reader *rd,
		      const struct run *run, bool models, struct err *e)
{
	struct put_input inputs = {{j, "dataset_inputs", false}, rd, run->row};
	struct render_list list = {j, "model_inputs", false};
	int rc;

	jo_object(j);
	rc = run_inputs(rd, run->row, put_dataset, &inputs, e);
	render_list_end(&inputs.list);
	if (rc == 0 && models)
		rc = run_models(rd, run->row, MODEL_INPUT, put_model_input,
				&list, e);
	render_list_end(&list);
	jo_object_end(j);
	return rc;
}

int render_run_outputs(struct json_out *j, struct reader *rd,
		       const struct run *run, struct err *e)
{
	struct render_list list = {j, "model_outputs", false};
	int rc;

	jo_object(j);
	rc = run_models(rd, run->row, MODEL_OUTPUT, put_model_output, &list, e);
	render_list_end(&list);
	jo_object_end(j);
	return rc;
}

/* --- logged models ------------------------------------------------------ */

static int put_info(struct json_out *j, struct reader *rd,
		    const struct logged_model *m, struct err *e)
{
	struct render_list tags = {j, "tags", false};
	int rc;

	jo_object(j);
	jo_kstr(j, "model_id", m->id);
	jo_kstr(j, "experiment_id", m->experiment_id);
	jo_kstr(j, "name", m->name);
	jo_ki64(j, "creation_timestamp_ms", m->created);
	jo_ki64(j, "last_updated_timestamp_ms", m->updated);
	jo_kstr(j, "artifact_uri", m->artifact_uri);
	jo_kstr(j, "status", str_from(logged_status_names[m->status]));
	jo_kstr(j, "model_type", m->model_type);
	jo_kstr(j, "source_run_id", m->source_run_id);
	rc = logged_model_tags(rd, m->row, render_entry, &tags, e);
	render_list_end(&tags);
	jo_object_end(j);
	return rc;
}

struct put_metric {
	struct render_list list;
	struct str model_id;
};

static int put_metric(void *ctx, const struct logged_metric *m, struct err *e)
{
	struct put_metric *x = ctx;
	struct json_out *j = x->list.j;

	(void)e;
	render_list_next(&x->list);
	jo_object(j);
	jo_kstr(j, "key", m->key);
	jo_kf64(j, "value", m->p.value);
	jo_ki64(j, "timestamp", m->p.time);
	jo_ki64(j, "step", m->p.step);
	if (m->dataset_name.n)
		jo_kstr(j, "dataset_name", m->dataset_name);
	if (m->dataset_digest.n)
		jo_kstr(j, "dataset_digest", m->dataset_digest);
	jo_kstr(j, "model_id", x->model_id);
	jo_kstr(j, "run_id", m->run_id);
	jo_object_end(j);
	return 0;
}

static int put_data(struct json_out *j, struct reader *rd,
		    const struct logged_model *m, struct err *e)
{
	struct render_list params = {j, "params", false};
	struct put_metric metrics = {{j, "metrics", false}, m->id};
	int rc;

	jo_object(j);
	rc = logged_model_params(rd, m->row, render_entry, &params, e);
	render_list_end(&params);
	if (rc == 0)
		rc = logged_model_metrics(rd, m->row, put_metric, &metrics, e);
	render_list_end(&metrics.list);
	jo_object_end(j);
	return rc;
}

int render_logged_model(struct json_out *j, struct reader *rd,
			const struct logged_model *m, struct err *e)
{
	int rc;

	jo_object(j);
	jo_key(j, "info");
	rc = put_info(j, rd, m, e);
	if (rc == 0) {
		jo_key(j, "data");
		rc = put_data(j, rd, m, e);
	}
	jo_object_end(j);
	return rc;
}
