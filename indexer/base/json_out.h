/* SPDX-License-Identifier: Apache-2.0 */
/* json_out.h - the only writer of JSON: append-only, no tree.
 *
 * Writes into a struct buf. Commas are its own business; nesting is asserted.
 * Doubles are written in their shortest form that reads back as the same
 * double; what JSON cannot hold is written as the strings "NaN", "Infinity",
 * "-Infinity". Invalid UTF-8 in a string becomes U+FFFD. When indent is set
 * (2), the text is laid out as MLflow lays it out; when python is set, it is
 * byte for byte what Python's json.dumps(ensure_ascii=False) writes, which has
 * a blank behind commas and colons, and NaN and Infinity bare.
 */
#ifndef ORRERY_BASE_JSON_OUT_H
#define ORRERY_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/str.h"

/* Deeper than any text or message that is let in, so that such a tree fits
 * into what is written around it. */
enum { JSON_OUT_DEPTH = 192 };

struct json_out {
	struct buf *b;
	unsigned depth, indent;
	bool comma[JSON_OUT_DEPTH]; /* per level: something was written */
	bool keyed;                 /* a key waits for its value */
	bool python;                /* set after jo_init */
};

void jo_init(struct json_out *j, struct buf *b, unsigned indent);
void jo_object(struct json_out *j);
void jo_object_end(struct json_out *j);
void jo_array(struct json_out *j);
void jo_array_end(struct json_out *j);
void jo_key(struct json_out *j, const char *key);
void jo_key_str(struct json_out *j, struct str key);
void jo_str(struct json_out *j, struct str s);
void jo_i64(struct json_out *j, int64_t v);
void jo_u64(struct json_out *j, uint64_t v);
void jo_f64(struct json_out *j, double v);
void jo_bool(struct json_out *j, bool v);
void jo_null(struct json_out *j);
void jo_raw(struct json_out *j, struct str json); /* spliced as it is */

/* Key and value in one call, for the many flat objects. */
void jo_kstr(struct json_out *j, const char *key, struct str s);
void jo_ki64(struct json_out *j, const char *key, int64_t v);
void jo_kf64(struct json_out *j, const char *key, double v);
void jo_kbool(struct json_out *j, const char *key, bool v);

#endif
