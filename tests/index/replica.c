/* SPDX-License-Identifier: Apache-2.0 */
/* Replicas: whatever happens to an index, in whatever pieces and with
 * whatever breaks it is copied, the copy comes to hold the same rows. */
#include <sys/wait.h>

#include "indexer/base/clock.h"
#include "indexer/index/bulletin.h"
#include "indexer/index/db.h"
#include "indexer/index/gc.h"
#include "indexer/index/replica_file.h"
#include "indexer/index/replica_table.h"
#include "indexer/index/restore.h"
#include "tests/index/collecting.h"
#include "tests/index/registry.h"
#include "tests/index/tracing.h"

enum { STEPS = 1500, NAMES = 6, THINGS_MOST = 24 };

static struct fixture fx;
static struct objects *store;
static char copy[300];
static struct replica_file *file;
static uint64_t seed = 20261201;

static unsigned pick(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(seed >> 33) % n;
}

/* --- both sides ----------------------------------------------------------- */

static int get_page(const struct replica_ask *q, struct buf *out)
{
	int rc;

	fx_begin(&fx);
	rc = replica_page(fx.rd, q, out, &fx.e);
	fx_finish(&fx);
	return rc;
}

/* One page; what the head says in *h. */
static int pull(struct replica_head *h, int64_t most)
{
	struct replica_ask q;
	struct buf page;
	int rc;

	buf_init(&page, REPLICA_PAGE_MAX);
	rc = replica_file_ask(file, &q, &fx.e);
	q.most = most;
	if (rc == 0)
		rc = get_page(&q, &page);
	if (rc == 0)
		rc = replica_file_apply(file, buf_view(&page), h, &fx.e);
	if (rc == 0 && h->over)
		rc = replica_file_restart(file, &fx.e);
	buf_fini(&page);
	if (rc)
		printf("# %s\n", fx.e.msg);
	return rc;
}

static int level(int64_t most)
{
	struct replica_head h = {0};
	int pages = 0;

	while (!h.level || h.over) {
		if (pull(&h, most) || ++pages > 100000)
			return -1;
	}
	while (replica_file_idle(file))
		;
	return pages;
}

static int fetch_points(int64_t run)
{
	struct replica_points_ask q = {.run = run, .start = -1};
	struct replica_head h = {0};
	struct buf page;
	int rc = replica_file_kept(file, &q, &fx.e);

	buf_init(&page, REPLICA_PAGE_MAX);
	while (rc == 0 && !h.level) {
		buf_reset(&page);
		fx_begin(&fx);
		rc = replica_points_page(fx.rd, &q, &page, &fx.e);
		fx_finish(&fx);
		if (rc == 0)
			rc = replica_file_points(file, &q, buf_view(&page), &h,
						 &fx.e);
	}
	buf_fini(&page);
	return rc;
}

static void reopen(void)
{
	replica_file_close(file);
	file = replica_file_open(copy, &fx.e);
	if (!file) {
		ok(false, "the replica opens");
		printf("# %s\n", fx.e.msg);
		exit(1);
	}
}

/* --- comparing ------------------------------------------------------------ */

static sqlite3 *open_db(const char *dir)
{
	char path[400];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/index.db", dir);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL))
		abort();
	return db;
}

/* What of a table is to be seen: all else is on its way out, or each side's
 * own. */
static const struct {
	const char *table, *where;
} seen[] = {
	{"experiment", "project >= 0"},
	{"experiment_tag", "experiment IN (SELECT id FROM experiment WHERE "
			   "project >= 0)"},
	{"dataset", "id IN (SELECT dataset FROM run_input i JOIN run r ON"
		    " r.id = i.run JOIN experiment x ON x.id = r.experiment"
		    " WHERE project >= 0)"},
	{"registered_model", "gone = 0"},
	{"trace", "experiment >= 0"},
	{"tail", "0"},
	{"object_sums", "key IN (SELECT key FROM artifact)"},
};

static const char *where_of(const char *table)
{
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		if (!strcmp(seen[i].table, table))
			return seen[i].where;
	return "1";
}

