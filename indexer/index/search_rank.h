/* SPDX-License-Identifier: Apache-2.0 */
/* search_rank.h - texts as ranks, for search_order.c alone. */
#ifndef ORRERY_INDEX_SEARCH_RANK_H
#define ORRERY_INDEX_SEARCH_RANK_H

#include "indexer/index/search_order.h"

/* Ranks of a text key, ascending, at least for the slots found; where after
 * is given, its rank, too, which lies between others if no row has it. */
int search_rank(const struct search_order *o, struct order_key *k,
		const struct bitset *found, const struct str *after,
		struct err *e);
/* A slot's text as far as it is ordered by; n ORDER_NO_TEXT if missing. */
int search_rank_text(const struct search_order *o, const struct order_key *k,
		     size_t slot, struct arena *a, struct str *ret,
		     struct err *e);

#endif
