/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - commands about runs, params and tags, and how they read back. */
#include "tests/index/fixture.h"

static struct fixture fx;

static int create(const char *run_name, const char *tag, const char *dir,
		  struct run *ret)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct key_value name = kv("mlflow.runName", tag);
	int rc;

	x->run_name = str_from(run_name);
	x->dir = str_from(dir);
	if (*tag)
		x->tags = (struct field_list){&name, 1};
	err_clear(&fx.e);
	rc = index_apply(fx.ix, &x->c, &fx.e);
	if (rc == 0)
		*ret = fx_see_run(&fx, arena_strdup(&fx.a, x->ret_run_id));
	command_free(&x->c);
	return rc;
}

static void creating(void)
{
	struct run r, s;
	char uri[200];

	works(create("train", "", "", &r));
	is_i64((int64_t)r.id.n, 32, "an id of 32 digits");
	is_str(r.name.p, "train", "the name");
	is_str(r.dir.p, "train", "is the directory");
	is_str(r.experiment_id.p, "0", "in experiment 0 where none is given");
	is_str(r.user.p, "owner", "of who asked");
	ok(r.status == RUN_RUNNING && r.start_time > 0 && r.end_time == -1,
	   "running from now on");
	snprintf(uri, sizeof(uri), "mlflow-artifacts:/0/%s/artifacts", r.id.p);
	is_str(r.artifact_uri.p, uri, "artifacts below the experiment's");
	is_str(fx_see_tag(&fx, r.id.p, "mlflow.runName"), "train",
	       "the name is a tag, too");
	works(create("train", "", "", &s));
	ok(strncmp(s.dir.p, "train~", 6) == 0 &&
		   strncmp(s.dir.p + 6, s.id.p, 8) == 0 && s.dir.n == 14,
	   "a second one's directory is told apart by its id");
	works(create("", "", "", &r));
	ok(r.name.n > 4 && r.name.n <= 20 && strchr(r.name.p, '-'),
	   "a run without a name gets one");
	works(create("", "by tag", "", &r));
	is_str(r.name.p, "by tag", "the tag names it");
	fails(create("one", "two", "", &r), ERR_INVALID,
	      "Both 'run_name' argument and 'mlflow.runName' tag are "
	      "specified, "
	      "but with different values (run_name='one', "
	      "mlflow.runName='two').");
}

static void by_directory(void)
{
	struct run r;

	works(create("", "", "75%", &r));
	is_str(r.name.p, "75%", "a directory names its run");
	works(create("", "", "a%2fb", &r));
	is_str(r.name.p, "a/b", "its escapes are read");
	is_str(r.dir.p, "a%2Fb", "and listed in one form");
	fails(create("", "", "a%2Fb", &r), ERR_EXISTS, "exists");
	fx_begin(&fx);
	works(run_by_dir(fx.rd, 0, LIFE_ACTIVE, STR("a%2Fb"), &fx.a, &r,
			 &fx.e));
	fails(run_by_dir(fx.rd, 0, LIFE_DELETED, STR("a%2Fb"), &fx.a, &r,
			 &fx.e),
	      ERR_NOT_FOUND, "a%2Fb");
	fx_finish(&fx);
}

static int update(const char *id, int status, int64_t end, const char *name,
		  const char *dir)
{
	struct cmd_run_update *x = command_new(COMMAND_RUN_UPDATE);

	x->run_id = str_from(id);
	x->status = (struct opt_i64){status, status != 0};
	x->end_time = (struct opt_i64){end, end >= 0};
	x->run_name = str_from(name);
	x->dir = str_from(dir);
	return fx_apply(&fx, &x->c);
}

static void status(void)
{
	const char *id = fx_run(&fx, "0", "status");

	works(update(id, RUN_FINISHED, -1, "", ""));
	ok(fx_see_run(&fx, id).end_time > 0, "an end sets the end time");
	works(update(id, RUN_RUNNING, -1, "", ""));
	is_i64(fx_see_run(&fx, id).end_time, -1, "running again clears it");
	works(update(id, RUN_FAILED, 12345, "", ""));
	is_i64(fx_see_run(&fx, id).end_time, 12345, "what is sent is kept");
	works(update(id, 0, 6789, "", ""));
	is_i64(fx_see_run(&fx, id).end_time, 6789, "also alone");
	is_i64(fx_see_run(&fx, id).status, RUN_FAILED, "status as it was");
	fails(update(id, 9, -1, "", ""), ERR_INVALID, "RUNNING, SCHEDULED");
	fails(update("nobody", RUN_FAILED, -1, "", ""), ERR_NOT_FOUND,
	      "Run with id=nobody not found");
}

