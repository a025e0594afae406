/* SPDX-License-Identifier: Apache-2.0 */
/* logged.c - logged models, their artifacts and metrics, and what runs took
 * and made: commands, readers, changes, the check. */
#include "indexer/index/logged_model.h"

#include <math.h>
#include <sqlite3.h>

#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "tests/index/fixture.h"

static struct fixture fx;
static const char *x_id, *run_id;

/* --- helpers ------------------------------------------------------------ */

static const char *make(const char *name, struct key_value *params, size_t n)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	const char *id = "";

	x->experiment_id = str_from(x_id);
	x->name = str_from(name);
	x->params = (struct field_list){params, n};
	x->c.who = fx.who;
	err_clear(&fx.e);
	if (index_apply(fx.ix, &x->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, x->ret_model_id);
	command_free(&x->c);
	return id;
}

static int create(const char *experiment, const char *name)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);

	x->experiment_id = str_from(experiment);
	x->name = str_from(name);
	return fx_apply(&fx, &x->c);
}

static int finalize(const char *id, int64_t status)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_FINALIZE);

	x->model_id = str_from(id);
	x->status = (struct opt_i64){status, true};
	return fx_apply(&fx, &x->c);
}

static int delete (const char *id)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_DELETE);

	x->model_id = str_from(id);
	return fx_apply(&fx, &x->c);
}

static int set(const char *id, enum command_kind kind, const char *key,
	       const char *value)
{
	struct cmd_logged_values *x = command_new(kind);
	struct key_value item = kv(key, value);

	x->model_id = str_from(id);
	if (kind == COMMAND_LOGGED_TAGS)
		x->tags = (struct field_list){&item, 1};
	else
		x->params = (struct field_list){&item, 1};
	return fx_apply(&fx, &x->c);
}

static int untag(const char *id, const char *key)
{
	struct cmd_logged_untag *x = command_new(COMMAND_LOGGED_UNTAG);

	x->model_id = str_from(id);
	x->key = str_from(key);
	return fx_apply(&fx, &x->c);
}

static struct logged_model see(const char *id)
{
	struct logged_model m = {0};

	fx_begin(&fx);
	logged_model_by_id(fx.rd, str_from(id), &fx.a, &m, &fx.e);
	fx_finish(&fx);
	return m;
}

static int append_pair(void *ctx, struct str key, struct str value,
		       int64_t modified, struct err *e)
{
	(void)modified;
	(void)e;
	buf_printf(ctx, "%.*s=%.*s ", STR_ARG(key), STR_ARG(value));
	return 0;
}

