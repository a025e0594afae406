/* SPDX-License-Identifier: Apache-2.0 */
/* drain_parking.h - requests that wait for journals (internal). Guarded by
 * the drain's lock, all of it.
 */
#ifndef ORRERY_INDEX_DRAIN_PARKING_H
#define ORRERY_INDEX_DRAIN_PARKING_H

#include "indexer/index/drain_source.h"

/* A journal, and the sequence that must be committed there. */
struct target {
	int64_t source, seq;
};

struct parked {
	struct parked *next;
	void (*resume)(void *ctx);
	void *ctx;
	int64_t until; /* monotonic ms */
	bool unsure; /* a journal was not known yet: look again after a scan */
	struct str run_id; /* kept behind the struct */
	size_t n;
	struct target targets[DRAIN_JOURNALS];
};

struct parking {
	struct parked *first;
	size_t n;
};

/* What a run has pending in the journals of a list. */
size_t parking_targets(const struct source *list, struct str run_id,
		       struct target *ret);
/* False where the parking is full. */
bool parking_add(struct parking *p, struct parked *x);
struct parked *parked_new(struct str run_id);
/* All of it is committed, or its time is up. */
bool parked_over(struct parked *x, const struct source *list, int64_t now);
/* After a scan: those that were unsure wait for what is known now. */
void parking_settle(struct parking *p, const struct source *list);
/* Take out those whose wait is over (all of them where all is set). */
struct parked *parking_take(struct parking *p, const struct source *list,
			    bool all);
/* Monotonic ms of the next that gives up; INT64_MAX where none is. */
int64_t parking_next(const struct parking *p);

#endif
