/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - artifacts: what their names and their bytes share.
 */
#ifndef ORRERY_FS_ARTIFACT_H
#define ORRERY_FS_ARTIFACT_H

#include "fs/kind.h"
#include "fs/move.h"
#include "indexer/base/scope.h"

/* What the index says of a node; within a snapshot. */
int artifact_of(struct fs_call *c, struct node *n, struct artifact *ret,
		struct err *e);

/* What rows of artifacts a directory of the tree shows: those of an owner
 * below a row, or the only one of a name there. mark: key of its nodes. */
struct artifact_dir {
	int64_t owner, parent;
	struct str only, mark;
};

/* Of a version, of a logged model, or below one (views.c); ERR_NOT_FOUND where
 * the files are not here. */
int view_dir_of(struct fs_call *c, const struct node *dir,
		struct artifact_dir *ret, struct err *e);

struct artifact_place {
	struct str run, path; /* in the arena of a command */
};

int artifact_path(struct fs_call *c, struct command *x, struct node *dir,
		  struct str name, struct artifact_place *ret, struct err *e);
/* ERR_INVALID for a name that none can have. */
int artifact_check_name(struct str name, struct err *e);

#endif
