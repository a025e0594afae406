/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - telling the kernel what it must ask again.
 *
 * The kernel keeps names, attributes and listings for long; a thread of its
 * own waits for the change number of the index to move, reads what changed,
 * and takes back what the kernel knows of just that. No lock of ours is held
 * while it is told (telling waits for locks of the kernel, and these for
 * requests that we answer). A name is not taken back while a request holds
 * its directory's lock in the kernel; no node is told of more often than
 * twice a second.
 *
 * It keeps the memory of both sides finite too: beyond FS_NODES, what only
 * the kernel's memory holds is taken back from it bit by bit (Linux 6.18 is
 * told by number; to older ones files are told by name, directories not: who
 * works in one would no longer know where).
 */
#ifndef ORRERY_FS_WATCH_H
#define ORRERY_FS_WATCH_H

#include "fs/tree.h"

/* How the kernel is told; a test may listen instead. */
struct watch_sink {
	/* Attributes, with data also pages (the listing of a directory). */
	void (*inode)(void *ctx, uint64_t id, bool data);
	void (*entry)(void *ctx, uint64_t dir, struct str name);
	/* Inodes that nobody uses are forgotten; -1 where it cannot. Or NULL.
	 */
	int (*prune)(void *ctx, const uint64_t *ids, uint32_t n);
	void *ctx;
};

struct watch;

struct watch *watch_start(struct fs *fs, const struct watch_sink *sink,
			  struct err *e);
void watch_stop(struct watch *w);

#endif
