/* SPDX-License-Identifier: Apache-2.0 */
/* search_set.h - a filter as a set of slots (internal to indexer/index).
 *
 * In two steps, because columns may be looked at under their lock only and
 * statements must not hold it: first every leaf on a column gets its set,
 * then, without the lock, the tree is combined and leaves on text run their
 * statements, but not where an AND is empty already.
 */
#ifndef ORRERY_INDEX_SEARCH_SET_H
#define ORRERY_INDEX_SEARCH_SET_H

#include "indexer/index/search_kind.h"

struct leaf_set {
	const struct expr *leaf;
	struct search_field field;
	bool ready; /* by columns, without a statement */
	struct bitset set;
};

struct search_set {
	struct reader *rd;
	const struct search_kind *kind;
	const struct slots *slots;
	struct search_datasets datasets; /* that metrics count on */
	struct leaf_set *leaves;
	size_t n, cap;
};

/* Under the columns' lock. The caller calls search_set_fini in any case. */
int search_set_columns(struct search_set *s, struct columns *c,
		       const struct expr *filter, struct err *e);
/* Keep in found what satisfies the filter. */
int search_set_apply(struct search_set *s, const struct expr *filter,
		     struct bitset *found, struct err *e);
void search_set_fini(struct search_set *s);

#endif
