/* SPDX-License-Identifier: Apache-2.0 */
/* search_order.h - rows in order, a page at a time (internal to
 * indexer/index).
 *
 * Every field of the order becomes one unsigned number per slot, so that
 * comparing rows is comparing numbers: lesser comes first, descending fields
 * are turned around, NaN comes behind all values and a missing value behind
 * that, in both directions. Numbers come from columns, under their lock; a
 * text becomes its rank, which statements in order of the text yield, among
 * the texts there are now. Texts are told apart by their first
 * ORDER_TEXT_MAX bytes.
 *
 * A position between two rows, which page tokens carry, is the same for a row
 * that need not be there any more: numbers, or texts of which the rank is
 * found along with the others.
 */
#ifndef ORRERY_INDEX_SEARCH_ORDER_H
#define ORRERY_INDEX_SEARCH_ORDER_H

#include "indexer/index/search_kind.h"

enum {
	ORDER_FIELDS_MAX = 16, /* of one search */
	ORDER_KEYS_MAX = ORDER_FIELDS_MAX + FIXED_ORDERS,
	ORDER_TEXT_MAX = 256
};

#define ORDER_MISSING  UINT64_MAX
#define ORDER_NAN      (UINT64_MAX - 1)
#define ORDER_GREATEST (UINT64_MAX - 2)
#define ORDER_NO_TEXT  SIZE_MAX

struct order_position {
	bool set; /* else before the first row */
	int64_t row;
	struct {
		uint64_t number;
		struct str text; /* n ORDER_NO_TEXT: missing */
	} keys[ORDER_KEYS_MAX];
};

struct order_key {
	struct search_field field;
	struct search_datasets datasets; /* that a real counts on */
	bool descending;
	uint64_t *numbers; /* by slot */
	bool ranked;       /* a text by its column, without statements */
	uint64_t after;    /* where the position is among them */
};

struct search_order {
	struct reader *rd;
	const struct search_kind *kind;
	const struct slots *slots;
	struct order_key keys[ORDER_KEYS_MAX];
	size_t n;
};

/* Which keys there are; at once ERR_INVALID for what cannot be ordered by. */
int search_order_init(struct search_order *o, const struct search *s,
		      struct err *e);
/* Numbers of all keys on columns, and what is after the position among those
 * of texts, under the columns' lock. */
int search_order_columns(struct search_order *o, struct columns *c,
			 const struct order_position *after, struct err *e);
/* Ranks of the others, at least for the slots found; and the position's. */
int search_order_texts(struct search_order *o, const struct bitset *found,
		       const struct order_position *after, struct err *e);
/* Up to max slots in order, of those found that come after the position.
 * slots has room for all that were found. Returns how many there are beyond
 * the page. */
size_t search_order_page(const struct search_order *o,
			 const struct bitset *found,
			 const struct order_position *after, uint32_t *slots,
			 size_t max, size_t *ret_n);
/* The position of a slot, texts in the arena. */
int search_order_position(const struct search_order *o, size_t slot,
			  struct arena *a, struct order_position *ret,
			  struct err *e);
void search_order_fini(struct search_order *o);

#endif
