/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c - the kernel's requests into calls of the tree, and the answers
 * back. Only this and fuse_xattr.c know libfuse.
 */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fs/device.h"
#include "fs/fuse_xattr.h"
#include "fs/kernel.h"
#include "indexer/base/clock.h"

struct kernel {
	struct request_host *host;
	struct fuse_session *se;
	pthread_mutex_t turn; /* to read: who has it does what is quick */
	void (*on_init)(void *ctx);
	void *ctx;
	struct device device;
};

/* --- answers -------------------------------------------------------------- */

static void on_interrupt(fuse_req_t req, void *data)
{
	(void)req;
	request_interrupted(data);
}

/* libfuse keeps a lock of the request while it calls on_interrupt. */
static void arm(struct request *rq, bool on)
{
	fuse_req_interrupt_func(rq->req, on ? on_interrupt : NULL,
				on ? rq : NULL);
}

static struct stat stat_of(const struct fs *fs, const struct attr *a)
{
	struct timespec t = {a->mtime / 1000, a->mtime % 1000 * 1000000};

	return (struct stat){
		.st_ino = a->ino,
		.st_mode = a->mode & ~(mode_t)(S_ISUID | S_ISGID),
		.st_nlink = 1,
		.st_uid = fs->uid,
		.st_gid = fs->gid,
		.st_size = a->size,
		.st_blksize = 4096,
		.st_blocks = (a->size + 511) / 512,
		.st_atim = t,
		.st_mtim = t,
		.st_ctim = t,
	};
}

static struct fuse_entry_param entry_of(const struct fs *fs,
					const struct fs_entry *x)
{
	double patience = attr_patience(&x->attr);

	return (struct fuse_entry_param){
		.ino = x->id,
		.attr = stat_of(fs, &x->attr),
		.attr_timeout = patience,
		.entry_timeout = patience,
	};
}

static struct fuse_file_info opened(const struct fs_handle *h)
{
	struct fs_opened how;

	fs_handle_how(h, &how);
	return (struct fuse_file_info){
		.fh = (uintptr_t)h,
		.direct_io = how.direct,
		.keep_cache = how.keep_cache,
		.cache_readdir = how.cache_listing,
		.noflush = how.no_flush,
	};
}

/* libfuse has no answer for what the kernel is to read by itself. */
static int send_opened(struct request *rq, const struct answer *a)
{
	struct fuse_entry_param p = entry_of(rq->host->fs, &a->entry);
	struct fuse_file_info fi = opened(a->h);
	struct device_opened alone = device_opened(fi.fh, through_number(a->h));

	if (alone.number)
		return fuse_reply_buf(rq->req, (char *)&alone, sizeof(alone));
	return a->kind == ANSWER_OPEN ? fuse_reply_open(rq->req, &fi)
				      : fuse_reply_create(rq->req, &p, &fi);
}

static int send_entry(struct request *rq, const struct answer *a)
{
	struct fuse_entry_param p = entry_of(rq->host->fs, &a->entry);

	return fuse_reply_entry(rq->req, &p);
}

static int send_attr(struct request *rq, const struct attr *a)
{
	struct stat st = stat_of(rq->host->fs, a);

	return fuse_reply_attr(rq->req, &st, attr_patience(a));
}

static int send(struct request *rq, const struct answer *a)
{
	switch (a->kind) {
	case ANSWER_ENTRY:
		return send_entry(rq, a);
	case ANSWER_CREATE:
	case ANSWER_OPEN:
		return send_opened(rq, a);
	case ANSWER_ATTR:
		return send_attr(rq, &a->attr);
	case ANSWER_BYTES:
		return fuse_reply_buf(rq->req, a->bytes, a->n);
	case ANSWER_COUNT:
		return fuse_reply_write(rq->req, a->n);
	case ANSWER_SIZE:
		return fuse_reply_xattr(rq->req, a->n);
	case ANSWER_TARGET:
		return fuse_reply_readlink(rq->req, a->bytes);
	case ANSWER_ERROR:
	default:
		return fuse_reply_err(rq->req, a->error);
	}
}

