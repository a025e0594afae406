/* SPDX-License-Identifier: Apache-2.0 */
/* trace_gone.c - traces that go, by themselves and with their experiment;
 * their artifacts; what caches are told; what check finds. */
#include "indexer/base/clock.h"
#include "indexer/index/db.h"
#include "tests/index/collecting.h"
#include "tests/index/tracing.h"

enum { MANY = 950 };

static struct fixture fx;
static struct objects *store;
static const char *x_id;

/* --- deleting ----------------------------------------------------------------
 */

struct deleted {
	int64_t n;
	bool more;
};

static int delete_some(struct cmd_trace_delete *x, struct deleted *ret)
{
	int rc;

	err_clear(&fx.e);
	x->c.who = fx.who;
	rc = index_apply(fx.ix, &x->c, &fx.e);
	*ret = (struct deleted){x->ret_deleted.v, x->ret_more.v};
	command_free(&x->c);
	return rc;
}

static struct cmd_trace_delete *deletion(const char *experiment)
{
	struct cmd_trace_delete *x = command_new(COMMAND_TRACE_DELETE);

	x->experiment_id = str_from(experiment);
	return x;
}

static int64_t traces_of(const char *experiment)
{
	return sql_number(&fx, arena_printf(&fx.a,
					    "SELECT count(*) FROM trace WHERE "
					    "experiment = %s",
					    experiment));
}

/* A trace with everything on it. */
static void whole_trace(const char *id, int64_t time)
{
	struct cmd_assessment_create *x =
		command_new(COMMAND_ASSESSMENT_CREATE);
	struct cmd_trace_link_prompts *y =
		command_new(COMMAND_TRACE_LINK_PROMPTS);
	struct prompt_version p = {STR("p"), STR("1")};
	struct otlp_span s = span(
		&fx.a, (struct span_of){.id = 1, .name = "s", .start = time});

	works(fx_trace(&fx, (struct trace_of){.id = id,
					      .experiment = x_id,
					      .time = time,
					      .state = TRACE_OK,
					      .tags = {kv("k", "v")}}));
	works(fx_spans(&fx, x_id, id, &s, 1));
	x->trace_id = str_from(id);
	x->assessment =
		(struct trace_assessment){.kind = {0, true}, .name = STR("n")};
	works(fx_apply(&fx, &x->c));
	y->trace_id = str_from(id);
	y->prompts = (struct field_list){&p, 1};
	works(fx_apply(&fx, &y->c));
}

static bool all_gone(void)
{
	return sql_number(&fx, "SELECT count(*) FROM trace WHERE "
			       "experiment = -1") == 0;
}

static void wait_until_gone(void)
{
	int64_t until = clock_mono_ms() + 20000;

	while (!all_gone() && clock_mono_ms() < until)
		usleep(20000);
	ok(all_gone(), "their rows are taken away while nobody waits");
	is_i64(sql_number(&fx, "SELECT (SELECT count(*) FROM trace_tag WHERE "
			       "trace NOT IN (SELECT id FROM trace)) +"
			       " (SELECT count(*) FROM trace_block WHERE trace"
			       " NOT IN (SELECT id FROM trace))"),
	       0, "and nothing of them is left");
}

static void by_id(void)
{
	struct cmd_trace_delete *x = deletion(x_id);
	struct str ids[] = {STR("tr-1"), STR("tr-none"), STR("tr-1"),
			    STR("tr-2")};
	struct deleted did;

	whole_trace("tr-1", 10);
	whole_trace("tr-2", 20);
	whole_trace("tr-3", 30);
	x->trace_ids = (struct field_list){ids, 4};
	works(delete_some(x, &did));
	ok(did.n == 2 && !did.more, "each once, unknown ones are passed over");
	ok(!fx_see_trace(&fx, "tr-1").row, "it is gone at once");
	ok(fx_see_trace(&fx, "tr-3").row != 0, "another one is not");
	is_sound(&fx, "half taken away is sound");
	whole_trace("tr-1", 11);
	is_i64(fx_see_trace(&fx, "tr-1").request_time, 11, "its id is free");
	wait_until_gone();
	x = deletion("0");
	x->trace_ids = (struct field_list){ids, 1};
	works(delete_some(x, &did));
	is_i64(did.n, 0, "not from another experiment");
	is_sound(&fx, "sound");
}

