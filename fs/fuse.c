/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c - what the kernel asks, as calls of the tree.
 */
#include "fs/fuse.h"

#include <errno.h>
#include <sys/stat.h>

#include "fs/xattr.h"
#include "indexer/base/clock.h"

static struct fs_handle *handle_of(const struct fuse_file_info *fi)
{
	return fi ? (struct fs_handle *)(uintptr_t)fi->fh : NULL;
}

static void serve(struct request *rq, fuse_req_t req, enum op op,
		  fuse_ino_t ino)
{
	rq->host = kernel_host(fuse_req_userdata(req));
	rq->req = req;
	rq->op = op;
	rq->ino = ino;
	request_serve(rq, fuse_req_ctx(req)->pid);
}

static void serve_name(fuse_req_t req, enum op op, fuse_ino_t dir,
		       const char *name, mode_t mode)
{
	struct request rq = {.name = str_from(name), .mode = mode & 07777};

	serve(&rq, req, op, dir);
}

static void serve_handle(fuse_req_t req, enum op op, fuse_ino_t ino,
			 const struct fuse_file_info *fi)
{
	struct request rq = {.h = handle_of(fi)};

	if (fi)
		rq.flags = (unsigned)fi->flags;
	serve(&rq, req, op, ino);
}

/* The many that are told apart by their name only. */
#define DO_NAME(what, op)                                                      \
	static void do_##what(fuse_req_t req, fuse_ino_t dir,                  \
			      const char *name)                                \
	{                                                                      \
		serve_name(req, op, dir, name, 0);                             \
	}

#define DO_HANDLE(what, op)                                                    \
	static void do_##what(fuse_req_t req, fuse_ino_t ino,                  \
			      struct fuse_file_info *fi)                       \
	{                                                                      \
		serve_handle(req, op, ino, fi);                                \
	}

DO_NAME(lookup, OP_LOOKUP)
DO_NAME(unlink, OP_UNLINK)
DO_NAME(rmdir, OP_RMDIR)
DO_HANDLE(getattr, OP_GETATTR)
DO_HANDLE(open, OP_OPEN)
DO_HANDLE(opendir, OP_OPENDIR)
DO_HANDLE(flush, OP_FLUSH)
DO_HANDLE(release, OP_RELEASE)
DO_HANDLE(releasedir, OP_RELEASE)

static void do_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name,
		     mode_t mode)
{
	serve_name(req, OP_MKDIR, dir, name, mode);
}

static void do_rename(fuse_req_t req, fuse_ino_t dir, const char *name,
		      fuse_ino_t to_dir, const char *to_name, unsigned flags)
{
	struct request rq = {.name = str_from(name),
			     .to_ino = to_dir,
			     .to_name = str_from(to_name),
			     .flags = flags};

	serve(&rq, req, OP_RENAME, dir);
}

static void do_create(fuse_req_t req, fuse_ino_t dir, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct request rq = {.name = str_from(name),
			     .mode = mode & 07777,
			     .flags = (unsigned)fi->flags};

	serve(&rq, req, OP_CREATE, dir);
}

static int64_t ms_of(const struct timespec *t)
{
	return t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static void do_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st,
		       int what, struct fuse_file_info *fi)
{
	struct request rq = {.h = handle_of(fi)};

	rq.set = (struct fs_changes){
		.set_size = what & FUSE_SET_ATTR_SIZE,
		.set_mode = what & FUSE_SET_ATTR_MODE,
		.set_mtime =
			what & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW),
		.size = st->st_size,
		.mode = st->st_mode,
		.mtime = what & FUSE_SET_ATTR_MTIME_NOW ? clock_ms()
							: ms_of(&st->st_mtim),
	};
	serve(&rq, req, OP_SETATTR, ino);
}

#define DO_PIECE(what, op)                                                     \
	static void do_##what(fuse_req_t req, fuse_ino_t ino, size_t size,     \
			      off_t off, struct fuse_file_info *fi)            \
	{                                                                      \
		struct request rq = {                                          \
			.h = handle_of(fi), .size = size, .off = off};         \
                                                                               \
		serve(&rq, req, op, ino);                                      \
	}

DO_PIECE(readdirplus, OP_READDIR)
DO_PIECE(read, OP_READ)

static void do_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t n,
		     off_t off, struct fuse_file_info *fi)
{
	struct request rq = {.h = handle_of(fi),
			     .data = str_n(data, n),
			     .off = off,
			     .flags = (unsigned)fi->flags};

	serve(&rq, req, OP_WRITE, ino);
}

static void do_readlink(fuse_req_t req, fuse_ino_t ino)
{
	serve_handle(req, OP_READLINK, ino, NULL);
}

static void do_fsync(fuse_req_t req, fuse_ino_t ino, int data_only,
		     struct fuse_file_info *fi)
{
	(void)data_only;
	serve_handle(req, OP_FSYNC, ino, fi);
}

static void do_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	fs_forget(kernel_host(fuse_req_userdata(req))->fs, ino, n);
	fuse_reply_none(req);
}

static void do_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	fs_statfs(kernel_host(fuse_req_userdata(req))->fs, &st);
	fuse_reply_statfs(req, &st);
}

static void do_symlink(fuse_req_t req, const char *target, fuse_ino_t dir,
		       const char *name)
{
	struct request rq = {.name = str_from(name), .data = str_from(target)};

	serve(&rq, req, OP_SYMLINK, dir);
}

/* Nothing in this tree has two names. */
static void do_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir,
		    const char *name)
{
	(void)ino, (void)dir, (void)name;
	fuse_reply_err(req, EPERM);
}

static void do_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			size_t size)
{
	struct request rq = {.name = str_from(name), .size = size};

	serve(&rq, req, OP_GETXATTR, ino);
}

static void do_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct request rq = {.size = size};

	serve(&rq, req, OP_GETXATTR, ino);
}

static void do_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			const char *value, size_t size, int flags)
{
	(void)ino, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, xattr_set(str_from(name)));
}

static void do_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	fuse_reply_err(req, xattr_remove(str_from(name)));
}

/* What is absent here (locks) the kernel asks once, is told ENOSYS, and never
 * asks again. */
const struct fuse_lowlevel_ops fuse_operations = {
	.init = kernel_init,
	.lookup = do_lookup,
	.forget = do_forget,
	.getattr = do_getattr,
	.setattr = do_setattr,
	.readlink = do_readlink,
	.mkdir = do_mkdir,
	.unlink = do_unlink,
	.rmdir = do_rmdir,
	.symlink = do_symlink,
	.rename = do_rename,
	.link = do_link,
	.create = do_create,
	.open = do_open,
	.read = do_read,
	.write = do_write,
	.flush = do_flush,
	.fsync = do_fsync,
	.release = do_release,
	.opendir = do_opendir,
	.readdirplus = do_readdirplus,
	.releasedir = do_releasedir,
	.statfs = do_statfs,
	.getxattr = do_getxattr,
	.listxattr = do_listxattr,
	.setxattr = do_setxattr,
	.removexattr = do_removexattr,
};
