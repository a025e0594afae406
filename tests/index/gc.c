/* SPDX-License-Identifier: Apache-2.0 */
/* Garbage collection: what was deleted goes with all that hangs on it and its
 * name is free; what is younger, restored, or named by anything stays; and
 * whenever it is killed nothing is wrong. */
#include <fcntl.h>
#include <sys/wait.h>

#include "indexer/base/clock.h"
#include "indexer/base/text.h"
#include "indexer/index/gc.h"
#include "indexer/index/search.h"
#include "tests/index/collecting.h"

enum { POINTS = 5000, KILLS = 12, RUNS = 25, DAY_MS = 24 * 3600 * 1000 };

static struct fixture fx;
static struct objects *store;

/* --- things with everything on them --------------------------------------- */

static int log_points(const char *run, const char *key, int n)
{
	static struct key_points points[1000];
	int rc = 0;

	for (int done = 0; done < n && rc == 0; done += 1000) {
		struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

		for (int i = 0; i < 1000; i++)
			points[i] = (struct key_points){
				.key = str_from(key),
				.value = {done + i, true},
				.timestamp = {done + i, true},
				.step = {done + i, true}};
		x->run_id = str_from(run);
		x->metrics = (struct field_list){points, 1000};
		rc = fx_apply(&fx, &x->c);
	}
	return rc;
}

static const char *new_model(const char *experiment, const char *run)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	struct key_value p = kv("k", "v");
	const char *id = "";

	x->experiment_id = str_from(experiment);
	x->name = STR("model");
	x->source_run_id = str_from(run);
	x->params = x->tags = (struct field_list){&p, 1};
	err_clear(&fx.e);
	if (index_apply(fx.ix, &x->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, x->ret_model_id);
	command_free(&x->c);
	return id;
}

static int model_metric(const char *run, const char *model)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points p = {.key = STR("score"),
			       .value = {1, true},
			       .timestamp = {1, true},
			       .step = {0, true},
			       .model_id = str_from(model)};

	x->run_id = str_from(run);
	x->metrics = (struct field_list){&p, 1};
	return fx_apply(&fx, &x->c);
}

static int log_inputs(const char *run, const char *model, const char *digest)
{
	struct cmd_run_inputs *x = command_new(COMMAND_RUN_INPUTS);
	struct key_value tag = kv("mlflow.data.context", "train");
	struct run_input in = {.dataset = {.name = STR("set"),
					   .digest = str_from(digest),
					   .source_type = STR("local"),
					   .source = STR("{}")},
			       .tags = {&tag, 1}};
	struct run_model m = {.model_id = str_from(model)};

	x->run_id = str_from(run);
	x->datasets = (struct field_list){&in, 1};
	x->models = (struct field_list){&m, 1};
	return fx_apply(&fx, &x->c);
}

static int fill_run(const char *run, int points)
{
	char path[64];
	int rc = 0;

	for (int i = 0; i < 30 && rc == 0; i++) {
		snprintf(path, sizeof(path), "deep/%d/f%d", i % 3, i);
		rc = put_file(&fx, store, run, path);
	}
	if (rc < 0 || fx_param(&fx, run, "lr", "0.1") < 0 ||
	    fx_tag(&fx, run, "kept", "1") < 0 ||
	    fx_tag(&fx, run, "gone", "1") < 0 ||
	    fx_untag(&fx, run, "gone") < 0 ||
	    log_points(run, "loss", points) < 0 ||
	    log_points(run, "acc", 1000) < 0)
		return -1;
	return 0;
}

/* A run with everything; its logged model in *ret_model. */
static const char *whole_run(const char *experiment, const char *name,
			     const char **ret_model)
{
	const char *run = fx_run(&fx, experiment, name);
	const char *model = new_model(experiment, run);

	works(fill_run(run, POINTS));
	works(model_metric(run, model));
	works(log_inputs(run, model, "own"));
	works(log_inputs(run, model, "shared"));
	works(put_bytes(&fx, store, NULL, model, "MLmodel"));
	*ret_model = model;
	return run;
}

static int delete_model(const char *id)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_DELETE);

	x->model_id = str_from(id);
	return fx_apply(&fx, &x->c);
}

/* --- collecting --------------------------------------------------------- */

static struct collect_counts collect(enum collect_what what, int64_t age)
{
	struct collect g = collecting(&fx, store, what);

	g.age_ms = age;
	err_clear(&fx.e);
	works(collect_run(&g, &fx.e));
	ok(g.complete, "nothing is left to do");
	return g.did;
}

static struct collect_counts estimate(int64_t age)
{
	struct collect g = collecting(&fx, store, COLLECT_OLD);

	g.age_ms = age;
	err_clear(&fx.e);
	works(collect_estimate(&g, fx.rd, &fx.e));
	return g.did;
}

