/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h - stored bytes that are no file here: read through the cache.
 *
 * Who reads holds them meanwhile, so that a file may turn to other bytes while
 * one reader waits for the old ones.
 */
#ifndef ORRERY_FS_BYTES_H
#define ORRERY_FS_BYTES_H

#include "fs/tree.h"
#include "indexer/objects/cache.h"

struct bytes;

struct bytes *bytes_open(struct fs_call *c, const struct cached_name *name,
			 struct err *e);
struct bytes *bytes_hold(struct bytes *b); /* NULL stays NULL */
void bytes_drop(struct bytes *b);
/* The same where all of them lie here, without the store; else NULL. */
struct bytes *bytes_near(struct fs *fs, const struct cached_name *name);
/* As file_read. */
int64_t bytes_read(struct fs_call *c, struct bytes *b, int64_t off, char *out,
		   size_t n, struct err *e);
/* Descriptor of all of them where they lie here, else -1; while they are
 * held. */
int bytes_fd(const struct bytes *b);
/* The first size of them over the first of a file. */
int bytes_copy(struct fs_call *c, struct bytes *b, int to, int64_t size,
	       struct err *e);

/* What a read or a close may answer: EIO for all that is the store's. */
void bytes_error(struct err *e);

#endif
