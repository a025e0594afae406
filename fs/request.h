/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - one request of the kernel on its way through the mount.
 *
 * It is tried where it was read, on the stack, with what the reader's buffer
 * holds. Where it has to wait it is copied, armed against interruption, and
 * given to a pool of threads: quick for those that wait for the journal, slow
 * for those that wait for the daemon, reads and stores for those that may wait
 * for the object store, too. So the threads that read from the kernel never
 * wait, a signal ends whatever does, and no file waits for another's bytes.
 *
 * Nothing here knows libfuse: what is to be told to the kernel is told
 * through the host.
 */
#ifndef ORRERY_FS_REQUEST_H
#define ORRERY_FS_REQUEST_H

#include "fs/pool.h"
#include "fs/tree.h"

struct request;

enum pool_kind { POOL_SLOW, POOL_QUICK, POOL_READS, POOL_STORES, POOLS };

enum answer_kind {
	ANSWER_ERROR, /* error; 0: done */
	ANSWER_ENTRY,
	ANSWER_ATTR,
	ANSWER_OPEN,   /* h */
	ANSWER_CREATE, /* entry and h */
	ANSWER_BYTES,
	ANSWER_COUNT,  /* n */
	ANSWER_TARGET, /* bytes, with a NUL behind them */
	ANSWER_SIZE,   /* n, that a value has */
};

struct answer {
	enum answer_kind kind;
	int error;
	struct fs_entry entry;
	struct attr attr;
	struct fs_handle *h;
	const char *bytes;
	size_t n;
};

/* The side of the kernel, fuse.c; one per mount. */
struct request_host {
	struct fs *fs;
	struct pool *pools[POOLS];
	/* From now on (on) request_interrupted may be called; after off it is
	 * not, nor is it running. */
	void (*arm)(struct request *rq, bool on);
	/* -ENOENT when nobody waits for it any more. */
	int (*answer)(struct request *rq, const struct answer *a);
	/* An entry at the end of a piece of a listing: the bytes it takes,
	 * written if they are no more than room. */
	size_t (*add_entry)(struct request *rq, char *at, size_t room,
			    const char *name, int64_t next,
			    const struct fs_entry *x);
};

enum op {
	OP_LOOKUP,
	OP_MKDIR,
	OP_SYMLINK,
	OP_UNLINK,
	OP_RMDIR,
	OP_RENAME,
	OP_CREATE,
	OP_GETATTR,
	OP_SETATTR,
	OP_READLINK,
	OP_OPEN,
	OP_READ,
	OP_WRITE,
	OP_FLUSH,
	OP_FSYNC,
	OP_RELEASE,
	OP_OPENDIR,
	OP_READDIR,
	OP_GETXATTR, /* all names, where the name is empty */
	OPS
};

struct request {
	struct task task; /* first: a pool's view of it */
	struct fs_call call;
	struct request_host *host;
	void *req; /* the host's own */
	enum op op;
	bool armed;
	atomic_bool cancelled;
	uint64_t ino, to_ino;
	struct str name, to_name, data;
	int64_t off;
	size_t size;
	unsigned flags; /* of open, or of rename */
	uint32_t mode;
	struct fs_handle *h;
	struct fs_changes set;
	struct err e;
};

/* Everything but task, call and armed is filled in; pid is who asks. */
void request_serve(struct request *rq, pid_t pid);
void request_interrupted(struct request *rq);

/* --- serve.c -------------------------------------------------------------- */

struct op_type {
	/* Does it and answers, unless the call is parked. */
	void (*run)(struct request *rq);
	enum pool_kind pool; /* whose thread waits; quick: it is short */
	bool slow;           /* it posts: not even tried where it was read */
	bool locks_dir; /* the kernel holds a lock of ino (and of to_ino) */
	bool must_run;  /* it is never given up */
};

extern const struct op_type op_types[OPS];

/* --- for serve.c ---------------------------------------------------------- */

/* Answer; nobody else knows of the request afterwards. False when nobody
 * waits for it any more: what it gave must be taken back. */
bool request_answer(struct request *rq, const struct answer *a);
void request_fail(struct request *rq, int error);

#endif