static void renaming(void)
{
	const char *id = fx_run(&fx, "0", "old");
	const char *other = fx_run(&fx, "0", "other");

	works(update(id, 0, -1, "new", ""));
	is_str(fx_see_run(&fx, id).name.p, "new", "renamed by update");
	is_str(fx_see_run(&fx, id).dir.p, "new", "its directory follows");
	is_str(fx_see_tag(&fx, id, "mlflow.runName"), "new", "and its tag");
	works(fx_tag(&fx, id, "mlflow.runName", "newer"));
	is_str(fx_see_run(&fx, id).name.p, "newer", "renamed by its tag");
	fails(fx_tag(&fx, id, "mlflow.runName", ""), ERR_INVALID, "run_name");
	works(update(id, 0, -1, "", "di%2Fr"));
	is_str(fx_see_run(&fx, id).name.p, "di/r", "renamed by directory");
	is_str(fx_see_tag(&fx, id, "mlflow.runName"), "di/r", "tag, too");
	fails(update(id, 0, -1, "", "other"), ERR_EXISTS, "other");
	works(update(id, 0, -1, "other", ""));
	ok(strncmp(fx_see_run(&fx, id).dir.p, "other~", 6) == 0,
	   "two may share a name, but no directory");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, other));
	fails(update(id, 0, -1, "", "other"), ERR_EXISTS, "other");
}

static void trash(void)
{
	const char *id = fx_run(&fx, "0", "to go");

	works(fx_param(&fx, id, "p", "1"));
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, id));
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, id));
	fails(fx_param(&fx, id, "q", "1"), ERR_STATE,
	      "must be in the 'active' state. Current state is deleted.");
	fails(update(id, RUN_FINISHED, -1, "", ""), ERR_STATE, "'active'");
	fails(fx_metric(&fx, id, "m", 1, 1), ERR_STATE, "'active'");
	is_str(fx_see_param(&fx, id, "p"), "1", "it can still be read");
	works(fx_on_run(&fx, COMMAND_RUN_RESTORE, id));
	works(fx_on_run(&fx, COMMAND_RUN_RESTORE, id));
	works(fx_param(&fx, id, "q", "1"));
}

static void params(void)
{
	const char *id = fx_run(&fx, "0", "params");
	struct key_value two[] = {kv("a", "1"), kv("b", "it's")};
	struct key_value same[] = {kv("a", "1"), kv("a", "1")};
	struct key_value mixed[] = {kv("new", "x"), kv("a", "2"), kv("b", "3")};
	char want[300];

	works(fx_params(&fx, id, two, 2));
	works(fx_params(&fx, id, two, 2));
	is_i64(fx_see_run(&fx, id).nparams, 2, "a replay adds nothing");
	snprintf(want, sizeof(want),
		 "Changing param values is not allowed. Param with key='a' was "
		 "already logged with value='1' for run ID='%s'. Attempted "
		 "logging new value '2'.",
		 id);
	fails(fx_param(&fx, id, "a", "2"), ERR_INVALID, want);
	snprintf(want, sizeof(want),
		 "Changing param values is not allowed. Params were already "
		 "logged='[{'key': 'a', 'old_value': '1', 'new_value': '2'}, "
		 "{'key': 'b', 'old_value': \"it's\", 'new_value': '3'}]' for "
		 "run ID='%s'.",
		 id);
	fails(fx_params(&fx, id, mixed, 3), ERR_INVALID, want);
	is_str(fx_see_param(&fx, id, "new"), NULL, "nothing of it is written");
	fails(fx_params(&fx, id, same, 2), ERR_INVALID,
	      "Duplicate parameter keys have been submitted: ['a']. Please "
	      "ensure the request contains only one param value per param "
	      "key.");
	works(fx_param(&fx, id, "empty", ""));
	is_str(fx_see_param(&fx, id, "empty"), "", "an empty value is one");
	fails(fx_param(&fx, id, "no|pipe", "1"), ERR_INVALID,
	      "Names may only contain alphanumerics");
	fails(fx_param(&fx, id, "a/../b", "1"), ERR_INVALID,
	      "must not resolve");
	fails(fx_param(&fx, id, "k", "\xff"), ERR_INVALID, "UTF-8");
}

static void long_values(void)
{
	const char *id = fx_run(&fx, "0", "long");
	char *text = malloc(20001);

	for (int i = 0; i < 10000; i++)
		memcpy(text + (ptrdiff_t)2 * i, "\xc3\xa4", 2);
	text[20000] = '\0';
	works(fx_param(&fx, id, "p", text));
	is_i64((int64_t)strlen(fx_see_param(&fx, id, "p")), 12000,
	       "a param is cut at 6000 characters");
	works(fx_param(&fx, id, "p", text));
	works(fx_tag(&fx, id, "t", text));
	is_i64((int64_t)strlen(fx_see_tag(&fx, id, "t")), 16000,
	       "a tag at 8000");
	free(text);
}

static void tags(void)
{
	const char *id = fx_run(&fx, "0", "tags");
	int64_t change;

	works(fx_tag(&fx, id, "k", "1"));
	works(fx_tag(&fx, id, "k", "2"));
	is_str(fx_see_tag(&fx, id, "k"), "2", "a tag is overwritten");
	change = fx_see_run(&fx, id).change;
	works(fx_tag(&fx, id, "k", "2"));
	is_i64(fx_see_run(&fx, id).change, change,
	       "the same value again changes nothing");
	works(fx_untag(&fx, id, "k"));
	is_str(fx_see_tag(&fx, id, "k"), NULL, "a tag goes");
	fails(fx_untag(&fx, id, "k"), ERR_NOT_FOUND,
	      "No tag with name: k in run with id ");
}

