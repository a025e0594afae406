/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h - moving points from tail rows into blocks (internal).
 *
 * A pass over a run takes the tail rows that there are at its start. Series
 * with many points in them get blocks, a few series per step; each step may
 * be a transaction of its own, for a series' "folded" says where it stands.
 * The last step puts what is left of the others into the newest of those rows
 * and deletes the older ones. Points that arrive meanwhile are in newer rows
 * and are not touched.
 */
#ifndef ORRERY_INDEX_FOLD_H
#define ORRERY_INDEX_FOLD_H

#include "indexer/index/live.h"

enum {
	FOLD_ROWS = 512,      /* tail rows of a run that call for a pass */
	FOLD_BYTES = 1 << 20, /* and bytes */
	FOLD_LEAST = 64,      /* fewer points of a series stay in the tail */
	FOLD_REST = 20000,    /* points of a run that a pass may leave there */
	FOLD_STEP = 64        /* series per step */
};

struct folder {
	struct live *live;
	struct codec *codec;
	struct buf packed;
	struct point points[BLOCK_POINTS];
	int64_t folds; /* blocks written */
};

void folder_init(struct folder *f, struct live *l, struct codec *c);
void folder_fini(struct folder *f);

/* At a flush: while the series has BLOCK_POINTS or more outside of blocks,
 * the oldest become blocks, also pending ones. Its row is still to be
 * written. */
int fold_full(struct folder *f, struct writer *w, struct live_run *r,
	      struct live_series *s, struct err *e);
/* Some of a pass, begun if there is none: for about budget_us. Last blocks
 * are filled up where that is cheap; whole: where it is possible at all.
 * 1 when there is more to do, 0 when the pass is over. */
int fold_step(struct folder *f, struct writer *w, struct live_run *r,
	      bool whole, int64_t budget_us, struct err *e);

#endif
