/* SPDX-License-Identifier: Apache-2.0 */
/* block.h - points packed into few bytes.
 *
 * A block holds up to BLOCK_POINTS points of one series in their order of
 * arrival: columns of steps, times and values (column.h), then zstd. Packing
 * and unpacking keep nothing between calls; a codec is only the memory that
 * they reuse, and belongs to one thread. Unpacking takes hostile bytes: an
 * error, never a crash. Form, integers little-endian:
 *
 *	1 byte   BLOCK_VERSION
 *	4 bytes  CRC-32C of all that follows
 *	1 byte   bit 0: the planes are a zstd frame; bits 1-7: values are
 *	         bits of doubles (0) or decimals with so many digits less 1
 *	varint   number of points
 *	         headers of the columns of steps, times, values
 *	         planes of the three columns
 */
#ifndef ORRERY_INDEX_BLOCK_H
#define ORRERY_INDEX_BLOCK_H

#include "indexer/base/err.h"
#include "indexer/base/point.h"
#include "indexer/base/str.h"

enum {
	BLOCK_POINTS = 4096,
	BLOCK_VERSION = 1,
	/* more than any block of BLOCK_POINTS takes */
	BLOCK_BYTES = 3 * 8 * BLOCK_POINTS + 4096
};

struct codec;
struct codec *codec_new(void); /* never NULL */
void codec_free(struct codec *c);

/* What is known of a block without decoding it. */
struct block_summary {
	int64_t count, text; /* points; bytes of them as lines of text */
	int64_t min_step, max_step, min_time, max_time;
	bool sorted; /* in point_compare_history's order */
};

/* The summary of some points, 1 at least, but for its text (0): that costs
 * more than all the rest and is known to most callers. */
void block_summarize(const struct point *p, size_t n,
		     struct block_summary *ret);
/* Bytes of points as lines of text. */
int64_t block_text(const struct point *p, size_t n);
/* Append the packed form of 1 to BLOCK_POINTS points to out. */
int block_pack(struct codec *c, const struct point *p, size_t n,
	       struct buf *out, struct err *e);
/* out has room for n = the count of the block's summary. */
int block_unpack(struct codec *c, struct str data, struct point *out, size_t n,
		 struct err *e);

#endif
