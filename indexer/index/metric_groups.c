/* SPDX-License-Identifier: Apache-2.0 */
/* metric_groups.c - see metric_groups.h. */
#include "indexer/index/metric_groups.h"

#include <math.h>
#include <stdlib.h>

enum {
	GROUPS_MAX = 100000,
	VALUES_MAX = 16 << 20, /* kept for percentiles, in all groups */
	MS_PER_S = 1000,
};

struct group {
	int64_t bucket, count;
	struct str dimensions[METRIC_DIMENSIONS];
	uint64_t hash;
	double sum, least, greatest;
	double *values; /* where a percentile is asked for */
	size_t cap;
};

void groups_fini(struct groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->all[i].values);
	free(g->all);
	free(g->slots);
}

static int64_t bucket_of(const struct metric_query *q, int64_t time)
{
	int64_t size = q->interval * MS_PER_S;
	int64_t rest;

	if (!size)
		return 0;
	rest = time % size;
	return time - (rest < 0 ? rest + size : rest);
}

static uint64_t hash_of(const struct groups *g, int64_t bucket,
			const struct item *x)
{
	uint64_t hash = (uint64_t)bucket * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < g->q->ndimensions; i++)
		hash = hash * 31 + str_hash(x->dimensions[i]);
	return hash;
}

static bool is_group(const struct groups *g, const struct group *x,
		     int64_t bucket, const struct item *item)
{
	bool same = x->bucket == bucket;

	for (size_t i = 0; same && i < g->q->ndimensions; i++)
		same = str_eq(x->dimensions[i], item->dimensions[i]);
	return same;
}

static void rehash(struct groups *g)
{
	g->nslots = g->nslots ? 2 * g->nslots : 64;
	free(g->slots);
	g->slots = calloc(g->nslots, sizeof(*g->slots));
	if (!g->slots)
		abort();
	for (size_t i = 0; i < g->n; i++) {
		size_t at = g->all[i].hash & (g->nslots - 1);

		while (g->slots[at])
			at = (at + 1) & (g->nslots - 1);
		g->slots[at] = (uint32_t)i + 1;
	}
}

static struct group *new_group(struct groups *g, int64_t bucket, uint64_t hash,
			       const struct item *item, struct err *e)
{
	struct arena *a = g->arena;
	struct group *x;

	if (g->n == GROUPS_MAX) {
		err_set(e, ERR_TOO_LARGE, "more than %d groups", GROUPS_MAX);
		return NULL;
	}
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 32;
		g->all = reallocarray(g->all, g->cap, sizeof(*g->all));
		if (!g->all)
			abort();
	}
	x = &g->all[g->n];
	*x = (struct group){.bucket = bucket,
			    .hash = hash,
			    .least = INFINITY,
			    .greatest = -INFINITY};
	for (size_t i = 0; i < g->q->ndimensions; i++) {
		x->dimensions[i] = arena_str(a, item->dimensions[i]);
		if (!x->dimensions[i].p) {
			arena_full(a, e);
			return NULL;
		}
	}
	g->n++;
	return x;
}

static struct group *group_of(struct groups *g, const struct item *item,
			      struct err *e)
{
	int64_t bucket = bucket_of(g->q, item->time);
	uint64_t hash = hash_of(g, bucket, item);
	struct group *x;
	size_t at;

	if (2 * (g->n + 1) > g->nslots)
		rehash(g);
	at = hash & (g->nslots - 1);
	while (g->slots[at]) {
		x = &g->all[g->slots[at] - 1];
		if (is_group(g, x, bucket, item))
			return x;
		at = (at + 1) & (g->nslots - 1);
	}
	x = new_group(g, bucket, hash, item, e);
	if (x)
		g->slots[at] = (uint32_t)g->n;
	return x;
}

