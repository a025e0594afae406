/* SPDX-License-Identifier: Apache-2.0 */
/* xattr.h - extended attributes: what the index knows of a thing besides its
 * bytes, as user.* that can be read.
 *
 * They follow from what is stored, so they are not set: to set or remove one
 * of their names has no effect (rsync -X and cp -a copy them along), any other
 * is refused. All but user.* is EOPNOTSUPP: programs then ask no more.
 */
#ifndef ORRERY_FS_XATTR_H
#define ORRERY_FS_XATTR_H

#include "fs/tree.h"

/* The value of a name, or (name empty) all names, each ended by a NUL. 1 where
 * it has no such. */
int fs_getxattr(struct fs_call *c, uint64_t id, struct str name,
		struct buf *ret, struct err *e);
/* What to answer to setxattr, and to removexattr: 0 or an errno. */
int xattr_set(struct str name);
int xattr_remove(struct str name);

#endif
