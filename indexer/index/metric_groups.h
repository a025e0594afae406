/* SPDX-License-Identifier: Apache-2.0 */
/* metric_groups.h - items gathered in groups, and the figures of these
 * (internal; for trace_metrics.c alone).
 *
 * A group is told by its bucket of time and its dimensions. Single values are
 * kept only where a percentile is asked for.
 */
#ifndef ORRERY_INDEX_METRIC_GROUPS_H
#define ORRERY_INDEX_METRIC_GROUPS_H

#include "indexer/index/trace_items.h"

struct groups {
	const struct metric_query *q; /* a good one */
	struct arena *arena;          /* for names of groups */
	bool percentiles;             /* any is asked for */
	struct group *all;
	size_t n, cap;
	uint32_t *slots; /* places in all, plus 1 */
	size_t nslots, nvalues;
};

/* An item; ctx is the groups (items_each). */
int groups_add(void *ctx, const struct item *item, struct err *e);
/* In order, with their figures; those without any are left out. */
int groups_points(struct groups *g, struct arena *a, struct metric_point **ret,
		  size_t *ret_n, struct err *e);
void groups_fini(struct groups *g);

#endif
