/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - each operation of the kernel as calls of the tree, one row each.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "fs/request.h"
#include "fs/xattr.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"

/* EIO says nothing to who gets it: the log says what it was. */
static int errno_of(const struct err *e)
{
	int error = e->kind == ERR_IO && e->sys == EXDEV ? EXDEV : err_errno(e);

	if (error == EIO)
		log_warn("request failed", "error=\"%s\"", e->msg);
	return error;
}

/* 0 or the error; nothing where the request is to be tried again. */
static void answer_result(struct request *rq, int r)
{
	if (!rq->call.parked)
		request_fail(rq, r ? errno_of(&rq->e) : 0);
}

/* What the kernel knew by its id is not there any more: it is to look the
 * name up again. */
static void answer_stale(struct request *rq)
{
	if (rq->call.parked)
		return;
	request_fail(rq,
		     rq->e.kind == ERR_NOT_FOUND ? ESTALE : errno_of(&rq->e));
}

static void answer_entry(struct request *rq, int r, const struct answer *a)
{
	if (r)
		answer_result(rq, r);
	else if (!request_answer(rq, a))
		fs_forget(rq->host->fs, a->entry.id, 1);
}

/* The caller is gone by now. */
static void release_unwanted(struct request *rq, struct fs_handle *h)
{
	rq->call.may_wait = true;
	fs_release(&rq->call, h);
}

static void run_lookup(struct request *rq)
{
	struct answer a = {.kind = ANSWER_ENTRY};
	int r = fs_lookup(&rq->call, rq->ino, rq->name, &a.entry, &rq->e);

	answer_entry(rq, r, &a);
}

static void run_mkdir(struct request *rq)
{
	struct answer a = {.kind = ANSWER_ENTRY};
	int r = fs_mkdir(&rq->call, rq->ino, rq->name, rq->mode, &a.entry,
			 &rq->e);

	answer_entry(rq, r, &a);
}

static void run_symlink(struct request *rq)
{
	struct answer a = {.kind = ANSWER_ENTRY};
	int r = fs_symlink(&rq->call, rq->ino, rq->name, rq->data, &a.entry,
			   &rq->e);

	answer_entry(rq, r, &a);
}

static void run_unlink(struct request *rq)
{
	answer_result(rq, fs_unlink(&rq->call, rq->ino, rq->name, &rq->e));
}

static void run_rmdir(struct request *rq)
{
	answer_result(rq, fs_rmdir(&rq->call, rq->ino, rq->name, &rq->e));
}

static void run_rename(struct request *rq)
{
	answer_result(rq, fs_rename(&rq->call, rq->ino, rq->name, rq->to_ino,
				    rq->to_name, rq->flags, &rq->e));
}

static void answer_attr(struct request *rq, int r, const struct answer *a)
{
	if (r)
		answer_stale(rq);
	else
		request_answer(rq, a);
}

static void run_getattr(struct request *rq)
{
	struct answer a = {.kind = ANSWER_ATTR};
	int r = fs_getattr(&rq->call, rq->ino, rq->h, &a.attr, &rq->e);

	answer_attr(rq, r, &a);
}

static void run_setattr(struct request *rq)
{
	struct answer a = {.kind = ANSWER_ATTR};
	int r = fs_setattr(&rq->call, rq->ino, rq->h, &rq->set, &a.attr,
			   &rq->e);

	answer_attr(rq, r, &a);
}

static void run_readlink(struct request *rq)
{
	struct answer a = {.kind = ANSWER_TARGET};
	SCOPED(buf_fini) struct buf target;

	buf_init(&target, PATH_MAX);
	if (fs_readlink(&rq->call, rq->ino, &target, &rq->e) ||
	    !buf_ok(&target)) {
		answer_stale(rq);
		return;
	}
	a.bytes = target.p;
	request_answer(rq, &a);
}

static void run_create(struct request *rq)
{
	struct fs_creation how = {rq->mode, (int)rq->flags};
	struct answer a = {.kind = ANSWER_CREATE};

	if (fs_create(&rq->call, rq->ino, rq->name, &how, &a.entry, &a.h,
		      &rq->e)) {
		answer_result(rq, -1);
	} else if (!request_answer(rq, &a)) {
		fs_forget(rq->host->fs, a.entry.id, 1);
		release_unwanted(rq, a.h);
	}
}

static void answer_open(struct request *rq, int r, const struct answer *a)
{
	if (r)
		answer_stale(rq);
	else if (!request_answer(rq, a))
		release_unwanted(rq, a->h);
}

static void run_open(struct request *rq)
{
	struct answer a = {.kind = ANSWER_OPEN};
	int r = fs_open_file(&rq->call, rq->ino, (int)rq->flags, &a.h, &rq->e);

	answer_open(rq, r, &a);
}

static void run_opendir(struct request *rq)
{
	struct answer a = {.kind = ANSWER_OPEN};
	int r = fs_opendir(&rq->call, rq->ino, &a.h, &rq->e);

	answer_open(rq, r, &a);
}

