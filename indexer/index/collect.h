/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - garbage collection: what was deleted long enough ago goes for
 * good, and so do objects that nothing names any more.
 *
 * Commands in a lane of their own do it, one after the other, each small; the
 * caller's thread waits for them and removes the bytes in between. It may be
 * killed at any moment: the next collection goes on where it ended.
 */
#ifndef ORRERY_INDEX_COLLECT_H
#define ORRERY_INDEX_COLLECT_H

#include "indexer/base/field.h"
#include "indexer/index/index.h"
#include "indexer/index/reader.h"
#include "indexer/objects/objects.h"

/* Public ids; lists of struct str. */
struct collect_names {
	struct field_list runs, experiments, models;
};

struct collect_counts {
	int64_t runs, experiments, models, tags;
	int64_t objects, bytes;        /* garbage whose bytes went */
	int64_t orphans, orphan_bytes; /* what crashes left; part of those */
	int64_t uploads;               /* abandoned ones */
};

enum collect_what {
	COLLECT_OLD,   /* all that is older than the age */
	COLLECT_NAMED, /* the things named, whatever their age */
	COLLECT_BEGUN, /* what an earlier collection did not end */
};

struct collect {
	struct index *index;
	struct objects *objects;
	struct principal who;
	enum collect_what what;
	int64_t age_ms;             /* COLLECT_OLD */
	struct collect_names names; /* COLLECT_NAMED */
	int64_t until; /* monotonic ms: stop about then; 0: never */
	/* Asked now and then: stop as soon as may be. May be NULL. */
	bool (*cancelled)(void *ctx);
	void *ctx;

	struct collect_counts did;
	bool complete; /* nothing more is to be done */
};

/* ERR_NOT_FOUND, ERR_STATE for a thing named that does not lie in the trash;
 * none of the others named with it is touched then (of so many as fit one
 * command, COLLECT_NAMES). What was done is in did, also after a failure. */
enum { COLLECT_NAMES = 200 };
int collect_run(struct collect *g, struct err *e);
/* What COLLECT_OLD would do, into did; nothing is changed. rd: outside of
 * begin and end. */
int collect_estimate(struct collect *g, struct reader *rd, struct err *e);

#endif
