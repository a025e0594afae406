/* SPDX-License-Identifier: Apache-2.0 */
/* excerpt.h - the beginning of a user's text, for an error message: cut at a
 * character, with an ellipsis when something was left out. */
#ifndef ORRERY_QUERY_EXCERPT_H
#define ORRERY_QUERY_EXCERPT_H

#include "indexer/base/str.h"

enum { EXCERPT_MAX = 100 };

struct excerpt {
	char text[EXCERPT_MAX + 4];
};

struct excerpt excerpt(struct str s);

#endif
