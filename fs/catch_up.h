/* SPDX-License-Identifier: Apache-2.0 */
/* catch_up.h - where the index is a copy (replica.h): waiting until it has what
 * a call must see. On the daemon's own host all of this does nothing.
 */
#ifndef ORRERY_FS_CATCH_UP_H
#define ORRERY_FS_CATCH_UP_H

#include "fs/tree.h"

/* What was just changed by this mount: so that who made a name finds it, also
 * where the server is lost right behind its answer. As long as a write may
 * wait. */
void fs_catch_up(struct fs_call *c, int64_t change);
/* A snapshot in which the points of a run can be read. May be parked, and
 * then or after a wait it is another snapshot than before. */
int fs_begin_points(struct fs_call *c, int64_t run_row, struct err *e);

#endif
