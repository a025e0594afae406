/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_xattr.h - the kernel's requests about extended attributes (a part of
 * fuse.c). Includes come after FUSE_USE_VERSION.
 */
#ifndef ORRERY_FS_FUSE_XATTR_H
#define ORRERY_FS_FUSE_XATTR_H

#include <fuse_lowlevel.h>

#include "fs/request.h"

/* fuse.c: what is asked, on its way. */
void kernel_request(struct request *rq, fuse_req_t req, enum op op,
		    fuse_ino_t ino);

void fuse_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		   size_t size);
void fuse_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void fuse_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		   const char *value, size_t size, int flags);
void fuse_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
