/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h - the mounted tree without a kernel: names to things, reads, writes.
 *
 * Everything that a mount does happens here, in terms of ids, names, handles
 * and struct err; fs/fuse.c only translates requests into these calls, and
 * tests make them directly. What a level of the tree is and accepts stands in
 * the table of kinds (kind.h).
 *
 * Any thread may call with a struct fs_call of its own (call.h). An id is one
 * that a look-up has returned and that was not forgotten since.
 */
#ifndef ORRERY_FS_TREE_H
#define ORRERY_FS_TREE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "fs/call.h"
#include "fs/file.h"
#include "fs/limits.h"
#include "fs/node.h"
#include "fs/paths.h"
#include "fs/problems.h"
#include "fs/scratch.h"
#include "fs/soon.h"
#include "fs/through.h"
#include "fs/young.h"
#include "indexer/index/bulletin.h"
#include "indexer/index/principal.h"
#include "indexer/journal/journal.h"

/* Carries a command to the writer, waits for the answer, fills ret_ members.
 * May be called by many threads at once. */
typedef int fs_post_fn(void *ctx, struct fs_call *c, struct command *x,
		       struct err *e);

struct fs_options {
	const char *data;     /* directory of the daemon, absolute */
	const char *server;   /* URL of a daemon elsewhere, whose replica data
				 is; NULL: it runs on data */
	const char *token;    /* for that, or NULL */
	const char *journals; /* where lines wait; NULL: in data */
	bool sync_remote;     /* fsync of lines waits for that daemon */
	int64_t wait_ms;      /* how long a write waits for the daemon */
	int64_t journal_size; /* bytes of lines not yet committed */
	const char *cache;    /* see store_options, as the next two */
	int64_t cache_size, cache_free;
	const char *mountpoint;  /* absolute; NULL: none */
	const char *as_given;    /* the same by another name, or NULL */
	const char *kernel;      /* options of mount(8), or NULL */
	struct replica *replica; /* that keeps data, of the caller, or NULL */
	fs_post_fn *post;        /* NULL: HTTP over DATA/orrery.sock */
	void *post_ctx;
};

struct store;

struct readers { /* connections to the index, lent to one call each */
	pthread_mutex_t mu;
	const char *dir;
	struct reader *free[FS_READERS];
	size_t idle;
	int64_t generation; /* of the index that they read */
};

void readers_init(struct readers *p, const char *dir);
void readers_fini(struct readers *p);
void readers_give(struct readers *p, struct reader *rd, int64_t generation);
/* Another index lies there now: those that read the old one are closed. */
void readers_renew(struct readers *p);

enum { FS_PENDING = 1024 }; /* slots of runs with lines on their way */

struct fs {
	char *data, *mountpoint, *as_given;
	char *kernel; /* options of the mount, for libfuse */
	int64_t wait_ms;
	struct principal who;
	struct readers readers;
	struct nodes nodes;
	struct files files;
	struct throughs throughs;
	struct young young;
	struct soon soon;
	struct scratches scratches;
	struct problems problems;
	struct paths paths;
	struct {
		pthread_mutex_t mu;
		struct fs_handle *list;
	} handles; /* those open, for the end */
	struct bulletin *bulletin;
	struct store *store;
	struct journal *journal;
	pthread_mutex_t append; /* several records that belong together */
	atomic_llong pending[FS_PENDING]; /* last sequence by hash of run */
	atomic_llong sequence;            /* of commands, for their keys */
	struct replica *replica;          /* data is a copy, or NULL */
	fs_post_fn *post;
	void *post_ctx;
	struct poster *poster;   /* of the built-in post, else NULL */
	struct shipper *shipper; /* of lines to a daemon elsewhere, or NULL */
	bool sync_remote;
	struct searches *searches;
	uid_t uid; /* whose all of it is */
	gid_t gid;
	char user[64]; /* who makes runs */
	int64_t born;  /* mtime of what has none of its own */
	struct {       /* of what was lost: how much a flush has told */
		atomic_llong refused, problems;
	} told;
	struct {
		atomic_llong requests, parked, queries, posts, retries, lines,
			line_bytes, invalidations, pruned;
	} stats;
};

struct fs *fs_open(const struct fs_options *o, struct err *e);
/* Whether the daemon can be reached, as far as is known. */
bool fs_daemon_runs(const struct fs *fs);
/* -1 if something accepted could not be stored; the tree is gone anyway. */
int fs_close(struct fs *fs, struct err *e);

