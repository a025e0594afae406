/* SPDX-License-Identifier: Apache-2.0 */
/* Searches of runs and experiments: what each field finds, orders, views,
 * rights, pages while others write, columns kept current. */
#include <math.h>
#include <sqlite3.h>

#include "tests/index/searching.h"

static struct fixture fx;
static struct searching x = {.fx = &fx};

/* --- what there is ----------------------------------------------------- */

struct made_run {
	const char *name, *experiment;
	const char *lr, *opt; /* params; NULL: none */
	const char *team;     /* tag */
	double loss;
	bool has_loss;
	enum run_status status;
	int64_t start, end; /* end 0: none */
	const char *user;
	const char *id;
};

static struct made_run made[] = {
	{"ada", "1", "0.1", "adam", "red", 0.5, true, RUN_FINISHED, 100, 900,
	 "ann"},
	{"bob", "1", "0.01", "adam", "blue", 0.25, true, RUN_FAILED, 200, 800,
	 "ben"},
	{"cyd", "1", "0.1", "sgd", NULL, 0, true, RUN_RUNNING, 300, 0, "ann"},
	{"dan", "1", NULL, NULL, "Red", 0, false, RUN_RUNNING, 400, 0, "cat"},
	{"eve", "2", "1", "SGD", "100%", 7, true, RUN_KILLED, 500, 700, "ann"},
};

enum { NMADE = sizeof(made) / sizeof(made[0]) };

static void make_run(struct made_run *r)
{
	struct cmd_run_create *create = command_new(COMMAND_RUN_CREATE);
	struct cmd_run_update *update = command_new(COMMAND_RUN_UPDATE);

	create->experiment_id = str_from(r->experiment);
	create->run_name = str_from(r->name);
	create->user_id = str_from(r->user);
	create->start_time = (struct opt_i64){r->start, true};
	index_apply(fx.ix, &create->c, &fx.e);
	r->id = arena_strdup(&fx.a, create->ret_run_id);
	command_free(&create->c);
	if (r->lr)
		works(fx_param(&fx, r->id, "lr", r->lr));
	if (r->opt)
		works(fx_param(&fx, r->id, "opt", r->opt));
	if (r->team)
		works(fx_tag(&fx, r->id, "team", r->team));
	if (r->has_loss)
		works(fx_metric(&fx, r->id, "loss", r->loss, 1));
	update->run_id = str_from(r->id);
	update->status = (struct opt_i64){r->status, true};
	update->end_time = (struct opt_i64){r->end, r->end != 0};
	works(fx_apply(&fx, &update->c));
}

static void make(void)
{
	fx_start(&fx);
	x.cols = columns_new();
	is_str(fx_experiment(&fx, "one"), "1", "an experiment");
	is_str(fx_experiment(&fx, "two"), "2", "another");
	for (size_t i = 0; i < NMADE; i++)
		make_run(&made[i]);
	works(fx_metric(&fx, made[2].id, "loss", (double)NAN, 2));
}

/* --- filters ----------------------------------------------------------- */

