/* SPDX-License-Identifier: Apache-2.0 */
/* render.c - entities as MLflow's JSON.
 *
 * The speed of a search page is the speed of this file: each entry of a run
 * goes from the statement's row into the writer, nothing is gathered first.
 */
#include "indexer/render/render.h"

#include "indexer/index/command.h"
#include "indexer/render/logged.h"

void render_list_next(struct render_list *l)
{
	if (l->open)
		return;
	jo_key(l->j, l->name);
	jo_array(l->j);
	l->open = true;
}

void render_list_end(struct render_list *l)
{
	if (l->open)
		jo_array_end(l->j);
	l->open = false;
}

int render_entry(void *ctx, struct str key, struct str value, int64_t modified,
		 struct err *e)
{
	struct render_list *l = ctx;

	(void)modified;
	(void)e;
	render_list_next(l);
	jo_object(l->j);
	jo_kstr(l->j, "key", key);
	jo_kstr(l->j, "value", value);
	jo_object_end(l->j);
	return 0;
}

static const char *life_name(enum lifecycle life)
{
	return life == LIFE_DELETED ? "deleted" : "active";
}

int render_experiment(struct json_out *j, struct reader *rd,
		      const struct experiment *x, struct err *e)
{
	struct render_list tags = {j, "tags", false};
	int r;

	jo_object(j);
	jo_kstr(j, "experiment_id", x->id);
	jo_kstr(j, "name", x->name);
	jo_kstr(j, "artifact_location", x->artifact_location);
	jo_kstr(j, "lifecycle_stage", str_from(life_name(x->lifecycle)));
	jo_ki64(j, "last_update_time", x->updated);
	jo_ki64(j, "creation_time", x->created);
	r = experiment_tags(rd, x->row, render_entry, &tags, e);
	render_list_end(&tags);
	jo_object_end(j);
	return r;
}

void render_run_info(struct json_out *j, const struct run *r)
{
	jo_object(j);
	jo_kstr(j, "run_uuid", r->id);
	jo_kstr(j, "experiment_id", r->experiment_id);
	jo_kstr(j, "run_name", r->name);
	jo_kstr(j, "user_id", r->user);
	jo_kstr(j, "status", str_from(run_status_names[r->status]));
	jo_ki64(j, "start_time", r->start_time);
	if (r->end_time >= 0)
		jo_ki64(j, "end_time", r->end_time);
	jo_kstr(j, "artifact_uri", r->artifact_uri);
	jo_kstr(j, "lifecycle_stage", str_from(life_name(r->lifecycle)));
	jo_kstr(j, "run_id", r->id);
	jo_object_end(j);
}

void render_metric(struct json_out *j, struct str key, const struct point *p,
		   struct str run_id)
{
	jo_object(j);
	jo_kstr(j, "key", key);
	jo_kf64(j, "value", p->value);
	jo_ki64(j, "timestamp", p->time);
	jo_ki64(j, "step", p->step);
	if (run_id.n)
		jo_kstr(j, "run_id", run_id);
	jo_object_end(j);
}

static void put_latest(void *ctx, struct str key, const struct point *p)
{
	struct render_list *l = ctx;

	render_list_next(l);
	render_metric(l->j, key, p, STR_NONE);
}

static int put_data(struct json_out *j, struct reader *rd, int64_t row,
		    struct err *e)
{
	struct render_list metrics = {j, "metrics", false};
	struct render_list params = {j, "params", false};
	struct render_list tags = {j, "tags", false};
	int r;

	r = series_latest(rd, row, put_latest, &metrics, e);
	render_list_end(&metrics);
	if (!r)
		r = run_params(rd, row, render_entry, &params, e);
	render_list_end(&params);
	if (!r)
		r = run_tags(rd, row, render_entry, &tags, e);
	render_list_end(&tags);
	return r;
}

enum run_parts { RUN_WHOLE, RUN_FOUND };

static int put_run(struct json_out *j, struct reader *rd, const struct run *run,
		   enum run_parts parts, struct err *e)
{
	int r;

	jo_object(j);
	jo_key(j, "info");
	render_run_info(j, run);
	jo_key(j, "data");
	jo_object(j);
	r = put_data(j, rd, run->row, e);
	jo_object_end(j);
	if (!r) {
		jo_key(j, "inputs");
		r = render_run_inputs(j, rd, run, parts == RUN_WHOLE, e);
	}
	if (!r) {
		jo_key(j, "outputs");
		r = render_run_outputs(j, rd, run, e);
	}
	jo_object_end(j);
	return r;
}

int render_run(struct json_out *j, struct reader *rd, const struct run *run,
	       struct err *e)
{
	return put_run(j, rd, run, RUN_WHOLE, e);
}

int render_found_run(struct json_out *j, struct reader *rd,
		     const struct run *run, struct err *e)
{
	return put_run(j, rd, run, RUN_FOUND, e);
}
