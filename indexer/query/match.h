/* SPDX-License-Identifier: Apache-2.0 */
/* match.h - whether a value that is there satisfies a leaf of the tree.
 *
 * Absence is not decided here: who asks knows which rows have no value.
 * LIKE's % is any text and _ any one character; ILIKE ignores the case of
 * ASCII. NaN satisfies = NaN, != with any other number, and nothing else.
 */
#ifndef ORRERY_QUERY_MATCH_H
#define ORRERY_QUERY_MATCH_H

#include "indexer/query/expr.h"
#include "indexer/query/regex.h"

enum { LIKE_PATTERN_MAX = 1024 }; /* bytes */

struct match {
	enum expr_cmp cmp;
	struct expr_value *values; /* of a list: sorted */
	size_t nvalues;
	struct regex *regex;
};

/* Made from a leaf, lives in the arena, for one thread. ERR_INVALID for a
 * pattern that is not one or is too long. */
int match_compile(struct match *m, const struct expr *leaf, struct arena *a,
		  struct err *e);
bool match_text(const struct match *m, struct str s);
bool match_real(const struct match *m, double v);
bool match_integer(const struct match *m, int64_t v);

/* A comparison with one number, for loops over many: which of less, equal,
 * greater and NaN satisfy it. False where it is another kind. */
struct match_order {
	double want;
	bool less, equal, greater, nan;
};
bool match_order(const struct match *m, struct match_order *ret);

#endif
