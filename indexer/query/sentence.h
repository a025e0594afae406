/* SPDX-License-Identifier: Apache-2.0 */
/* sentence.h - a whole search in one line, as a file name can hold it:
 *
 *   FILTER order by ITEM, ITEM limit N offset N
 *
 * Each part may be absent. Filter and items are MLflow's (mlflow.h); here they
 * are only told apart, by tokens, so that quoted words are never taken for
 * keywords. What is not closed or makes no sense stays in its part, where its
 * parser says what is wrong with it.
 */
#ifndef ORRERY_QUERY_SENTENCE_H
#define ORRERY_QUERY_SENTENCE_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum {
	SENTENCE_ITEMS = 16,   /* of an order */
	SENTENCE_LIMIT = 1000, /* at most, and where none is given */
	SENTENCE_OFFSET = 1000000
};

struct sentence {
	struct str filter; /* without blanks around it; may be empty */
	struct str order[SENTENCE_ITEMS];
	size_t norder;
	int64_t limit, offset;
};

/* Slices of the text. ERR_INVALID for what is wrong with limit and offset. */
int sentence_parse(struct str text, struct sentence *ret, struct err *e);

/* Text as a file name has it: "%2F" is "/", and "%25...2F" is the same with
 * one "25" less; all else stands for itself, for LIKE needs its '%'. Copied to
 * out, which has room for all of it. Returns the bytes of the result. */
size_t sentence_from_name(struct str name, char *out);
/* The other way; out has room for three times as many. */
size_t sentence_to_name(struct str text, char *out);

#endif
