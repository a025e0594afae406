/* SPDX-License-Identifier: Apache-2.0 */
/* affected.h - which nodes a change of the index concerns.
 */
#ifndef ORRERY_FS_AFFECTED_H
#define ORRERY_FS_AFFECTED_H

#include "fs/tree.h"

enum { DUE_ATTR = 1, DUE_DATA = 2 };

struct due_entry {
	struct due_entry *next;
	struct node *dir; /* held */
	char name[];
};

/* What the kernel has yet to be told; of one thread. */
struct due {
	struct node *inodes; /* held, by next_due */
	struct due_entry *entries;
};

/* Within the snapshot of c. */
void affected(struct fs_call *c, struct due *d, const struct changed *x);
void affected_all(struct fs *fs, struct due *d);
void due_clear(struct fs *fs, struct due *d);

#endif