static int keep_value(struct groups *g, struct group *x, double v,
		      struct err *e)
{
	if (++g->nvalues > VALUES_MAX)
		return err_set(e, ERR_TOO_LARGE,
			       "a percentile of more than %d values: ask for "
			       "less time at once",
			       VALUES_MAX);
	if ((size_t)x->count > x->cap) {
		x->cap = x->cap ? 2 * x->cap : 16;
		x->values = reallocarray(x->values, x->cap, sizeof(double));
		if (!x->values)
			abort();
	}
	x->values[x->count - 1] = v;
	return 0;
}

int groups_add(void *ctx, const struct item *item, struct err *e)
{
	struct groups *g = ctx;
	struct group *x;

	for (size_t i = 0; i < g->q->ndimensions; i++)
		if (!item->dimensions[i].p)
			return 0;
	x = group_of(g, item, e);
	if (!x)
		return -1;
	if (!item->has_value)
		return 0;
	x->count++;
	x->sum += item->value;
	x->least = fmin(x->least, item->value);
	x->greatest = fmax(x->greatest, item->value);
	return g->percentiles ? keep_value(g, x, item->value, e) : 0;
}

/* --- figures ------------------------------------------------------------- */

static int by_value(const void *pa, const void *pb)
{
	const double *a = pa;
	const double *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Values are sorted. */
static double percentile(const struct group *x, double p)
{
	double index = p / 100 * (double)(x->count - 1);
	size_t low = (size_t)index;
	size_t high = low + 1 < (size_t)x->count ? low + 1 : low;

	return x->values[low] +
	       (index - (double)low) * (x->values[high] - x->values[low]);
}

static double figure(const struct group *x, const struct metric_aggregate *a)
{
	if (a->type == METRIC_COUNT)
		return (double)x->count;
	if (!x->count)
		return NAN;
	switch ((enum metric_aggregation)a->type) {
	case METRIC_SUM:
		return x->sum;
	case METRIC_AVG:
		return x->sum / (double)x->count;
	case METRIC_PERCENTILE:
		return percentile(x, a->percentile);
	case METRIC_MIN:
		return x->least;
	case METRIC_MAX:
		return x->greatest;
	case METRIC_COUNT:
		break;
	}
	return NAN;
}

static int compare_groups(const void *pa, const void *pb)
{
	const struct group *a = pa;
	const struct group *b = pb;
	int order = (a->bucket > b->bucket) - (a->bucket < b->bucket);

	for (size_t i = 0; !order && i < METRIC_DIMENSIONS; i++)
		order = str_cmp(a->dimensions[i], b->dimensions[i]);
	return order;
}

/* Whether it has any figure. */
static int write_point(const struct metric_query *q, struct group *x,
		       struct metric_point *p, struct arena *a, struct err *e)
{
	int any = 0;

	*p = (struct metric_point){.bucket = x->bucket};
	if (x->values)
		qsort(x->values, (size_t)x->count, sizeof(double), by_value);
	for (size_t i = 0; i < q->naggregates; i++) {
		p->values[i] = figure(x, &q->aggregates[i]);
		any |= !isnan(p->values[i]);
	}
	for (size_t i = 0; any && i < q->ndimensions; i++) {
		p->dimensions[i] = arena_str(a, x->dimensions[i]);
		if (!p->dimensions[i].p)
			return arena_full(a, e);
	}
	return any;
}

int groups_points(struct groups *g, struct arena *a, struct metric_point **ret,
		  size_t *ret_n, struct err *e)
{
	size_t max = g->q->max;

	if (!max || max > METRIC_POINTS)
		max = METRIC_POINTS;
	if (g->n)
		qsort(g->all, g->n, sizeof(*g->all), compare_groups);
	*ret_n = 0;
	*ret = arena_array(a, g->n < max ? g->n + 1 : max, sizeof(**ret));
	if (!*ret)
		return arena_full(a, e);
	for (size_t i = 0; i < g->n && *ret_n < max; i++) {
		int rc = write_point(g->q, &g->all[i], &(*ret)[*ret_n], a, e);

		if (rc < 0)
			return -1;
		*ret_n += (size_t)rc;
	}
	return 0;
}