static void answer_bytes(struct request *rq, const char *p, size_t n)
{
	struct answer a = {.kind = ANSWER_BYTES, .bytes = p, .n = n};

	request_answer(rq, &a);
}

static void run_read(struct request *rq)
{
	SCOPED_FREE char *p = malloc(rq->size + 1);
	int64_t n = -1;

	if (!p)
		err_set(&rq->e, ERR_NO_SPACE, "no memory to read");
	else
		n = fs_read(&rq->call, rq->h, rq->off, p, rq->size, &rq->e);
	if (n < 0)
		answer_result(rq, -1);
	else
		answer_bytes(rq, p, (size_t)n);
}

static void run_write(struct request *rq)
{
	struct answer a = {.kind = ANSWER_COUNT, .n = rq->data.n};

	if (fs_write(&rq->call, rq->h, rq->off, rq->data, (int)rq->flags,
		     &rq->e))
		answer_result(rq, -1);
	else
		request_answer(rq, &a);
}

static void run_flush(struct request *rq)
{
	rq->call.closes = true;
	answer_result(rq, fs_flush(&rq->call, rq->h, &rq->e));
}

static void run_fsync(struct request *rq)
{
	answer_result(rq, fs_fsync(&rq->call, rq->h, &rq->e));
}

static void run_release(struct request *rq)
{
	fs_release(&rq->call, rq->h);
	answer_result(rq, 0);
}

struct page { /* a piece of a listing */
	struct request *rq;
	char *p;
	size_t n, size;
};

static int add_entry(void *ctx, struct str name, int64_t next,
		     const struct fs_entry *x)
{
	struct page *pg = ctx;
	char text[NAME_MAX + 1];
	size_t room = pg->size - pg->n, n;

	if (name.n > NAME_MAX)
		return 0;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	n = pg->rq->host->add_entry(pg->rq, pg->p + pg->n, room, text, next, x);
	if (n > room)
		return 1;
	pg->n += n;
	return 0;
}

static void run_readdir(struct request *rq)
{
	SCOPED_FREE char *p = malloc(rq->size + 1);
	struct page pg = {rq, p, 0, rq->size};
	int r = -1;

	if (!p)
		err_set(&rq->e, ERR_NO_SPACE, "no memory to list");
	else
		r = fs_readdir(&rq->call, rq->h, rq->off, add_entry, &pg,
			       &rq->e);
	/* What there is so far is an answer, also where the rest has to wait.
	 */
	if (pg.n)
		rq->call.parked = false;
	if (r && !pg.n)
		answer_result(rq, -1);
	else
		answer_bytes(rq, p, pg.n);
}

/* Without room for it only its size is asked. */
static void run_getxattr(struct request *rq)
{
	struct answer a = {.kind = ANSWER_BYTES};
	SCOPED(buf_fini) struct buf value;
	int r;

	buf_init(&value, XATTR_SIZE_MAX);
	r = fs_getxattr(&rq->call, rq->ino, rq->name, &value, &rq->e);
	if (r < 0) {
		answer_stale(rq);
	} else if (r > 0) {
		request_fail(rq, ENODATA);
	} else if (!buf_ok(&value) || (rq->size && rq->size < value.n)) {
		request_fail(rq, buf_ok(&value) ? ERANGE : E2BIG);
	} else {
		a.kind = rq->size ? ANSWER_BYTES : ANSWER_SIZE;
		a.bytes = value.p;
		a.n = value.n;
		request_answer(rq, &a);
	}
}

#define QUICK .pool = POOL_QUICK
#define BYTES .pool = POOL_STORES
#define SLOW  .slow = true
#define DIR   .locks_dir = true

const struct op_type op_types[OPS] = {
	[OP_LOOKUP] = {run_lookup, QUICK, DIR},
	[OP_MKDIR] = {run_mkdir, SLOW, DIR},
	[OP_SYMLINK] = {run_symlink, SLOW, DIR},
	[OP_UNLINK] = {run_unlink, SLOW, DIR},
	[OP_RMDIR] = {run_rmdir, SLOW, DIR},
	[OP_RENAME] = {run_rename, SLOW, DIR},
	[OP_CREATE] = {run_create, QUICK, DIR},
	[OP_GETATTR] = {run_getattr, QUICK},
	[OP_SETATTR] = {run_setattr, BYTES},
	[OP_READLINK] = {run_readlink, QUICK},
	[OP_OPEN] = {run_open, QUICK},
	[OP_READ] = {run_read, .pool = POOL_READS},
	[OP_WRITE] = {run_write, BYTES},
	[OP_FLUSH] = {run_flush, BYTES},
	[OP_FSYNC] = {run_fsync, BYTES},
	[OP_RELEASE] = {run_release, BYTES, .must_run = true},
	[OP_OPENDIR] = {run_opendir, QUICK},
	[OP_READDIR] = {run_readdir, QUICK, DIR},
	[OP_GETXATTR] = {run_getxattr, QUICK},
};
