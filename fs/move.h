/* SPDX-License-Identifier: Apache-2.0 */
/* move.h - renames: what may be moved where, one rule a row (move.c).
 */
#ifndef ORRERY_FS_MOVE_H
#define ORRERY_FS_MOVE_H

#include "fs/kind.h"

struct move {
	struct node *from, *to; /* directories */
	struct str from_name, to_name;
	struct found what;
	struct found over; /* what has the new name; kind 0: nothing */
	bool no_replace;
	bool moved; /* its node is where it belongs already */
};

typedef int move_fn(struct fs_call *c, struct move *m, struct err *e);

move_fn experiment_rename, experiment_to_trash,
	experiment_restore;                               /* experiments.c */
move_fn run_rename_dir, run_to_trash, run_restore;        /* runs.c */
move_fn model_rename;                                     /* models.c */
move_fn alias_rename;                                     /* aliases.c */
move_fn artifact_move;                                    /* artifacts.c */
move_fn tag_rename, scalar_to_scratch, scratch_to_scalar; /* keys.c */
move_fn scratch_rename, scratch_to_metric; /* move.c, metrics.c */

#endif
