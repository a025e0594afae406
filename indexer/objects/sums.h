/* SPDX-License-Identifier: Apache-2.0 */
/* sums.h - CRC-32C of each block of an object, so that a part of it can be
 * checked without the rest.
 *
 * They are one string of bytes: the shift that tells how large a block is
 * (1 << shift bytes, the last one may be shorter), then four bytes for each
 * block, the lowest first. A block has 256 KiB up to 65536 of them; beyond
 * that neighbours are made one, by their sums alone, until they are as few.
 */
#ifndef ORRERY_OBJECTS_SUMS_H
#define ORRERY_OBJECTS_SUMS_H

#include <stdbool.h>

#include "indexer/base/arena.h"

enum {
	SUMS_SHIFT = 18,
	SUMS_SHIFT_MAX = 40,
	SUMS_BLOCKS = 65536,
	SUMS_BYTES = 1 + 4 * SUMS_BLOCKS,
	/* Smaller objects need none: they are read whole. */
	SUMS_FROM = 4 << 20,
};

/* Of a stream, as it passes by. */
struct sums {
	uint32_t *crc; /* of whole blocks; NULL: none yet, or no memory */
	size_t n, room;
	unsigned shift;
	uint32_t last;  /* of the block at the end, */
	int64_t filled; /* which has so many bytes */
	bool failed;    /* there was no memory: there will be no sums */
};

void sums_init(struct sums *s);
void sums_fini(struct sums *s);
void sums_add(struct sums *s, const void *p, size_t n);
/* The CRC-32C of all that was added. */
uint32_t sums_total(const struct sums *s);
/* Append them to b; nothing where there was no memory for them. */
void sums_write(const struct sums *s, struct buf *b);

/* Written ones in hex, as a command carries them. */
struct str sums_as_hex(struct arena *a, struct str text);

/* Whether text is the sums of an object of that size. */
bool sums_valid(struct str text, int64_t size);
/* Of valid ones: the size of a block, and whether bytes are block i. */
int64_t sums_block(struct str text);
bool sums_check(struct str text, int64_t i, const void *p, size_t n);

#endif
