/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics and runs as text tables. */
#include "indexer/render/render.h"

#include <math.h>

#include "tests/render/made.h"

typedef int table_fn(struct buf *b, struct reader *rd, int64_t row,
		     struct err *e);

static void is_table(struct made *m, table_fn *fn, int64_t row,
		     const char *want, const char *what)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	made_look(m);
	if (!ok(fn(&b, m->reader, row, &m->e) == 0, what))
		printf("# %s\n", m->e.msg);
	reader_end(m->reader);
	is_str(b.p ? b.p : "", want, what);
	buf_fini(&b);
}

static int64_t row_of(struct made *m, struct str id)
{
	struct run run = {0};

	made_look(m);
	run_by_id(m->reader, id, &m->arena, &run, &m->e);
	reader_end(m->reader);
	return run.row;
}

static void empty(struct made *m, struct str experiment)
{
	int64_t row = row_of(m, made_run(m, experiment, "empty"));

	is_table(m, render_latest_json, row, "{}\n", "no metrics: latest");
	is_table(m, render_metrics_tsv, row, "step\n", "no metrics: tsv");
	is_table(m, render_metrics_jsonl, row, "", "no metrics: jsonl");
}

static void full(struct made *m, struct str experiment)
{
	struct str id = made_run(m, experiment, "full");
	int64_t row = row_of(m, id);

	made_point(m, id, "b/c", (struct point){2, 20, 0.5});
	made_point(m, id, "b/c", (struct point){1, 10, 0.25});
	made_point(m, id, "a", (struct point){1, 10, NAN});
	made_point(m, id, "a", (struct point){3, 30, -INFINITY});
	made_point(m, id, "a", (struct point){3, 31, 4});
	made_point(m, id, "a", (struct point){3, 31, 5});
	made_point(m, id, "step", (struct point){1, 10, 6});
	is_table(m, render_latest_json, row,
		 "{\"a\":5.0,\"b/c\":0.5,\"step\":6.0}\n", "latest values");
	is_table(m, render_metrics_tsv, row,
		 "step\ta\tb/c\tstep\n"
		 "1\tnan\t0.25\t6.0\n"
		 "2\t\t0.5\t\n"
		 "3\t5.0\t\t\n",
		 "a line per step, the latest of it");
	is_table(m, render_metrics_jsonl, row,
		 "{\"step\":1,\"timestamp\":10,\"a\":\"NaN\",\"b/c\":0.25}\n"
		 "{\"step\":2,\"timestamp\":20,\"b/c\":0.5}\n"
		 "{\"step\":3,\"timestamp\":30,\"a\":\"-Infinity\"}\n"
		 "{\"step\":3,\"timestamp\":31,\"a\":4.0}\n"
		 "{\"step\":3,\"timestamp\":31,\"a\":5.0}\n",
		 "every point, in order of time");
}

static void ceiling(struct made *m, struct str experiment)
{
	struct str id = made_run(m, experiment, "much");
	int64_t row = row_of(m, id);
	struct buf b;

	for (int i = 0; i < 20; i++)
		made_point(m, id, "m", (struct point){i, i, i});
	buf_init(&b, 64);
	made_look(m);
	ok(render_metrics_tsv(&b, m->reader, row, &m->e) < 0,
	   "a table beyond its ceiling");
	ok(m->e.kind == ERR_TOO_LARGE, "is too large");
	reader_end(m->reader);
	buf_fini(&b);
}

static void runs(struct made *m)
{
	struct str experiment = made_experiment(m, "runs");
	struct str one = made_run(m, experiment, "one");
	struct str two = made_run(m, experiment, "t\tw\\o");
	struct cmd_run *gone = command_new(COMMAND_RUN_DELETE);
	struct experiment x;
	char want[1024];

	gone->run_id = made_run(m, experiment, "gone");
	made_pair(m, gone->run_id, false, "unseen", "1");
	made_apply(m, gone);
	made_pair(m, one, false, "p", "1\n2");
	made_pair(m, two, true, "t", "");
	made_point(m, two, "m", (struct point){0, 1, 1e-7});
	made_look(m);
	experiment_by_id(m->reader, experiment, &m->arena, &x, &m->e);
	reader_end(m->reader);
	snprintf(want, sizeof(want),
		 "run_id\tname\tstatus\tstart_time\tend_time\tparams.p\t"
		 "metrics.m\ttags.mlflow.runName\ttags.t\n"
		 "%.*s\tone\tRUNNING\t1000\t\t1\\n2\t\tone\t\n"
		 "%.*s\tt\\tw\\\\o\tRUNNING\t1000\t\t\t1e-07\tt\\tw\\\\o\t\n",
		 STR_ARG(one), STR_ARG(two));
	is_table(m, render_runs_tsv, x.row, want, "a line per active run");
}

int main(void)
{
	struct made m;
	struct str id;

	made_begin(&m);
	id = made_experiment(&m, "tables");
	empty(&m, id);
	full(&m, id);
	ceiling(&m, id);
	runs(&m);
	made_end(&m);
	return tap_done();
}
