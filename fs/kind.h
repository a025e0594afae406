/* SPDX-License-Identifier: Apache-2.0 */
/* kind.h - the table of node kinds: what each level of the tree is, lists,
 * reads and accepts. A new level is a row of the table in kind.c and a file
 * with its functions.
 *
 * Functions work on a subject: a kind with its row and key, which may not be
 * a node yet. They run within a snapshot unless they say otherwise; those
 * that change something end it by posting (fs_post).
 */
#ifndef ORRERY_FS_KIND_H
#define ORRERY_FS_KIND_H

#include "fs/tree.h"

struct subject {
	enum node_kind kind;
	int64_t row;
	struct str key;
	struct node *node; /* or NULL */
};

enum kind_flags {
	KIND_SEES_RUN = 1 << 0, /* waits for the lines of its run (row) */
	KIND_SEES_ALL = 1 << 1, /* ... of all runs */
	KIND_SNAPSHOT = 1 << 2, /* listed whole at opendir, in memory */
	KIND_CACHED = 1 << 3,   /* its listing may stay in the kernel */
	KIND_SCRATCHY = 1 << 4, /* has a scratch area */
	KIND_BYTES = 1 << 5,    /* an artifact: page cache, any offset */
	KIND_NO_NODES = 1 << 6, /* listed without attributes */
	KIND_VOLATILE = 1 << 7, /* the kernel must not remember it */
	KIND_NO_INDEX = 1 << 8, /* its text comes from the mount itself */
	KIND_OPTIONAL = 1 << 9, /* where its text is not found, it is not */
	KIND_BRIEF = 1 << 10,   /* the kernel may remember it for a moment */
};

/* Children that are always there. */
struct fixed {
	const char *name;
	enum node_kind kind;
	bool hidden; /* resolves by name, is not listed */
};

struct lister; /* list.c */
struct move;   /* move.h */

/* What an open file does; NULL members do the ordinary thing. */
struct file_type {
	/* All may be parked; they hold the handle's lock. */
	int (*open)(struct fs_call *c, struct fs_handle *h, struct err *e);
	int64_t (*read)(struct fs_call *c, struct fs_handle *h, int64_t off,
			char *out, size_t n, struct err *e);
	int (*write)(struct fs_call *c, struct fs_handle *h, int64_t off,
		     struct str data, struct err *e);
	int (*flush)(struct fs_call *c, struct fs_handle *h, struct err *e);
	int (*fsync)(struct fs_call *c, struct fs_handle *h, struct err *e);
	int (*release)(struct fs_call *c, struct fs_handle *h, struct err *e);
	/* h may be NULL: by path. */
	int (*truncate)(struct fs_call *c, const struct subject *s,
			struct fs_handle *h, int64_t size, struct err *e);
};

/* A value that is a file of its own (scalars.c), as the index has it. */
struct value_type {
	bool of_run;     /* after the lines of its run (row) */
	bool never_none; /* it cannot be emptied */
	/* What is known to be wrong with what was written so far, or NULL. */
	int (*check)(struct fs_call *c, const struct subject *s,
		     struct str text, struct err *e);
	/* Into the arena; within a snapshot. ERR_NOT_FOUND. */
	int (*get)(struct fs_call *c, const struct subject *s, struct str *ret,
		   int64_t *ret_modified, struct err *e);
	/* Both post; at is the node of the value or of its directory. */
	int (*put)(struct fs_call *c, const struct subject *s, struct node *at,
		   struct str value, struct err *e);
	int (*remove)(struct fs_call *c, const struct subject *s,
		      struct node *at, struct err *e);
};

/* A directory of such values by key (keys.c). */
struct key_dir {
	enum node_kind value;
	int (*each)(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		    struct err *e);
};