/* "a=1 b=2 " */
static const char *pairs(const char *id,
			 int (*fn)(struct reader *rd, int64_t row,
				   key_value_fn *fn, void *ctx, struct err *e))
{
	SCOPED(buf_fini) struct buf b;
	int64_t row = see(id).row;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	fn(fx.rd, row, append_pair, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static int append_metric(void *ctx, const struct logged_metric *m,
			 struct err *e)
{
	(void)e;
	buf_printf(ctx, "%.*s=%g@%lld/%lld", STR_ARG(m->key), m->p.value,
		   (long long)m->p.time, (long long)m->p.step);
	if (m->dataset_name.n)
		buf_printf(ctx, ":%.*s-%.*s", STR_ARG(m->dataset_name),
			   STR_ARG(m->dataset_digest));
	buf_puts(ctx, " ");
	return 0;
}

static const char *metrics(const char *id)
{
	SCOPED(buf_fini) struct buf b;
	int64_t row = see(id).row;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	logged_model_metrics(fx.rd, row, append_metric, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

/* --- models ------------------------------------------------------------- */

static void creating(void)
{
	struct key_value params[2] = {kv("a", "1"), kv("b", "")};
	struct logged_model m;
	const char *id = make("first", params, 2);
	char longest[LIMIT_LOGGED_NAME + 2];

	m = see(id);
	ok(strlen(id) == 34 && strncmp(id, "m-", 2) == 0,
	   "an id like MLflow's");
	is_str(m.name.p, "first", "its name");
	is_i64(m.status, LOGGED_PENDING, "its files are yet to come");
	is_str(m.artifact_uri.p,
	       arena_printf(&fx.a, "mlflow-artifacts:/%s/models/%s/artifacts",
			    x_id, id),
	       "where they will be");
	ok(m.created > 0 && m.created == m.updated, "its times");
	is_str(pairs(id, logged_model_params), "a=1 b= ", "its params");
	ok(see(make("", NULL, 0)).name.n > 0, "a name is made up");
	ok(!str_eq(see(make("first", NULL, 0)).id, str_from(id)),
	   "names may be the same");
	fails(create("77", "x"), ERR_NOT_FOUND, "No Experiment with id=77");
	fails(create("abc", "x"), ERR_INVALID, "Invalid experiment ID");
	fails(create(x_id, "a/b"), ERR_INVALID, "Invalid model name ('a/b')");
	fails(create(x_id, "it's"), ERR_INVALID, "Invalid model name");
	fails(create(x_id, "\xff"), ERR_INVALID, "Invalid model name");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	fails(create(x_id, longest), ERR_INVALID, "maximum length");
	longest[sizeof(longest) - 2] = '\0';
	works(create(x_id, longest));
}

static void deleted_experiments(void)
{
	const char *other = fx_experiment(&fx, "other");

	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, other));
	fails(create(other, "x"), ERR_STATE, "must be in the 'active' state");
}

static void values(void)
{
	const char *id = make("values", NULL, 0);
	int64_t change;

	works(set(id, COMMAND_LOGGED_PARAMS, "a", "1"));
	change = see(id).change;
	works(set(id, COMMAND_LOGGED_PARAMS, "a", "1"));
	is_i64(see(id).change, change, "the same again changes nothing");
	fails(set(id, COMMAND_LOGGED_PARAMS, "a", "2"), ERR_INVALID,
	      "already logged with value='1'");
	works(set(id, COMMAND_LOGGED_TAGS, "t", "1"));
	works(set(id, COMMAND_LOGGED_TAGS, "t", "2"));
	works(set(id, COMMAND_LOGGED_TAGS, "u/v", "3"));
	is_str(pairs(id, logged_model_tags), "t=2 u/v=3 ", "tags change");
	works(untag(id, "u/v"));
	fails(untag(id, "u/v"), ERR_NOT_FOUND, "No tag with key 'u/v' found");
	fails(set(id, COMMAND_LOGGED_TAGS, "../x", "1"), ERR_INVALID,
	      "tags[0]");
	fails(set(id, COMMAND_LOGGED_TAGS, "t", "\xff"), ERR_INVALID, "UTF-8");
	fails(set("m-none", COMMAND_LOGGED_TAGS, "t", "1"), ERR_NOT_FOUND,
	      "Logged model with ID 'm-none' not found.");
	is_str(pairs(id, logged_model_params), "a=1 ", "params stay");
}

static void ending(void)
{
	const char *id = make("ending", NULL, 0);

	works(finalize(id, LOGGED_UPLOAD_FAILED));
	works(finalize(id, LOGGED_READY));
	is_i64(see(id).status, LOGGED_READY, "a status by number");
	fails(finalize(id, 0), ERR_INVALID, "status is one of");
	fails(finalize(id, 4), ERR_INVALID, "status is one of");
	fails(finalize("x", 2), ERR_NOT_FOUND, "'x' not found");
	works(delete (id));
	is_i64(see(id).lifecycle, LIFE_DELETED, "deleted, and still readable");
	works(delete (id));
	works(set(id, COMMAND_LOGGED_TAGS, "t", "1"));
	fails(delete ("x"), ERR_NOT_FOUND, "'x' not found");
}

/* --- metrics ------------------------------------------------------------ */

static struct key_points point(const char *key, double v, int64_t time,
			       int64_t step, const char *model)
{
	return (struct key_points){.key = str_from(key),
				   .value = {v, true},
				   .timestamp = {time, true},
				   .step = {step, true},
				   .model_id = str_from(model)};
}

static int log_points(struct key_points *p, size_t n)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

	x->run_id = str_from(run_id);
	x->metrics = (struct field_list){p, n};
	return fx_apply(&fx, &x->c);
}

static int64_t series_count(const char *key)
{
	struct series s = {0};
	int64_t row = fx_see_run(&fx, run_id).row;

	fx_begin(&fx);
	series_by_key(fx.rd, row, str_from(key), &fx.a, &s, &fx.e);
	fx_finish(&fx);
	return s.count;
}

static void measuring(void)
{
	const char *one = make("one", NULL, 0);
	const char *two = make("two", NULL, 0);
	struct key_points p[4] = {
		point("k", 2, 20, 0, one), point("k", 1, 10, 5, one),
		point("k", 3, 10, 5, two), point("plain", 4, 10, 5, "")};
	int64_t change;

	p[1].dataset_name = STR("d");
	p[1].dataset_digest = STR("1");
	works(log_points(p, 4));
	is_str(metrics(one), "k=1@10/5:d-1 k=2@20/0 ", "by key and time");
	is_str(metrics(two), "k=3@10/5 ", "each model its own");
	is_i64(series_count("k"), 3, "the run has all of them");
	change = see(one).change;
	works(log_points(p, 4));
	is_i64(see(one).change, change, "a replay changes nothing");
	p[0] = point("k", NAN, 20, 0, one);
	works(log_points(p, 1));
	works(log_points(p, 1));
	is_str(metrics(one), "k=1@10/5:d-1 k=2@20/0 k=nan@20/0 ",
	       "NaN is a value of its own, once");
	p[0] = point("fresh", 1, 1, 1, one);
	p[1] = point("fresh", 1, 1, 2, "m-none");
	fails(log_points(p, 2), ERR_NOT_FOUND, "'m-none' not found");
	is_str(metrics(one), "k=1@10/5:d-1 k=2@20/0 k=nan@20/0 ",
	       "a refused batch leaves nothing");
	is_i64(series_count("fresh"), 0, "in the run neither");
	p[0].dataset_name = STR("d");
	fails(log_points(p, 1), ERR_INVALID, "Both dataset_name and");
	p[0] = point("a//b", 1, 1, 1, one);
	fails(log_points(p, 1), ERR_INVALID, "metrics[0].name");
	p[0] = point("late", 1, -1, 1, one);
	fails(log_points(p, 1), ERR_INVALID, "metrics[0].timestamp");
	is_i64((int64_t)strlen(metrics(two)), 9, "and nothing of it is kept");
}

/* --- artifacts ---------------------------------------------------------- */

static int put(const char *model, const char *path, const char *key)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);

	x->model_id = str_from(model);
	x->path = str_from(path);
	x->key = str_from(key);
	x->size = (struct opt_i64){3, true};
	return fx_apply(&fx, &x->c);
}