static const struct {
	const char *filter, *want; /* in order of start_time */
} filters[] = {
	{"", "ada bob cyd dan eve"},
	{"metrics.loss = 0.5", "ada"},
	{"metrics.loss != 0.5", "bob cyd eve"},
	{"metrics.loss < 1", "ada bob"},
	{"metrics.loss <= 0.25", "bob"},
	{"metrics.loss > 0.25", "ada eve"},
	{"metrics.loss >= 0.25", "ada bob eve"},
	{"metrics.loss = 0", ""},
	{"metrics.loss = nan", "cyd"},
	{"metrics.loss != nan", "ada bob eve"},
	{"metrics.loss IN (7, 0.5)", "ada eve"},
	{"metrics.loss NOT IN (7, 0.5)", "bob cyd"},
	{"metrics.loss IS NULL", "dan"},
	{"metrics.loss IS NOT NULL", "ada bob cyd eve"},
	{"metrics.none > 0", ""},
	{"metrics.none IS NULL", "ada bob cyd dan eve"},
	{"params.lr = '0.1'", "ada cyd"},
	{"params.lr != '0.1'", "bob eve"},
	{"NOT params.lr = '0.1'", "bob dan eve"},
	{"params.lr LIKE '0.%'", "ada bob cyd"},
	{"params.opt LIKE 'sgd'", "cyd"},
	{"params.opt ILIKE 'sgd'", "cyd eve"},
	{"params.opt RLIKE '^(ad|SG)'", "ada bob eve"},
	{"params.opt IN ('sgd', 'SGD')", "cyd eve"},
	{"params.opt NOT IN ('sgd', 'SGD')", "ada bob"},
	{"params.opt IS NULL", "dan"},
	{"params.opt IS NOT NULL", "ada bob cyd eve"},
	{"tags.team = 'red'", "ada"},
	{"tags.team ILIKE 'red'", "ada dan"},
	{"tags.team LIKE '%\\%'", ""},
	{"tags.team RLIKE '%$'", "eve"},
	{"tags.team IS NULL", "cyd"},
	{"tags.mlflow.runName = 'bob'", "bob"},
	{"run_name = 'bob'", "bob"},
	{"run_name LIKE '_a%'", "dan"},
	{"`Run name` IN ('ada', 'eve')", "ada eve"},
	{"status = 'RUNNING'", "cyd dan"},
	{"status = 'running'", ""},
	{"status != 'RUNNING'", "ada bob eve"},
	{"status LIKE 'FI%' OR status LIKE 'FA%'", "ada bob"},
	{"status IN ('KILLED', 'FAILED')", "bob eve"},
	{"status IS NULL", ""},
	{"user_id = 'ann'", "ada cyd eve"},
	{"user_id LIKE 'b%'", "bob"},
	{"start_time > 300", "dan eve"},
	{"start_time = 300", "cyd"},
	{"created >= 300.5", "dan eve"},
	{"end_time < 900", "bob eve"},
	{"end_time != 900", "bob eve"},
	{"end_time IS NULL", "cyd dan"},
	{"end_time IN (900, 700)", "ada eve"},
	{"artifact_uri LIKE '%/artifacts'", "ada bob cyd dan eve"},
	{"artifact_uri LIKE '%/2/%'", "eve"},
	{"dataset.name = 'x'", ""},
	{"dataset.name IS NULL", "ada bob cyd dan eve"},
	{"metrics.loss < 1 AND params.opt = 'adam' AND tags.team = 'blue'",
	 "bob"},
	{"metrics.loss > 1 OR params.opt = 'sgd'", "cyd eve"},
	{"NOT (metrics.loss > 1 OR params.opt = 'sgd')", "ada bob dan"},
	{"metrics.loss > 100 AND params.opt RLIKE '.'", ""},
};

static void check_filters(void)
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		is_str(ask(&x, (struct asked){.filter = filters[i].filter,
					      .order = "start_time"}),
		       filters[i].want, filters[i].filter);
}

static const char *asked_id(const char *format, const char *id)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 4096);
	for (const char *p = format; *p; p++)
		if (*p == '@')
			buf_puts(&b, id);
		else
			buf_putc(&b, *p);
	return ask(&x,
		   (struct asked){.filter = arena_strdup(&fx.a, buf_view(&b)),
				  .order = "start_time"});
}

static void check_run_ids(void)
{
	is_str(asked_id("run_id = '@'", made[1].id), "bob", "run_id =");
	is_str(asked_id("run_id != '@'", made[1].id), "ada cyd dan eve",
	       "run_id !=");
	is_str(asked_id("run_id IN ('@', 'none')", made[1].id), "bob",
	       "run_id IN");
	is_str(asked_id("run_id NOT IN ('@')", made[1].id), "ada cyd dan eve",
	       "run_id NOT IN");
	is_str(asked_id("run_id LIKE '@%'", made[1].id), "bob", "run_id LIKE");
}

/* --- orders ------------------------------------------------------------ */

static const struct {
	const char *order, *want;
} orders[] = {
	{"", "eve dan cyd bob ada"},
	{"start_time ASC", "ada bob cyd dan eve"},
	{"metrics.loss", "bob ada eve cyd dan"},
	{"metrics.loss DESC", "eve ada bob cyd dan"},
	{"metrics.none", "eve dan cyd bob ada"},
	{"params.lr", "bob cyd ada eve dan"},
	{"params.lr DESC", "eve cyd ada bob dan"},
	{"params.lr;metrics.loss DESC", "bob ada cyd eve dan"},
	{"params.opt;start_time", "eve ada bob cyd dan"},
	{"tags.team", "eve dan bob ada cyd"},
	{"tags.team DESC", "ada bob dan eve cyd"},
	{"status", "bob ada eve dan cyd"},
	{"status DESC;start_time", "cyd dan eve ada bob"},
	{"run_name DESC", "eve dan cyd bob ada"},
	{"user_id;run_name", "ada cyd eve bob dan"},
	{"end_time", "eve bob ada dan cyd"},
	{"end_time DESC", "ada bob eve dan cyd"},
	{"artifact_uri DESC;run_name", NULL},
	{"run_id", NULL},
};

