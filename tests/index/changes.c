/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - what the feed of changes tells a cache. */
#include "indexer/base/clock.h"
#include "indexer/index/db.h"
#include "tests/index/fixture.h"

static struct fixture fx;

/* One word per change: "+run:name" made, "~" changed, "-" removed. */
static int write_word(void *ctx, const struct changed *x, struct err *e)
{
	static const char *const names[] = {"experiment", "run", "series",
					    "param",      "tag", "xtag",
					    "artifact"};
	char *out = ctx;

	(void)e;
	snprintf(out + strlen(out), 500 - strlen(out), "%s%s:%.*s ",
		 x->removed   ? "-"
		 : x->created ? "+"
			      : "~",
		 names[x->thing], STR_ARG(x->name));
	return 0;
}

/* What happened since the last call. */
static const char *since(void)
{
	static int64_t seen;
	static char out[500];

	out[0] = '\0';
	fx_begin(&fx);
	works(changes_since(fx.rd, seen, write_word, out, &fx.e));
	seen = reader_change(fx.rd);
	fx_finish(&fx);
	return out;
}

static void told(void)
{
	const char *x, *r;

	is_str(since(), "+experiment:Default ", "what is there from the start");
	is_str(since(), "", "nothing happened");
	x = fx_experiment(&fx, "x");
	is_str(since(), "+experiment:x ", "an experiment is made");
	r = fx_run(&fx, x, "r");
	is_str(since(), "+run:r +tag:mlflow.runName ", "a run is made");
	works(fx_param(&fx, r, "p", "1"));
	works(fx_tag(&fx, r, "t", "1"));
	is_str(since(), "~run:r +param:p +tag:t ", "a param and a tag");
	works(fx_tag(&fx, r, "t", "2"));
	is_str(since(), "~run:r ~tag:t ", "another value of the tag");
	works(fx_untag(&fx, r, "t"));
	is_str(since(), "-tag:t ~run:r ", "the tag goes");
	works(fx_metric(&fx, r, "m", 1, 1));
	is_str(since(), "~run:r +series:m ", "a metric");
	works(fx_metric(&fx, r, "m", 2, 2));
	is_str(since(), "~run:r ~series:m ", "another point of it");
	works(fx_metric(&fx, r, "m", 2, 2));
	is_str(since(), "", "the same point again");
	works(fx_put(&fx, r, "d/f", "", 0));
	is_str(since(), "~run:r +artifact:d +artifact:f ", "an artifact");
	works(fx_move(&fx, r, "d/f", "", "g"));
	is_str(since(), "-artifact:f ~run:r ~artifact:d ~artifact:g ",
	       "it moves");
	works(fx_delete(&fx, r, "g", false));
	is_str(since(), "-artifact:g ~run:r ", "it goes");
	works(fx_tag(&fx, r, "mlflow.runName", "s"));
	is_str(since(), "-run:r ~run:s ~tag:mlflow.runName ",
	       "the run gets another name");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, r));
	is_str(since(), "-run:s ~run:s ", "it goes to the trash");
	works(fx_on_run(&fx, COMMAND_RUN_RESTORE, r));
	is_str(since(), "-run:s ~run:s ", "and comes back");
	works(fx_rename_experiment(&fx, x, "y"));
	is_str(since(), "-experiment:x ~experiment:y ", "a rename");
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_TAG, x, "k", "v"));
	is_str(since(), "~experiment:y +xtag:k ", "an experiment's tag");
	works(fx_experiment_tag(&fx, COMMAND_EXPERIMENT_UNTAG, x, "k", ""));
	is_str(since(), "-xtag:k ~experiment:y ", "which goes");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x));
	is_str(since(), "-experiment:y ~experiment:y ",
	       "deleting it is one change, whatever its runs");
	works(fx_on_experiment(&fx, COMMAND_EXPERIMENT_DELETE, x) < 0 ? 0 : -1);
	is_str(since(), "", "what fails is no change");
}

static int stop_at_first(void *ctx, const struct changed *x, struct err *e)
{
	(void)x;
	(void)e;
	++*(int *)ctx;
	return 1;
}

static int fail_at_first(void *ctx, const struct changed *x, struct err *e)
{
	(void)x;
	(void)ctx;
	return err_set(e, ERR_INTERNAL, "enough");
}

static void stopping(void)
{
	int n = 0;

	fx_begin(&fx);
	works(changes_since(fx.rd, 0, stop_at_first, &n, &fx.e));
	is_i64(n, 1, "a call-back can end it");
	fails(changes_since(fx.rd, 0, fail_at_first, &n, &fx.e), ERR_INTERNAL,
	      "enough");
	fx_finish(&fx);
}

/* Make all removals look eight days old and let a start prune them. */
static void pruned(void)
{
	char path[300], sql[200], out[500] = "";
	struct db db;
	int64_t left = 1, forgotten = 0;

	fx_close(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	works(db_open(&db, path, DB_WRITER, &fx.e));
	snprintf(sql, sizeof(sql), "UPDATE removed SET time = %lld",
		 (long long)(clock_ms() - INT64_C(8) * 24 * 3600 * 1000));
	works(db_script(&db, sql, &fx.e));
	works(db_script(&db,
			"WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT"
			" i + 1 FROM n WHERE i < 3000) INSERT INTO once"
			" SELECT 'k' || i, x'00', '{}', i FROM n",
			&fx.e));
	db_close(&db);
	fx_open(&fx);
	works(db_open(&db, path, DB_READER, &fx.e));
	for (int i = 0; i < 500 && left; i++) {
		usleep(10000);
		if (db_value(&db,
			     "SELECT (SELECT count(*) FROM removed) +"
			     " (SELECT count(*) FROM once)",
			     &left, &fx.e) < 0)
			break;
	}
	db_close(&db);
	is_i64(left, 0, "old removals go, and answers to old requests");
	fx_begin(&fx);
	forgotten = reader_forgotten(fx.rd);
	fx_finish(&fx);
	ok(forgotten > 0, "it is known up to where");
	fx_begin(&fx);
	fails(changes_since(fx.rd, forgotten - 1, write_word, out, &fx.e),
	      ERR_RANGE, "no longer kept");
	works(changes_since(fx.rd, forgotten, write_word, out, &fx.e));
	fx_finish(&fx);
}

int main(void)
{
	fx_start(&fx);
	told();
	stopping();
	pruned();
	fx_end(&fx);
	return tap_done();
}
