/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - encodings of text: UTF-8, percent, hex, base64, random ids. */
#ifndef ORRERY_BASE_TEXT_H
#define ORRERY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/base/str.h"

bool utf8_valid(struct str s); /* strict: no surrogates, no overlong forms */
/* Length of the valid sequence at the start of s, 0 if there is none. */
size_t utf8_sequence(struct str s);

/* %XX decoded once into out (n bytes of room at least s.n); -1 on a bad
 * escape, else the length. With plus, '+' is a blank (query strings). */
int64_t pct_decode(struct str s, bool plus, char *out);
/* Everything but RFC 3986 unreserved bytes, and those in keep, as %XX. */
void pct_encode(struct buf *b, struct str s, const char *keep);

void hex_encode(const void *p, size_t n, char *out); /* 2n bytes and NUL */
bool hex_decode(struct str s, void *out);            /* s.n / 2 bytes */
void base64_encode(struct buf *b, struct str s);
bool base64_decode(struct str s, struct buf *b);

/* n random bytes as 2n lower-case hex digits and NUL. */
void random_hex(char *out, size_t n);
void random_bytes(void *p, size_t n);

#endif
