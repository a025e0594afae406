/* SPDX-License-Identifier: Apache-2.0 */
/* range.h - which bytes, and whether any: Range and conditions (RFC 9110). */
#ifndef ORRERY_HTTP_RANGE_H
#define ORRERY_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/str.h"

enum range { RANGE_WHOLE, RANGE_PART, RANGE_BAD };

/* One range of something of that size. What is not one well-formed range of
 * bytes asks for the whole; RANGE_BAD lies beyond the end. */
enum range range_parse(struct str value, int64_t size, int64_t *ret_first,
		       int64_t *ret_n);

/* Whether a list of entity tags ("*" too) holds tag; weak: W/ makes no
 * difference, else weak ones never match. */
bool etag_matches(struct str list, struct str tag, bool weak);

/* The request's headers that matter here, p NULL when absent. */
struct conditions {
	struct str if_match, if_none_match, if_range;
	struct str if_modified_since, if_unmodified_since;
};

/* 200 to go on, 304 or 412. etag n 0 for none, mtime_ms -1 for none; get is
 * for GET and HEAD. */
int conditions_check(const struct conditions *c, struct str etag,
		     int64_t mtime_ms, bool get);
/* Whether If-Range lets a range be served. */
bool conditions_range(const struct conditions *c, struct str etag,
		      int64_t mtime_ms);

#endif
