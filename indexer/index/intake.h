/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - taking a batch of points into live runs, exact duplicates left
 * out (internal).
 *
 * A batch is collected first (intake_add), of any number of series and runs.
 * intake_take then looks for duplicates, which may fail, and takes the new
 * points, which cannot. A point states its step and time or, when it comes
 * from a metric file, may lack its time or both:
 *
 *	step and time   vanishes where the same point is there already
 *	no time         is new by definition: it gets the time of acceptance,
 *	                moved on by a millisecond where it would repeat a point
 *	no step either  one more than the step of the last point that arrived
 */
#ifndef ORRERY_INDEX_INTAKE_H
#define ORRERY_INDEX_INTAKE_H

#include "indexer/index/known.h"
#include "indexer/index/live.h"
#include "indexer/journal/line.h"

struct incoming {
	struct journal_point p;
	int64_t accepted; /* the time of one without; not in the future */
	size_t next;      /* of the same series, NONE at the end */
};

/* The points of one series in the batch. */
struct intake_group {
	struct live_run *run;
	struct live_series *series;
	size_t first, last, n;
	bool plain; /* no point of it can be a duplicate */
};

/* One per writer; its memory is kept between batches. */
struct intake {
	struct live *live;
	struct codec *codec;
	uint64_t batch; /* number of it */
	struct incoming *incoming;
	size_t n, cap;
	struct intake_group *groups;
	size_t ngroups, groups_cap;
	struct known_set known;
	struct point block[BLOCK_POINTS];
};

void intake_init(struct intake *in, struct live *l, struct codec *c);
void intake_fini(struct intake *in);
/* A new batch; what was collected and not taken is dropped. */
void intake_begin(struct intake *in);
void intake_add(struct intake *in, struct live_run *r, struct live_series *s,
		const struct journal_point *p, int64_t accepted);
/* fresh is called for each series that got points. */
int intake_take(struct intake *in, struct writer *w,
		void (*fresh)(struct writer *w, struct live_run *r,
			      struct live_series *s),
		struct err *e);

#endif