static int log_many(const char *id, size_t metrics, size_t params, size_t tags)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points *m = calloc(metrics + 1, sizeof(*m));
	struct key_value *p = calloc(params + tags + 1, sizeof(*p));
	int rc;

	for (size_t i = 0; i < metrics; i++)
		m[i] = (struct key_points){.key = STR("m"),
					   .value = {1, true},
					   .timestamp = {(int64_t)i, true},
					   .step = {(int64_t)i, true}};
	for (size_t i = 0; i < params + tags; i++)
		p[i] = kv(arena_printf(&fx.a, "k%zu", i), "v");
	x->run_id = str_from(id);
	x->metrics = (struct field_list){m, metrics};
	x->params = (struct field_list){p, params};
	x->tags = (struct field_list){p + params, tags};
	rc = fx_apply(&fx, &x->c);
	free(m);
	free(p);
	return rc;
}

static void batches(void)
{
	const char *id = fx_run(&fx, "0", "batch");

	fails(log_many(id, 1001, 0, 0), ERR_INVALID,
	      "A batch logging request can contain at most 1000 metrics. Got "
	      "1001 metrics. Please split up metrics across multiple requests "
	      "and try again.");
	fails(log_many(id, 0, 101, 0), ERR_INVALID,
	      "at most 100 params. Got 101 params.");
	fails(log_many(id, 0, 0, 101), ERR_INVALID,
	      "at most 100 tags. Got 101 tags.");
	fails(log_many(id, 900, 51, 50), ERR_INVALID,
	      "at most 1000 metrics, params, and tags. Got 1001 metrics, "
	      "params, and tags.");
	works(log_many(id, 800, 100, 100));
	is_i64(fx_see_run(&fx, id).nparams, 100, "all params");
	is_i64(fx_see_run(&fx, id).ntags, 101, "all tags and the name");
	works(log_many(id, 0, 0, 0));
}

/* The bad point comes last and takes the params and tags with it. */
static void all_or_nothing(void)
{
	const char *id = fx_run(&fx, "0", "atomic");
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value p = kv("p", "1"), t = kv("t", "1");
	struct key_points m = {.key = STR("bad|key"),
			       .value = {1, true},
			       .timestamp = {1, true}};
	int64_t change = fx_see_run(&fx, id).change;

	x->run_id = str_from(id);
	x->params = (struct field_list){&p, 1};
	x->tags = (struct field_list){&t, 1};
	x->metrics = (struct field_list){&m, 1};
	fails(fx_apply(&fx, &x->c), ERR_INVALID, "metrics[0]");
	is_str(fx_see_param(&fx, id, "p"), NULL, "no param of it");
	is_str(fx_see_tag(&fx, id, "t"), NULL, "no tag of it");
	is_i64(fx_see_run(&fx, id).change, change, "the run did not change");
}

static int count_run(void *ctx, const struct run *r, struct err *e)
{
	int64_t *n = ctx;

	(void)e;
	n[0]++;
	ok(r->row > n[1], "runs come in order of row");
	n[1] = r->row;
	return 0;
}

static void listing(void)
{
	const char *x = fx_experiment(&fx, "list");
	const char *gone;
	int64_t n[2] = {0, 0};
	struct run first;

	first = fx_see_run(&fx, fx_run(&fx, x, "1"));
	fx_run(&fx, x, "2");
	gone = fx_run(&fx, x, "3");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, gone));
	fx_begin(&fx);
	works(run_each(fx.rd, 1, LIFE_ACTIVE, 0, count_run, n, &fx.e));
	is_i64(n[0], 2, "active ones");
	n[0] = n[1] = 0;
	works(run_each(fx.rd, 1, LIFE_ACTIVE, first.row, count_run, n, &fx.e));
	is_i64(n[0], 1, "after the first");
	n[0] = n[1] = 0;
	works(run_each(fx.rd, 1, LIFE_DELETED, 0, count_run, n, &fx.e));
	is_i64(n[0], 1, "deleted ones");
	fx_finish(&fx);
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x));
	n[0] = n[1] = 0;
	fx_begin(&fx);
	works(run_each(fx.rd, 1, LIFE_DELETED, 0, count_run, n, &fx.e));
	is_i64(n[0], 3, "all of a deleted experiment");
	fx_finish(&fx);
}

static void totals(void)
{
	struct index_totals t;

	fx_begin(&fx);
	works(index_totals(fx.rd, &t, &fx.e));
	fx_finish(&fx);
	is_i64(t.experiments, 2, "experiments are counted");
	ok(t.runs > 15, "runs are counted");
}

int main(void)
{
	fx_start(&fx);
	creating();
	by_directory();
	status();
	renaming();
	trash();
	params();
	long_values();
	tags();
	batches();
	all_or_nothing();
	listing();
	totals();
	fx_end(&fx);
	return tap_done();
}
