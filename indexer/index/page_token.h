/* SPDX-License-Identifier: Apache-2.0 */
/* page_token.h - where a page ended, as text (internal to indexer/index).
 *
 * base64url of: version, hash of the search it belongs to, for each key of
 * the order its number or text, row id. It holds no secret and grants
 * nothing: a made-up one names a place in what its sender may see anyway.
 */
#ifndef ORRERY_INDEX_PAGE_TOKEN_H
#define ORRERY_INDEX_PAGE_TOKEN_H

#include "indexer/index/search_order.h"

int page_token_write(const struct search_order *o,
		     const struct order_position *p, uint64_t search_hash,
		     struct arena *a, struct str *ret, struct err *e);
/* Texts in the arena. ERR_INVALID "Invalid page token, ...". */
int page_token_read(struct str token, const struct search_order *o,
		    uint64_t search_hash, struct arena *a,
		    struct order_position *ret, struct err *e);

#endif