static int collect_named(const char *run, const char *experiment,
			 const char *model)
{
	struct collect g = collecting(&fx, store, COLLECT_NAMED);
	struct str ids[] = {str_from(run), str_from(experiment),
			    str_from(model)};

	g.names.runs = (struct field_list){&ids[0], run != NULL};
	g.names.experiments = (struct field_list){&ids[1], experiment != NULL};
	g.names.models = (struct field_list){&ids[2], model != NULL};
	err_clear(&fx.e);
	return collect_run(&g, &fx.e);
}

static bool run_is_seen(const char *id)
{
	return fx_see_run(&fx, id).row != 0;
}

static int see_removed(void *ctx, const struct changed *x, struct err *e)
{
	(void)e;
	*(bool *)ctx |=
		x->thing == THING_RUN && x->removed && str_is(x->name, "lost");
	return 0;
}

static bool removal_is_told(int64_t since)
{
	bool told = false;

	fx_begin(&fx);
	changes_since(fx.rd, since, see_removed, &told, &fx.e);
	fx_finish(&fx);
	return told;
}

static void no_rows_of(const char *table, const char *where)
{
	char sql[300];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE %s", table,
		 where);
	is_i64(sql_number(&fx, sql), 0, sql);
}

/* --- tests -------------------------------------------------------------- */

static void check_run(void)
{
	const char *kept_model, *lost_model;
	const char *kept = whole_run("0", "kept", &kept_model);
	const char *lost = whole_run("0", "lost", &lost_model);
	struct run before = fx_see_run(&fx, lost);
	struct collect_counts did, would;
	int64_t change;

	works(log_inputs(lost, kept_model, "lost alone"));
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, lost));
	change = index_change(fx.ix);
	did = collect(COLLECT_OLD, DAY_MS);
	is_i64(did.runs, 0, "a run just deleted stays");
	ok(run_is_seen(lost), "and is seen");
	would = estimate(0);
	is_i64(would.runs, 1, "it would go");
	ok(run_is_seen(lost), "but did not");
	did = collect(COLLECT_OLD, 0);
	is_i64(did.runs, 1, "without an age it goes");
	is_i64(did.objects, 30, "with its objects");
	is_i64(would.objects, did.objects, "as estimated");
	is_i64(would.bytes, did.bytes, "with as many bytes");
	is_i64(would.tags, 2, "tags removed before, of two runs");
	is_i64(did.tags, 1, "one of which went with its run");
	is_i64(did.orphans, 0, "no orphans");
	ok(!run_is_seen(lost), "nobody sees it");
	ok(run_is_seen(kept), "the other is there");
	ok(removal_is_told(change), "the removal is told");
	is_i64(stored(&fx, store), 30 + 2, "the others' objects are there");
	is_i64(findings(&fx), 0, "nothing is wrong");
	no_rows_of("run", "experiment = -1");
	no_rows_of("tail", "run NOT IN (SELECT id FROM run)");
	no_rows_of("block", "series NOT IN (SELECT id FROM series)");
	no_rows_of("tag_trash", "1");
	no_rows_of("dataset", "digest = 'lost alone'");
	no_rows_of("garbage", "1");
	is_i64(sql_number(&fx, "SELECT count(*) FROM dataset"), 2,
	       "datasets that the other run names are there");
	is_i64(sql_number(&fx, "SELECT count(*) FROM logged_model_metric"), 1,
	       "and the metrics that it logged for its model");
	fails(fx_on_run(&fx, COMMAND_RUN_RESTORE, lost), ERR_NOT_FOUND,
	      "not found");
	is_str(arena_strdup(&fx.a,
			    fx_see_run(&fx, fx_run(&fx, "0", "lost")).dir),
	       arena_strdup(&fx.a, before.dir), "its name is free");
	works(delete_model(lost_model));
	did = collect(COLLECT_OLD, 0);
	is_i64(did.models, 1, "its model goes by itself");
	is_i64(did.objects, 1, "with its object");
	is_i64(findings(&fx), 0, "nothing is wrong");
}

static void check_experiment(void)
{
	const char *x = fx_experiment(&fx, "whole"), *again, *model;
	const char *run = whole_run(x, "inside", &model);
	struct collect_counts did, would;
	int64_t objects = stored(&fx, store);

	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, x, "t", "v"));
	fx_run(&fx, x, "another");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x));
	ok(*fx_experiment(&fx, "whole") == '\0', "the name is taken");
	would = estimate(0);
	is_i64(would.experiments, 1, "it would go");
	is_i64(would.runs, 2, "with its runs");
	is_i64(would.models, 1, "and its model");
	did = collect(COLLECT_OLD, 0);
	is_i64(did.experiments, 1, "an experiment goes");
	is_i64(did.objects, 31, "with all objects of its runs and models");
	is_i64(would.objects, did.objects, "as estimated");
	is_i64(stored(&fx, store), objects - 31, "from the store");
	ok(!run_is_seen(run), "its runs are gone");
	no_rows_of("experiment", "project < 0 AND id <> -1");
	is_i64(findings(&fx), 0, "nothing is wrong");
	again = fx_experiment(&fx, "whole");
	ok(*again && strcmp(again, x) != 0, "its name is free, its id is not");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, "0"));
	did = collect(COLLECT_OLD, 0);
	is_i64(did.experiments, 0, "experiment 0 stays");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, "0"));
}