static void by_time(void)
{
	struct cmd_trace_delete *x = deletion(x_id);
	struct deleted did;

	fails(delete_some(x, &did), ERR_INVALID, "must be specified");
	x = deletion(x_id);
	x->max_time = (struct opt_i64){30, true};
	x->max_traces = (struct opt_i64){1, true};
	works(delete_some(x, &did));
	ok(did.n == 1 && !did.more, "so many at most");
	ok(!fx_see_trace(&fx, "tr-1").row && fx_see_trace(&fx, "tr-3").row,
	   "the oldest first");
	x = deletion("77");
	x->max_time = (struct opt_i64){1, true};
	fails(delete_some(x, &did), ERR_NOT_FOUND, "77");
}

static int64_t repeat_last(void)
{
	struct cmd_trace_delete *x = deletion(x_id);
	struct deleted did;

	x->max_time = (struct opt_i64){100 + MANY - 51, true};
	x->c.once = STR("key");
	works(delete_some(x, &did));
	return did.n;
}

static void many(void)
{
	int64_t deleted = 0;
	struct deleted did = {.more = true};
	int commands = 0;

	for (int i = 0; i < MANY; i++) {
		char id[20];

		snprintf(id, sizeof(id), "tr-m%d", i);
		if (fx_trace(&fx, (struct trace_of){.id = id,
						    .experiment = x_id,
						    .time = 100 + i}) < 0)
			break;
	}
	while (did.more && commands++ < 10) {
		struct cmd_trace_delete *x = deletion(x_id);

		x->max_time = (struct opt_i64){100 + MANY - 51, true};
		x->c.once = STR("key"); /* of a request that is all of them */
		works(delete_some(x, &did));
		deleted += did.n;
	}
	is_i64(deleted, MANY - 50 + 1, "all of that time, in some commands");
	is_i64(commands, 3, "each a slice");
	is_i64(traces_of(x_id), 50, "those after it stay");
	is_i64(repeat_last(), deleted % 400, "a replay is answered again");
	wait_until_gone();
	is_sound(&fx, "sound after many");
}

/* --- artifacts
 * ---------------------------------------------------------------- */

static int put(const char *trace, const char *path, const char *key)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);
	struct object_digest d = {0};

	object_digest_of(store, str_from(key), &d, &fx.e);
	x->trace_id = str_from(trace);
	x->path = str_from(path);
	x->key = str_from(key);
	x->size = (struct opt_i64){d.size, true};
	x->sha256 = arena_str(&x->c.arena, str_from(d.sha256));
	return fx_apply(&fx, &x->c);
}

static void artifacts(void)
{
	struct artifact file = {0};
	struct trace t;
	const char *key =
		store_put(&fx, store, "0/traces/tr-3/artifacts/a/b", "bytes");
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);

	whole_trace("tr-3", 30);
	works(put("tr-3", "a/b", key));
	works(put("tr-3", "c",
		  store_put(&fx, store, "0/traces/tr-3/artifacts/c", "more")));
	fails(put("tr-none", "a", key), ERR_NOT_FOUND, "tr-none");
	t = fx_see_trace(&fx, "tr-3");
	fx_begin(&fx);
	works(artifact_by_path(fx.rd, trace_owner(t.row), STR("a/b"), &fx.a,
			       &file, &fx.e));
	fails(artifact_by_path(fx.rd, t.row, STR("a/b"), &fx.a,
			       &(struct artifact){0}, &fx.e),
	      ERR_NOT_FOUND, "");
	works(artifact_by_path(fx.rd, trace_owner(t.row), STR(""), &fx.a,
			       &(struct artifact){0}, &fx.e));
	fx_finish(&fx);
	ok(str_is(file.key, key), "a trace has artifacts of its own");
	x->trace_id = STR("tr-3");
	x->path = STR("c");
	works(fx_apply(&fx, &x->c));
	is_i64(findings(&fx), 0, "sound with artifacts");
}

