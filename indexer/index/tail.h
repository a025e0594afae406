/* SPDX-License-Identifier: Apache-2.0 */
/* tail.h - the form of a tail row: recent points of many series of a run.
 *
 * A row is its seal (seal.h) and then one chunk per series:
 *
 *	varint   series, zigzag distance from the chunk before
 *	varint   bytes of the points that follow
 *	         points: step and time as zigzag distances from the point before
 *	         (the first one: from the first one of the chunk before), and
 *	         the eight bytes of the value
 *
 * so that a reader of one series passes over the others quickly. Reading
 * takes hostile bytes: an error, never a crash.
 */
#ifndef ORRERY_INDEX_TAIL_H
#define ORRERY_INDEX_TAIL_H

#include "indexer/base/err.h"
#include "indexer/base/point.h"
#include "indexer/base/str.h"

enum {
	TAIL_VERSION = 1,
	TAIL_POINT_MIN = 1 + 1 + 8, /* bytes of a point */
	TAIL_POINT_MAX = 10 + 10 + 8,
	TAIL_CHUNK_MAX = 20 /* bytes before the points */
};

struct tail_writer {
	struct buf *out;
	int64_t series;
	struct point base; /* first of the chunk before */
};

/* out is empty then. */
void tail_begin(struct tail_writer *w, struct buf *out);
/* One series' points, n > 0; a failure shows in the buffer. */
void tail_put(struct tail_writer *w, int64_t series, const struct point *p,
	      size_t n);
/* Seal the row; false where it has no points, or the buffer failed. */
bool tail_end(struct tail_writer *w);

struct tail_reader {
	const unsigned char *at, *end;
	int64_t series;
	struct point base;
};

struct tail_chunk {
	int64_t series;
	size_t most; /* there are not more points than that */
	const unsigned char *at, *end;
	struct point base;
};

int tail_open(struct tail_reader *r, struct str row, struct err *e);
/* 1 with a chunk, 0 at the end of the row, -1 with ERR_CORRUPT. */
int tail_next(struct tail_reader *r, struct tail_chunk *ret, struct err *e);
/* The points of a chunk into out, which has room for chunk->most. */
int tail_points(const struct tail_chunk *c, struct point *out, size_t *ret_n,
		struct err *e);

#endif
