/* SPDX-License-Identifier: Apache-2.0 */
/* search_reals.h - numbers that statements yield: metrics of logged models
 * (internal to indexer/index).
 *
 * A statement gives all values of a key, row by row, the latest of each row
 * last, with the dataset that each was measured on; what is asked may be
 * restricted to some datasets. A filter holds where any value satisfies it,
 * an order goes by the latest: both as MLflow has it.
 */
#ifndef ORRERY_INDEX_SEARCH_REALS_H
#define ORRERY_INDEX_SEARCH_REALS_H

#include "indexer/index/search_kind.h"
#include "indexer/query/match.h"

/* Adds the slots that have a value which satisfies m, on one of n datasets
 * (0: on any, or on none). */
int reals_match(struct reader *rd, const struct search_field *f,
		const struct slots *slots, const struct match *m,
		const struct search_datasets *on, struct bitset *set,
		struct err *e);
/* Bits of the latest value by slot; METRIC_MISSING where there is none. */
int reals_latest(struct reader *rd, const struct search_field *f,
		 const struct slots *slots, const struct search_datasets *on,
		 uint64_t *bits, struct err *e);
/* Adds the slots that have any value on one of the datasets. */
int reals_on(struct reader *rd, const struct real_source *source,
	     const struct slots *slots, const struct search_datasets *on,
	     struct bitset *set, struct err *e);

#endif
