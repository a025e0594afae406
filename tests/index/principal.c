/* SPDX-License-Identifier: Apache-2.0 */
/* principal.c - what is hidden is as if it did not exist, in every query and
 * every command; what may only be read is denied to writes.
 */
#include "indexer/index/db.h"
#include "tests/index/fixture.h"

static struct fixture fx;
static struct bitset one, two;
static const char *hidden_x, *shown_x, *hidden, *shown;
static struct principal reader, writer, stranger;

/* Experiments get into projects by the crawler's commands; here by hand,
 * while no daemon runs. */
static void put_into_projects(void)
{
	char path[300];
	struct db db;

	fx_close(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	works(db_open(&db, path, DB_WRITER, &fx.e));
	works(db_script(&db,
			"UPDATE experiment SET project = 1 WHERE id = 1;"
			"UPDATE experiment SET project = 2 WHERE id = 2;",
			&fx.e));
	db_close(&db);
	fx_open(&fx);
}

static void make(void)
{
	shown_x = fx_experiment(&fx, "shown");
	hidden_x = fx_experiment(&fx, "hidden");
	shown = fx_run(&fx, shown_x, "run");
	hidden = fx_run(&fx, hidden_x, "run");
	for (int i = 0; i < 2; i++) {
		const char *run = i ? hidden : shown;

		works(fx_param(&fx, run, "p", "1"));
		works(fx_tag(&fx, run, "t", "1"));
		works(fx_metric(&fx, run, "m", 1, 1));
		works(fx_put(&fx, run, "a", "", 0));
		works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG,
					i ? hidden_x : shown_x, "t", "1"));
		works(fx_put(&fx, run, "gone", "", 0));
		works(fx_delete(&fx, run, "gone", false));
	}
	put_into_projects();
}

/* Project 1 with its level; project 2 is seen by nobody of them. */
static struct principal who(const char *name, enum level level)
{
	struct principal p = {.name = str_from(name)};

	for (int i = LEVEL_GUEST; i <= (int)level; i++)
		p.projects[i] = &one;
	return p;
}

static void decisions(void)
{
	struct principal owner = principal_owner();

	ok(principal_may(&owner, 0, LEVEL_MAINTAIN), "the owner may all");
	ok(!principal_may(&reader, 0, LEVEL_READ),
	   "what has no project is the owner's");
	ok(principal_may(&reader, 1, LEVEL_READ) &&
		   !principal_may(&reader, 1, LEVEL_WRITE),
	   "a reader reads");
	ok(principal_may(&writer, 1, LEVEL_WRITE) &&
		   !principal_may(&writer, 1, LEVEL_MAINTAIN),
	   "a writer writes");
	ok(!principal_may(&writer, 2, LEVEL_GUEST), "in its project alone");
}