static void columns_of(sqlite3 *db, const char *table, struct buf *out)
{
	char *sql = sqlite3_mprintf(
		"SELECT group_concat('quote(' || name || ')', '||''|''||')"
		" FROM pragma_table_info('%q') WHERE name NOT IN"
		" ('block_count', 'block_text', 'folded')",
		table);
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		buf_puts(out, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_free(sql);
}

static void dump(sqlite3 *db, const char *table, struct buf *out)
{
	struct buf columns;
	sqlite3_stmt *st = NULL;
	char *sql;

	buf_init(&columns, 4096);
	columns_of(db, table, &columns);
	sql = sqlite3_mprintf("SELECT %s AS x FROM \"%w\" WHERE %s ORDER BY x",
			      columns.p, table, where_of(table));
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		printf("# %s: %s\n", sql, sqlite3_errmsg(db));
	while (st && sqlite3_step(st) == SQLITE_ROW) {
		buf_puts(out, (const char *)sqlite3_column_text(st, 0));
		buf_putc(out, '\n');
	}
	sqlite3_finalize(st);
	sqlite3_free(sql);
	buf_fini(&columns);
}

static void show_difference(const char *table, const struct buf *a,
			    const struct buf *b)
{
	struct str x = buf_view(a), y = buf_view(b);

	while (x.n || y.n) {
		struct str p = str_cut(&x, '\n'), q = str_cut(&y, '\n');

		if (str_eq(p, q))
			continue;
		printf("# %s\n#  is      %.*s\n#  copied  %.*s\n", table,
		       STR_ARG(p), STR_ARG(q));
		return;
	}
}

static bool same_table(sqlite3 *is, sqlite3 *copied, const char *table)
{
	struct buf a, b;
	bool same;

	buf_init(&a, 1 << 28);
	buf_init(&b, 1 << 28);
	dump(is, table, &a);
	dump(copied, table, &b);
	same = str_eq(buf_view(&a), buf_view(&b));
	if (!same)
		show_difference(table, &a, &b);
	buf_fini(&a);
	buf_fini(&b);
	return same;
}

/* What is on its way out is gone. */
static void settle(void)
{
	while (sql_number(&fx, "SELECT (SELECT count(*) FROM artifact WHERE"
			       " parent < 0) + (SELECT count(*) FROM"
			       " registered_model WHERE gone = 1) + (SELECT"
			       " count(*) FROM trace WHERE experiment = -1)"))
		usleep(10000);
}

static bool same_rows(void)
{
	sqlite3 *is, *copied;
	bool same = true;

	is = open_db(fx.dir);
	copied = open_db(copy);
	for (int i = 0; i < REPLICA_TABLES; i++)
		if (!same_table(is, copied, replica_tables[i].name))
			same = false;
	same = same_table(is, copied, "refused") && same;
	sqlite3_close(is);
	sqlite3_close(copied);
	return same;
}

/* --- a history ------------------------------------------------------------ */

struct things {
	const char *id[THINGS_MOST];
	size_t n;
};
static struct things experiments, runs;

static void add(struct things *t, const char *id)
{
	if (id[0])
		t->id[t->n < THINGS_MOST ? t->n++ : pick(THINGS_MOST)] = id;
}

static const char *any(const struct things *t)
{
	return t->n ? t->id[pick((unsigned)t->n)] : "";
}

static const char *name(const char *stem, unsigned n)
{
	return arena_printf(&fx.a, "%s%u", stem, pick(n));
}

static void many_points(const char *run)
{
	static struct key_points points[1000];
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	const char *key = name("m", 3);

	for (int i = 0; i < 1000; i++)
		points[i] = (struct key_points){
			.key = str_from(key),
			.value = {i * 0.37, true},
			.timestamp = {(int64_t)pick(1 << 30), true},
			.step = {i, true}};
	x->run_id = str_from(run);
	x->metrics = (struct field_list){points, 1000};
	fx_apply(&fx, &x->c);
}

static void collect_trash(void)
{
	struct collect g = collecting(&fx, store, COLLECT_OLD);

	err_clear(&fx.e);
	collect_run(&g, &fx.e);
}

static void drop_trace(void)
{
	struct cmd_trace_delete *x = command_new(COMMAND_TRACE_DELETE);

	x->experiment_id = str_from(any(&experiments));
	x->max_time = (struct opt_i64){pick(2000), true};
	fx_apply(&fx, &x->c);
}

static void log_a_model(void)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	struct key_value p = kv("k", "v");
	static const char *last = "";
	const char *run = any(&runs);

	if (last[0] && pick(2)) {
		struct cmd_run_log *y = command_new(COMMAND_RUN_LOG);
		struct key_points one = {.key = STR("score"),
					 .value = {pick(9), true},
					 .timestamp = {pick(9), true},
					 .step = {0, true},
					 .model_id = str_from(last)};

		y->run_id = str_from(run);
		y->metrics = (struct field_list){&one, 1};
		fx_apply(&fx, &y->c);
	}
	x->experiment_id = str_from(any(&experiments));
	x->name = STR("model");
	x->source_run_id = str_from(run);
	x->params = x->tags = (struct field_list){&p, 1};
	if (index_apply(fx.ix, &x->c, &fx.e) == 0)
		last = arena_strdup(&fx.a, x->ret_model_id);
	command_free(&x->c);
	if (pick(4) == 0) {
		struct cmd_logged *y = command_new(COMMAND_LOGGED_DELETE);

		y->model_id = str_from(last);
		fx_apply(&fx, &y->c);
	}
}

