/* SPDX-License-Identifier: Apache-2.0 */
/* block.h - points packed into few bytes.
 *
 * Recent points lie in tail rows (one per run and commit, all series of the
 * run together: tail_pack); they are folded into blocks per series: columns
 * of steps, times and values, delta-coded, then zstd (block_pack). A block
 * keeps the order of arrival. Packing and unpacking are pure functions and
 * take hostile bytes: an error, never a crash.
 */
#ifndef ORRERY_INDEX_BLOCK_H
#define ORRERY_INDEX_BLOCK_H

#include "indexer/base/err.h"
#include "indexer/base/point.h"
#include "indexer/base/str.h"

enum { BLOCK_POINTS = 4096 };

/* What is known of a block without decoding it. */
struct block_summary {
	int64_t count, text; /* points; bytes of them as lines of text */
	int64_t min_step, max_step, min_time, max_time;
	bool sorted; /* in point_compare_history's order */
};

int block_pack(const struct point *p, size_t n, struct buf *out,
	       struct block_summary *ret, struct err *e);
/* out has room for n = the count of the block's summary. */
int block_unpack(struct str data, struct point *out, size_t n, struct err *e);

/* One series' points within a tail row. */
void tail_pack(struct buf *out, int64_t series, const struct point *p,
	       size_t n);
/* Walk a tail row; fn is called once per series in it. */
int tail_unpack(struct str data,
		int (*fn)(void *ctx, int64_t series, const struct point *p,
			  size_t n, struct err *e),
		void *ctx, struct err *e);

#endif
