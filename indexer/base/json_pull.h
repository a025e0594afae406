/* SPDX-License-Identifier: Apache-2.0 */
/* json_pull.h - a strict JSON reader that hands out one token at a time.
 *
 * This is the only thing that reads JSON from outside. It accepts RFC 8259
 * text and nothing else, except that a bare NaN, Infinity or -Infinity is
 * taken as a number (MLflow's clients send them). Refused, with line and
 * column: trailing bytes, a BOM, raw control characters, invalid UTF-8, lone
 * surrogates, NUL in strings, depth beyond JSON_DEPTH, numbers beyond a
 * double (1e999), leading zeros. Duplicate keys of one object are refused by
 * those who collect the keys: field.h for requests, json_doc.h for trees.
 * Strings without escapes are slices of the input; others are decoded into
 * the arena. Integers keep all 64 bits.
 */
#ifndef ORRERY_BASE_JSON_PULL_H
#define ORRERY_BASE_JSON_PULL_H

#include "indexer/base/arena.h"
#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum { JSON_DEPTH = 64 };

enum json_kind {
	JSON_END,        /* the text is over */
	JSON_OBJECT,     /* { */
	JSON_OBJECT_END, /* } */
	JSON_ARRAY,      /* [ */
	JSON_ARRAY_END,  /* ] */
	JSON_KEY,        /* text holds it; its value follows */
	JSON_STRING,     /* text holds it */
	JSON_NUMBER,     /* see struct json_token */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

struct json_token {
	enum json_kind kind;
	struct str text; /* decoded string or key; raw text of a number */
	double real;     /* of a number */
	int64_t integer; /* of a number where is_integer */
	bool is_integer; /* written without . and e, and fits in 64 bits */
	size_t at;       /* offset of its first byte */
};

struct json_pull {
	struct str in;
	size_t at;
	struct arena *arena;
	unsigned char state;
	unsigned depth;
	unsigned char stack[JSON_DEPTH];
};

void json_pull_init(struct json_pull *j, struct str in, struct arena *arena);
/* Next token; -1 with ERR_MALFORMED where the text is not JSON. */
int json_pull_next(struct json_pull *j, struct json_token *ret, struct err *e);
/* Having read a token that opens something or is a scalar, skip to its end. */
int json_pull_skip(struct json_pull *j, const struct json_token *t,
		   struct err *e);
const char *json_kind_name(enum json_kind kind); /* "a string" */

#endif
