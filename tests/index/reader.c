/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - snapshots stand still, nest queries, and end in time. */
#include "indexer/index/db.h"
#include "tests/index/fixture.h"

static struct fixture fx;

static void stands_still(void)
{
	const char *id = fx_run(&fx, "0", "still");
	struct reader *other = reader_open(fx.dir, &fx.e);
	struct run r, later;
	int64_t change;

	fx_begin(&fx);
	change = reader_change(fx.rd);
	works(fx_tag(&fx, id, "k", "v"));
	works(run_by_id(fx.rd, str_from(id), &fx.a, &r, &fx.e));
	works(run_counts(fx.rd, &r, &fx.e));
	is_i64(r.ntags, 1, "a snapshot does not see what comes");
	works(reader_begin(other, &fx.who, &fx.e));
	works(run_by_id(other, str_from(id), &fx.a, &later, &fx.e));
	works(run_counts(other, &later, &fx.e));
	is_i64(later.ntags, 2, "a newer one does");
	is_i64(reader_change(other), change + 1, "and knows its number");
	reader_end(other);
	fx_finish(&fx);
	reader_close(other);
}

/* A query within the call-back of the same query. */
struct nest {
	int depth, seen;
};

static int descend(void *ctx, const struct experiment *x, struct err *e)
{
	struct nest *n = ctx;

	n->seen++;
	if (n->depth == 3)
		return 0;
	n->depth++;
	if (experiment_each(fx.rd, LIFE_ACTIVE, x->row, descend, n, e) < 0)
		return -1;
	n->depth--;
	return 0;
}

static void nests(void)
{
	struct nest n = {0};

	fx_experiment(&fx, "a");
	fx_experiment(&fx, "b");
	fx_experiment(&fx, "c");
	fx_begin(&fx);
	works(experiment_each(fx.rd, LIFE_ACTIVE, -1, descend, &n, &fx.e));
	/* of the four: 1 + 3 + 3 + 1 ways down */
	is_i64(n.seen, 15, "a query may run within itself");
	fx_finish(&fx);
}

static int refuse(void *ctx, const struct experiment *x, struct err *e)
{
	(void)ctx;
	(void)x;
	return err_set(e, ERR_INTERNAL, "no more");
}

static void errors_pass(void)
{
	fx_begin(&fx);
	fails(experiment_each(fx.rd, LIFE_ACTIVE, -1, refuse, NULL, &fx.e),
	      ERR_INTERNAL, "no more");
	fx_finish(&fx);
	fx_begin(&fx);
	fx_finish(&fx);
	ok(true, "the next snapshot begins");
}

/* A query that would take for ever ends at its deadline. */
static void deadline(void)
{
	struct db *db;
	int64_t v;

	fx_begin(&fx);
	db = reader_db(fx.rd);
	db->deadline = 1;
	fails(db_value(db,
		       "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL"
		       " SELECT i + 1 FROM n) SELECT count(*) FROM n",
		       &v, &fx.e),
	      ERR_TIMEOUT, "longer than it may");
	fx_finish(&fx);
	fx_begin(&fx);
	fx_finish(&fx);
}

static void cannot_write(void)
{
	struct err e;

	fx_begin(&fx);
	ok(db_script(reader_db(fx.rd), "DELETE FROM run", &e) < 0,
	   "a reader writes nothing");
	fx_finish(&fx);
}

static void counted(void)
{
	int64_t before = reader_queries(fx.rd);

	fx_begin(&fx);
	fx_finish(&fx);
	is_i64(reader_queries(fx.rd) - before, 3, "queries are counted");
}

static void nothing_there(void)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/none", fx.dir);
	ok(!reader_open(path, &fx.e) && fx.e.kind == ERR_NOT_FOUND &&
		   strstr(fx.e.msg, "none/index.db"),
	   "a directory without an index is not found");
}

static void small_arena(void)
{
	const char *id = fx_run(&fx, "0", "arena");
	struct arena tiny;
	struct run r;

	arena_init(&tiny, 8);
	fx_begin(&fx);
	fails(run_by_id(fx.rd, str_from(id), &tiny, &r, &fx.e), ERR_TOO_LARGE,
	      "");
	fx_finish(&fx);
	arena_fini(&tiny);
}

int main(void)
{
	fx_start(&fx);
	stands_still();
	nests();
	errors_pass();
	deadline();
	cannot_write();
	counted();
	nothing_there();
	small_arena();
	fx_end(&fx);
	return tap_done();
}
