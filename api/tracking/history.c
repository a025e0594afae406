/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - the page token of a metric's history, and even sampling.
 *
 * A token is the last point of the page, by its bits, behind a hash of what
 * it belongs to: paging neither repeats nor skips while points are added.
 */
#include "api/tracking/history.h"

#include <stdlib.h>

#include "indexer/base/text.h"

struct token {
	uint64_t bound;
	int64_t time, step;
	uint64_t bits;
};

_Static_assert(sizeof(struct token) * 2 == HISTORY_TOKEN, "token in hex");

static uint64_t bound_of(struct str run_id, struct str key)
{
	return str_hash(run_id) * 31 + str_hash(key);
}

void history_token(struct str run_id, struct str key, const struct point *p,
		   char out[HISTORY_TOKEN + 1])
{
	struct token t = {bound_of(run_id, key), p->time, p->step, 0};

	memcpy(&t.bits, &p->value, sizeof(t.bits));
	hex_encode(&t, sizeof(t), out);
}

int history_token_parse(struct str token, struct str run_id, struct str key,
			struct point *ret, struct err *e)
{
	struct token t;

	if (token.n != HISTORY_TOKEN || !hex_decode(token, &t) ||
	    t.bound != bound_of(run_id, key))
		return err_set(e, ERR_INVALID,
			       "Invalid page token: it is not one that this "
			       "metric's history gave");
	ret->time = t.time;
	ret->step = t.step;
	memcpy(&ret->value, &t.bits, sizeof(ret->value));
	return 0;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool sorted(const int64_t *steps, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (steps[i - 1] > steps[i])
			return false;
	return true;
}

size_t history_distinct(int64_t *steps, size_t n)
{
	size_t kept = 0;

	if (!sorted(steps, n))
		qsort(steps, n, sizeof(*steps), by_number);
	for (size_t i = 0; i < n; i++)
		if (!kept || steps[i] != steps[kept - 1])
			steps[kept++] = steps[i];
	return kept;
}

size_t history_sample(int64_t *steps, size_t n, size_t max)
{
	/* Doubles, so that where it rounds it rounds as MLflow does. */
	double every = (double)n / (double)max;

	if (n <= max)
		return n;
	for (size_t i = 0; i < max; i++)
		steps[i] = steps[(size_t)((double)i * every)];
	steps[max] = steps[n - 1];
	return max + 1;
}

/* The first that is not less. */
static size_t place(const int64_t *steps, size_t n, int64_t step)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (steps[mid] < step)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool history_has(const int64_t *steps, size_t n, int64_t step, size_t *at)
{
	size_t i = *at;

	if (i > n || (i < n && steps[i] < step) ||
	    (i > 0 && steps[i - 1] >= step))
		i = *at = place(steps, n, step);
	return i < n && steps[i] == step;
}
