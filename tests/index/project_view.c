/* SPDX-License-Identifier: Apache-2.0 */
/* project_view.c - in the view of a project there is nothing else: for reads,
 * for writes, and for whoever names it elsewhere.
 */
#include "indexer/index/logged_model.h"
#include "tests/index/projects.h"
#include "tests/index/registry.h"
#include "tests/index/searching.h"

static struct fixture fx;
static struct searching x;
static const char *mine, *other, *none; /* runs */

static const char *logged(const char *experiment, const char *source)
{
	struct cmd_logged_create *c = command_new(COMMAND_LOGGED_CREATE);
	const char *id = "";

	c->experiment_id = str_from(experiment);
	c->source_run_id = str_from(source);
	c->c.who = fx.who;
	err_clear(&fx.e);
	if (index_apply(fx.ix, &c->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, c->ret_model_id);
	command_free(&c->c);
	return id;
}

static int output(const char *run, const char *model)
{
	struct cmd_run_outputs *c = command_new(COMMAND_RUN_OUTPUTS);
	struct run_model m = {.model_id = str_from(model)};

	c->run_id = str_from(run);
	c->models = (struct field_list){&m, 1};
	return fx_apply(&fx, &c->c);
}

static int measure(const char *run, const char *model, double value)
{
	struct cmd_run_log *c = command_new(COMMAND_RUN_LOG);
	struct key_points p = {.key = STR("m"),
			       .value = {value, true},
			       .timestamp = {1, true},
			       .model_id = str_from(model)};

	c->run_id = str_from(run);
	c->metrics = (struct field_list){&p, 1};
	return fx_apply(&fx, &c->c);
}

static void make(void)
{
	struct project p[] = {{1, STR("a/one")}, {2, STR("a/two")}};

	works(pr_list(&fx, p, 2));
	none = fx_run(&fx, "0", "none");
	pr_view(&fx, 2);
	other = fx_run(&fx, "0", "other");
	pr_view(&fx, 1);
}

/* Experiment 0 is the project's own, made when it is needed. */
static void home(void)
{
	struct str zero = STR("0");

	is_str(fx_see_experiment(&fx, "0").name.p, NULL, "none at first");
	fails(fx_rename_experiment(&fx, "0", "x"), ERR_NOT_FOUND, "id=0");
	is_str(ask(&x, (struct asked){.ids = &zero, .nids = 1}), "",
	       "nothing is found in it");
	mine = fx_run(&fx, "0", "mine");
	ok(*mine, "a run makes it");
	is_str(fx_see_experiment(&fx, "0").name.p, "Default",
	       "then it is there");
	ok(fx_see_experiment(&fx, "0").project == 1, "the project's");
	is_str(ask(&x, (struct asked){.ids = &zero, .nids = 1}), "mine",
	       "with its run");
	is_str(ask(&x, (struct asked){.filter = ""}), "mine", "alone");
	ok(*fx_run(&fx, "", "again"), "without an experiment, too");
	is_str(ask(&x, (struct asked){.experiments = true}), "Default", "once");
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, "0", "k", "v"));
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, "0"));
	fails(*fx_run(&fx, "0", "late") ? 0 : -1, ERR_STATE, "deleted");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, "0"));
}

static void runs(void)
{
	const char *hidden[] = {other, none};

	for (int i = 0; i < 2; i++) {
		const char *run = hidden[i];

		is_str(fx_see_run(&fx, run).id.p, NULL, "is not seen");
		fails(fx_tag(&fx, run, "t", "1"), ERR_NOT_FOUND, run);
		fails(fx_metric(&fx, run, "m", 1, 1), ERR_NOT_FOUND, run);
		fails(fx_on_run(&fx, COMMAND_RUN_DELETE, run), ERR_NOT_FOUND,
		      run);
		fails(fx_put(&fx, run, "a", "", 0), ERR_NOT_FOUND, run);
	}
	fails(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, "1"),
	      ERR_NOT_FOUND, "id=1");
	works(fx_put(&fx, mine, "a", "", 0));
	fails(fx_move(&fx, mine, "a", other, "a"), ERR_NOT_FOUND, other);
}