static int move(const char *model, const char *path, const char *to)
{
	struct cmd_artifact_move *x = command_new(COMMAND_ARTIFACT_MOVE);

	x->model_id = str_from(model);
	x->path = str_from(path);
	x->to_path = str_from(to);
	return fx_apply(&fx, &x->c);
}

static int rm(const char *model, const char *path)
{
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);

	x->model_id = str_from(model);
	x->path = str_from(path);
	x->recursive = (struct opt_bool){true, true};
	return fx_apply(&fx, &x->c);
}

static int touch(const char *model, int64_t mtime)
{
	struct cmd_artifact_set *x = command_new(COMMAND_ARTIFACT_SET);

	x->model_id = str_from(model);
	x->mtime = (struct opt_i64){mtime, true};
	return fx_apply(&fx, &x->c);
}

static struct artifact file(int64_t owner, const char *path)
{
	struct artifact x = {0};

	fx_begin(&fx);
	artifact_by_path(fx.rd, owner, str_from(path), &fx.a, &x, &fx.e);
	fx_finish(&fx);
	return x;
}

static int append_name(void *ctx, const struct artifact *x, struct err *e)
{
	(void)e;
	buf_printf(ctx, "%.*s ", STR_ARG(x->name));
	return 0;
}

static const char *list(int64_t owner)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 1 << 16);
	buf_puts(&b, "");
	fx_begin(&fx);
	artifact_each(fx.rd, owner, 0, 0, append_name, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static void artifacts(void)
{
	const char *id = make("files", NULL, 0);
	int64_t owner = logged_model_owner(see(id).row);
	int64_t change = see(id).change;
	struct cmd_artifact_mkdir *nobody;

	works(put(id, "MLmodel", "k1"));
	works(put(id, "data/x", "k2"));
	works(fx_put(&fx, run_id, "of-the-run", "k3", 3));
	is_str(list(owner), "MLmodel data ", "a tree of its own");
	is_str(list(fx_see_run(&fx, run_id).row), "of-the-run ",
	       "beside that of a run");
	ok(see(id).change > change, "the model follows");
	is_i64(file(owner, "data/x").owner_row, owner, "owner of a file");
	works(touch(id, 777));
	is_i64(file(owner, "").mtime, 777, "the root has times");
	works(move(id, "data/x", "data/y"));
	is_str(file(owner, "data/y").key.p, "k2", "moved");
	works(rm(id, "data"));
	is_str(list(owner), "MLmodel ", "removed");
	fails(put("m-none", "x", "k"), ERR_NOT_FOUND, "'m-none' not found");
	fails(put(id, "a/../b", "k"), ERR_INVALID, "Invalid path");
	nobody = command_new(COMMAND_ARTIFACT_MKDIR);
	nobody->path = STR("x");
	fails(fx_apply(&fx, &nobody->c), ERR_INVALID, "'run_id'");
	works(delete (id));
	fails(put(id, "late", "k4"), ERR_STATE, "must be in the 'active'");
	is_str(file(owner, "MLmodel").key.p, "k1", "its files are still read");
}

/* --- what runs took and made -------------------------------------------- */

static int inputs(const char *run, struct run_input *in, size_t n)
{
	struct cmd_run_inputs *x = command_new(COMMAND_RUN_INPUTS);

	x->run_id = str_from(run);
	x->datasets = (struct field_list){in, n};
	return fx_apply(&fx, &x->c);
}

static int link_models(const char *run, struct run_model *m, size_t n,
		       bool made)
{
	struct cmd_run_inputs *in = command_new(COMMAND_RUN_INPUTS);
	struct cmd_run_outputs *out = command_new(COMMAND_RUN_OUTPUTS);
	int rc;

	in->run_id = out->run_id = str_from(run);
	in->models = out->models = (struct field_list){m, n};
	rc = fx_apply(&fx, made ? &out->c : &in->c);
	command_free(made ? &in->c : &out->c);
	return rc;
}

static struct run_input input(const char *name, const char *digest,
			      const char *source)
{
	return (struct run_input){.dataset = {.name = str_from(name),
					      .digest = str_from(digest),
					      .source_type = STR("local"),
					      .source = str_from(source)}};
}

struct listed {
	struct buf b;
	int64_t run;
};

static int append_dataset(void *ctx, const struct dataset *d, struct err *e)
{
	struct listed *l = ctx;

	buf_printf(&l->b, "%.*s-%.*s(%.*s) ", STR_ARG(d->name),
		   STR_ARG(d->digest), STR_ARG(d->source));
	return run_input_tags(fx.rd, l->run, d->row, append_pair, &l->b, e);
}

static int append_model(void *ctx, struct str id, int64_t step, struct err *e)
{
	struct listed *l = ctx;

	(void)e;
	buf_printf(&l->b, "%.*s@%lld ", STR_ARG(id), (long long)step);
	return 0;
}

/* role -1: datasets */
static const char *links(const char *run, int role)
{
	struct listed l = {.run = fx_see_run(&fx, run).row};
	const char *text;

	buf_init(&l.b, 1 << 16);
	buf_puts(&l.b, "");
	fx_begin(&fx);
	if (role < 0)
		run_inputs(fx.rd, l.run, append_dataset, &l, &fx.e);
	else
		run_models(fx.rd, l.run, (enum model_role)role, append_model,
			   &l, &fx.e);
	fx_finish(&fx);
	text = arena_strdup(&fx.a, buf_view(&l.b));
	buf_fini(&l.b);
	return text;
}

static int append_context(void *ctx, struct str name, struct str digest,
			  struct str context, struct err *e)
{
	(void)e;
	buf_printf(ctx, "%.*s-%.*s:%.*s ", STR_ARG(name), STR_ARG(digest),
		   STR_ARG(context));
	return 0;
}

static const char *contexts(void)
{
	SCOPED(buf_fini) struct buf b;
	int64_t row = fx_see_experiment(&fx, x_id).row;

	buf_init(&b, 1 << 16);
	buf_puts(&b, "");
	fx_begin(&fx);
	dataset_contexts(fx.rd, row, append_context, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static void datasets(void)
{
	const char *a = fx_run(&fx, x_id, "a");
	const char *b = fx_run(&fx, x_id, "b");
	struct key_value train = kv("mlflow.data.context", "training");
	struct key_value test = kv("mlflow.data.context", "testing");
	struct run_input in[2] = {input("d", "1", "s1"), input("e", "1", "s2")};
	char digest[LIMIT_DATASET_DIGEST + 2];
	int64_t change;

	in[0].tags = (struct field_list){&train, 1};
	works(inputs(a, in, 2));
	change = fx_see_run(&fx, a).change;
	is_str(links(a, -1), "d-1(s1) mlflow.data.context=training e-1(s2) ",
	       "datasets with their tags");
	in[0].tags = (struct field_list){&test, 1};
	in[0].dataset.source = STR("elsewhere");
	works(inputs(a, in, 1));
	is_i64(fx_see_run(&fx, a).change, change, "what is there stays");
	works(inputs(b, in, 1));
	is_str(links(b, -1), "d-1(s1) mlflow.data.context=testing ",
	       "the same dataset in another role");
	is_str(contexts(),
	       "d-1:testing d-1:training e-1: ", "what an experiment has");
	memset(digest, 'x', sizeof(digest) - 1);
	digest[sizeof(digest) - 1] = '\0';
	in[1] = input("d", digest, "");
	fails(inputs(b, in, 2), ERR_INVALID, "'digest' exceeds");
	fails(inputs("nobody", in, 1), ERR_NOT_FOUND, "not found");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, b));
	fails(inputs(b, in, 1), ERR_STATE, "must be in the 'active'");
}

static void models_of_runs(void)
{
	const char *run = fx_run(&fx, x_id, "links");
	const char *one = make("one", NULL, 0);
	const char *two = make("two", NULL, 0);
	struct run_model m[2] = {{str_from(one), {0, false}},
				 {str_from(two), {7, true}}};
	int64_t change;

	works(link_models(run, m, 1, false));
	works(link_models(run, m, 2, true));
	is_str(links(run, MODEL_INPUT), arena_printf(&fx.a, "%s@0 ", one),
	       "a model taken");
	is_str(links(run, MODEL_OUTPUT),
	       arena_printf(&fx.a, "%s@0 %s@7 ", one, two), "models made");
	change = fx_see_run(&fx, run).change;
	works(link_models(run, m, 2, true));
	is_i64(fx_see_run(&fx, run).change, change, "again: nothing");
	m[0].model_id = STR("m-none");
	fails(link_models(run, m, 1, true), ERR_NOT_FOUND, "'m-none'");
}

static int note(const char *run, const char *model)
{
	struct cmd_run_log_model *x = command_new(COMMAND_RUN_LOG_MODEL);

	x->run_id = str_from(run);
	x->model = str_from(model);
	return fx_apply(&fx, &x->c);
}

static void history_tag(void)
{
	const char *run = fx_run(&fx, x_id, "history");
	const char *tag = "mlflow.log-model.history";
	char *big = calloc(1, LIMIT_MODEL_HISTORY);

	works(note(run, "{\"a\":1}"));
	is_str(fx_see_tag(&fx, run, tag), "[{\"a\":1}]", "one model");
	works(note(run, "{\"a\":2}"));
	works(note(run, "{\"a\":1}"));
	is_str(fx_see_tag(&fx, run, tag), "[{\"a\":1}, {\"a\":2}]",
	       "two, each once");
	memset(big, 'x', LIMIT_MODEL_HISTORY - 1);
	big[0] = big[LIMIT_MODEL_HISTORY - 2] = '"';
	fails(note(run, big), ERR_TOO_LARGE, "in its tag");
	works(fx_tag(&fx, run, tag, "no list"));
	works(note(run, "{\"a\":3}"));
	is_str(fx_see_tag(&fx, run, tag), "[{\"a\":3}]",
	       "what was no list is one again");
	free(big);
}

/* --- changes, check ----------------------------------------------------- */

static int find_model(void *ctx, const struct changed *x, struct err *e)
{
	(void)e;
	if (x->thing == THING_LOGGED_MODEL)
		buf_printf(ctx, "%s%.*s ",
			   x->removed   ? "-"
			   : x->created ? "+"
					: "~",
			   STR_ARG(x->name));
	if (x->thing == THING_ARTIFACT)
		buf_printf(ctx, "%s/%.*s ", x->parent < 0 ? "model" : "run",
			   STR_ARG(x->name));
	return 0;
}

static const char *since(int64_t change)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 1 << 16);
	buf_puts(&b, "");
	fx_begin(&fx);
	works(changes_since(fx.rd, change, find_model, &b, &fx.e));
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static void feed(void)
{
	int64_t before = fx_see_run(&fx, fx_run(&fx, x_id, "mark")).change;
	const char *id = make("fed", NULL, 0);
	int64_t made = see(id).change, deleted;

	is_str(since(before), arena_printf(&fx.a, "+%s ", id), "a model");
	works(put(id, "f", "k9"));
	is_str(since(made), arena_printf(&fx.a, "~%s model/f ", id),
	       "a file of it");
	deleted = see(id).change;
	works(delete (id));
	is_str(since(deleted), arena_printf(&fx.a, "-%s ~%s ", id, id),
	       "it goes, and stays");
}

