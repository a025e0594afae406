/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.c - commands about experiments, and how they read back. */
#include "indexer/index/limits.h"
#include "tests/index/fixture.h"

static struct fixture fx;

static void default_experiment(void)
{
	struct experiment x = fx_see_experiment(&fx, "0");

	is_str(x.name.p, "Default", "experiment 0 is there from the start");
	is_str(x.artifact_location.p, "mlflow-artifacts:/0", "with a location");
	is_str(x.id.p, "0", "with its number as id");
}

static void creating(void)
{
	struct experiment x;
	const char *id = fx_experiment(&fx, "a/b .c");

	is_str(id, "1", "ids count up");
	x = fx_see_experiment(&fx, id);
	is_str(x.name.p, "a/b .c", "the name is kept");
	is_str(x.dir.p, "a%2Fb .c", "its directory is the file form");
	is_str(x.artifact_location.p, "mlflow-artifacts:/1", "a location");
	ok(x.lifecycle == LIFE_ACTIVE && x.created > 0 &&
		   x.updated == x.created,
	   "active, with its times");
	is_str(fx_experiment(&fx, "a/b .c"), "", "a name is taken once");
	ok(fx.e.kind == ERR_EXISTS, "ERR_EXISTS");
	is_str(fx.e.msg, "Experiment(name=a/b .c) already exists.",
	       "MLflow's sentence");
	is_str(fx_experiment(&fx, ""), "", "an empty name is refused");
	ok(strstr(fx.e.msg, "Missing value for required parameter 'name'"),
	   "by MLflow's sentence");
}

static int create_at(const char *name, const char *location)
{
	struct cmd_experiment_create *x =
		command_new(COMMAND_EXPERIMENT_CREATE);

	x->name = str_from(name);
	x->artifact_location = str_from(location);
	return fx_apply(&fx, &x->c);
}

static void locations(void)
{
	works(create_at("located", "s3://bucket/prefix/"));
	fails(create_at("l2", "s3://b/p?x=1"), ERR_INVALID, "query");
	fails(create_at("l2", "s3://b/p#x"), ERR_INVALID, "fragment");
	fails(create_at("l2", "s3://b/../p"), ERR_INVALID, "'..'");
	fails(create_at("l2", "s3://b/%2e%2e/p"), ERR_INVALID, "'..'");
	fails(create_at("l2", "s3://b/..%252f..%252fp"), ERR_INVALID, "'..'");
	fails(create_at("l2", "http://h/;..%2fp"), ERR_INVALID, "params");
	fails(create_at("l2", "/a;b"), ERR_INVALID, "params");
	fails(create_at("l2", "runs:/x/y"), ERR_INVALID, "runs:/ URI");
	is_str(fx_see_experiment(&fx, "3").name.n ? "there" : "none", "none",
	       "what was refused left nothing");
}

static void by_name(void)
{
	struct experiment x;

	fx_begin(&fx);
	works(experiment_by_name(fx.rd, STR("located"), &fx.a, &x, &fx.e));
	works(experiment_by_dir(fx.rd, LIFE_ACTIVE, STR("a%2Fb .c"), &fx.a, &x,
				&fx.e));
	fails(experiment_by_dir(fx.rd, LIFE_DELETED, STR("located"), &fx.a, &x,
				&fx.e),
	      ERR_NOT_FOUND, "located");
	fails(experiment_by_name(fx.rd, STR("nobody"), &fx.a, &x, &fx.e),
	      ERR_NOT_FOUND, "Could not find experiment with name 'nobody'");
	fails(experiment_by_id(fx.rd, STR("abc"), &fx.a, &x, &fx.e),
	      ERR_INVALID,
	      "Invalid experiment ID 'abc'. Experiment ID must be a valid "
	      "integer.");
	fails(experiment_by_id(fx.rd, STR("999"), &fx.a, &x, &fx.e),
	      ERR_NOT_FOUND, "No Experiment with id=999 exists");
	fx_finish(&fx);
}

static void renaming(void)
{
	const char *id = fx_experiment(&fx, "before");
	struct experiment x;

	works(fx_rename_experiment(&fx, id, "after"));
	x = fx_see_experiment(&fx, id);
	is_str(x.name.p, "after", "renamed");
	is_str(x.dir.p, "after", "its directory, too");
	works(fx_rename_experiment(&fx, id, "after"));
	is_i64(fx_see_experiment(&fx, id).change, x.change,
	       "the same name again changes nothing");
	fails(fx_rename_experiment(&fx, id, "Default"), ERR_EXISTS,
	      "Experiment(name=Default) already exists.");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, id));
	fails(fx_rename_experiment(&fx, id, "later"), ERR_STATE,
	      "Cannot rename a non-active experiment.");
}