static void check_named(void)
{
	const char *x = fx_experiment(&fx, "by name");
	const char *gone = fx_run(&fx, x, "gone"), *stays = fx_run(&fx, x, "s");
	const char *model = new_model(x, gone);

	works(fx_on_run(&fx, COMMAND_RUN_DELETE, gone));
	works(put_file(&fx, store, stays, "young"));
	works(fx_delete(&fx, stays, "young", false));
	fails(collect_named(stays, NULL, NULL), ERR_STATE, "deleted");
	fails(collect_named("0123", NULL, NULL), ERR_NOT_FOUND, "0123");
	fails(collect_named(NULL, x, NULL), ERR_STATE, "deleted");
	fails(collect_named(gone, x, NULL), ERR_STATE, "deleted");
	ok(run_is_seen(gone), "all of them or none");
	fails(collect_named(NULL, NULL, model), ERR_STATE, "deleted");
	works(collect_named(gone, NULL, NULL));
	ok(!run_is_seen(gone) && run_is_seen(stays), "the run named is gone");
	no_rows_of("run", "experiment = -1");
	is_i64(sql_number(&fx, "SELECT count(*) FROM garbage"), 1,
	       "what else is garbage waits for its age");
	works(delete_model(model));
	works(collect_named(NULL, NULL, model));
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x));
	fails(collect_named(NULL, "0", NULL), ERR_STATE, "deleted");
	works(collect_named(stays, NULL, NULL));
	works(collect_named(NULL, x, NULL));
	ok(*fx_experiment(&fx, "by name"), "its name is free");
	is_i64(findings(&fx), 0, "nothing is wrong");
	collect(COLLECT_OLD, 0);
}

static void check_rights(void)
{
	struct principal owner = fx.who;
	const char *run = fx_run(&fx, "0", "owned");
	struct collect g;

	works(fx_on_run(&fx, COMMAND_RUN_DELETE, run));
	fx.who = (struct principal){.name = STR("other")};
	fails(collect_named(run, NULL, NULL), ERR_NOT_FOUND, run);
	g = collecting(&fx, store, COLLECT_OLD);
	fails(collect_run(&g, &fx.e), ERR_DENIED, "owner");
	fx.who = owner;
	ok(run_is_seen(run), "others remove nothing");
	works(collect_named(run, NULL, NULL));
}

/* --- objects ------------------------------------------------------------ */

static void age_object(const char *key, int64_t ms)
{
	struct timespec t[2] = {{.tv_sec = (clock_ms() - ms) / 1000},
				{.tv_sec = (clock_ms() - ms) / 1000}};
	char path[600];

	snprintf(path, sizeof(path), "%s/objects/%s", fx.dir, key);
	ok(utimensat(AT_FDCWD, path, t, 0) == 0, "an object grows old");
}

static void check_objects(void)
{
	const char *run = fx_run(&fx, "0", "files");
	const char *old = store_put(&fx, store, "0/lost/old", "old");
	const char *young = store_put(&fx, store, "0/lost/young", "young");
	const char *named = store_put(&fx, store, "0/lost/named", "n");
	struct collect_counts did;

	age_object(old, 2 * 3600 * 1000);
	age_object(named, 2 * 3600 * 1000);
	works(put_object(&fx, store, run, NULL, "n", named));
	did = estimate(DAY_MS);
	is_i64(did.orphans, 1, "one orphan would go");
	ok(has_bytes(&fx, store, old), "but did not");
	did = collect(COLLECT_OLD, DAY_MS);
	is_i64(did.orphans, 1, "what a crash left goes");
	is_i64(did.orphan_bytes, 3, "with its bytes");
	ok(!has_bytes(&fx, store, old), "the old one");
	ok(has_bytes(&fx, store, young), "not a young one");
	ok(has_bytes(&fx, store, named), "not one that is named");
	works(put_file(&fx, store, run, "f"));
	works(put_file(&fx, store, run, "f"));
	works(fx_delete(&fx, run, "f", false));
	did = collect(COLLECT_OLD, DAY_MS);
	is_i64(did.objects, 0, "what was replaced lately stays");
	did = collect(COLLECT_OLD, 0);
	is_i64(did.objects, 2, "until it is old enough");
}

