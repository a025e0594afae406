/* SPDX-License-Identifier: Apache-2.0 */
/* trace_items.h - what metrics are made of, one after the other: traces, their
 * spans, or their assessments (internal; for trace_metrics.c alone). */
#ifndef ORRERY_INDEX_TRACE_ITEMS_H
#define ORRERY_INDEX_TRACE_ITEMS_H

#include "indexer/index/trace_metrics.h"

/* What a value is of. */
enum item_value {
	ITEM_ONE,     /* it counts for itself */
	ITEM_LATENCY, /* ms */
	ITEM_TOKENS,  /* the key-th of span_token_keys */
	ITEM_COST,    /* the key-th of span_cost_keys */
	ITEM_SAID,    /* what an assessment says, as a number */
};

enum item_dimension {
	DIM_TRACE_NAME,
	DIM_TRACE_STATUS,
	DIM_SPAN_NAME,
	DIM_SPAN_TYPE,
	DIM_SPAN_STATUS,
	DIM_SPAN_MODEL,
	DIM_SPAN_PROVIDER,
	DIM_ASSESSMENT_NAME,
	DIM_ASSESSMENT_VALUE,
	DIMENSIONS
};

/* Of a dimension that an item does not have p is NULL. Texts live as long as
 * the call. */
struct item {
	int64_t time; /* ms */
	bool has_value;
	double value;
	struct str dimensions[METRIC_DIMENSIONS];
};

struct items {
	struct reader *rd;
	enum metric_view view;
	enum item_value value;
	int key;
	const enum item_dimension *dimensions;
	size_t ndimensions;
	/* Leaves that an item must satisfy: of FAMILY_SPAN, or
	 * FAMILY_ASSESSMENT. */
	const struct expr *const *leaves;
	size_t nleaves;
	int (*fn)(void *ctx, const struct item *x, struct err *e);
	void *ctx;
};

/* Of these traces; of those that have no such value at all (a token count, a
 * cost) none. */
int items_each(const struct items *of, const int64_t *rows, size_t n,
	       struct err *e);

#endif
