/* SPDX-License-Identifier: Apache-2.0 */
/* expr.h - the one expression tree that every search language becomes.
 *
 * Parsers (mlflow.h; CQL2 later) make it in an arena; the index evaluates it
 * as sets of rows. A leaf compares one field with a value or list; inner
 * nodes are AND, OR, NOT. Nothing here knows SQL.
 */
#ifndef ORRERY_QUERY_EXPR_H
#define ORRERY_QUERY_EXPR_H

#include "indexer/base/arena.h"

enum expr_op { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_LEAF };

enum expr_cmp {
	CMP_EQ,
	CMP_NE,
	CMP_LT,
	CMP_LE,
	CMP_GT,
	CMP_GE,
	CMP_LIKE,
	CMP_ILIKE,
	CMP_RLIKE,
	CMP_IN,
	CMP_NOT_IN,
	CMP_IS_NULL,
	CMP_IS_NOT_NULL
};

/* What a leaf speaks of. An attribute's key is its canonical name. */
enum expr_family {
	FAMILY_ATTRIBUTE,
	FAMILY_PARAM,
	FAMILY_TAG,
	FAMILY_METRIC,
	FAMILY_DATASET,
	FAMILY_METADATA, /* of traces, and all that follow */
	FAMILY_SPAN,     /* "name", "type", "status", "content" */
	FAMILY_SPAN_ATTRIBUTE,
	FAMILY_FEEDBACK, /* by name */
	FAMILY_EXPECTATION,
	FAMILY_ISSUE,     /* "id" */
	FAMILY_ASSESSMENT /* "name", "type": of their metrics */
};

struct expr_value {
	struct str text;
	double real; /* of a number */
	int64_t integer;
	bool is_number, is_integer;
};

struct expr {
	enum expr_op op;
	struct expr *a, *b; /* NOT has only a */
	enum expr_family family;
	struct str key;
	enum expr_cmp cmp;
	struct expr_value *values; /* one, or the list of IN */
	size_t nvalues;
};

struct expr_order {
	enum expr_family family;
	struct str key;
	bool descending;
};

#endif
