/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.h - libfuse, and who shares it: fuse.c turns what the kernel asks into
 * requests, fuse_answer.c what is answered back, kernel.c has the session.
 * Nobody else knows libfuse.
 */
#ifndef ORRERY_FS_FUSE_H
#define ORRERY_FS_FUSE_H

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)

#include <fuse_lowlevel.h>

#include "fs/request.h"

/* The user data of a session is its struct kernel. */
extern const struct fuse_lowlevel_ops fuse_operations;

/* As struct request_host has them. */
void fuse_arm(struct request *rq, bool on);
int fuse_answer(struct request *rq, const struct answer *a);
size_t fuse_add_entry(struct request *rq, char *at, size_t room,
		      const char *name, int64_t next, const struct fs_entry *x);

/* kernel.c */
struct request_host *kernel_host(void *kernel);
void kernel_init(void *kernel, struct fuse_conn_info *conn);

#endif