static void log_inputs(void)
{
	struct cmd_run_inputs *x = command_new(COMMAND_RUN_INPUTS);
	struct key_value tag = kv("mlflow.data.context", name("c", 3));
	struct run_input in = {.dataset = {.name = STR("set"),
					   .digest = str_from(name("d", 4)),
					   .source_type = STR("local"),
					   .source = STR("{}")},
			       .tags = {&tag, 1}};

	x->run_id = str_from(any(&runs));
	x->datasets = (struct field_list){&in, 1};
	fx_apply(&fx, &x->c);
}

static void registry_step(void)
{
	const char *model = name("model", 4);

	switch (pick(8)) {
	case 0:
		rg_create(&fx, model, NULL, 0);
		break;
	case 1:
		rg_model(&fx, COMMAND_MODEL_DELETE, model, "", "");
		break;
	case 2:
		rg_model(&fx, COMMAND_MODEL_RENAME, model, name("model", 4),
			 "");
		break;
	case 3:
		rg_version(&fx, COMMAND_VERSION_DELETE, model, name("", 4), "",
			   "");
		break;
	case 4:
		rg_model(&fx, COMMAND_MODEL_ALIAS, model, name("alias", 2),
			 name("", 4));
		break;
	case 5:
		rg_model(&fx, COMMAND_MODEL_UNALIAS, model, name("alias", 2),
			 "");
		break;
	case 6:
		rg_version(&fx, COMMAND_VERSION_TAG, model, name("", 4),
			   name("k", 2), name("v", 3));
		break;
	default:
		rg_add(&fx, model, "s3://b/x", any(&runs));
	}
}

static void trace_step(void)
{
	const char *id = name("tr-0000000000000000000000000000000", 9);
	const char *experiment = any(&experiments);
	struct otlp_span s =
		span(&fx.a, (struct span_of){.id = pick(20) + 1,
					     .name = name("span", 3),
					     .start = pick(2000)});

	switch (pick(4)) {
	case 0:
		fx_trace(&fx, (struct trace_of){.id = id,
						.experiment = experiment,
						.time = pick(2000),
						.state = 1});
		break;
	case 1:
		fx_trace_tag(&fx, COMMAND_TRACE_TAG, id, name("k", 3),
			     name("v", 3));
		break;
	case 2:
		drop_trace();
		break;
	default:
		fx_spans(&fx, experiment, id, &s, 1);
	}
}

static void put_file_with_sums(const char *run, const char *path)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);

	x->run_id = str_from(run);
	x->path = str_from(path);
	x->key = str_from(arena_printf(&fx.a, "k%u", pick(1 << 30)));
	x->size = (struct opt_i64){(int64_t)pick(1000), true};
	x->sums = pick(2) ? STR("1200000000") : STR_NONE;
	fx_apply(&fx, &x->c);
}

