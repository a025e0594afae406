/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_xattr.c - see fuse_xattr.h. */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)

#include "fs/fuse_xattr.h"

#include "fs/xattr.h"

void fuse_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		   size_t size)
{
	struct request rq = {.name = str_from(name), .size = size};

	kernel_request(&rq, req, OP_GETXATTR, ino);
}

void fuse_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct request rq = {.size = size};

	kernel_request(&rq, req, OP_GETXATTR, ino);
}

void fuse_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		   const char *value, size_t size, int flags)
{
	(void)ino, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, xattr_set(str_from(name)));
}

void fuse_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	fuse_reply_err(req, xattr_remove(str_from(name)));
}
