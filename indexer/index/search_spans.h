/* SPDX-License-Identifier: Apache-2.0 */
/* search_spans.h - traces that have a span of which some leaves of a filter
 * hold, all of the same one (internal to indexer/index).
 *
 * What is asked of name, type and status alone the table of kinds tells.
 * Content and attributes are in the blocks: those of the traces that are left
 * then are unpacked, one after the other.
 */
#ifndef ORRERY_INDEX_SEARCH_SPANS_H
#define ORRERY_INDEX_SEARCH_SPANS_H

#include "indexer/index/search_kind.h"

/* Leaves of the families FAMILY_SPAN and FAMILY_SPAN_ATTRIBUTE, or the
 * attribute "text", which is the content; none is CMP_IS_NULL. Of the slots
 * within, those found are added to set. */
int spans_find(struct reader *rd, const struct slots *slots,
	       const struct expr *const *leaves, size_t n,
	       const struct bitset *within, struct bitset *set, struct err *e);

#endif
