/* SPDX-License-Identifier: Apache-2.0 */
/* Times of searches over many registered models: bench-registry DIR [MODELS]
 *
 * DIR gets an index of MODELS (10 000) registered models with 2 tags, 3
 * versions and an alias each, unless it has one already. Printed are
 * milliseconds from filter to JSON, as the tracking API answers: the first
 * search that loads its columns, the median and the best of warm ones.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/index.h"
#include "indexer/index/search.h"
#include "indexer/query/mlflow.h"
#include "indexer/render/registry.h"

enum {
	MODELS = 10000,
	VERSIONS = 3,
	IN_FLIGHT = 256,
	ROUNDS = 21,
	PAGE = 100, /* what MLflow's clients ask for */
	ARENA = 64 << 20
};

static _Noreturn void die(const struct err *e)
{
	fprintf(stderr, "bench-registry: %s\n", e->msg);
	exit(1);
}

/* --- filling ----------------------------------------------------------- */

static void applied(struct command *c, void *ctx)
{
	sem_t *slots = ctx;

	if (c->err.kind != ERR_NONE)
		die(&c->err);
	command_free(c);
	sem_post(slots);
}

static void send(struct index *ix, sem_t *slots, struct command *c)
{
	struct err e;

	c->done = applied;
	c->ctx = slots;
	sem_wait(slots);
	if (index_submit(ix, c, &e) < 0)
		die(&e);
}

static struct str name_of(struct arena *a, int64_t i)
{
	return str_from(arena_printf(a, "model-%" PRId64, i * 7919 % 1000003));
}

static void send_model(struct index *ix, sem_t *slots, int64_t i)
{
	static const char *const teams[] = {"red", "green", "blue"};
	struct cmd_model *x = command_new(COMMAND_MODEL_CREATE);
	struct key_value *tags = arena_array(&x->c.arena, 2, sizeof(*tags));

	tags[0] = (struct key_value){STR("team"), str_from(teams[i % 3])};
	tags[1] = (struct key_value){
		STR("number"),
		str_from(arena_printf(&x->c.arena, "%" PRId64, i))};
	x->name = name_of(&x->c.arena, i);
	x->tags = (struct field_list){tags, 2};
	send(ix, slots, &x->c);
}

static void send_version(struct index *ix, sem_t *slots, int64_t i)
{
	struct cmd_version *x = command_new(COMMAND_VERSION_CREATE);

	x->name = name_of(&x->c.arena, i);
	x->source =
		str_from(arena_printf(&x->c.arena, "s3://bucket/%" PRId64, i));
	send(ix, slots, &x->c);
}

static void send_alias(struct index *ix, sem_t *slots, int64_t i)
{
	struct cmd_model *x = command_new(COMMAND_MODEL_ALIAS);

	x->name = name_of(&x->c.arena, i);
	x->alias = STR("champion");
	x->version = STR("2");
	send(ix, slots, &x->c);
}

static void fill(const char *dir, int64_t models)
{
	struct err e;
	struct index *ix = index_open(dir, &e);
	sem_t slots;

	if (!ix)
		die(&e);
	sem_init(&slots, 0, IN_FLIGHT);
	for (int64_t i = 0; i < models; i++) {
		send_model(ix, &slots, i);
		for (int k = 0; k < VERSIONS; k++)
			send_version(ix, &slots, i);
		send_alias(ix, &slots, i);
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_wait(&slots);
	index_close(ix);
}

/* --- searching --------------------------------------------------------- */

static const struct {
	bool versions;
	const char *filter, *order;
} searches[] = {
	{false, "", NULL},
	{false, "tag.`mlflow.prompt.is_prompt` != 'true'", NULL},
	{false, "", "last_updated_timestamp DESC"},
	{false, "", "name DESC"},
	{false, "name LIKE '%99%'", NULL},
	{false, "name ILIKE 'MODEL-1%' AND tags.team = 'red'", NULL},
	{false, "tags.team = 'red' OR tags.number LIKE '%7'", "name DESC"},
	{false, "name = 'model-7919'", NULL},
	{true, "", NULL},
	{true, "name = 'model-7919'", NULL},
	{true, "version_number = 3 AND source_path LIKE '%77'", "name"},
};

static int put(struct json_out *j, struct reader *rd, bool version, int64_t row,
	       struct arena *a, struct err *e)
{
	struct registered_model m;
	struct model_version v;

	if (version)
		return model_version_by_row(rd, row, a, &v, e) < 0
			       ? -1
			       : render_model_version(j, rd, &v, e);
	return registered_model_by_row(rd, row, a, &m, e) < 0
		       ? -1
		       : render_registered_model(j, rd, &m, e);
}

static void search(struct reader *rd, struct columns *cols, size_t i,
		   struct arena *a, struct buf *b, int64_t *ret_total)
{
	bool versions = searches[i].versions;
	const struct vocabulary *v =
		versions ? &vocabulary_versions : &vocabulary_models;
	struct expr_order order;
	struct search s = {.order = &order, .max = PAGE};
	struct search_page page;
	struct json_out j;
	struct expr *filter;
	struct err e;

	if (mlflow_filter_parse(str_from(searches[i].filter), v, a, &filter,
				&e) < 0)
		die(&e);
	s.filter = filter;
	s.norder = searches[i].order != NULL;
	if (s.norder && mlflow_order_parse(str_from(searches[i].order), v, a,
					   &order, &e) < 0)
		die(&e);
	if ((versions ? search_model_versions
		      : search_registered_models)(rd, cols, &s, a, &page, &e))
		die(&e);
	jo_init(&j, b, 0);
	jo_array(&j);
	for (size_t k = 0; k < page.n; k++)
		if (put(&j, rd, versions, page.rows[k], a, &e) < 0)
			die(&e);
	jo_array_end(&j);
	*ret_total = page.total;
}

static double search_ms(struct reader *rd, struct columns *cols, size_t i,
			int64_t *ret_total)
{
	SCOPED(arena_fini) struct arena a;
	SCOPED(buf_fini) struct buf b;
	struct principal owner = principal_owner();
	int64_t start = clock_mono_us();
	struct err e;

	arena_init(&a, ARENA);
	buf_init(&b, ARENA);
	if (reader_begin(rd, &owner, &e) < 0)
		die(&e);
	search(rd, cols, i, &a, &b, ret_total);
	reader_end(rd);
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
		printf("%9.2f %9.2f %9.2f %8" PRId64 "  %s%s; %s\n", first,
		       ms[ROUNDS / 2], ms[0], total,
		       searches[i].versions ? "versions: " : "",
		       searches[i].filter,
		       searches[i].order ? searches[i].order : "");
	}
	columns_free(cols);
	reader_close(rd);
}

int main(int argc, char **argv)
{
	int64_t models = MODELS;
	char path[4096];

	if (argc < 2 || argc > 3 ||
	    (argc == 3 && !num_parse_i64(str_from(argv[2]), &models))) {
		fprintf(stderr, "usage: bench-registry DIR [MODELS]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/index.db", argv[1]);
	if (access(path, F_OK) < 0) {
		int64_t start = clock_mono_ms();

		fill(argv[1], models);
		printf("filled in %.1f s\n",
		       (double)(clock_mono_ms() - start) / 1000);
	}
	measure(argv[1]);
	return 0;
}
