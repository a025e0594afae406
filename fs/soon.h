/* SPDX-License-Identifier: Apache-2.0 */
/* soon.h - neighbours: who opens the small files of a directory one after
 * another (find, grep -r, a loader of samples) will open those that follow, and
 * the cache is told of them.
 */
#ifndef ORRERY_FS_SOON_H
#define ORRERY_FS_SOON_H

#include <pthread.h>

#include "fs/call.h"

struct soon {
	pthread_mutex_t mu;
	/* guarded by: mu */
	int64_t owner, parent; /* of what was opened last, */
	int64_t last, named;   /* its row, and the last that was named */
	unsigned streak;       /* how many came in order */
};

void soon_init(struct soon *s);
void soon_fini(struct soon *s);
/* x is being opened to be read; within a snapshot. */
void soon_opened(struct fs_call *c, const struct artifact *x);

#endif
