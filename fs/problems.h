/* SPDX-License-Identifier: Apache-2.0 */
/* problems.h - what this mount could not store and could tell nobody.
 *
 * An error of close is seen by few, one at the end of a process by none; so
 * each is kept here, in memory, and listed by .errors together with what the
 * daemon had to refuse.
 */
#ifndef ORRERY_FS_PROBLEMS_H
#define ORRERY_FS_PROBLEMS_H

#include <pthread.h>

#include "fs/limits.h"
#include "indexer/base/str.h"

struct problem {
	int64_t time;
	char *text;
};

struct problems {
	pthread_mutex_t mu;
	struct problem list[FS_PROBLEMS]; /* a ring */
	int64_t count;                    /* ever */
	const char *event;                /* constant: what the log calls one */
};

/* event: what the log calls one. */
void problems_init(struct problems *p, const char *event);
void problems_fini(struct problems *p);
/* where: a path or a name; why: what was wrong. Logged too. */
void problems_add(struct problems *p, struct str where, const char *why);
/* Lines "time TAB where TAB why". */
void problems_print(struct problems *p, struct buf *b);
int64_t problems_count(struct problems *p);

#endif