static struct cmd_gc *step(enum gc_step step, int64_t before)
{
	struct cmd_gc *x = command_new(COMMAND_GC);

	x->step = step;
	x->before = before;
	err_clear(&fx.e);
	works(index_apply(fx.ix, &x->c, &fx.e));
	return x;
}

/* Between the claim of an object and the end of its bytes. */
static void check_claim(void)
{
	const char *run = fx_run(&fx, "0", "claims");
	struct collect_counts did;
	struct cmd_gc *x;
	const char *key;

	works(put_file(&fx, store, run, "f"));
	works(fx_delete(&fx, run, "f", false));
	x = step(GC_CLAIM_GARBAGE, clock_ms());
	is_i64((int64_t)x->nobjects, 1, "an object is claimed");
	key = arena_strdup(&fx.a, x->objects[0].key);
	command_free(&x->c);
	fails(fx_put(&fx, run, "f", key, 1), ERR_CONFLICT, "being removed");
	fx_close(&fx);
	fx_open(&fx);
	fails(fx_put(&fx, run, "f", key, 1), ERR_CONFLICT, "being removed");
	did = collect(COLLECT_BEGUN, 0);
	is_i64(did.objects, 1, "what was begun is ended");
	no_rows_of("object_sums", "key NOT IN (SELECT key FROM artifact UNION"
				  " SELECT key FROM garbage)");
	ok(!has_bytes(&fx, store, key), "its bytes are gone");
	works(put_file(&fx, store, run, "f"));
	is_i64(findings(&fx), 0, "nothing is wrong");
}

/* A run that is doomed and half gone is nobody's. */
static void check_doomed(void)
{
	const char *model, *run = whole_run("0", "half", &model);

	works(fx_on_run(&fx, COMMAND_RUN_DELETE, run));
	command_free(&step(GC_DOOM_OLD, clock_ms())->c);
	ok(!run_is_seen(run), "nobody sees it");
	is_i64(findings(&fx), 0, "nothing is wrong");
	fails(fx_on_run(&fx, COMMAND_RUN_RESTORE, run), ERR_NOT_FOUND, run);
	fails(fx_metric(&fx, run, "loss", 1, 1), ERR_NOT_FOUND, run);
	fails(fx_put(&fx, run, "f", "k", 1), ERR_NOT_FOUND, run);
	command_free(&step(GC_TAKE_ROWS, 0)->c);
	is_i64(findings(&fx), 0, "nothing is wrong half way");
	collect(COLLECT_BEGUN, 0);
	no_rows_of("run", "experiment = -1");
	is_i64(findings(&fx), 0, "nor at the end");
}

/* --- kill --------------------------------------------------------------- */

static void child_main(void)
{
	struct index *ix = index_open(fx.dir, &fx.e);
	struct objects *o = objects_open(fx.dir, NULL, &fx.e);
	struct collect g = {.index = ix,
			    .objects = o,
			    .who = principal_owner(),
			    .what = COLLECT_OLD};

	if (!ix || !o || collect_run(&g, &fx.e) < 0)
		_exit(1);
	_exit(0);
}

static void collect_and_kill(void)
{
	unsigned char ms;
	int status;
	pid_t pid;

	random_bytes(&ms, 1);
	pid = fork();
	if (pid == 0)
		child_main();
	usleep(1000 * (1 + ms % 64));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
	   "killed, or it was done");
}

static void check_kills(void)
{
	const char *x = fx_experiment(&fx, "to be killed"), *runs[RUNS];
	const char *kept = fx_run(&fx, "0", "survivor");
	int64_t objects;

	works(fill_run(kept, 1000));
	objects = stored(&fx, store);
	for (int i = 0; i < RUNS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "r%d", i);
		runs[i] = fx_run(&fx, x, name);
		works(fill_run(runs[i], 1000));
		if (i % 2)
			works(fx_on_run(&fx, COMMAND_RUN_DELETE, runs[i]));
	}
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x));
	for (int i = 0; i < KILLS; i++) {
		fx_close(&fx);
		collect_and_kill();
		fx_open(&fx);
		is_i64(findings(&fx), 0, "nothing is wrong after a kill");
	}
	collect(COLLECT_OLD, 0);
	is_i64(findings(&fx), 0, "nothing is wrong at the end");
	is_i64(stored(&fx, store), objects, "all its objects are gone");
	is_i64(fx_see_run(&fx, kept).nseries, 2, "the other run is whole");
	no_rows_of("experiment", "project < 0 AND id <> -1");
	no_rows_of("garbage", "1");
}

int main(void)
{
	fx_start(&fx);
	store = store_open(&fx);
	check_run();
	check_experiment();
	check_named();
	check_rights();
	check_objects();
	check_claim();
	check_doomed();
	check_kills();
	objects_close(store);
	fx_end(&fx);
	return tap_done();
}
