/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one FUSE mount of a tree: what mount.c needs of fuse.c.
 */
#ifndef ORRERY_FS_SESSION_H
#define ORRERY_FS_SESSION_H

#include "fs/tree.h"
#include "fs/watch.h"

struct session;

/* Mounted, and answering: threads read from the kernel. ERR_UNSUPPORTED where
 * it has no FUSE. */
struct session *session_start(struct fs *fs, const char *mountpoint,
			      struct err *e);
/* Wait until the kernel has ended it, wait_ms at most; true
 * if it has. */
bool session_wait(struct session *s, int64_t wait_ms);
/* End its threads, run what waits, unmount. */
void session_end(struct session *s);
/* Where changes are told; valid until session_end. */
struct watch_sink session_sink(struct session *s);

#endif