/* In pages of every size the same order as in one. */
static void check_pages(const char *filter, const char *order, const char *want)
{
	for (size_t max = 1; max <= 3; max++) {
		SCOPED(buf_fini) struct buf b;
		struct str token = STR_NONE;

		buf_init(&b, 1 << 16);
		buf_puts(&b, "");
		do {
			const char *page =
				ask(&x, (struct asked){.filter = filter,
						       .order = order,
						       .max = max,
						       .token = token});

			buf_printf(&b, "%s%s", b.n && *page ? " " : "", page);
			token = x.page.next_token;
		} while (token.n && b.n < 1000);
		is_str(b.p, want, order);
	}
}

static void check_orders(void)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		const char *got =
			ask(&x, (struct asked){.order = orders[i].order});

		if (orders[i].want)
			is_str(got, orders[i].want, orders[i].order);
		is_i64(x.page.total, NMADE, "the total");
		check_pages("", orders[i].order, got);
	}
	check_pages("metrics.loss IS NOT NULL", "params.lr", "bob cyd ada eve");
}

static void check_bad(void)
{
	struct str ids[] = {STR("1"), STR("abc")};

	is_str(ask(&x, (struct asked){.order = "params.lr;status;params.lr"}),
	       "invalid: `order_by` contains duplicate fields: 'lr'",
	       "a field twice");
	is_str(ask(&x, (struct asked){.ids = ids, .nids = 2}),
	       "invalid: Invalid experiment ID 'abc'. Experiment ID must be a "
	       "valid integer.",
	       "an id that is no number");
	ok(strstr(ask(&x, (struct asked){.order = "tags.a;tags.b;tags.c;tags.d;"
						  "tags.e;tags.f;tags.g;tags.h;"
						  "tags.i;tags.j;tags.k;tags.l;"
						  "tags.m;tags.n;tags.o;tags.p;"
						  "tags.q"}),
		  "more than 16 fields"),
	   "too many fields");
}

/* --- tokens ------------------------------------------------------------ */

static const char *with_token(struct str token, const char *order)
{
	return ask(&x,
		   (struct asked){.order = order, .max = 2, .token = token});
}

static void check_tokens(void)
{
	static const char *const bad[] = {"x",    "!!!!", "AAAA", "AQ",
					  "AQ==", "a+b/", "é"};
	struct str token;
	char cut[300];

	with_token(STR_NONE, "params.lr");
	token = x.page.next_token;
	ok(token.n && token.n < sizeof(cut), "a token");
	is_str(with_token(token, "params.lr"), "ada eve", "the next page");
	ok(strstr(with_token(token, "params.lr DESC"),
		  "invalid: Invalid page token, it belongs to a search with"),
	   "with another order");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(strncmp(with_token(str_from(bad[i]), "params.lr"),
			   "invalid: Invalid page token, ", 29) == 0,
		   bad[i]);
	for (size_t n = 1; n < token.n; n++) {
		memcpy(cut, token.p, n);
		if (strncmp(with_token(str_n(cut, n), "params.lr"),
			    "invalid: Invalid page token", 27) != 0)
			ok(false, "a token cut short");
	}
	for (size_t i = 0; i < token.n; i++) {
		memcpy(cut, token.p, token.n);
		cut[i] = cut[i] == 'A' ? 'B' : 'A';
		with_token(str_n(cut, token.n), "params.lr");
	}
	ok(true, "changed tokens do no harm");
}

/* Texts that are equal as far as they are ordered by, and beyond. */
static void check_long_texts(void)
{
	char text[600];

	memset(text, 'z', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < NMADE; i++) {
		text[550] = (char)('e' - (char)i);
		works(fx_tag(&fx, made[i].id, "long", text));
	}
	check_pages("", "tags.long", "eve dan cyd bob ada");
}

