/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h - a queue of runs to be folded (internal). A run may be in it more
 * than once: the second time there is nothing to do. */
#ifndef ORRERY_INDEX_JOBS_H
#define ORRERY_INDEX_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job {
	int64_t run;
	int64_t due_ms; /* monotonic; not before that */
	bool whole;     /* the run has ended: fill up last blocks */
};

struct jobs {
	struct job *ring;
	size_t head, n, cap; /* cap: a power of two */
};

void jobs_add(struct jobs *q, struct job j);
const struct job *jobs_first(const struct jobs *q); /* NULL: empty */
void jobs_drop(struct jobs *q);                     /* the first one */
void jobs_fini(struct jobs *q);

#endif