/* What is elsewhere can be named by who sees both, and from no view. */
static void references(void)
{
	const char *here, *there;

	pr_view(&fx, 2);
	there = logged("0", other);
	pr_view(&fx, 1);
	here = logged("0", mine);
	ok(*here && *there, "a logged model in each");
	fails(*logged("0", other) ? 0 : -1, ERR_NOT_FOUND, other);
	fails(*logged("0", "made up") ? 0 : -1, ERR_NOT_FOUND, "made up");
	fails(output(mine, there), ERR_NOT_FOUND, there);
	fails(measure(mine, there, 1), ERR_NOT_FOUND, there);
	works(output(mine, here));
	works(rg_create(&fx, "m", NULL, 0));
	fails(*rg_add(&fx, "m", "s3://b/k", other) ? 0 : -1, ERR_NOT_FOUND,
	      other);
	fails(*rg_add(&fx, "m", arena_printf(&fx.a, "runs:/%s/x", other), "")
		      ? 0
		      : -1,
	      ERR_NOT_FOUND, other);
	fails(*rg_add(&fx, "m", arena_printf(&fx.a, "models:/%s", there), "")
		      ? 0
		      : -1,
	      ERR_NOT_FOUND, there);
	is_str(rg_add(&fx, "m", arena_printf(&fx.a, "runs:/%s/x", mine), mine),
	       "1", "one's own");
	pr_view(&fx, 0);
	works(output(mine, there));
	works(measure(other, here, 5));
	is_str(rg_add(&fx, "m (1)", arena_printf(&fx.a, "runs:/%s/x", other),
		      other),
	       "2", "the owner sees both");
}

static int count_metric(void *ctx, const struct logged_metric *m, struct err *e)
{
	(void)m;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int64_t metrics_of(const char *model)
{
	struct logged_model m;
	int n = 0;

	fx_begin(&fx);
	works(logged_model_by_id(fx.rd, str_from(model), &fx.a, &m, &fx.e));
	works(logged_model_metrics(fx.rd, m.row, count_metric, &n, &fx.e));
	fx_finish(&fx);
	return n;
}

/* What another project's run measured of a model is that run's. */
static void measured(void)
{
	const char *model;

	pr_view(&fx, 1);
	model = logged("0", mine);
	works(measure(mine, model, 1));
	pr_view(&fx, 0);
	works(measure(other, model, 2));
	is_i64(metrics_of(model), 2, "the owner sees both");
	pr_view(&fx, 1);
	is_i64(metrics_of(model), 1, "the project its own");
}

/* A key of a retried request is one's own in each view. */
static const char *once(const char *key)
{
	struct cmd_experiment_create *c =
		command_new(COMMAND_EXPERIMENT_CREATE);
	const char *id = "";

	c->name = STR("once");
	c->c.once = str_from(key);
	c->c.who = fx.who;
	err_clear(&fx.e);
	if (index_apply(fx.ix, &c->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, c->ret_experiment_id);
	command_free(&c->c);
	return id;
}

static void retried(void)
{
	const char *ids[3];

	for (int64_t i = 0; i < 3; i++) {
		pr_view(&fx, i);
		ids[i] = once("key");
		is_str(once("key"), ids[i], "a retry gets the first answer");
	}
	ok(*ids[0] && strcmp(ids[0], ids[1]) != 0 &&
		   strcmp(ids[1], ids[2]) != 0,
	   "another view's is another");
}

/* Levels stay what they are. */
static void levels(void)
{
	SCOPED(bitset_fini) struct bitset one = {0};
	struct principal p = {.name = STR("reader")};

	bitset_init(&one, 10);
	bitset_add(&one, 1);
	p.projects[LEVEL_READ] = &one;
	p.view = 1;
	fx.who = p;
	is_str(pr_named(&fx, "Default", false), "Default", "who reads, reads");
	fails(*fx_run(&fx, "0", "r") ? 0 : -1, ERR_DENIED, "write access");
	fails(*fx_experiment(&fx, "r") ? 0 : -1, ERR_DENIED, "write access");
	fails(rg_create(&fx, "r", NULL, 0), ERR_DENIED, "write access");
	fx.who.view = 2;
	is_str(pr_named(&fx, "Default", false), NULL, "where it may");
	fails(*fx_run(&fx, "0", "r") ? 0 : -1, ERR_NOT_FOUND, "id=0");
	pr_view(&fx, 0);
}

int main(void)
{
	fx_start(&fx);
	x = (struct searching){.fx = &fx, .cols = columns_new()};
	make();
	home();
	runs();
	references();
	measured();
	retried();
	levels();
	columns_free(x.cols);
	fx_end(&fx);
	return tap_done();
}
