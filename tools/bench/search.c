/* SPDX-License-Identifier: Apache-2.0 */
/* Times of searches over many runs: bench-search DIR [RUNS]
 *
 * DIR gets an index of RUNS (100 000) runs with 20 metrics, 5 params and 3
 * tags each, unless it has one already. Printed are milliseconds inside of
 * the index: the first search that loads its columns, the best and the median
 * of warm ones, and what each finds.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/index/index.h"
#include "indexer/index/search.h"
#include "indexer/query/mlflow.h"

enum {
	RUNS = 100000,
	METRICS = 20,
	PARAMS = 5,
	EXPERIMENTS = 10,
	IN_FLIGHT = 256,
	ROUNDS = 21,
	ORDERS_MAX = 4,
	ARENA = 64 << 20
};

static _Noreturn void die(const struct err *e)
{
	fprintf(stderr, "bench-search: %s\n", e->msg);
	exit(1);
}

/* --- filling ----------------------------------------------------------- */

struct filling {
	struct index *ix;
	sem_t slots; /* commands that may still be sent */
	unsigned seed;
};

static double uniform(struct filling *f)
{
	return (double)rand_r(&f->seed) / RAND_MAX;
}

static void send(struct filling *f, struct command *c,
		 void (*done)(struct command *c, void *ctx), void *ctx)
{
	struct err e;

	c->done = done;
	c->ctx = ctx;
	sem_wait(&f->slots);
	if (index_submit(f->ix, c, &e) < 0)
		die(&e);
}

static void logged(struct command *c, void *ctx)
{
	struct filling *f = ctx;

	if (c->err.kind != ERR_NONE)
		die(&c->err);
	command_free(c);
	sem_post(&f->slots);
}

/* Name and value of the i-th thing of a run. */
static struct key_value pair(struct arena *a, const char *what, int i,
			     double value)
{
	char text[NUM_MAX];
	size_t n = num_format_f64(value, text);

	return (struct key_value){str_from(arena_printf(a, "%s%d", what, i)),
				  arena_str(a, str_n(text, n))};
}

static void fill_log(struct filling *f, struct cmd_run_log *x)
{
	struct arena *a = &x->c.arena;
	struct key_value *params = arena_array(a, PARAMS, sizeof(*params));
	struct key_points *points = arena_array(a, METRICS, sizeof(*points));

	for (int i = 0; i < PARAMS; i++)
		params[i] =
			pair(a, "param", i, rand_r(&f->seed) % (10 << 2 * i));
	for (int i = 0; i < METRICS; i++)
		points[i] =
			(struct key_points){.key = pair(a, "metric", i, 0).key,
					    .value = {uniform(f), true},
					    .timestamp = {1700000000000, true},
					    .step = {1, true}};
	x->params = (struct field_list){params, PARAMS};
	x->metrics = (struct field_list){points, METRICS};
}

/* What the creation of a run is answered with: its id, for what is logged. */
struct created {
	struct filling *f;
	char *ids;
};

enum { ID_MAX = 40 };

static void made(struct command *c, void *ctx)
{
	struct cmd_run_create *x = (struct cmd_run_create *)c;
	struct created *k = ctx;

	if (c->err.kind != ERR_NONE)
		die(&c->err);
	snprintf(k->ids, ID_MAX, "%.*s", STR_ARG(x->ret_run_id));
	command_free(c);
	sem_post(&k->f->slots);
	free(k);
}

static void create_run(struct filling *f, int64_t i, char *id)
{
	static const char *const teams[] = {"red", "green", "blue"};
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct arena *a = &x->c.arena;
	struct key_value *tag = arena_alloc(a, sizeof(*tag));
	struct created *k = malloc(sizeof(*k));

	if (!k)
		exit(1);
	*k = (struct created){f, id};
	*tag = (struct key_value){STR("team"),
				  str_from(teams[rand_r(&f->seed) % 3])};
	x->experiment_id = str_from(
		arena_printf(a, "%d", rand_r(&f->seed) % EXPERIMENTS + 1));
	x->run_name = str_from(arena_printf(a, "run-%" PRId64, i));
	x->user_id = STR("bench");
	x->start_time = (struct opt_i64){1700000000000 + i, true};
	x->tags = (struct field_list){tag, 1};
	send(f, &x->c, made, k);
}

static void wait_all(struct filling *f)
{
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_wait(&f->slots);
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_post(&f->slots);
}

