/* SPDX-License-Identifier: Apache-2.0 */
/* handle.h - an open file or directory.
 */
#ifndef ORRERY_FS_HANDLE_H
#define ORRERY_FS_HANDLE_H

#include "fs/kind.h"

struct listing;

struct fs_handle {
	struct fs_handle *next_open, **at; /* guarded by: handles.mu */
	struct node *node;                 /* held */
	int flags;                         /* of open(2) */
	pid_t pid;                         /* who opened it */
	bool created;                      /* by this open */
	bool plain; /* it counts as one that does not read through */
	struct through *through; /* what it reads through, or NULL */
	pthread_mutex_t mu;
	/* guarded by mu: */
	struct buf text;         /* what reads see, rendered at open */
	int64_t text_change;     /* ... at this change of the index */
	struct buf wrote;        /* a scalar's value, or an unfinished line */
	bool has_written, taken; /* of a scalar */
	bool emptied;            /* opened or cut to nothing */
	int64_t next;            /* where a metric's next write may begin */
	pid_t writer;            /* who wrote last */
	struct listing *listing; /* of a directory */
	struct file *file;       /* of an artifact */
};

struct fs_handle *fs_handle_new(struct fs_call *c, struct node *n, int flags,
				struct err *e);
void fs_handle_free(struct fs *fs, struct fs_handle *h);
/* At the end: those that nobody closed. */
void fs_release_all(struct fs *fs);
bool fs_handle_writes(const struct fs_handle *h);
/* Copy [off, off + n) of the text. */
int64_t fs_handle_text(const struct fs_handle *h, int64_t off, char *out,
		       size_t n);

/* What follows the last newline. */
struct str fs_unfinished(struct str text);

/* Whether two threads belong to one process. */
bool same_process(pid_t a, pid_t b);

#endif