static void artifact_step(void)
{
	const char *run = any(&runs);
	const char *path = arena_printf(&fx.a, "%s/%s/%s", name("d", 3),
					name("e", 2), name("f", 3));

	switch (pick(5)) {
	case 0:
		fx_delete(&fx, run, name("d", 3), true);
		break;
	case 1:
		fx_move(&fx, run, name("d", 3), any(&runs), name("d", 3));
		break;
	case 2:
		fx_move(&fx, run, path, run, name("top", 2));
		break;
	default:
		put_file_with_sums(run, path);
	}
}

static void experiment_step(void)
{
	const char *id = any(&experiments);

	switch (pick(6)) {
	case 0:
		if (pick(3) == 0)
			fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, id);
		break;
	case 1:
		fx_on_experiment(&fx, COMMAND_EXPERIMENT_RESTORE, id);
		break;
	case 2:
		fx_rename_experiment(&fx, id, name("x", NAMES));
		break;
	case 3:
		fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, id, name("k", 3),
				  name("v", 4));
		break;
	case 4:
		fx_experiment_tag(&fx, COMMAND_EXPERIMENT_UNTAG, id,
				  name("k", 3), "");
		break;
	default:
		add(&experiments, fx_experiment(&fx, name("x", NAMES)));
	}
}

static void run_step(void)
{
	const char *run = any(&runs);

	switch (pick(9)) {
	case 0:
		if (pick(3) == 0)
			fx_on_run(&fx, COMMAND_RUN_DELETE, run);
		break;
	case 1:
		fx_on_run(&fx, COMMAND_RUN_RESTORE, run);
		break;
	case 2:
		fx_tag(&fx, run, "mlflow.runName", name("r", NAMES));
		break;
	case 3:
		fx_untag(&fx, run, name("k", 3));
		break;
	case 4:
		fx_param(&fx, run, name("p", 9), "1");
		break;
	case 5:
		many_points(run);
		break;
	case 6:
		fx_tag(&fx, run, name("k", 3), name("v", 4));
		break;
	case 7:
		add(&runs, fx_run(&fx, any(&experiments), name("r", NAMES)));
		break;
	default:
		fx_metric(&fx, run, name("m", 4), pick(100),
			  (int64_t)pick(1000));
	}
}

static void one_step(void)
{
	static void (*const steps[])(void) = {
		run_step,      run_step,    run_step,        run_step,
		artifact_step, trace_step,  experiment_step, registry_step,
		log_inputs,    log_a_model,
	};

	if (pick(200) == 0)
		collect_trash();
	else
		steps[pick(sizeof(steps) / sizeof(steps[0]))]();
}

/* --- points --------------------------------------------------------------- */

struct text_walk {
	struct reader *rd;
	struct buf *out;
};

static int one_text(void *ctx, const struct series *s, struct err *e)
{
	struct text_walk *w = ctx;
	char *room;
	int64_t n;

	buf_str(w->out, s->key);
	room = buf_room(w->out, (size_t)s->text + 1);
	n = series_read_text(w->rd, s, 0, room, (size_t)s->text, e);
	if (n < 0)
		return -1;
	buf_added(w->out, (size_t)n);
	return 0;
}

static int texts(const char *dir, int64_t run, struct buf *out)
{
	struct reader *rd = reader_open(dir, &fx.e);
	struct text_walk w = {rd, out};
	int rc = -1;

	if (rd && reader_begin(rd, &fx.who, &fx.e) == 0) {
		rc = series_each(rd, run, STR(""), one_text, &w, &fx.e);
		reader_end(rd);
	}
	reader_close(rd);
	return rc;
}

