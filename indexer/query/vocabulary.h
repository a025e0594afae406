/* SPDX-License-Identifier: Apache-2.0 */
/* vocabulary.h - which words a search of one kind of thing understands.
 *
 * Tables only: entity words ("metrics", "metric"), attributes with all their
 * aliases, and per type of value the comparators. A new kind of thing is a
 * table more in vocabularies.c and nothing else.
 */
#ifndef ORRERY_QUERY_VOCABULARY_H
#define ORRERY_QUERY_VOCABULARY_H

#include "indexer/query/mlflow.h"

enum value_type {
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_ID,    /* a number, also when written as text */
	VALUE_PROMPT /* "name/version", compared as a whole */
};

struct entity_word {
	const char *word;
	enum expr_family family;
	bool ordered; /* may stand in order_by */
};

/* Of a family with a fixed set of keys: attributes, datasets, spans. */
struct fixed_key {
	enum expr_family family;
	const char *word; /* as users write it */
	const char *key;  /* its canonical name */
	enum value_type type;
	bool filtered, ordered;
	/* The word is the beginning of a key, of which the rest is a key of
	 * this family: "attributes.x" of a span. */
	bool prefix;
	enum expr_family rest;
};

struct vocabulary {
	const struct entity_word *entities; /* ended by a NULL word */
	const struct fixed_key *keys;       /* ended by a NULL word */
};

/* An identifier resolved. */
struct field_ref {
	enum expr_family family;
	struct str key;
	enum value_type type;
};

enum vocabulary_use { USE_FILTER, USE_ORDER };

/* raw is the identifier as written: word, word.key, word.`key`. */
int vocabulary_resolve(const struct vocabulary *v, struct str raw,
		       enum vocabulary_use use, struct field_ref *ret,
		       struct err *e);
/* The comparator that text names, if fields of this type take it. */
int comparator_resolve(struct str text, enum value_type type,
		       enum expr_cmp *ret, struct err *e);
/* "metric", "parameter", "tag", "attributes", "dataset": for messages. */
const char *family_noun(enum expr_family family);

#endif