static size_t add_entry(struct request *rq, char *at, size_t room,
			const char *name, int64_t next,
			const struct fs_entry *x)
{
	struct fuse_entry_param p = entry_of(rq->host->fs, x);

	return fuse_add_direntry_plus(rq->req, at, room, name, &p, next);
}

/* --- what is asked -------------------------------------------------------- */

static struct fs_handle *handle_of(const struct fuse_file_info *fi)
{
	return fi ? (struct fs_handle *)(uintptr_t)fi->fh : NULL;
}

void kernel_request(struct request *rq, fuse_req_t req, enum op op,
		    fuse_ino_t ino)
{
	const struct kernel *k = fuse_req_userdata(req);

	rq->host = k->host;
	rq->req = req;
	rq->op = op;
	rq->ino = ino;
	request_serve(rq, fuse_req_ctx(req)->pid);
}

static void serve_name(fuse_req_t req, enum op op, fuse_ino_t dir,
		       const char *name, mode_t mode)
{
	struct request rq = {.name = str_from(name), .mode = mode & 07777};

	kernel_request(&rq, req, op, dir);
}

static void serve_handle(fuse_req_t req, enum op op, fuse_ino_t ino,
			 const struct fuse_file_info *fi)
{
	struct request rq = {.h = handle_of(fi)};

	if (fi)
		rq.flags = (unsigned)fi->flags;
	kernel_request(&rq, req, op, ino);
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

	kernel_request(&rq, req, OP_RENAME, dir);
}

static void do_create(fuse_req_t req, fuse_ino_t dir, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct request rq = {.name = str_from(name),
			     .mode = mode & 07777,
			     .flags = (unsigned)fi->flags};

	kernel_request(&rq, req, OP_CREATE, dir);
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
	kernel_request(&rq, req, OP_SETATTR, ino);
}

#define DO_PIECE(what, op)                                                     \
	static void do_##what(fuse_req_t req, fuse_ino_t ino, size_t size,     \
			      off_t off, struct fuse_file_info *fi)            \
	{                                                                      \
		struct request rq = {                                          \
			.h = handle_of(fi), .size = size, .off = off};         \
                                                                               \
		kernel_request(&rq, req, op, ino);                             \
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

	kernel_request(&rq, req, OP_WRITE, ino);
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
	const struct kernel *k = fuse_req_userdata(req);

	fs_forget(k->host->fs, ino, n);
	fuse_reply_none(req);
}

static void do_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct kernel *k = fuse_req_userdata(req);
	struct statvfs st;

	(void)ino;
	fs_statfs(k->host->fs, &st);
	fuse_reply_statfs(req, &st);
}

static void do_symlink(fuse_req_t req, const char *target, fuse_ino_t dir,
		       const char *name)
{
	struct request rq = {.name = str_from(name), .data = str_from(target)};

	kernel_request(&rq, req, OP_SYMLINK, dir);
}

/* Nothing in this tree has two names. */
static void do_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir,
		    const char *name)
{
	(void)ino, (void)dir, (void)name;
	fuse_reply_err(req, EPERM);
}

static void do_init(void *data, struct fuse_conn_info *conn)
{
	struct kernel *k = data;
	const struct through_sink sink = {device_through, device_not_through,
					  &k->device};

	conn->want &=
		~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ |
			    FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable &
		      (FUSE_CAP_READDIRPLUS | FUSE_CAP_ATOMIC_O_TRUNC |
		       FUSE_CAP_AUTO_INVAL_DATA);
	conn->max_background = FS_BACKGROUND;
	conn->congestion_threshold = FS_BACKGROUND * 3 / 4;
	if (k->device.has_through)
		throughs_offer(&k->host->fs->throughs, &sink);
	k->on_init(k->ctx);
}

/* What is absent here (locks) the kernel asks once, is told ENOSYS, and never
 * asks again. */
