/* SPDX-License-Identifier: Apache-2.0 */
/* varint.h - little-endian base-128 integers, and zigzag for signed ones. */
#ifndef ORRERY_BASE_VARINT_H
#define ORRERY_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 };

static inline uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ -(uint64_t)(v < 0);
}

static inline int64_t unzigzag(uint64_t u)
{
	return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
}

/* Writes at p (VARINT_MAX bytes of room); returns the end. */
static inline unsigned char *varint_put(unsigned char *p, uint64_t u)
{
	while (u >= 0x80) {
		*p++ = (unsigned char)(u | 0x80);
		u >>= 7;
	}
	*p++ = (unsigned char)u;
	return p;
}

/* Reads from p up to end; returns what follows, or NULL if it is cut short or
 * longer than 64 bits. */
static inline const unsigned char *
varint_get(const unsigned char *p, const unsigned char *end, uint64_t *ret)
{
	uint64_t u = 0;

	for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
		unsigned char c = *p++;

		if (shift == 63 && c > 1)
			return NULL;
		u |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = u;
			return p;
		}
	}
	return NULL;
}

#endif
