/* SPDX-License-Identifier: Apache-2.0 */
/* regex_tree.h - a pattern as a tree: what regex_parse.c makes and regex.c
 * turns into a program. Ranges of classes lie in one array sized by the
 * pattern's length, for no byte makes more than RANGES_PER_BYTE. */
#ifndef ORRERY_QUERY_REGEX_TREE_H
#define ORRERY_QUERY_REGEX_TREE_H

#include "indexer/query/regex.h"

enum tree_kind {
	TREE_EMPTY,
	TREE_CHAR,
	TREE_ANY,
	TREE_CLASS,
	TREE_START,
	TREE_END,
	TREE_CAT,
	TREE_ALT,
	TREE_REPEAT
};

enum { RANGES_PER_BYTE = 4, REPEAT_FOREVER = -1 };

struct char_range {
	uint32_t low, high;
};

struct char_class {
	const struct char_range *ranges;
	size_t n;
	bool negated;
};

struct tree {
	enum tree_kind kind;
	uint32_t c; /* of TREE_CHAR */
	struct char_class class;
	const struct tree *a, *b;
	int min, max; /* of TREE_REPEAT */
};

struct pattern {
	const struct tree *tree;
	bool ignore_case;
};

int regex_parse(struct str text, struct arena *a, struct pattern *ret,
		struct err *e);

/* The character at *i, which moves on; a byte that is not UTF-8 becomes a
 * value beyond all characters. */
uint32_t regex_char(struct str s, size_t *i);

#endif
