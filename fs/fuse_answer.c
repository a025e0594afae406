/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_answer.c - what the tree answers, as the kernel wants it.
 */
#include <sys/stat.h>

#include "fs/device.h"
#include "fs/fuse.h"

static void on_interrupt(fuse_req_t req, void *data)
{
	(void)req;
	request_interrupted(data);
}

/* libfuse keeps a lock of the request while it calls on_interrupt. */
void fuse_arm(struct request *rq, bool on)
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

int fuse_answer(struct request *rq, const struct answer *a)
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

size_t fuse_add_entry(struct request *rq, char *at, size_t room,
		      const char *name, int64_t next, const struct fs_entry *x)
{
	struct fuse_entry_param p = entry_of(rq->host->fs, x);

	return fuse_add_direntry_plus(rq->req, at, room, name, &p, next);
}
