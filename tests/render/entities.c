/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments, runs and metrics as MLflow's JSON, member for member. */
#include "indexer/render/render.h"

#include <math.h>

#include "tests/render/made.h"

static char expected[4096];

static void is_json(const struct buf *b, const char *what)
{
	is_str(b->p, expected, what);
}

static void new_run(struct made *m, struct str experiment)
{
	struct str id = made_run(m, experiment, "plain");
	struct json_out j;
	struct run run;
	struct buf b;

	made_look(m);
	ok(run_by_id(m->reader, id, &m->arena, &run, &m->e) == 0, "run found");
	buf_init(&b, 1 << 16);
	jo_init(&j, &b, 0);
	ok(render_run(&j, m->reader, &run, &m->e) == 0, "rendered");
	snprintf(expected, sizeof(expected),
		 "{\"info\":{\"run_uuid\":\"%.*s\",\"experiment_id\":\"%.*s\","
		 "\"run_name\":\"plain\",\"user_id\":\"owner\","
		 "\"status\":\"RUNNING\",\"start_time\":1000,"
		 "\"artifact_uri\":\"mlflow-artifacts:/%.*s/%.*s/artifacts\","
		 "\"lifecycle_stage\":\"active\",\"run_id\":\"%.*s\"},"
		 "\"data\":{\"tags\":[{\"key\":\"mlflow.runName\","
		 "\"value\":\"plain\"}]},\"inputs\":{},\"outputs\":{}}",
		 STR_ARG(id), STR_ARG(experiment), STR_ARG(experiment),
		 STR_ARG(id), STR_ARG(id));
	is_json(&b, "a run that has nothing but a name");
	reader_end(m->reader);
	buf_fini(&b);
}

static void full_run(struct made *m, struct str experiment)
{
	struct str id = made_run(m, experiment, "full");
	struct cmd_run_update *x = command_new(COMMAND_RUN_UPDATE);
	struct json_out j;
	struct run run;
	struct buf b;

	x->run_id = id;
	x->status = (struct opt_i64){RUN_FINISHED, true};
	x->end_time = (struct opt_i64){0, true};
	made_apply(m, x);
	made_pair(m, id, false, "p", "a\"b\\c\n");
	made_point(m, id, "m", (struct point){3, 4, NAN});
	made_point(m, id, "m", (struct point){2, 9, 1.0});
	made_point(m, id, "n", (struct point){-1, 5, -INFINITY});
	made_point(m, id, "o", (struct point){0, INT64_MAX, 0.1});
	made_look(m);
	run_by_id(m->reader, id, &m->arena, &run, &m->e);
	buf_init(&b, 1 << 16);
	jo_init(&j, &b, 0);
	ok(render_run(&j, m->reader, &run, &m->e) == 0, "rendered");
	snprintf(expected, sizeof(expected),
		 "\"data\":{\"metrics\":["
		 "{\"key\":\"m\",\"value\":\"NaN\",\"timestamp\":4,"
		 "\"step\":3},"
		 "{\"key\":\"n\",\"value\":\"-Infinity\",\"timestamp\":5,"
		 "\"step\":-1},"
		 "{\"key\":\"o\",\"value\":0.1,"
		 "\"timestamp\":9223372036854775807,\"step\":0}],"
		 "\"params\":[{\"key\":\"p\","
		 "\"value\":\"a\\\"b\\\\c\\n\"}],"
		 "\"tags\":[{\"key\":\"mlflow.runName\","
		 "\"value\":\"full\"}]}");
	ok(b.p && strstr(b.p, expected), "latest metrics, params and tags");
	ok(b.p && strstr(b.p, "\"status\":\"FINISHED\""), "its status");
	ok(b.p && strstr(b.p, "\"end_time\":0,"), "an end at 0 is an end");
	reader_end(m->reader);
	buf_fini(&b);
}

static void experiments(struct made *m, struct str id)
{
	struct cmd_experiment_tag *tag = command_new(COMMAND_EXPERIMENT_TAG);
	struct cmd_experiment *gone = command_new(COMMAND_EXPERIMENT_DELETE);
	struct experiment x;
	struct json_out j;
	struct buf b;

	tag->experiment_id = id;
	tag->key = STR("team");
	tag->value = STR("vision");
	made_apply(m, tag);
	gone->experiment_id = id;
	made_apply(m, gone);
	made_look(m);
	ok(experiment_by_id(m->reader, id, &m->arena, &x, &m->e) == 0,
	   "experiment found");
	buf_init(&b, 1 << 16);
	jo_init(&j, &b, 0);
	ok(render_experiment(&j, m->reader, &x, &m->e) == 0, "rendered");
	snprintf(expected, sizeof(expected),
		 "{\"experiment_id\":\"%.*s\",\"name\":\"x é\","
		 "\"artifact_location\":\"mlflow-artifacts:/%.*s\","
		 "\"lifecycle_stage\":\"deleted\",\"last_update_time\":%" PRId64
		 ",\"creation_time\":%" PRId64
		 ",\"tags\":[{\"key\":\"team\",\"value\":\"vision\"}]}",
		 STR_ARG(id), STR_ARG(id), x.updated, x.created);
	is_json(&b, "a deleted experiment with a tag");
	reader_end(m->reader);
	buf_fini(&b);
}

static void metrics(void)
{
	struct point p = {-2, 7, INFINITY};
	struct json_out j;
	struct buf b;

	buf_init(&b, 1 << 10);
	jo_init(&j, &b, 0);
	render_metric(&j, STR("k"), &p, STR("r1"));
	is_str(b.p,
	       "{\"key\":\"k\",\"value\":\"Infinity\",\"timestamp\":7,"
	       "\"step\":-2,\"run_id\":\"r1\"}",
	       "a point of a named run");
	buf_fini(&b);
}

int main(void)
{
	struct made m;
	struct str id;

	made_begin(&m);
	id = made_experiment(&m, "x é");
	new_run(&m, id);
	full_run(&m, id);
	experiments(&m, id);
	metrics();
	made_end(&m);
	return tap_done();
}
