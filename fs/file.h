/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - the bytes of an artifact (or scratch file) while it is open.
 *
 * All handles of a node share one struct file, so that this mount sees every
 * byte at once, as POSIX has it. What is stored never changes: the first
 * write after it was read or committed starts a draft (draft.h) with a copy of
 * the bytes. A commit has the draft stored, and tells the index; only then
 * others see it. What is stored is read through a descriptor, that of the
 * object or of what was the draft, or else through the cache; so what was
 * open stays readable, whatever happens to its name.
 *
 * Two locks. turn: held by who starts, cuts or commits a draft, also while it
 * waits for the daemon. lock: held shortly, shared by reads and writes,
 * alone by who changes members. turn is taken first.
 */
#ifndef ORRERY_FS_FILE_H
#define ORRERY_FS_FILE_H

#include "fs/call.h"
#include "fs/node.h"
#include "indexer/objects/draft.h"

struct bytes;
struct fs_changes;

struct file {
	struct file *next;
	struct node *node; /* constant, held */
	unsigned opens;    /* guarded by: files.mu */
	bool scratch;      /* constant: of this mount alone */
	bool exclusive;    /* constant: made with O_EXCL */
	pthread_mutex_t turn;
	pthread_rwlock_t lock;
	/* guarded by: lock */
	int fd;                      /* the bytes as they are, or -1 and then */
	struct bytes *bytes;         /* ... these, NULL: not opened */
	struct object_draft *draft;  /* fd is its file: it may be written */
	bool loose;                  /* fd is a file of nobody: so may this */
	atomic_bool fresh;           /* never committed: the index has no row */
	bool sealing;                /* being committed: writes wait */
	char *key;                   /* where the bytes are stored */
	struct object_digest digest; /* of them, once stored */
	struct buf sums;             /* ... of their blocks */
	bool stored;                 /* ... but perhaps not told the index */
	int64_t stored_at;           /* then; monotonic ms */
	bool refused;                /* which did not take them */
	uint32_t mode;
	atomic_llong mtime;
	atomic_bool dirty;   /* to be committed */
	atomic_bool written; /* ... because of bytes, not of an empty start */
	atomic_int writer;   /* thread that wrote last */
	atomic_llong seen;   /* change of the index at which it was looked at */
};

struct files {
	pthread_mutex_t mu;
	struct file *list;
};

void files_init(struct files *t);
void files_fini(struct files *t);

/* The file of a node, made on first use; each call is undone by file_put.
 * x is what the index says of it, NULL for a fresh one (then mode counts). */
struct file *file_get(struct fs_call *c, struct node *n,
		      const struct artifact *x, uint32_t mode, struct err *e);
/* What the index says of it now; nothing where this mount knows better. */
void file_adopt(struct fs *fs, struct file *f, const struct artifact *x);
/* The file of a node if it is open, one use more; or NULL. */
struct file *file_of(struct fs *fs, struct node *n);
void file_put(struct fs *fs, struct file *f);
/* The node of a fresh or scratch file by place, held; or NULL. */
struct node *files_local(struct fs *fs, const struct node *dir,
			 struct str name);
/* Calls fn for each fresh file of a directory, in order of id, after that one;
 * nodes are held meanwhile. */
int files_each_fresh(struct fs *fs, const struct node *dir, uint64_t after,
		     int (*fn)(void *ctx, struct node *n, struct err *e),
		     void *ctx, struct err *e);

/* Other bytes from now on, under its lock; both become the file's. */
void file_switch(struct file *f, int fd, struct bytes *b);
/* A mark of its contents, 0 while they may change. */
uint64_t file_content(struct file *f);
/* Attributes as this mount sees them; false: as the index has them. */
bool file_attr(struct file *f, struct attr *ret);
int64_t file_read(struct fs_call *c, struct file *f, int64_t off, char *out,
		  size_t n, struct err *e);
/* Opens what lies here as a whole, if it has at least so many bytes: it does
 * not wait, and where it cannot be had nothing has happened. */
void file_near(struct fs_call *c, struct file *f, int64_t least);
/* With its lock: a descriptor of all its bytes as they are stored, -1 where
 * they are not in a file here, or may change. */
int file_settled_fd(const struct file *f);
int file_write(struct fs_call *c, struct file *f, int64_t off, struct str data,
	       struct err *e);

/* --- draft.c -------------------------------------------------------------- */

/* Make it writable, with the first size bytes it has (-1: all). */
int file_draft(struct fs_call *c, struct file *f, int64_t size, struct err *e);
int file_truncate(struct fs_call *c, struct file *f, int64_t size,
		  struct err *e);
/* Durable, and known to the index; nothing to do where it is not dirty. */
int file_commit(struct fs_call *c, struct file *f, struct err *e);
/* Bytes that are stored and that the index refused are nobody's: they go. */
void file_disown(struct fs *fs, struct file *f);
/* chmod, utimens. 1: it is still being written and will be committed so;
 * 0: the index has to be told. */
int file_set(struct fs_call *c, struct file *f, const struct fs_changes *set,
	     struct err *e);
/* A file without a name for scratch. */
int file_scratch_fd(struct err *e);

#endif
