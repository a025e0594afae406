/* SPDX-License-Identifier: Apache-2.0 */
/* io.h - whole reads and writes, directories, and what "on disk" takes. */
#ifndef ORRERY_BASE_IO_H
#define ORRERY_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

/* All n bytes, going on after short transfers and EINTR; -1 with err. */
int io_write_all(int fd, const void *p, size_t n, struct err *e);
int io_pwrite_all(int fd, const void *p, size_t n, int64_t off, struct err *e);
/* Up to n bytes; fewer only at the end of the file. */
ssize_t io_pread_all(int fd, void *p, size_t n, int64_t off, struct err *e);
/* The first size bytes of one file, all where it is negative, over the first
 * of another; blocks are shared where the file system can. */
int io_copy(int from, int to, int64_t size, struct err *e);
/* A file without a name in dir, which is made if absent, to be read and
 * written. */
int io_unnamed(const char *dir, struct err *e);
/* A whole small file, at most limit bytes, appended to b. */
int io_read_file(const char *path, size_t limit, struct buf *b, struct err *e);
/* Replace path atomically and durably: temporary file, fsync, rename, fsync
 * of the directory. */
int io_replace_file(const char *path, struct str data, mode_t mode,
		    struct err *e);
int io_fsync_dir(const char *path, struct err *e);
/* mkdir -p with mode for what is made; the new entries are fsynced. */
int io_mkdirs(const char *path, mode_t mode, struct err *e);
/* True where the path lies on a file system that SQLite must not use: NFS,
 * 9p, FUSE. name gets its name. */
bool io_unsafe_fs(const char *path, const char **name);

#endif