/* The points of all runs that are held are what they are. */
static bool same_points(void)
{
	sqlite3 *db = open_db(copy);
	sqlite3_stmt *st;
	bool same = true;

	sqlite3_prepare_v2(db, "SELECT run FROM replica_run WHERE stale = 0",
			   -1, &st, NULL);
	while (sqlite3_step(st) == SQLITE_ROW) {
		int64_t run = sqlite3_column_int64(st, 0);
		struct buf a, b;

		buf_init(&a, 1 << 28);
		buf_init(&b, 1 << 28);
		if (texts(fx.dir, run, &a) || texts(copy, run, &b) ||
		    !str_eq(buf_view(&a), buf_view(&b))) {
			printf("# points of run %lld: %zu, %zu bytes: %s\n",
			       (long long)run, a.n, b.n, fx.e.msg);
			same = false;
		}
		buf_fini(&a);
		buf_fini(&b);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return same;
}

static bool holds_stale(void)
{
	int64_t run = 0;

	return replica_file_stale(file, 0, &run, &fx.e) > 0 &&
	       fetch_points(run) == 0;
}

static void hold_some(void)
{
	int64_t run = sql_number(
		&fx, arena_printf(&fx.a,
				  "SELECT ifnull(max(r.id), 0) FROM run r JOIN"
				  " experiment x ON x.id = r.experiment WHERE"
				  " project >= 0 AND r.id < %u",
				  pick(300)));

	if (run)
		fetch_points(run);
}

/* --- the tests ------------------------------------------------------------ */

static void test_tables(void)
{
	sqlite3 *db = open_db(fx.dir);
	sqlite3_stmt *st;

	sqlite3_prepare_v2(db,
			   "SELECT name FROM sqlite_schema WHERE type = 'table'"
			   " AND name NOT LIKE 'sqlite%'",
			   -1, &st, NULL);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(st, 0);
		int found = 0;
		char what[200];

		for (int i = 0; i < REPLICA_TABLES; i++)
			found += !strcmp(replica_tables[i].name, table);
		for (size_t i = 0; i < replica_nexceptions; i++)
			found += !strcmp(replica_exceptions[i].name, table);
		snprintf(what, sizeof(what),
			 "table %s is copied, or it is said why not", table);
		ok(found == 1, what);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* All columns but generated ones are sent: a column that a later schema adds
 * must not be forgotten. */
static void test_columns(void)
{
	sqlite3 *db = open_db(fx.dir);

	for (int i = 0; i < REPLICA_TABLES; i++) {
		char *sql = sqlite3_mprintf(
			"SELECT count(*) FROM pragma_table_info('%q')",
			replica_tables[i].name);
		sqlite3_stmt *st;
		char what[200];

		sqlite3_prepare_v2(db, sql, -1, &st, NULL);
		sqlite3_step(st);
		snprintf(what, sizeof(what), "all columns of %s are copied",
			 replica_tables[i].name);
		ok(sqlite3_column_int(st, 0) == replica_tables[i].columns,
		   what);
		sqlite3_finalize(st);
		sqlite3_free(sql);
	}
	sqlite3_close(db);
}

static void test_history(void)
{
	int differ = 0, wrong = 0, looks = 0;
	int64_t files = 0, sums = 0;
	struct replica_head h;

	for (int i = 0; i < STEPS; i++) {
		one_step();
		if (pick(3) == 0)
			pull(&h, 1 + (int64_t)pick(4000));
		if (pick(5) == 0)
			hold_some();
		if (pick(40) == 0)
			reopen();
		if (pick(50))
			continue;
		settle();
		looks++;
		files += sql_number(&fx, "SELECT count(*) FROM artifact");
		sums += sql_number(&fx, "SELECT count(*) FROM object_sums");
		if (level(1 + (int64_t)pick(1 << 16)) < 0) {
			wrong++;
			continue;
		}
		differ += !same_rows();
		while (holds_stale())
			;
		wrong += !same_points();
	}
	printf("# looked %d times at %zu experiments, %zu runs\n", looks,
	       experiments.n, runs.n);
	ok(looks > 10, "the copy was level now and then");
	ok(files > 100 && sums > 50, "there were files, some with sums");
	ok(!differ, "a copy holds the rows of what it was made of");
	ok(!wrong, "and the points of runs that were asked for");
}

/* The process dies, wherever it is. */
static void test_kill(void)
{
	int bad = 0;

	for (int i = 0; i < 12; i++) {
		pid_t pid;
		struct replica_head h;

		for (int k = 0; k < 20; k++)
			one_step();
		replica_file_close(file);
		file = NULL;
		pid = fork();
		if (pid == 0) {
			file = replica_file_open(copy, &fx.e);
			while (file && pull(&h, 300) == 0)
				;
			_exit(1);
		}
		usleep(1000 * (pick(40) + 1));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		reopen();
		settle();
		bad += level(0) < 0 || !same_rows();
	}
	ok(!bad, "killed anywhere, a copy goes on from where it was");
}

static void test_from_start(void)
{
	char other[300];

	replica_file_close(file);
	snprintf(other, sizeof(other), "%s", copy);
	snprintf(copy, sizeof(copy), "%s/second", fx.dir);
	file = NULL;
	reopen();
	ok(!replica_file_level(file), "a new copy is not whole");
	settle();
	ok(level(500) > 20, "it comes in many pages");
	ok(replica_file_level(file), "and is whole then");
	ok(same_rows(), "with all rows");
	replica_file_close(file);
	snprintf(copy, sizeof(copy), "%s", other);
	file = NULL;
	reopen();
}

/* Another index in place of the one that was followed. */
static void test_other_epoch(void)
{
	struct bulletin *b = bulletin_open(copy, &fx.e);
	int64_t before = bulletin_epoch(b);
	char backup[300];

	snprintf(backup, sizeof(backup), "%s.backup", fx.dir);
	ok(index_backup(fx.ix, backup, &fx.e) == 0, "a backup is made");
	for (int i = 0; i < 50; i++)
		one_step();
	ok(level(0) > 0, "what comes after it is copied");
	reader_close(fx.rd);
	index_close(fx.ix);
	ok(index_restore(fx.dir, backup, &fx.e) == 0, "it is restored");
	unlink(backup);
	fx_open(&fx);
	settle();
	ok(level(2000) > 1, "the copy begins anew");
	ok(same_rows(), "and holds what was restored");
	ok(bulletin_epoch(b) != before, "readers are told");
	bulletin_close(b);
}

/* A new beginning that breaks off leaves what was there. */
static void test_abandoned(void)
{
	int64_t change = replica_file_change(file);
	struct replica_head h;

	ok(replica_file_restart(file, &fx.e) == 0, "a copy is begun anew");
	pull(&h, 500);
	reopen();
	ok(replica_file_level(file) && replica_file_change(file) == change,
	   "one that broke off is as it was");
	ok(level(0) >= 0 && same_rows(), "and follows");
}

static void test_other_rights(void)
{
	struct principal owner = fx.who;

	fx.who.view = 5;
	ok(level(0) > 0, "with other rights the copy begins anew");
	ok(sql_number(&fx, "SELECT 1"), "the index is there");
	{
		sqlite3 *db = open_db(copy);
		sqlite3_stmt *st;

		sqlite3_prepare_v2(db,
				   "SELECT (SELECT count(*) FROM run) +"
				   " (SELECT count(*) FROM experiment WHERE"
				   " id >= 0) + (SELECT count(*) FROM removed)"
				   " + (SELECT count(*) FROM artifact)",
				   -1, &st, NULL);
		sqlite3_step(st);
		ok(sqlite3_column_int(st, 0) == 0,
		   "nothing that is hidden was sent");
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	fx.who = owner;
	ok(level(0) > 0 && same_rows(), "and with all rights all is there");
}

static void test_lock(void)
{
	struct err e;

	ok(replica_file_open(copy, &e) == NULL && e.kind == ERR_BUSY,
	   "a copy has one keeper");
	ok(replica_file_open(fx.dir, &e) == NULL && e.kind == ERR_STATE,
	   "an index of its own is no copy");
}

/* replica [SEED]: another history. */
int main(int argc, char **argv)
{
	if (argc > 1)
		seed = (uint64_t)strtoll(argv[1], NULL, 10);
	fx_start(&fx);
	store = store_open(&fx);
	snprintf(copy, sizeof(copy), "%s/copy", fx.dir);
	reopen();
	test_tables();
	test_columns();
	test_history();
	test_kill();
	test_from_start();
	test_abandoned();
	test_other_epoch();
	test_other_rights();
	test_lock();
	replica_file_close(file);
	objects_close(store);
	fx_end(&fx);
	return tap_done();
}
