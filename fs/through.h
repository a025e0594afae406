/* SPDX-License-Identifier: Apache-2.0 */
/* through.h - files that the kernel reads by itself (passthrough of FUSE).
 *
 * Where the mount may (it takes CAP_SYS_ADMIN and Linux 6.9), the kernel is
 * given the descriptor of an artifact's stored bytes when it is opened to be
 * read, and then reads and maps them as those of any local file.
 *
 * To the kernel an inode is either read so or by way of its page cache, as
 * long as anything has it open; and it is read from one stored file. So the
 * mode is chosen with the first handle. What does not go with it (a writer,
 * or bytes that are others by now) is told that the node is stale: the node
 * is retired, the kernel looks the path up again and finds another node in
 * its place. Who had it open keeps what it opened, as it would after a rename
 * over it. A log must not be taken away from who follows it: so only what has
 * settled is read through, files of runs that have ended and of versions.
 */
#ifndef ORRERY_FS_THROUGH_H
#define ORRERY_FS_THROUGH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/node.h"

struct fs;
struct fs_call;
struct fs_handle;

/* How the kernel is given a descriptor; a test may take it instead. */
struct through_sink {
	/* Its number, > 0; or -errno. */
	int (*open)(void *ctx, int fd);
	void (*close)(void *ctx, int number);
	void *ctx;
};

enum { THROUGH_RETIRED = 1024 };

struct throughs {
	pthread_mutex_t mu; /* taken before the locks of files and nodes */
	/* guarded by mu: */
	struct through_sink sink; /* open NULL: the kernel takes none */
	int count;
	int64_t handles; /* read through since the mount began */
	/* When a node last gave way, by hash of its identity; 0: never. */
	int64_t retired[THROUGH_RETIRED];
};

void throughs_init(struct throughs *t);
void throughs_fini(struct throughs *t);
void throughs_offer(struct throughs *t, const struct through_sink *sink);
int64_t throughs_handles(struct throughs *t);

/* Around the opening of a file by a handle that has its node. ERR_NOT_FOUND:
 * the node is stale. */
int through_begin(struct fs *fs, struct fs_handle *h, struct err *e);
int through_choose(struct fs_call *c, struct fs_handle *h, struct err *e);
/* When the handle ends. */
void through_leave(struct fs *fs, struct fs_handle *h);
/* A change of size by path. ERR_NOT_FOUND: the node is stale. */
int through_break(struct fs *fs, struct node *n, struct err *e);
/* What a node was when it was retired; false for any other. */
bool through_attr(struct fs *fs, struct node *n, struct attr *ret);
/* The number that the kernel knows it by, 0 where it is not read through. */
int through_number(const struct fs_handle *h);

#endif
