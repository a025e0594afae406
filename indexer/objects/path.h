/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - keys as paths below one directory, never out of it.
 *
 * Each part of a key is opened by itself, from the directory before it, and
 * never through a symbolic link; so no key and no change of the tree meanwhile
 * leads outside. Errors are negative errno values.
 */
#ifndef ORRERY_OBJECTS_PATH_H
#define ORRERY_OBJECTS_PATH_H

#include <linux/limits.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum { PATH_DEPTH_MAX = 160 };
/* The store's own directory; no key begins with it. */
#define PATH_TMP ".tmp"

/* Parts that are neither empty nor "." nor "..", no NUL, not too many. */
bool path_valid(struct str key);

/* Where the last part of a key lies. */
struct leaf {
	int dir; /* to be closed by who asked */
	char name[NAME_MAX + 1];
};

int path_find(int root, struct str key, struct leaf *ret);
/* The same, making the directories that are missing; what it makes is on
 * disk on return, or removed again. */
int path_make(int root, struct str key, struct leaf *ret);
/* Remove the directories of a key that are empty. */
void path_prune(int root, struct str key);

/* Every regular file below root but those of PATH_TMP. */
int path_each(int root,
	      int (*fn)(void *ctx, struct str key, int64_t size, int64_t mtime,
			struct err *e),
	      void *ctx, struct err *e);

#endif