static const struct fuse_lowlevel_ops operations = {
	.init = do_init,
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
	.getxattr = fuse_getxattr,
	.listxattr = fuse_listxattr,
	.setxattr = fuse_setxattr,
	.removexattr = fuse_removexattr,
};

/* --- the device ----------------------------------------------------------- */

static ssize_t read_device(int fd, void *p, size_t size, void *data)
{
	return device_read(&((struct kernel *)data)->device, fd, p, size);
}

static ssize_t write_device(int fd, struct iovec *iov, int count, void *data)
{
	return device_write(&((struct kernel *)data)->device, fd, iov, count);
}

/* --- life ----------------------------------------------------------------- */

/* One request, with the turn before and after it. What is quick is done by
 * who read it while the others sleep: to wake one for it would cost more. */
static int serve_one(struct kernel *k, struct fuse_buf *buf)
{
	int n = fuse_session_receive_buf(k->se, buf);
	bool quick = n > 0 && device_is_quick(buf->mem, (size_t)n);

	if (n <= 0)
		return n;
	if (!quick)
		pthread_mutex_unlock(&k->turn);
	fuse_session_process_buf(k->se, buf);
	if (!quick)
		pthread_mutex_lock(&k->turn);
	return n;
}

void kernel_serve(struct kernel *k)
{
	struct fuse_buf buf = {0};
	int n = 1;

	pthread_mutex_lock(&k->turn);
	while ((n > 0 || n == -EINTR) && !fuse_session_exited(k->se))
		n = serve_one(k, &buf);
	pthread_mutex_unlock(&k->turn);
	free(buf.mem);
	fuse_session_exit(k->se);
}

void kernel_stop(struct kernel *k)
{
	fuse_session_exit(k->se);
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->se) {
		fuse_session_unmount(k->se);
		fuse_session_destroy(k->se);
	}
	pthread_mutex_destroy(&k->turn);
	free(k);
}

void kernel_forget_inode(void *kernel, uint64_t id, bool data)
{
	const struct kernel *k = kernel;

	fuse_lowlevel_notify_inval_inode(k->se, id, data ? 0 : -1, 0);
}

void kernel_forget_entry(void *kernel, uint64_t dir, struct str name)
{
	const struct kernel *k = kernel;

	fuse_lowlevel_notify_inval_entry(k->se, dir, name.p, name.n);
}

int kernel_prune(void *kernel, const uint64_t *ids, uint32_t n)
{
	const struct kernel *k = kernel;

	return device_prune(&k->device, ids, n);
}

static int mount_it(struct kernel *k, const char *mountpoint, struct err *e)
{
	static const struct fuse_custom_io io = {.writev = write_device,
						 .read = read_device};
	char name[] = "orrery", flag[] = "-o";
	char *argv[] = {name, flag, k->host->fs->kernel, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	k->se = fuse_session_new(&args, &operations, sizeof(operations), k);
	fuse_opt_free_args(&args);
	if (!k->se)
		return err_set(e, ERR_IO, "libfuse cannot be started");
	if (fuse_session_mount(k->se, mountpoint))
		return err_set(e, ERR_IO, "%s cannot be mounted on",
			       mountpoint);
	if (fuse_session_custom_io(k->se, &io, fuse_session_fd(k->se)))
		return err_set(e, ERR_IO, "libfuse cannot be set up");
	k->device.fd = fuse_session_fd(k->se);
	return 0;
}

struct kernel *kernel_mount(struct request_host *host, const char *mountpoint,
			    void (*on_init)(void *ctx), void *ctx,
			    struct err *e)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k) {
		err_set(e, ERR_NO_SPACE, "no memory to mount");
		return NULL;
	}
	host->arm = arm;
	host->answer = send;
	host->add_entry = add_entry;
	*k = (struct kernel){.host = host, .on_init = on_init, .ctx = ctx};
	pthread_mutex_init(&k->turn, NULL);
	if (mount_it(k, mountpoint, e)) {
		kernel_free(k);
		return NULL;
	}
	return k;
}
