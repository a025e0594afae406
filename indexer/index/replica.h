/* SPDX-License-Identifier: Apache-2.0 */
/* replica.h - what a daemon sends to those who keep a copy of its index.
 *
 * The hard idea: all things stand in one order, by the change that touched
 * them last (then by kind and row), and a page is what follows a place in it,
 * as one snapshot has it. What changes again moves to the end and is met
 * there. So a copy from the start, a page of news and what was missed in a
 * week are the same request, and each may break off anywhere. Of what hangs
 * on a thing (replica_table.h) either all comes, in place of what was there,
 * or what is newer than "base", the last change at which nothing was missing.
 * Statements filter by who asks: what is not visible is not sent, and what is
 * no longer visible is dropped by its row of "removed".
 *
 * A page is "ORP1", a head of numbers, and a zstd frame of records. Points lie
 * in blocks and tails; blocks are sent only of runs that are asked for.
 */
#ifndef ORRERY_INDEX_REPLICA_H
#define ORRERY_INDEX_REPLICA_H

#include "indexer/index/reader.h"

enum {
	REPLICA_PAGE_GOAL = 1 << 20, /* bytes of records after which it ends */
	REPLICA_PAGE_MAX = 64 << 20, /* more are refused on either side */
	REPLICA_PAGE_MS = 40,        /* the work after which it ends */
	REPLICA_TOTALS = 8,
	REPLICA_KEPT = 256, /* series of which a request says what is there */
};

/* A place in the order; part and after: within the rows of (kind, row). */
struct replica_place {
	int64_t change, kind, row, part, after;
};

struct replica_ask {
	int64_t epoch, view; /* as the last page told; epoch 0: none yet */
	int64_t base;        /* nothing up to this change is missing */
	int64_t refused;     /* last row of refused lines */
	int64_t most;        /* bytes of records; 0: REPLICA_PAGE_GOAL */
	struct replica_place at;
};

struct replica_head {
	int64_t schema, epoch, change, forgotten, view;
	bool level; /* nothing follows in this snapshot */
	bool over;  /* the place is of no use: begin from the start */
	struct replica_place at;        /* to go on from */
	int64_t totals[REPLICA_TOTALS]; /* as struct index_totals */
};

/* The page that follows; within a snapshot. */
int replica_page(struct reader *rd, const struct replica_ask *q,
		 struct buf *out, struct err *e);

/* The points of one run: blocks after (series, start), and with the last of
 * them its series and tails, which then fit them. Of a series that is "kept"
 * only blocks after that one: those before it are there, and folds will not
 * merge them any more. */
struct replica_kept {
	int64_t series, start;
};
struct replica_points_ask {
	int64_t run, series, start;
	size_t nkept; /* in the order of series */
	struct replica_kept kept[REPLICA_KEPT];
};
/* "series.start,series.start": what is kept as a request says it. */
void replica_kept_write(const struct replica_points_ask *q, struct buf *b);
int replica_kept_parse(struct str text, struct replica_points_ask *q,
		       struct err *e);
int replica_points_page(struct reader *rd, const struct replica_points_ask *q,
			struct buf *out, struct err *e);

#endif
