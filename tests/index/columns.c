/* SPDX-License-Identifier: Apache-2.0 */
/* Packed columns: their memory has a limit, what is gone is forgotten, a
 * replaced index is read anew, and many threads share them while others
 * write. */
#include "indexer/index/columns.h"

#include <pthread.h>

#include "indexer/index/limits.h"
#include "tests/index/by_hand.h"
#include "tests/index/searching.h"

enum { FAR_ROW = 3000000, KEYS = 8, THREADS = 4, ROUNDS = 150 };

static struct fixture fx;
static struct searching x = {.fx = &fx};

static const char *found(const char *filter)
{
	return ask(&x, (struct asked){.filter = filter, .order = "run_name"});
}

static void check_gone(void)
{
	const char *a = fx_run(&fx, "1", "a");

	fx_run(&fx, "1", "b");
	works(fx_metric(&fx, a, "m", 1, 1));
	is_str(found(""), "a b", "two runs");
	change_by_hand(
		&fx,
		"UPDATE state SET change = change + 1;"
		"INSERT INTO removed (thing, project, row, parent, parent_dir,"
		" name, change, time) SELECT 1, 0, 1, 1, 0, 'a', change, 0"
		" FROM state;"
		"DELETE FROM tag WHERE run = 1; DELETE FROM series;"
		"DELETE FROM tail; DELETE FROM run WHERE id = 1");
	is_str(found(""), "b", "a run that is removed for good");
	is_str(found("metrics.m > 0"), "", "with its metrics");
	change_by_hand(&fx, "UPDATE state SET change = change + 10;"
			    "UPDATE state SET forgotten = change;"
			    "DELETE FROM tag WHERE run = 2; DELETE FROM run");
	is_str(found(""), "", "removals that are no longer kept");
}

static void check_epoch(void)
{
	fx_run(&fx, "1", "c");
	is_str(found(""), "c", "a run");
	change_by_hand(&fx, "UPDATE state SET epoch = epoch + 1, change = 1;"
			    "UPDATE run SET change = 1, name = 'd';"
			    "UPDATE experiment SET change = 1, lifecycle = 1"
			    " WHERE id = 0");
	is_str(found(""), "d", "an index that was put back");
}

/* Columns are as long as the greatest row id, so a far one makes few columns
 * as large as many runs would. */
static void check_limit(void)
{
	const char *id;
	char key[8];
	char filter[40];

	change_by_hand(&fx,
		       "INSERT INTO sqlite_sequence (name, seq) SELECT 'run', 0"
		       " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE"
		       " name = 'run');"
		       "UPDATE sqlite_sequence SET seq = 3000000"
		       " WHERE name = 'run'");
	id = fx_run(&fx, "1", "far");
	ok(fx_see_run(&fx, id).row > FAR_ROW, "a far row");
	for (int i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		works(fx_metric(&fx, id, key, i, 1));
	}
	for (int i = 0; i < 2 * KEYS; i++) {
		snprintf(filter, sizeof(filter), "metrics.k%d = %d", i % KEYS,
			 i % KEYS);
		is_str(found(filter), "far", filter);
		ok(x.cols->metric_bytes <= LIMIT_COLUMN_CACHE,
		   "columns within their limit");
	}
	ok(x.cols->metric_bytes > LIMIT_COLUMN_CACHE / 2, "but no fewer");
	is_str(found("metrics.k0 = 0 AND metrics.k1 = 1 AND metrics.k2 = 2 AND "
		     "metrics.k3 = 3 AND metrics.k4 = 4 AND metrics.k5 = 5 AND "
		     "metrics.k6 = 6 AND metrics.k7 = 7"),
	       "far", "more columns in one search than fit");
}

/* --- threads ----------------------------------------------------------- */

struct searcher {
	struct columns *cols;
	int wrong;
};

/* Every row of a page is in the snapshot, and the page is in order. */
static int look(struct reader *rd, struct columns *cols, struct arena *a)
{
	struct expr_order order = {.family = FAMILY_METRIC, .key = STR("m")};
	struct search s = {.order = &order, .norder = 1, .max = 1000};
	struct search_page page;
	struct series m;
	struct run r;
	double last = -1;
	struct err e;

	if (search_runs(rd, cols, &s, a, &page, &e) < 0)
		return 1;
	for (size_t i = 0; i < page.n; i++) {
		if (run_by_row(rd, page.rows[i], a, &r, &e) < 0)
			return 1;
		if (series_by_key(rd, r.row, STR("m"), a, &m, &e) < 0)
			continue;
		if (m.latest.value < last)
			return 1;
		last = m.latest.value;
	}
	return 0;
}

static void *search_on(void *arg)
{
	struct searcher *t = arg;
	struct principal who = principal_owner();
	struct err e;
	struct reader *rd = reader_open(fx.dir, &e);
	struct arena a;

	arena_init(&a, 16 << 20);
	for (int i = 0; i < ROUNDS; i++) {
		if (reader_begin(rd, &who, &e) < 0) {
			t->wrong++;
			break;
		}
		t->wrong += look(rd, t->cols, &a);
		reader_end(rd);
		arena_reset(&a);
	}
	arena_fini(&a);
	reader_close(rd);
	return NULL;
}

static void check_threads(void)
{
	struct searcher searchers[THREADS];
	pthread_t threads[THREADS];
	unsigned seed = 3;

	for (int i = 0; i < THREADS; i++) {
		searchers[i] = (struct searcher){x.cols, 0};
		pthread_create(&threads[i], NULL, search_on, &searchers[i]);
	}
	for (int i = 0; i < ROUNDS; i++) {
		const char *id = fx_run(&fx, "1", "t");

		for (int k = 0; k < 3; k++)
			fx_metric(&fx, id, "m", rand_r(&seed) % 100, k);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		is_i64(searchers[i].wrong, 0, "a thread saw whole snapshots");
	}
}

static void start(void)
{
	fx_start(&fx);
	x.cols = columns_new();
	fx_experiment(&fx, "one");
}

static void end(void)
{
	columns_free(x.cols);
	fx_end(&fx);
}

int main(void)
{
	start();
	check_gone();
	check_epoch();
	end();
	start();
	check_threads();
	end();
	start();
	check_limit();
	end();
	return tap_done();
}