static int count_experiment(void *ctx, const struct experiment *x,
			    struct err *e)
{
	(void)x;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_run(void *ctx, const struct run *r, struct err *e)
{
	(void)r;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_value(void *ctx, struct str key, struct str value,
		       int64_t modified, struct err *e)
{
	(void)key;
	(void)value;
	(void)modified;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_artifact(void *ctx, const struct artifact *x, struct err *e)
{
	(void)x;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_changed(void *ctx, const struct changed *x, struct err *e)
{
	(void)x;
	(void)e;
	++*(int *)ctx;
	return 0;
}

/* Each query about one run and its experiment: how many of them answer. */
static int answers(const char *experiment, const char *run, int64_t row,
		   int64_t run_row)
{
	struct experiment x;
	struct run r;
	struct artifact art;
	struct series s;
	struct str v;
	int64_t t;
	struct err *e = &fx.e;
	struct reader *rd = fx_begin(&fx);
	struct arena *a = &fx.a;
	struct str dir = row == 1 ? STR("shown") : STR("hidden");
	int n = 0, ignored = 0;

	n += experiment_by_id(rd, str_from(experiment), a, &x, e) == 0;
	n += experiment_by_row(rd, row, a, &x, e) == 0;
	n += experiment_by_dir(rd, LIFE_ACTIVE, dir, a, &x, e) == 0;
	n += experiment_tags(rd, row, count_value, &ignored, e) == 0;
	n += experiment_tag(rd, row, STR("t"), a, &v, &t, e) == 0;
	n += run_by_id(rd, str_from(run), a, &r, e) == 0;
	n += run_by_row(rd, run_row, a, &r, e) == 0;
	n += run_by_dir(rd, row, LIFE_ACTIVE, STR("run"), a, &r, e) == 0;
	n += run_each(rd, row, LIFE_ACTIVE, 0, count_run, &ignored, e) == 0;
	n += run_params(rd, run_row, count_value, &ignored, e) == 0;
	n += run_tags(rd, run_row, count_value, &ignored, e) == 0;
	n += run_param(rd, run_row, STR("p"), a, &v, &t, e) == 0;
	n += run_tag(rd, run_row, STR("t"), a, &v, &t, e) == 0;
	n += series_by_key(rd, run_row, STR("m"), a, &s, e) == 0;
	n += artifact_by_path(rd, run_row, STR("a"), a, &art, e) == 0;
	n += artifact_by_path(rd, run_row, STR(""), a, &art, e) == 0;
	n += artifact_by_name(rd, run_row, 0, STR("a"), a, &art, e) == 0;
	n += artifact_each(rd, run_row, 0, 0, count_artifact, &ignored, e) == 0;
	fx_finish(&fx);
	return n;
}

static void reading(void)
{
	enum { QUERIES = 18 };
	int64_t shown_row, hidden_row;
	int n;

	fx.who = principal_owner();
	shown_row = fx_see_run(&fx, shown).row;
	hidden_row = fx_see_run(&fx, hidden).row;
	is_i64(answers(hidden_x, hidden, 2, hidden_row), QUERIES,
	       "the owner gets every answer");
	fx.who = reader;
	is_i64(answers(shown_x, shown, 1, shown_row), QUERIES,
	       "who may read gets every answer");
	is_i64(answers(hidden_x, hidden, 2, hidden_row), 0,
	       "and none about what is hidden");
	fx.who = stranger;
	is_i64(answers(shown_x, shown, 1, shown_row), 0,
	       "a stranger gets none");
	fx.who = reader;
	n = 0;
	fx_begin(&fx);
	experiment_each(fx.rd, LIFE_ACTIVE, -1, count_experiment, &n, &fx.e);
	fx_finish(&fx);
	is_i64(n, 1, "lists hold what may be seen");
}

/* The words about what is hidden are those about what does not exist. */
static void same_words(void)
{
	struct experiment x;
	struct run r;
	char absent[600];

	fx.who = stranger;
	fx_begin(&fx);
	experiment_by_id(fx.rd, STR("2"), &fx.a, &x, &fx.e);
	is_str(fx.e.msg, "No Experiment with id=2 exists", "an experiment");
	run_by_id(fx.rd, str_from(hidden), &fx.a, &r, &fx.e);
	snprintf(absent, sizeof(absent), "Run with id=%s not found", hidden);
	is_str(fx.e.msg, absent, "a run");
	fx_finish(&fx);
}

static int changes(const struct principal *p)
{
	int n = 0;

	fx.who = *p;
	fx_begin(&fx);
	works(changes_since(fx.rd, 0, count_changed, &n, &fx.e));
	fx_finish(&fx);
	return n;
}

static void feed(void)
{
	struct principal owner = principal_owner();
	int all = changes(&owner), mine = changes(&reader);

	ok(mine > 5 && all > 2 * mine,
	   "the feed holds changes of what may be seen");
	is_i64(changes(&stranger), 0, "a stranger's is empty");
}

static int update(const char *run)
{
	struct cmd_run_update *x = command_new(COMMAND_RUN_UPDATE);

	x->run_id = str_from(run);
	x->status = (struct opt_i64){RUN_FINISHED, true};
	return fx_apply(&fx, &x->c);
}

static int set(const char *run)
{
	struct cmd_artifact_set *x = command_new(COMMAND_ARTIFACT_SET);

	x->run_id = str_from(run);
	x->path = STR("a");
	x->mtime = (struct opt_i64){1, true};
	return fx_apply(&fx, &x->c);
}

/* Every command on one run and its experiment: all fail in the same way. */
static bool all_fail(const char *x, const char *run, enum err_kind kind)
{
	int n = 0;

#define TRY(call) n += (call) < 0 && fx.e.kind == kind
	TRY(fx_rename_experiment(&fx, x, "name"));
	TRY(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, x, "k", "v"));
	TRY(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_UNTAG, x, "t", ""));
	TRY(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x));
	TRY(fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, x));
	n += !*fx_run(&fx, x, "new") && fx.e.kind == kind;
	TRY(update(run));
	TRY(fx_on_run(&fx, COMMAND_RUN_DELETE, run));
	TRY(fx_on_run(&fx, COMMAND_RUN_RESTORE, run));
	TRY(fx_param(&fx, run, "k", "v"));
	TRY(fx_tag(&fx, run, "k", "v"));
	TRY(fx_metric(&fx, run, "k", 1, 1));
	TRY(fx_untag(&fx, run, "t"));
	TRY(fx_put(&fx, run, "b", "", 0));
	TRY(fx_mkdir(&fx, run, "c"));
	TRY(fx_move(&fx, run, "a", "", "z"));
	TRY(fx_delete(&fx, run, "a", false));
	TRY(set(run));
#undef TRY
	return n == 18;
}

static void writing(void)
{
	char key[100];

	fx.who = reader;
	ok(all_fail(shown_x, shown, ERR_DENIED), "a reader writes nothing");
	ok(all_fail(hidden_x, hidden, ERR_NOT_FOUND), "hidden: not found");
	is_str(fx_experiment(&fx, "mine"), "", "and makes no experiment");
	ok(fx.e.kind == ERR_DENIED, "which is denied");
	fx.who = stranger;
	ok(all_fail(shown_x, shown, ERR_NOT_FOUND), "a stranger finds nothing");
	fx.who = writer;
	works(fx_param(&fx, shown, "q", "1"));
	ok(*fx_run(&fx, shown_x, "mine"), "a writer makes runs");
	fails(fx_move(&fx, shown, "a", hidden, "a"), ERR_NOT_FOUND,
	      "not found");
	fails(fx_put(&fx, shown, "stolen", "2/other/x", 1), ERR_DENIED,
	      "not one of run");
	snprintf(key, sizeof(key), "1/%s/artifacts/x", shown);
	works(fx_put(&fx, shown, "x", key, 1));
}

int main(void)
{
	fx_start(&fx);
	bitset_init(&one, 10);
	bitset_init(&two, 10);
	bitset_add(&one, 1);
	reader = who("reader", LEVEL_READ);
	writer = who("writer", LEVEL_WRITE);
	stranger = (struct principal){.name = STR("stranger")};
	make();
	decisions();
	reading();
	same_words();
	feed();
	writing();
	fx_end(&fx);
	bitset_fini(&one);
	bitset_fini(&two);
	return tap_done();
}