/* What an answer tells the kernel of a node. */
struct fs_entry {
	uint64_t id;
	struct attr attr;
};

/* Seconds that the kernel may believe it. */
static inline double attr_patience(const struct attr *a)
{
	if (a->fleeting)
		return 0;
	return a->brief ? FS_SEARCH_MS / 1000.0 : FS_CACHE_S;
}

struct fs_changes { /* setattr */
	bool set_size, set_mtime, set_mode;
	int64_t size, mtime;
	uint32_t mode;
};

struct fs_handle;

/* How the kernel is to treat an open file or directory. */
struct fs_opened {
	bool direct;        /* no page cache */
	bool keep_cache;    /* what it holds is still true */
	bool cache_listing; /* of a directory */
	bool no_flush;      /* nothing is to be done at close */
};

int fs_lookup(struct fs_call *c, uint64_t dir, struct str name,
	      struct fs_entry *ret, struct err *e);
void fs_forget(struct fs *fs, uint64_t id, uint64_t count);
/* h may be NULL here and in fs_setattr. */
int fs_getattr(struct fs_call *c, uint64_t id, struct fs_handle *h,
	       struct attr *ret, struct err *e);
int fs_setattr(struct fs_call *c, uint64_t id, struct fs_handle *h,
	       const struct fs_changes *set, struct attr *ret, struct err *e);
int fs_readlink(struct fs_call *c, uint64_t id, struct buf *ret, struct err *e);
int fs_mkdir(struct fs_call *c, uint64_t dir, struct str name, uint32_t mode,
	     struct fs_entry *ret, struct err *e);
int fs_symlink(struct fs_call *c, uint64_t dir, struct str name,
	       struct str target, struct fs_entry *ret, struct err *e);
int fs_unlink(struct fs_call *c, uint64_t dir, struct str name, struct err *e);
int fs_rmdir(struct fs_call *c, uint64_t dir, struct str name, struct err *e);
/* flags: RENAME_NOREPLACE or 0. */
int fs_rename(struct fs_call *c, uint64_t dir, struct str name, uint64_t to_dir,
	      struct str to_name, unsigned flags, struct err *e);

/* Directories. fn gets each entry with the offset that follows it; it returns
 * 1 when it has no more room (the entry does not count then). Entries come
 * without a node (id 0) where their attributes are not cheap. */
typedef int fs_entry_fn(void *ctx, struct str name, int64_t next,
			const struct fs_entry *x);
int fs_opendir(struct fs_call *c, uint64_t dir, struct fs_handle **ret,
	       struct err *e);
int fs_readdir(struct fs_call *c, struct fs_handle *h, int64_t offset,
	       fs_entry_fn *fn, void *ctx, struct err *e);

/* Files. flags are those of open(2). */
struct fs_creation {
	uint32_t mode;
	int flags;
};
int fs_create(struct fs_call *c, uint64_t dir, struct str name,
	      const struct fs_creation *how_to, struct fs_entry *ret,
	      struct fs_handle **ret_h, struct err *e);
int fs_open_file(struct fs_call *c, uint64_t id, int flags,
		 struct fs_handle **ret, struct err *e);
void fs_handle_how(const struct fs_handle *h, struct fs_opened *ret);
/* Bytes read; fewer than n only at the end. */
int64_t fs_read(struct fs_call *c, struct fs_handle *h, int64_t off, char *out,
		size_t n, struct err *e);
/* All of data or nothing. flags: O_APPEND as it is now. */
int fs_write(struct fs_call *c, struct fs_handle *h, int64_t off,
	     struct str data, int flags, struct err *e);
int fs_flush(struct fs_call *c, struct fs_handle *h, struct err *e);
int fs_fsync(struct fs_call *c, struct fs_handle *h, struct err *e);
/* Ends a handle of either kind, unless the call is parked. What fails is a
 * problem. */
void fs_release(struct fs_call *c, struct fs_handle *h);

void fs_statfs(struct fs *fs, struct statvfs *ret);

/* One request more (by 1), or less (-1), that holds the kernel's lock of a
 * directory (watch.h). Its node is held in between: the kernel may forget it
 * as soon as it has its answer. */
void fs_busy(struct fs *fs, uint64_t dir, int by);

#endif