/* --- experiments ------------------------------------------------------- */

static const struct {
	const char *filter, *order, *want;
} experiments[] = {
	{"", "experiment_id", "Default one two x3 x4"},
	{"", "name", "Default one two x3 x4"},
	{"", "name DESC", "x4 x3 two one Default"},
	{"", "experiment_id DESC", "x4 x3 two one Default"},
	{"name = 'one'", "", "one"},
	{"name LIKE 'x%'", "name", "x3 x4"},
	{"name ILIKE 'X%'", "name", "x3 x4"},
	{"name IN ('x3', 'two')", "name", "two x3"},
	{"name RLIKE '^.{3}$'", "name", "one two"},
	{"tags.kind = 'a'", "name", "one x3"},
	{"tags.kind != 'a'", "name", "x4"},
	{"tags.kind IS NULL", "name", "Default two"},
	{"creation_time > 0 AND last_update_time > 0", "name",
	 "Default one two x3 x4"},
	{"creation_time < 5", "name", ""},
	{"experiment_id = '1'", "", "one"},
	{"experiment_id IN ('0', '3', '99')", "name", "Default x3"},
	{"experiment_id NOT IN ('0', '3') AND name LIKE 'x%'", "name", "x4"},
};

static void check_experiments(void)
{
	fx_experiment(&fx, "x3");
	fx_experiment(&fx, "x4");
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, "1", "kind", "a"));
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, "3", "kind", "a"));
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, "4", "kind", "b"));
	for (size_t i = 0; i < sizeof(experiments) / sizeof(*experiments); i++)
		is_str(ask(&x, (struct asked){.filter = experiments[i].filter,
					      .order = experiments[i].order,
					      .experiments = true}),
		       experiments[i].want, experiments[i].filter);
}

static void check_views(void)
{
	struct str two = STR("2");
	struct str unknown[] = {STR("77"), STR("1")};

	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, "2"));
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, made[0].id));
	is_str(ask(&x, (struct asked){.view = VIEW_ACTIVE}), "dan cyd bob",
	       "active runs");
	is_str(ask(&x, (struct asked){.view = VIEW_DELETED}), "eve ada",
	       "deleted runs, also with their experiment");
	is_str(ask(&x, (struct asked){.view = VIEW_ALL}), "eve dan cyd bob ada",
	       "all runs");
	is_str(ask(&x,
		   (struct asked){.view = VIEW_ALL, .ids = &two, .nids = 1}),
	       "eve", "of one experiment");
	is_str(ask(&x, (struct asked){.ids = unknown, .nids = 2}),
	       "dan cyd bob", "an unknown experiment is passed over");
	is_str(ask(&x, (struct asked){.ids = unknown, .nids = 1}), "",
	       "and finds nothing alone");
	is_str(ask(&x,
		   (struct asked){.view = VIEW_DELETED, .experiments = true}),
	       "two", "deleted experiments");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, "2"));
	works(fx_on_run(&fx, COMMAND_RUN_RESTORE, made[0].id));
	is_str(ask(&x, (struct asked){.view = VIEW_ACTIVE}),
	       "eve dan cyd bob ada", "all restored");
}

/* --- columns kept current ---------------------------------------------- */

static void check_current(void)
{
	struct asked q = {.filter = "metrics.acc > 0.5",
			  .order = "metrics.acc"};
	struct made_run more = {"fay", "1",         "9", "nag", "red", 0.1,
				true,  RUN_RUNNING, 600, 0,     "ann"};

	is_str(ask(&x, q), "", "a metric that nobody has");
	works(fx_metric(&fx, made[3].id, "acc", 0.9, 1));
	is_str(ask(&x, q), "dan", "logged once");
	works(fx_metric(&fx, made[1].id, "acc", 0.6, 1));
	is_str(ask(&x, q), "bob dan", "twice");
	works(fx_metric(&fx, made[3].id, "acc", 0.1, 2));
	is_str(ask(&x, q), "bob", "and changed");
	make_run(&more);
	works(fx_metric(&fx, more.id, "acc", 0.95, 1));
	is_str(ask(&x, q), "bob fay", "a new run");
	is_str(ask(&x, (struct asked){.filter = "params.opt = 'nag'"}), "fay",
	       "by its param");
	works(fx_tag(&fx, more.id, "mlflow.runName", "fei"));
	is_str(ask(&x, (struct asked){.filter = "run_name = 'fei'"}), "fei",
	       "renamed");
	is_str(ask(&x, (struct asked){.filter = "run_name = 'fay'"}), "",
	       "so the old name finds nothing");
	works(fx_untag(&fx, more.id, "team"));
	is_str(ask(&x, (struct asked){.filter = "tags.team = 'red'"}), "ada",
	       "untagged");
}

