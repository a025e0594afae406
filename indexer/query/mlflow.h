/* SPDX-License-Identifier: Apache-2.0 */
/* mlflow.h - MLflow's filter and order_by language, and what it lacks.
 *
 * identifier comparator value, joined by AND; beyond MLflow: OR, NOT,
 * parentheses, RLIKE, IN and IS NULL everywhere. Which identifiers exist,
 * their aliases, and which comparators each family takes is a table per kind
 * of thing searched (the vocabulary). Errors give MLflow's sentences where
 * its clients match them, and the position otherwise. Depth and length have
 * limits; hostile text costs an error.
 */
#ifndef ORRERY_QUERY_MLFLOW_H
#define ORRERY_QUERY_MLFLOW_H

#include "indexer/query/expr.h"

struct vocabulary;
extern const struct vocabulary vocabulary_runs;
extern const struct vocabulary vocabulary_experiments;

/* *ret NULL for an empty filter. */
int mlflow_filter_parse(struct str filter, const struct vocabulary *v,
			struct arena *a, struct expr **ret, struct err *e);
/* One order_by item: "metrics.loss DESC". */
int mlflow_order_parse(struct str item, const struct vocabulary *v,
		       struct arena *a, struct expr_order *ret, struct err *e);

#endif