/* Who may not see it is told as of what does not exist. */
/* --- what directories are made of ---------------------------------------- */

static int append_logged(void *ctx, const struct logged_model *m, struct err *e)
{
	(void)e;
	buf_printf(ctx, "%.*s%s ", STR_ARG(m->name), m->crowded ? "!" : "");
	return 0;
}

static const char *names_of(int64_t row, bool of_run)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	if (of_run)
		logged_model_of_run(fx.rd, row, append_logged, &b, &fx.e);
	else
		logged_model_each(fx.rd, row, 0, append_logged, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static void rename_id(const char *id, const char *to)
{
	char sql[200], path[300];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	snprintf(sql, sizeof(sql),
		 "UPDATE logged_model SET uuid = '%s' WHERE uuid = '%s'", to,
		 id);
	sqlite3_open(path, &db);
	ok(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
	sqlite3_close(db);
}

static void directories(void)
{
	const char *x = x_id;
	const char *run, *ids[3];
	struct run_model m = {{0}, {0, false}};
	struct logged_model got;
	int64_t row;

	x_id = fx_experiment(&fx, "directories");
	run = fx_run(&fx, x_id, "r");
	for (int i = 0; i < 3; i++) {
		ids[i] = make(i < 2 ? "net" : "gone", NULL, 0);
		m.model_id = str_from(ids[i]);
		works(link_models(run, &m, 1, true));
		works(link_models(run, &m, 1, false));
	}
	row = see(ids[0]).experiment_row;
	works(delete (ids[2]));
	is_str(names_of(row, false), "net net ", "of an experiment");
	is_str(names_of(fx_see_run(&fx, run).row, true), "net net ",
	       "of a run, once each");
	rename_id(ids[0], "m-0123abcd000000000000000000000000");
	rename_id(ids[1], "m-0123abcdffffffffffffffffffffffff");
	is_str(names_of(row, false), "net net! ", "the later one is crowded");
	fx_begin(&fx);
	works(logged_model_by_prefix(fx.rd, STR("m-0123abcd"), &fx.a, &got,
				     &fx.e));
	is_str(got.id.p, "m-0123abcd000000000000000000000000",
	       "the digits are the earlier one's");
	works(logged_model_newest_named(fx.rd, row, STR("net"), &fx.a, &got,
					&fx.e));
	is_str(got.id.p, "m-0123abcdffffffffffffffffffffffff",
	       "the newest of a name");
	fails(logged_model_newest_named(fx.rd, row, STR("gone"), &fx.a, &got,
					&fx.e),
	      ERR_NOT_FOUND, "not found");
	fails(logged_model_by_prefix(fx.rd, STR("m-0123abce"), &fx.a, &got,
				     &fx.e),
	      ERR_NOT_FOUND, "not found");
	fx_finish(&fx);
	x_id = x;
}

static void strangers(void)
{
	const char *id = make("hidden", NULL, 0);
	const char *known = arena_printf(&fx.a, "'%s' not found", id);
	struct logged_model m;

	fx.who = (struct principal){.name = STR("stranger")};
	fails(delete (id), ERR_NOT_FOUND, known);
	fails(set(id, COMMAND_LOGGED_TAGS, "t", "1"), ERR_NOT_FOUND, known);
	fails(put(id, "x", ""), ERR_INVALID, "'key'");
	fails(put(id, "x", "k"), ERR_NOT_FOUND, known);
	fx_begin(&fx);
	ok(logged_model_by_id(fx.rd, str_from(id), &fx.a, &m, &fx.e) < 0 &&
		   fx.e.kind == ERR_NOT_FOUND,
	   "nor is it read");
	ok(logged_model_by_row(fx.rd, 1, &fx.a, &m, &fx.e) < 0, "by row");
	ok(logged_model_by_prefix(fx.rd, STR("m-"), &fx.a, &m, &fx.e) < 0,
	   "by the beginning of its id");
	ok(logged_model_newest_named(fx.rd, 1, STR("hidden"), &fx.a, &m,
				     &fx.e) < 0,
	   "by name");
	ok(logged_model_of_run(fx.rd, 1, append_logged, NULL, &fx.e) < 0,
	   "those of a run");
	works(logged_model_each(fx.rd, 1, 0, append_logged, NULL, &fx.e));
	ok(logged_model_tags(fx.rd, 1, append_pair, NULL, &fx.e) < 0, "tags");
	ok(artifact_each(fx.rd, -1, 0, 0, append_name, NULL, &fx.e) < 0,
	   "artifacts");
	ok(run_inputs(fx.rd, 1, append_dataset, NULL, &fx.e) < 0, "inputs");
	fx_finish(&fx);
	fx.who = principal_owner();
}

static void report(void *ctx, const char *what, const char *detail)
{
	char *out = ctx;

	snprintf(out + strlen(out), 500 - strlen(out), "%s: %s; ", what,
		 detail);
}

static void harm(const char *sql, const char *cure, const char *what)
{
	char found[500] = "", path[300];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	sqlite3_open(path, &db);
	ok(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
	works(index_check(fx.dir, report, found, &fx.e));
	if (!ok(strstr(found, what) != NULL, what))
		printf("# %s\n", found);
	ok(sqlite3_exec(db, cure, NULL, NULL, NULL) == SQLITE_OK, cure);
	sqlite3_close(db);
}

static void checking(void)
{
	char found[500] = "";

	works(index_check(fx.dir, report, found, &fx.e));
	is_str(found, "", "the check finds nothing");
	harm("UPDATE logged_model SET status = 9 WHERE id = 1",
	     "UPDATE logged_model SET status = 1 WHERE id = 1", "in no state");
	harm("UPDATE artifact SET change = change + 999 WHERE owner < 0",
	     "UPDATE artifact SET change = change - 999 WHERE owner < 0",
	     "a logged model is older");
	harm("UPDATE logged_model SET change = change + 999 WHERE id = 1",
	     "UPDATE logged_model SET change = change - 999 WHERE id = 1",
	     "newer than the index");
	harm("UPDATE dataset SET experiment = 0",
	     "UPDATE dataset SET experiment = 1", "of another experiment");
	harm("UPDATE artifact SET owner = -9999 WHERE name = 'MLmodel'",
	     "UPDATE artifact SET owner = (SELECT -id FROM logged_model WHERE"
	     " name = 'files') WHERE name = 'MLmodel'",
	     "in no directory of its owner");
}

int main(void)
{
	fx_start(&fx);
	x_id = fx_experiment(&fx, "x");
	run_id = fx_run(&fx, x_id, "run");
	creating();
	deleted_experiments();
	values();
	ending();
	measuring();
	artifacts();
	datasets();
	models_of_runs();
	history_tag();
	feed();
	directories();
	strangers();
	checking();
	fx_end(&fx);
	return tap_done();
}