struct kind {
	uint32_t mode; /* type and permissions */
	unsigned flags;
	const struct fixed *fixed; /* ends with a NULL name */
	int (*lookup)(struct fs_call *c, struct node *dir, struct str name,
		      struct found *ret, struct err *e);
	int (*list)(struct fs_call *c, struct lister *l, struct err *e);
	int (*mkdir)(struct fs_call *c, struct node *dir, struct str name,
		     uint32_t mode, struct err *e);
	int (*create)(struct fs_call *c, struct node *dir, struct str name,
		      const struct fs_creation *how, struct found *ret,
		      struct err *e);
	/* ln -s: ret is what the new link is told to be. */
	int (*symlink)(struct fs_call *c, struct node *dir, struct str name,
		       struct str target, struct found *ret, struct err *e);
	/* x was found in dir: unlink or rmdir, by what it is. */
	int (*remove)(struct fs_call *c, struct node *dir,
		      const struct found *x, struct err *e);
	int (*attr)(struct fs_call *c, const struct subject *s,
		    struct attr *ret, struct err *e);
	/* chmod, utimens; NULL: taken without effect. */
	int (*set)(struct fs_call *c, const struct subject *s,
		   const struct fs_changes *set, struct err *e);
	/* The text it reads as; of a link, where it leads. */
	int (*render)(struct fs_call *c, const struct subject *s, struct buf *b,
		      struct err *e);
	const struct file_type *file;
	const struct value_type *value;
	const struct key_dir *keys;
};

extern const struct kind kinds[KINDS];

static inline bool kind_is_dir(enum node_kind kind)
{
	return (kinds[kind].mode & 0170000) == 0040000;
}

static inline bool kind_is_link(enum node_kind kind)
{
	return (kinds[kind].mode & 0170000) == 0120000;
}

static inline struct subject subject_of(struct node *n)
{
	return (struct subject){n->kind, n->row, n->key, n};
}

static inline struct subject subject_of_thing(const struct found *x)
{
	return (struct subject){x->kind, x->row, x->key, x->node};
}

/* Find name in dir; begins a snapshot where it takes one, waits for lines
 * where they matter. Attributes are there afterwards. */
int fs_find(struct fs_call *c, struct node *dir, struct str name,
	    struct found *ret, struct err *e);
int fs_subject_attr(struct fs_call *c, const struct subject *s,
		    struct attr *ret, struct err *e);
/* Where a link of this kind leads. */
int fs_link_text(struct fs_call *c, const struct subject *s, struct buf *ret,
		 struct err *e);
/* What a path leads to, from dir or, where it is absolute, from the root of
 * this mount; links on the way are followed, also a last one. The node is
 * counted once more as looked up: nodes_forget undoes that. ERR_INVALID where
 * it leads out of the mount. Within a snapshot. */
int fs_resolve(struct fs_call *c, struct node *dir, struct str path,
	       struct node **ret, struct err *e);
/* Wait until the lines appended before the call are in the index. */
int fs_seen(struct fs_call *c, const struct subject *s, struct err *e);
int fs_seen_run(struct fs_call *c, int64_t run_row, struct err *e);

/* The public id of the run or experiment that n is or lies in. */
struct str fs_run_id(struct fs *fs, struct node *n);
struct str fs_experiment_id(struct fs *fs, struct node *n);
int64_t fs_run_row(struct fs *fs, struct node *n);

/* A name as it may stand for a key: decoded into the arena, canonical form
 * compared. ERR_INVALID for a shortened one. */
int fs_decode(struct fs_call *c, struct str file, struct str *ret,
	      struct err *e);
/* What lies in the trash takes nothing. */
int fs_check_alive(struct fs_call *c, struct node *n, struct err *e);
int fs_check_text(struct str name, struct err *e);
/* Its canonical form, in the arena. */
struct str fs_encode(struct fs_call *c, struct str name);
int fs_no_entry(struct str name, struct err *e);

/* Must the kernel ask for it each time? So it is with an artifact that was
 * never stored: where storing it fails, it is gone. */
static inline bool kind_fleeting(const struct node *n)
{
	return kinds[n->kind].flags & KIND_VOLATILE ||
	       (n->kind == KIND_ARTIFACT && !n->row);
}

/* How long the kernel may believe an answer about it. */
static inline void kind_patience(const struct node *n, struct attr *ret)
{
	ret->fleeting = kind_fleeting(n);
	ret->brief = kinds[n->kind].flags & KIND_BRIEF;
}

static inline struct attr attr_of(uint32_t mode, int64_t size, int64_t mtime)
{
	return (struct attr){.mode = mode, .size = size, .mtime = mtime};
}

#endif
