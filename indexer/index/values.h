/* SPDX-License-Identifier: Apache-2.0 */
/* values.h - text of params and tags: checks, cuts, and how MLflow quotes it
 * (internal). */
#ifndef ORRERY_INDEX_VALUES_H
#define ORRERY_INDEX_VALUES_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

/* ERR_INVALID, naming what, where it is not UTF-8. */
int check_text(struct str s, const char *what, struct err *e);
/* Characters of UTF-8. */
int64_t text_characters(struct str s);
/* At most max characters of it. */
struct str text_cut(struct str s, int64_t max);
/* As Python's repr shows a string. */
void text_repr(struct buf *b, struct str s);

/* A JSON array with one more object behind its last; nothing where it holds
 * that object already. What is no array counts as an empty one. */
void array_extend(struct buf *ret, struct str array, struct str object);

#endif
