/* SPDX-License-Identifier: Apache-2.0 */
/* series_cache.h - what a reader keeps for reading points (internal).
 *
 * A stretch is a piece of a series as text. A series only grows at its end,
 * so what stands at some offset of its text never changes: a stretch stays
 * right for as long as the index is the same incarnation, folded or not.
 */
#ifndef ORRERY_INDEX_SERIES_CACHE_H
#define ORRERY_INDEX_SERIES_CACHE_H

#include "indexer/index/block.h"
#include "indexer/index/db.h"
#include "indexer/index/reader.h"

struct stretch {
	int64_t epoch, series, start; /* series 0: empty */
	int64_t points;               /* whole lines that it holds */
	struct buf text;
};

enum { STRETCHES = 3 };

struct series_cache {
	struct codec *codec;
	struct stretch stretches[STRETCHES];
	size_t next; /* to be replaced */
};

/* The reader's own, made if there is none. */
struct series_cache *series_cache(struct reader *rd);

/* Where the points of a series lie. */
struct series_place {
	int64_t count, text, block_count, block_text, folded;
};

int series_place(struct reader *rd, const struct series *s,
		 struct series_place *ret, struct err *e);
/* The points in tail rows beyond place->folded, in order of arrival. */
int series_tail(struct reader *rd, const struct series *s,
		const struct series_place *place,
		int (*fn)(void *ctx, const struct point *p, size_t n,
			  struct err *e),
		void *ctx, struct err *e);
/* Room for the points of any block; free() it. */
struct point *series_room(void);

#endif
