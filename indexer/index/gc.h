/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - the steps of taking things away for good (internal; collect.h puts
 * them together).
 *
 * A thing in the trash is doomed first, by one row: from then on nobody sees
 * it and its name is free. Its rows go after that, in as many commands as it
 * takes; each touches LIMIT_GC_ROWS rows or takes LIMIT_GC_MS. What they held
 * in the object store becomes garbage. Objects are claimed before their bytes
 * go, so that no artifact can come to name them meanwhile, and leave the list
 * afterwards. A crash between any two steps leaves what the next gc goes on
 * with, and an index without faults.
 */
#ifndef ORRERY_INDEX_GC_H
#define ORRERY_INDEX_GC_H

#include "indexer/index/collect.h"
#include "indexer/index/writer.h"

enum gc_step {
	GC_DOOM_OLD,      /* what lies in the trash since "before" */
	GC_DOOM_NAMED,    /* what is named; it must be in the trash */
	GC_TAKE_ROWS,     /* rows of what is doomed */
	GC_TAKE_TAGS,     /* tags removed before "before" */
	GC_CLAIM_GARBAGE, /* objects that are garbage since "before" */
	GC_CLAIM_ORPHANS, /* those of the keys that nobody names */
	GC_FREED,         /* the bytes of the keys are gone */
	GC_STEPS
};

struct gc_object {
	struct str key;
	int64_t size;
};

enum {
	GC_OBJECTS = 64,              /* of one command */
	UPLOAD_MS = 24 * 3600 * 1000, /* then it is abandoned */
};

struct cmd_gc {
	struct command c;
	enum gc_step step;
	int64_t before; /* ms since 1970 */
	struct collect_names names;
	/* Given to the last two steps; the claims leave here what was claimed.
	 * Keys lie in the command's arena. */
	struct gc_object objects[GC_OBJECTS];
	size_t nobjects;
	struct collect_counts ret_did;
	bool ret_more; /* there is more of this step to do */
};

/* The steps; gc_rows.c: GC_TAKE_ROWS. */
int gc_take_rows(struct writer *w, struct cmd_gc *x, struct err *e);

/* Objects that nothing names and that are old enough, into g->did: counted
 * only, or removed as well. 0 when it was stopped, 1 at its end. */
int collect_orphans(struct collect *g, struct reader *rd, bool remove,
		    struct err *e);

#endif
