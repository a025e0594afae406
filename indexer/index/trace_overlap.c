/* SPDX-License-Identifier: Apache-2.0 */
/* trace_overlap.c - how often two filters hold together (trace_metrics.h). */
#include <math.h>

#include "indexer/base/scope.h"
#include "indexer/index/trace_metrics.h"

enum { OVERLAP_ARENA = 256 << 20, TRIES = 10 };

/* Rows found, ascending by their place in the table of traces. */
static int find(struct reader *rd, struct columns *cols,
		const struct trace_overlap_query *q, const struct expr *filter,
		struct arena *a, struct bitset *ret, struct err *e)
{
	const struct search s = {.filter = filter,
				 .max = SIZE_MAX,
				 .experiment_ids = q->experiment_ids,
				 .nexperiment_ids = q->nexperiment_ids};
	struct search_page found;
	int64_t last = 0;

	if (search_traces(rd, cols, &s, a, &found, e) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i++)
		if (found.rows[i] > last)
			last = found.rows[i];
	bitset_init(ret, last);
	for (size_t i = 0; i < found.n; i++)
		bitset_add(ret, found.rows[i]);
	return 0;
}

static void count(const struct bitset *base, const struct bitset *first,
		  const struct bitset *second, struct trace_overlap *ret)
{
	for (int64_t i = bitset_next(base, 0); i >= 0;
	     i = bitset_next(base, i + 1)) {
		bool one = bitset_has(first, i);
		bool two = bitset_has(second, i);

		ret->total++;
		ret->first += one;
		ret->second += two;
		ret->both += one && two;
	}
}

static int find_all(struct reader *rd, struct columns *cols,
		    const struct trace_overlap_query *q,
		    struct trace_overlap *ret, struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	SCOPED(bitset_fini) struct bitset base = {0};
	SCOPED(bitset_fini) struct bitset first = {0};
	SCOPED(bitset_fini) struct bitset second = {0};

	*ret = (struct trace_overlap){0};
	arena_init(&a, OVERLAP_ARENA);
	if (find(rd, cols, q, q->base, &a, &base, e) < 0 ||
	    find(rd, cols, q, q->first, &a, &first, e) < 0 ||
	    find(rd, cols, q, q->second, &a, &second, e) < 0)
		return -1;
	count(&base, &first, &second, ret);
	return 0;
}

/* A search may move on to a newer snapshot (search.h); the three must be of
 * one, and the next time they most likely are. */
int trace_overlap(struct reader *rd, struct columns *cols,
		  const struct trace_overlap_query *q,
		  struct trace_overlap *ret, struct err *e)
{
	int64_t change;
	int tries = 0;

	do {
		change = reader_change(rd);
		if (find_all(rd, cols, q, ret, e) < 0)
			return -1;
	} while (reader_change(rd) != change && ++tries < TRIES);
	return 0;
}

double trace_npmi(const struct trace_overlap *o, double smoothing)
{
	double n11 = (double)o->both;
	double n10 = (double)(o->first - o->both);
	double n01 = (double)(o->second - o->both);
	double n00 = (double)(o->total - o->first - o->second + o->both);
	double n = n11 + n10 + n01 + n00 + 4 * smoothing;
	double npmi;

	if (o->total <= 0 || !o->first || !o->second || n10 < 0 || n01 < 0 ||
	    n00 < 0)
		return NAN;
	if (n11 <= 0 && smoothing <= 0)
		return -1;
	if (n10 <= 0 && n01 <= 0 && n00 <= 0)
		return 1; /* always together */
	n11 += smoothing;
	n10 += smoothing;
	n01 += smoothing;
	npmi = (log(n11) + log(n) - log(n11 + n10) - log(n11 + n01)) /
	       (log(n) - log(n11));
	return fmax(-1, fmin(1, npmi));
}