/* A page, a row before and one behind it, the next page. */
static void check_inserts(void)
{
	struct made_run early = {"gil", "1",         "0.05", "a", "t", 0,
				 false, RUN_RUNNING, 700,    0,   "u"};
	struct made_run late = {"hal", "1",         "0.5", "a", "t", 0,
				false, RUN_RUNNING, 800,   0,   "u"};
	struct asked q = {.order = "params.lr", .max = 2};

	is_str(ask(&x, q), "bob cyd", "the first page");
	q.token = x.page.next_token;
	make_run(&early);
	make_run(&late);
	is_str(ask(&x, q), "ada hal", "goes on behind it, with what is new");
	is_i64(x.page.total, 8, "the total has both");
	q.token = x.page.next_token;
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, late.id));
	is_str(ask(&x, q), "eve fei", "also where its last row is gone");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, early.id));
}

/* Two readers, one behind: a search never shows two snapshots at once. */
static void check_two_readers(void)
{
	struct reader *other = reader_open(fx.dir, &fx.e);
	struct principal who = principal_owner();
	struct search s = {.max = 1000};
	struct search_page page;
	struct arena a;
	struct run r;

	arena_init(&a, 1 << 20);
	reader_begin(other, &who, &fx.e);
	fx_run(&fx, "1", "new");
	ask(&x, (struct asked){.filter = "", .order = ""});
	ok(reader_change(other) < reader_change(fx.rd), "one is behind");
	ok(search_runs(other, x.cols, &s, &a, &page, &fx.e) == 0 &&
		   page.n == x.page.n,
	   "it finds the new run");
	for (size_t i = 0; i < page.n; i++)
		if (run_by_row(other, page.rows[i], &a, &r, &fx.e) < 0)
			ok(false, "a row that its snapshot has not");
	reader_end(other);
	reader_close(other);
	arena_fini(&a);
}

/* --- rights ------------------------------------------------------------ */

static void set_projects(const char *sql)
{
	char path[300];
	sqlite3 *db;

	fx_close(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	ok(sqlite3_open(path, &db) == SQLITE_OK &&
		   sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
	   sql);
	sqlite3_close(db);
	fx_open(&fx);
}

static void check_rights(void)
{
	struct bitset projects;
	struct str ids[] = {STR("2"), STR("3")};

	set_projects("UPDATE state SET change = change + 1;"
		     "UPDATE experiment SET project = id * 10,"
		     " change = (SELECT change FROM state)");
	bitset_init(&projects, 100);
	bitset_add(&projects, 20);
	fx.who = (struct principal){.name = STR("guest"),
				    .projects = {[LEVEL_GUEST] = &projects}};
	is_str(ask(&x, (struct asked){.filter = ""}), "",
	       "a guest reads nothing");
	fx.who.projects[LEVEL_READ] = &projects;
	is_str(ask(&x, (struct asked){.filter = ""}), "eve",
	       "who may read one project sees its runs");
	is_i64(x.page.total, 1, "and counts them");
	is_str(ask(&x, (struct asked){.filter = "params.lr = '0.1'"}), "",
	       "no others by their params");
	is_str(ask(&x, (struct asked){.ids = ids, .nids = 2}), "eve",
	       "no others by their experiment");
	is_str(ask(&x, (struct asked){.experiments = true}), "two (20)",
	       "and its experiments");
	is_str(ask(&x, (struct asked){.filter = "name LIKE '%'",
				      .order = "name",
				      .experiments = true}),
	       "two (20)", "however asked for");
	fx.who = principal_owner();
	bitset_fini(&projects);
}

int main(void)
{
	make();
	check_filters();
	check_run_ids();
	check_orders();
	check_bad();
	check_tokens();
	check_long_texts();
	check_experiments();
	check_views();
	check_current();
	check_inserts();
	check_two_readers();
	check_rights();
	columns_free(x.cols);
	fx_end(&fx);
	return tap_done();
}