static void with_artifacts(void)
{
	struct cmd_trace_delete *x = deletion(x_id);
	struct str id = STR("tr-3");
	struct deleted did;
	struct collect g = collecting(&fx, store, COLLECT_OLD);

	x->trace_ids = (struct field_list){&id, 1};
	works(delete_some(x, &did));
	wait_until_gone();
	is_i64(sql_number(&fx, "SELECT count(*) FROM artifact"), 0,
	       "its artifacts go with it");
	works(collect_run(&g, &fx.e));
	is_i64(stored(&fx, store), 0, "and their bytes, with the next gc");
	is_i64(findings(&fx), 0, "sound after gc");
}

/* Traces go with their experiment. */
static void with_experiment(void)
{
	struct collect g = collecting(&fx, store, COLLECT_OLD);
	struct collect estimate = collecting(&fx, store, COLLECT_OLD);
	const char *old = x_id;

	x_id = fx_experiment(&fx, "doomed");
	for (int i = 0; i < 30; i++)
		whole_trace(arena_printf(&fx.a, "tr-d%d", i), i);
	works(put("tr-d1", "f",
		  store_put(&fx, store, "0/traces/tr-d1/artifacts/f", "f")));
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x_id));
	works(collect_estimate(&estimate, fx.rd, &fx.e));
	is_i64(estimate.did.objects, 1, "what would go is told");
	works(collect_run(&g, &fx.e));
	ok(!fx_see_trace(&fx, "tr-d1").row, "they are gone");
	is_i64(traces_of(x_id), 0, "with all rows");
	is_i64(stored(&fx, store), 0, "and bytes");
	is_i64(g.did.objects, 1, "which are told");
	is_i64(findings(&fx), 0, "sound after the experiment went");
	x_id = old;
}

/* --- changes
 * ------------------------------------------------------------------ */

static int write_word(void *ctx, const struct changed *x, struct err *e)
{
	struct buf *b = ctx;

	(void)e;
	if (x->thing == THING_TRACE)
		buf_printf(b, "%s%.*s ",
			   x->removed   ? "-"
			   : x->created ? "+"
					: "~",
			   STR_ARG(x->name));
	return 0;
}

