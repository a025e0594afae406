/* SPDX-License-Identifier: Apache-2.0 */
/* mlflow.h - MLflow's filter and order_by language, and what it lacks.
 *
 * identifier comparator value, joined by AND; beyond MLflow: OR, NOT,
 * parentheses, RLIKE, IN and IS NULL everywhere. Which identifiers exist,
 * their aliases, and which comparators each family takes is a table per kind
 * of thing searched (the vocabulary). Errors give MLflow's sentences where
 * its clients match them, and the position otherwise. Depth and length have
 * limits; hostile text costs an error. What is parsed points into the text
 * and the arena.
 */
#ifndef ORRERY_QUERY_MLFLOW_H
#define ORRERY_QUERY_MLFLOW_H

#include "indexer/query/expr.h"

enum {
	FILTER_BYTES_MAX = 64 * 1024,
	FILTER_DEPTH_MAX = 64,   /* of parentheses and NOT */
	FILTER_LEAVES_MAX = 500, /* comparisons in one filter */
	FILTER_LIST_MAX = 10000, /* values of one IN */
	ORDER_BYTES_MAX = 1024   /* of one order_by item */
};

struct vocabulary;
extern const struct vocabulary vocabulary_runs;
extern const struct vocabulary vocabulary_experiments;
extern const struct vocabulary vocabulary_models; /* registered ones */
extern const struct vocabulary vocabulary_versions;
extern const struct vocabulary vocabulary_logged_models;
extern const struct vocabulary vocabulary_traces;
extern const struct vocabulary vocabulary_trace_metrics; /* its conditions */

/* *ret NULL for an empty filter. */
int mlflow_filter_parse(struct str filter, const struct vocabulary *v,
			struct arena *a, struct expr **ret, struct err *e);
/* One order_by item: "metrics.loss DESC". */
int mlflow_order_parse(struct str item, const struct vocabulary *v,
		       struct arena *a, struct expr_order *ret, struct err *e);

#endif
