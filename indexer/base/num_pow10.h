/* SPDX-License-Identifier: Apache-2.0 */
/* num_pow10.h - powers of ten as 128 bits, for both directions between
 * doubles and decimal text.
 */
#ifndef ORRERY_BASE_NUM_POW10_H
#define ORRERY_BASE_NUM_POW10_H

#include <stdint.h>

enum { POW10_LEAST = -351, POW10_MOST = 350 };

/* high.low * 2^-127 is in [1, 2), and differs from 10^k by a power of two and
 * by what was cut off behind the 128 bits. Exact for k from 0 to 55. */
struct pow10 {
	uint64_t high, low;
};

struct pow10 pow10_floor(int k);
/* The next above, unless exact. */
struct pow10 pow10_ceiling(int k);

/* a * b as two words. */
static inline uint64_t mul128(uint64_t a, uint64_t b, uint64_t *ret_low)
{
	__extension__ unsigned __int128 p = (unsigned __int128)a * b;

	*ret_low = (uint64_t)p;
	return (uint64_t)(p >> 64);
}

/* Whole part of log2(10^k), for any k of the table. */
static inline int log2_pow10(int k)
{
	return (k * 1741647) >> 19;
}

#endif