static void trash(void)
{
	const char *id = fx_experiment(&fx, "to go");
	const char *kept = fx_run(&fx, id, "kept");
	const char *gone = fx_run(&fx, id, "gone");

	works(fx_on_run(&fx, COMMAND_RUN_DELETE, gone));
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, id));
	ok(fx_see_experiment(&fx, id).lifecycle == LIFE_DELETED, "deleted");
	ok(fx_see_run(&fx, kept).lifecycle == LIFE_DELETED, "its runs, too");
	fails(fx_tag(&fx, kept, "k", "v"), ERR_STATE,
	      "must be in the 'active' state. Current state is deleted.");
	is_str(fx_experiment(&fx, "to go"), "", "its name stays taken");
	fails(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, id),
	      ERR_NOT_FOUND, "No Experiment with id=");
	is_str(fx_run(&fx, id, "new"), "", "it takes no run");
	ok(strstr(fx.e.msg, "The experiment ") &&
		   strstr(fx.e.msg, " must be in the 'active' state. Current "
				    "state is deleted."),
	   "by MLflow's sentence");
	fails(fx_on_run(&fx, COMMAND_RUN_RESTORE, gone), ERR_STATE,
	      "The experiment ");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, id));
	ok(fx_see_run(&fx, kept).lifecycle == LIFE_ACTIVE,
	   "what its deletion took comes back");
	ok(fx_see_run(&fx, gone).lifecycle == LIFE_DELETED,
	   "what was deleted before does not");
	fails(fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, id),
	      ERR_NOT_FOUND, "No Experiment with id=");
	works(fx_tag(&fx, kept, "k", "v"));
}

static int count_tag(void *ctx, struct str key, struct str value,
		     int64_t modified, struct err *e)
{
	(void)e;
	*(int *)ctx += key.n && value.n && modified > 0;
	return 0;
}

static void tags(void)
{
	const char *id = fx_experiment(&fx, "tagged");
	char big[LIMIT_EXPERIMENT_TAG_VALUE + 2];
	int64_t modified = 0;
	struct str v;
	int n = 0;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, id, "k", "1"));
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, id, "k", "2"));
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, id, "l", "3"));
	fails(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, id, "m", big),
	      ERR_INVALID, "exceeds the maximum length of 20000");
	fx_begin(&fx);
	works(experiment_tag(fx.rd, 5, STR("k"), &fx.a, &v, &modified, &fx.e));
	is_str(v.p, "2", "a tag is overwritten");
	works(experiment_tags(fx.rd, 5, count_tag, &n, &fx.e));
	is_i64(n, 2, "all tags are listed");
	fx_finish(&fx);
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_UNTAG, id, "k", ""));
	fails(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_UNTAG, id, "k", ""),
	      ERR_NOT_FOUND, "No tag with name: k in experiment with id 5");
}

static int collect(void *ctx, const struct experiment *x, struct err *e)
{
	char *out = ctx;

	(void)e;
	snprintf(out + strlen(out), 100 - strlen(out), "%.*s ", STR_ARG(x->id));
	return strlen(out) > 6;
}

static void listing(void)
{
	char ids[100] = "";

	fx_begin(&fx);
	works(experiment_each(fx.rd, LIFE_ACTIVE, -1, collect, ids, &fx.e));
	is_str(ids, "0 1 2 4 ", "from the first on, until told to stop");
	ids[0] = '\0';
	works(experiment_each(fx.rd, LIFE_ACTIVE, 2, collect, ids, &fx.e));
	is_str(ids, "4 5 ", "after one");
	ids[0] = '\0';
	works(experiment_each(fx.rd, LIFE_DELETED, -1, collect, ids, &fx.e));
	is_str(ids, "3 ", "deleted ones apart");
	fx_finish(&fx);
}

int main(void)
{
	fx_start(&fx);
	default_experiment();
	creating();
	locations();
	by_name();
	renaming();
	trash();
	tags();
	listing();
	fx_end(&fx);
	return tap_done();
}
