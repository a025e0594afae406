/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h - the device through which the kernel asks (by fuse.h).
 */
#ifndef ORRERY_FS_KERNEL_H
#define ORRERY_FS_KERNEL_H

#include "fs/request.h"

struct kernel;

/* Mounts; on_init is called by the thread that serves the first request,
 * before any other is there. */
struct kernel *kernel_mount(struct request_host *host, const char *mountpoint,
			    void (*on_init)(void *ctx), void *ctx,
			    struct err *e);
/* Serve requests until the mount has ended, or kernel_stop and a signal. */
void kernel_serve(struct kernel *k);
void kernel_stop(struct kernel *k);
/* Unmounts if need be; nobody serves any more. */
void kernel_free(struct kernel *k);

/* What the kernel must ask again; with data also pages. */
void kernel_forget_inode(void *kernel, uint64_t id, bool data);
void kernel_forget_entry(void *kernel, uint64_t dir, struct str name);
/* It forgets those that nobody uses; -1 where it cannot. */
int kernel_prune(void *kernel, const uint64_t *ids, uint32_t n);

#endif