static void fill(const char *dir, int64_t runs)
{
	struct err e;
	struct filling f = {.ix = index_open(dir, &e), .seed = 1};
	char *ids = calloc((size_t)runs, ID_MAX);

	if (!f.ix || !ids)
		die(&e);
	sem_init(&f.slots, 0, IN_FLIGHT);
	for (int i = 0; i < EXPERIMENTS; i++) {
		struct cmd_experiment_create *x =
			command_new(COMMAND_EXPERIMENT_CREATE);

		x->name =
			str_from(arena_printf(&x->c.arena, "experiment %d", i));
		send(&f, &x->c, logged, &f);
	}
	wait_all(&f);
	for (int64_t i = 0; i < runs; i++)
		create_run(&f, i, ids + i * ID_MAX);
	wait_all(&f);
	for (int64_t i = 0; i < runs; i++) {
		struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

		x->run_id = str_from(ids + i * ID_MAX);
		fill_log(&f, x);
		send(&f, &x->c, logged, &f);
	}
	wait_all(&f);
	index_close(f.ix);
	free(ids);
}

/* --- searching --------------------------------------------------------- */

static const struct {
	const char *filter, *order[ORDERS_MAX];
} searches[] = {
	{"", {NULL}},
	{"", {"metrics.metric0 DESC"}},
	{"metrics.metric1 > 0.5", {"metrics.metric2"}},
	{"metrics.metric1 > 0.5 AND metrics.metric3 < 0.3 AND"
	 " params.param0 = '3.0' AND status = 'RUNNING'",
	 {"metrics.metric2 DESC"}},
	{"metrics.metric1 > 0.9 AND tags.team = 'red'",
	 {"metrics.metric2 DESC", "start_time"}},
	{"params.param1 LIKE '1%'", {"metrics.metric2"}},
	{"params.param4 RLIKE '^[1-3]+'", {"metrics.metric2"}},
	{"run_name LIKE '%99%'", {NULL}},
	{"metrics.metric1 > 0.5", {"params.param4"}},
	{"metrics.metric1 > 0.999", {"params.param4"}},
	{"user_id = 'bench'", {"user_id"}},
};

static double search_ms(struct reader *rd, struct columns *cols, size_t i,
			int64_t *ret_total)
{
	struct principal owner = principal_owner();
	struct expr_order order[ORDERS_MAX];
	struct search s = {.order = order, .max = 1000};
	struct search_page page;
	struct expr *filter;
	struct arena a;
	struct err e;
	int64_t start = clock_mono_us();

	arena_init(&a, ARENA);
	if (mlflow_filter_parse(str_from(searches[i].filter), &vocabulary_runs,
				&a, &filter, &e) < 0)
		die(&e);
	s.filter = filter;
	for (; s.norder < ORDERS_MAX && searches[i].order[s.norder]; s.norder++)
		if (mlflow_order_parse(str_from(searches[i].order[s.norder]),
				       &vocabulary_runs, &a, &order[s.norder],
				       &e) < 0)
			die(&e);
	if (reader_begin(rd, &owner, &e) < 0 ||
	    search_runs(rd, cols, &s, &a, &page, &e) < 0)
		die(&e);
	reader_end(rd);
	*ret_total = page.total;
	arena_fini(&a);
	return (double)(clock_mono_us() - start) / 1000;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *dir)
{
	struct err e;
	struct reader *rd = reader_open(dir, &e);
	struct columns *cols = columns_new();

	if (!rd)
		die(&e);
	printf("%9s %9s %9s %8s  filter; order\n", "first ms", "median", "best",
	       "found");
	for (size_t i = 0; i < sizeof(searches) / sizeof(*searches); i++) {
		int64_t total;
		double first = search_ms(rd, cols, i, &total);
		double ms[ROUNDS];

		for (int k = 0; k < ROUNDS; k++)
			ms[k] = search_ms(rd, cols, i, &total);
		qsort(ms, ROUNDS, sizeof(*ms), compare);
		printf("%9.2f %9.2f %9.2f %8" PRId64 "  %s; %s\n", first,
		       ms[ROUNDS / 2], ms[0], total, searches[i].filter,
		       searches[i].order[0] ? searches[i].order[0] : "");
	}
	columns_free(cols);
	reader_close(rd);
}

int main(int argc, char **argv)
{
	int64_t runs = RUNS;
	char path[4096];

	if (argc < 2 || argc > 3 ||
	    (argc == 3 && !num_parse_i64(str_from(argv[2]), &runs))) {
		fprintf(stderr, "usage: bench-search DIR [RUNS]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/index.db", argv[1]);
	if (access(path, F_OK) < 0) {
		int64_t start = clock_mono_ms();

		fill(argv[1], runs);
		printf("filled in %.1f s\n",
		       (double)(clock_mono_ms() - start) / 1000);
	}
	measure(argv[1]);
	return 0;
}
