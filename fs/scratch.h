/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - where editors put their temporary files.
 *
 * A directory of params, tags or the like holds values, not files; yet
 * editors, sed -i and rsync write a temporary name there and rename it onto
 * the real one. Names that only such tools use are files of this mount alone,
 * not listed, not stored; renaming one onto a key sets the value. They go an
 * hour after the last write.
 *
 * A scratch file is a struct file that is in use as long as it has a name.
 */
#ifndef ORRERY_FS_SCRATCH_H
#define ORRERY_FS_SCRATCH_H

#include <stdatomic.h>

#include "fs/file.h"

struct scratches {
	atomic_int count;
};

bool scratch_name(struct str name);
/* A new one, empty; ret->node is held once for the caller. */
int scratch_create(struct fs_call *c, struct node *dir, struct str name,
		   uint32_t mode, struct found *ret, struct err *e);
/* Its name goes; it is freed when nobody has it open. */
void scratch_remove(struct fs *fs, struct node *n);
/* All it holds, at most limit bytes. */
int scratch_read(struct fs_call *c, struct node *n, size_t limit,
		 struct buf *ret, struct err *e);
void scratch_expire(struct fs *fs, int64_t now);

#endif