static const char *since(void)
{
	static int64_t seen;
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	works(changes_since(fx.rd, seen, write_word, &b, &fx.e));
	seen = reader_change(fx.rd);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static void changes(void)
{
	struct cmd_trace_delete *x = deletion(x_id);
	struct str id = STR("tr-c");
	struct deleted did;

	since();
	whole_trace("tr-c", 5);
	is_str(since(), "+tr-c ", "a trace is made");
	works(fx_trace_tag(&fx, COMMAND_TRACE_TAG, "tr-c", "a", "b"));
	is_str(since(), "~tr-c ", "it changes");
	x->trace_ids = (struct field_list){&id, 1};
	works(delete_some(x, &did));
	is_str(since(), "-tr-c ", "it goes");
	wait_until_gone();
	is_str(since(), "", "that its rows go is told to nobody");
}

/* --- rights
 * ------------------------------------------------------------------- */

static void rights(void)
{
	struct cmd_trace_delete *x;
	struct deleted did;
	struct otlp_span s =
		span(&fx.a, (struct span_of){.id = 1, .name = "s", .start = 1});

	whole_trace("tr-r", 5);
	fx.who = (struct principal){.name = STR("someone")};
	ok(!fx_see_trace(&fx, "tr-r").row, "who may not see it does not");
	fails(fx_trace_tag(&fx, COMMAND_TRACE_TAG, "tr-r", "a", "b"),
	      ERR_NOT_FOUND, "Trace with ID 'tr-r' not found.");
	fails(fx_spans(&fx, x_id, "tr-r", &s, 1), ERR_NOT_FOUND, "xperiment");
	fails(put("tr-r", "f", ""), ERR_NOT_FOUND, "tr-r");
	x = deletion(x_id);
	x->max_time = (struct opt_i64){99, true};
	fails(delete_some(x, &did), ERR_NOT_FOUND, "xperiment");
	fx.who = principal_owner();
}

/* --- check
 * -------------------------------------------------------------------- */

static int run_sql(const char *sql)
{
	char path[300];
	struct db db;
	int rc;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	if (db_open(&db, path, DB_WRITER, &fx.e) < 0)
		return -1;
	db_script(&db, "PRAGMA foreign_keys=OFF", &fx.e);
	rc = db_script(&db, sql, &fx.e);
	db_close(&db);
	return rc;
}

static void first_what(void *ctx, const char *what, const char *detail)
{
	char *out = ctx;

	if (!*out)
		snprintf(out, 200, "%s: %s", what, detail);
}

#define OF_R "trace = (SELECT id FROM trace WHERE uuid = 'tr-r')"

static const struct {
	const char *harm, *cure, *what;
} rows[] = {
	{"UPDATE state SET traces = traces + 1",
	 "UPDATE state SET traces = traces - 1", "a total differs"},
	{"UPDATE state SET spans = spans + 1",
	 "UPDATE state SET spans = spans - 1", "a total differs"},
	{"UPDATE trace SET state = 7 WHERE uuid = 'tr-r'",
	 "UPDATE trace SET state = 1 WHERE uuid = 'tr-r'",
	 "a trace is in no state"},
	{"UPDATE trace SET spans = spans + 1 WHERE uuid = 'tr-r';"
	 "UPDATE state SET spans = spans + 1",
	 "UPDATE trace SET spans = spans - 1 WHERE uuid = 'tr-r';"
	 "UPDATE state SET spans = spans - 1",
	 "another number of spans"},
	{"UPDATE trace_span SET name = 'other' WHERE " OF_R,
	 "UPDATE trace_span SET name = 's' WHERE " OF_R,
	 "names of spans differ"},
	{"UPDATE trace_block SET ids = x'0000000000000002' WHERE " OF_R,
	 "UPDATE trace_block SET ids = x'0000000000000001' WHERE " OF_R,
	 "ids of spans differ"},
	{"UPDATE trace_block SET data = CAST(data || x'00' AS BLOB) "
	 "WHERE " OF_R,
	 "UPDATE trace_block SET data = substr(data, 1, length(data) - 1)"
	 " WHERE " OF_R,
	 "stored spans are damaged"},
	{"UPDATE trace SET change = 1 WHERE uuid = 'tr-r'",
	 "UPDATE trace SET change = (SELECT change FROM state)"
	 " WHERE uuid = 'tr-r'",
	 "a trace is older"},
	{"UPDATE assessment SET kind = 3", "UPDATE assessment SET kind = 0",
	 "of no kind"},
	{"UPDATE trace_tag SET trace = 100000 WHERE " OF_R,
	 "UPDATE trace_tag SET trace = (SELECT id FROM trace WHERE uuid ="
	 " 'tr-r') WHERE trace = 100000",
	 "refers to what does not exist"},
};

static void check(void)
{
	is_sound(&fx, "sound before harm");
	fx_close(&fx);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char what[200] = "";

		works(run_sql(rows[i].harm));
		works(index_check(fx.dir, first_what, what, &fx.e));
		if (!ok(strstr(what, rows[i].what) != NULL, rows[i].what))
			printf("# %s\n", what);
		works(run_sql(rows[i].cure));
		is_sound(&fx, "mended");
	}
}

int main(void)
{
	fx_start(&fx);
	store = store_open(&fx);
	x_id = fx_experiment(&fx, "x");
	by_id();
	by_time();
	many();
	artifacts();
	with_artifacts();
	with_experiment();
	changes();
	rights();
	check();
	objects_close(store);
	fx_remove_dir(&fx);
	return tap_done();
}
