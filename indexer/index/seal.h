/* SPDX-License-Identifier: Apache-2.0 */
/* seal.h - packed points begin with a byte of version and the CRC of what
 * follows, so that damage is an error and never another value.
 */
#ifndef ORRERY_INDEX_SEAL_H
#define ORRERY_INDEX_SEAL_H

#include <stdbool.h>

#include "indexer/base/crc32c.h"

enum { SEAL = 1 + 4 }; /* bytes */

/* Over the n bytes at p, of which the first SEAL are filled in. */
static inline void seal_put(void *p, size_t n, unsigned char version)
{
	unsigned char *at = p;
	uint32_t crc = crc32c(0, at + SEAL, n - SEAL);

	at[0] = version;
	for (int k = 0; k < 4; k++)
		at[1 + k] = (unsigned char)(crc >> 8 * k);
}

/* The n bytes at p, at least SEAL, are as they were sealed. */
static inline bool seal_holds(const void *p, size_t n)
{
	const unsigned char *at = p;
	uint32_t crc = 0;

	for (int k = 0; k < 4; k++)
		crc |= (uint32_t)at[1 + k] << 8 * k;
	return crc == crc32c(0, at + SEAL, n - SEAL);
}

#endif
