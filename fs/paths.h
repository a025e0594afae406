/* SPDX-License-Identifier: Apache-2.0 */
/* paths.h - paths that are on their way to the daemon stay true.
 *
 * A command names an artifact by its path. If a directory above it were
 * renamed between the making of the path and the command's effect, the old
 * directory would come to life again. So who posts a path uses paths, and who
 * moves or removes a directory changes them: many may use, one may change,
 * and who wants to change goes first.
 *
 * Taken after the turn of a file (file.h), held while the daemon is waited
 * for, and waited for only by calls that may wait.
 */
#ifndef ORRERY_FS_PATHS_H
#define ORRERY_FS_PATHS_H

#include "fs/call.h"

struct paths {
	pthread_mutex_t mu;
	pthread_cond_t moved;
	int users, wanting; /* guarded by: mu */
	bool changing;      /* guarded by: mu */
};

void paths_init(struct paths *p);
void paths_fini(struct paths *p);
/* -1 when cancelled, or when a write has waited long enough. */
int paths_use(struct fs_call *c, struct err *e);
void paths_used(struct fs_call *c);
int paths_change(struct fs_call *c, struct err *e);
void paths_changed(struct fs_call *c);

#endif
