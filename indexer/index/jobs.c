/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c - see jobs.h. */
#include "indexer/index/jobs.h"

#include <stdlib.h>

static void grow(struct jobs *q)
{
	size_t cap = q->cap ? 2 * q->cap : 16;
	struct job *ring = calloc(cap, sizeof(*ring));

	if (!ring)
		abort();
	for (size_t i = 0; i < q->n; i++)
		ring[i] = q->ring[(q->head + i) & (q->cap - 1)];
	free(q->ring);
	*q = (struct jobs){ring, 0, q->n, cap};
}

void jobs_add(struct jobs *q, struct job j)
{
	if (q->n == q->cap)
		grow(q);
	q->ring[(q->head + q->n++) & (q->cap - 1)] = j;
}

const struct job *jobs_first(const struct jobs *q)
{
	return q->n ? &q->ring[q->head] : NULL;
}

void jobs_drop(struct jobs *q)
{
	q->head = (q->head + 1) & (q->cap - 1);
	q->n--;
}

void jobs_fini(struct jobs *q)
{
	free(q->ring);
	*q = (struct jobs){NULL, 0, 0, 0};
}
