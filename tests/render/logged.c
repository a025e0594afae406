/* SPDX-License-Identifier: Apache-2.0 */
/* Logged models, and the inputs and outputs of runs, as MLflow's JSON, member
 * for member. */
#include "indexer/render/logged.h"

#include "tests/render/made.h"

static char expected[4096];
static struct str run_id, model_id;

static void make(struct made *m, struct str experiment)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	struct key_value param = {STR("p"), STR("1")};
	struct key_value tag = {STR("t"), STR("2")};

	run_id = made_run(m, experiment, "run");
	x->experiment_id = experiment;
	x->name = STR("n");
	x->source_run_id = run_id;
	x->params = (struct field_list){&param, 1};
	x->tags = (struct field_list){&tag, 1};
	ok(index_apply(m->index, &x->c, &m->e) == 0, "a model");
	model_id = arena_str(&m->arena, x->ret_model_id);
	command_free(&x->c);
}

static void measure(struct made *m)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points p[2] = {
		{.key = STR("k"),
		 .value = {0.5, true},
		 .timestamp = {7, true},
		 .step = {3, true},
		 .model_id = model_id,
		 .dataset_name = STR("d"),
		 .dataset_digest = STR("g")},
		{.key = STR("k"),
		 .value = {1, true},
		 .timestamp = {8, true},
		 .model_id = model_id},
	};

	x->run_id = run_id;
	x->metrics = (struct field_list){p, 2};
	made_apply(m, x);
}

static void tie(struct made *m)
{
	struct cmd_run_inputs *in = command_new(COMMAND_RUN_INPUTS);
	struct cmd_run_outputs *out = command_new(COMMAND_RUN_OUTPUTS);
	struct key_value tag = {STR("mlflow.data.context"), STR("train")};
	struct run_input data[2] = {{{STR("d"), STR("g"), STR("local"),
				      STR("{}"), STR_NONE, STR_NONE},
				     {&tag, 1}},
				    {{STR("e"), STR("g"), STR("local"),
				      STR("{}"), STR("s"), STR("p")},
				     {NULL, 0}}};
	struct run_model models = {model_id, {4, true}};

	in->run_id = out->run_id = run_id;
	in->datasets = (struct field_list){data, 2};
	in->models = out->models = (struct field_list){&models, 1};
	made_apply(m, in);
	made_apply(m, out);
}

static void is_json(const struct buf *b, const char *what)
{
	is_str(b->p, expected, what);
}

static void model(struct made *m)
{
	struct logged_model x;
	struct json_out j;
	struct buf b;

	buf_init(&b, 1 << 16);
	jo_init(&j, &b, 0);
	made_look(m);
	ok(logged_model_by_id(m->reader, model_id, &m->arena, &x, &m->e) == 0,
	   "found");
	ok(render_logged_model(&j, m->reader, &x, &m->e) == 0, "rendered");
	reader_end(m->reader);
	snprintf(expected, sizeof(expected),
		 "{\"info\":{\"model_id\":\"%.*s\",\"experiment_id\":\"1\","
		 "\"name\":\"n\",\"creation_timestamp_ms\":%lld,"
		 "\"last_updated_timestamp_ms\":%lld,\"artifact_uri\":"
		 "\"mlflow-artifacts:/1/models/%.*s/artifacts\","
		 "\"status\":\"LOGGED_MODEL_PENDING\",\"model_type\":\"\","
		 "\"source_run_id\":\"%.*s\","
		 "\"tags\":[{\"key\":\"t\",\"value\":\"2\"}]},"
		 "\"data\":{\"params\":[{\"key\":\"p\",\"value\":\"1\"}],"
		 "\"metrics\":[{\"key\":\"k\",\"value\":0.5,\"timestamp\":7,"
		 "\"step\":3,\"dataset_name\":\"d\",\"dataset_digest\":\"g\","
		 "\"model_id\":\"%.*s\",\"run_id\":\"%.*s\"},"
		 "{\"key\":\"k\",\"value\":1.0,\"timestamp\":8,\"step\":0,"
		 "\"model_id\":\"%.*s\",\"run_id\":\"%.*s\"}]}}",
		 STR_ARG(model_id), (long long)x.created, (long long)x.updated,
		 STR_ARG(model_id), STR_ARG(run_id), STR_ARG(model_id),
		 STR_ARG(run_id), STR_ARG(model_id), STR_ARG(run_id));
	is_json(&b, "a logged model");
	buf_fini(&b);
}

/* What begins with "inputs" in the run's JSON. */
static void inputs(struct made *m,
		   int (*render)(struct json_out *j, struct reader *rd,
				 const struct run *r, struct err *e),
		   const char *models, const char *what)
{
	struct json_out j;
	struct run run;
	struct buf b;

	buf_init(&b, 1 << 16);
	jo_init(&j, &b, 0);
	made_look(m);
	run_by_id(m->reader, run_id, &m->arena, &run, &m->e);
	ok(render(&j, m->reader, &run, &m->e) == 0, "rendered");
	reader_end(m->reader);
	snprintf(expected, sizeof(expected),
		 "\"inputs\":{\"dataset_inputs\":[{\"tags\":[{\"key\":"
		 "\"mlflow.data.context\",\"value\":\"train\"}],\"dataset\":{"
		 "\"name\":\"d\",\"digest\":\"g\",\"source_type\":\"local\","
		 "\"source\":\"{}\"}},{\"dataset\":{\"name\":\"e\","
		 "\"digest\":\"g\",\"source_type\":\"local\","
		 "\"source\":\"{}\",\"schema\":\"s\",\"profile\":\"p\"}}]%s},"
		 "\"outputs\":{\"model_outputs\":[{\"model_id\":\"%.*s\","
		 "\"step\":4}]}}",
		 models, STR_ARG(model_id));
	is_str(strstr(b.p, "\"inputs\""), expected, what);
	buf_fini(&b);
}

int main(void)
{
	struct made m;
	const char *models;

	made_begin(&m);
	make(&m, made_experiment(&m, "x"));
	measure(&m);
	tie(&m);
	model(&m);
	models = arena_printf(&m.arena,
			      ",\"model_inputs\":[{\"model_id\":\"%.*s\"}]",
			      STR_ARG(model_id));
	inputs(&m, render_run, models, "a run with all it took and made");
	inputs(&m, render_found_run, "", "as a search shows it");
	made_end(&m);
	return tap_done();
}
