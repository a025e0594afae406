/* SPDX-License-Identifier: Apache-2.0 */
/* staged.h - how an upload in parts lies in its directory (internal to
 * indexer/objects; staging.h is for others). */
#ifndef ORRERY_OBJECTS_STAGED_H
#define ORRERY_OBJECTS_STAGED_H

#include "indexer/objects/staging.h"

#define STAGED_PREFIX "upload-"

enum { STAGED_DIR = sizeof(STAGED_PREFIX) + STAGING_ID, STAGED_NAME = 160 };

struct staging {
	int dir;
	int tmp; /* the store's temporary area; not ours to close */
	char name[STAGED_DIR];
};

/* The name of a part's file; and what a file's name says, false where it is
 * none of a part. */
void staged_name(const struct staging_part *p, char out[STAGED_NAME]);
bool staged_part(const char *name, struct staging_part *ret);
/* fn for every entry of a directory; it returns 0 to go on. */
int staged_each(int dir,
		int (*fn)(void *ctx, int dir, const char *name, struct err *e),
		void *ctx, struct err *e);

#endif
