/* SPDX-License-Identifier: Apache-2.0 */
/* points_internal.h - what points.c, settle.c and journal_apply.c share. */
#ifndef ORRERY_INDEX_POINTS_INTERNAL_H
#define ORRERY_INDEX_POINTS_INTERNAL_H

#include "indexer/index/fold.h"
#include "indexer/index/intake.h"
#include "indexer/index/jobs.h"
#include "indexer/index/points.h"

/* Without points for so long a larger tail is folded. */
enum { QUIET_MS = 5000 };

struct points {
	struct codec *codec;
	struct live live;
	struct intake intake;
	struct folder folder;
	struct buf row;
	struct live_run *dirty_first, **dirty_last;
	int64_t owed_us; /* estimate of their flush */

	struct jobs soon, later; /* runs to be folded; later: when quiet */
	int64_t sweep;           /* run row looked at last; SWEPT: all are */
};

#define SWEPT INT64_MAX

/* Take what was collected in the intake. */
int points_take(struct writer *w, struct err *e);

#endif
