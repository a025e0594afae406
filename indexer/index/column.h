/* SPDX-License-Identifier: Apache-2.0 */
/* column.h - a column of 64-bit integers as few seeds and planes of bytes.
 *
 * The k-th differences of a smooth column are small: k (0 to 3) is chosen by
 * the sum of their bits. Trailing zero bits that all of them share are cut
 * off; the rest is laid out as planes (all lowest bytes, then all second
 * ones, ...), because each plane has a distribution of its own that an
 * entropy coder can use. Order 0 is the distance from the least value.
 * Arithmetic wraps, so any numbers come back exactly.
 */
#ifndef ORRERY_INDEX_COLUMN_H
#define ORRERY_INDEX_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COLUMN_ORDER_MAX = 3, COLUMN_HEADER_MAX = 2 + COLUMN_ORDER_MAX * 10 };

struct column {
	unsigned order, shift, planes;
	uint64_t seeds[COLUMN_ORDER_MAX];
};

/* Choose the order for x; returns the estimated bits of the whole. */
uint64_t column_choose(struct column *c, const uint64_t *x, size_t n);
/* Turn x into what its planes hold; fills the rest of c. */
void column_reduce(struct column *c, uint64_t *x, size_t n);
/* How many numbers each plane has. */
size_t column_length(const struct column *c, size_t n);
/* Lay out reduced numbers; returns the end of what was written. */
unsigned char *column_planes(const struct column *c, const uint64_t *x,
			     size_t n, unsigned char *out);

unsigned char *column_header_put(const struct column *c, unsigned char *out);
/* NULL where the bytes are no header of a column of n. */
const unsigned char *column_header_get(struct column *c, size_t n,
				       const unsigned char *p,
				       const unsigned char *end);
/* The inverse of reduce and planes: n numbers from the planes at p. */
void column_restore(const struct column *c, const unsigned char *p, size_t n,
		    uint64_t *out);

#endif
