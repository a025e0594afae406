/* SPDX-License-Identifier: Apache-2.0 */
/* node.h - the table of nodes that the kernel knows.
 *
 * A node is one thing of the tree, at the one place where it is. Its identity
 * is its kind and its row (or, where it has no row, the hash of the row it
 * belongs to and its key), so the same thing is the same inode after a
 * remount. The id that the kernel holds is that identity too, except for what
 * has no row yet (a file being written for the first time): it keeps its
 * made-up id while the kernel knows it, whatever row it gets.
 *
 * A node lives while the kernel counts a look-up of it, a handle or a
 * request holds it, or another node lies in it. One lock guards the table and
 * every member that is not said to be constant.
 */
#ifndef ORRERY_FS_NODE_H
#define ORRERY_FS_NODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

/* Numbers are part of inode numbers: add at the end, never renumber. */
enum node_kind {
	KIND_NONE,
	KIND_ROOT,
	KIND_README,
	KIND_CTL,
	KIND_STATS,
	KIND_ERRORS,
	KIND_EXPERIMENTS,
	KIND_EXPERIMENT,
	KIND_EXPERIMENT_META,
	KIND_EXPERIMENT_TAGS,
	KIND_EXPERIMENT_TAG,
	KIND_EXPERIMENT_TABLES,
	KIND_RUNS_TSV,
	KIND_RUNS,
	KIND_RUN,
	KIND_RUN_META,
	KIND_RUN_TABLES,
	KIND_STATUS,
	KIND_PARAMS,
	KIND_PARAM,
	KIND_TAGS,
	KIND_TAG,
	KIND_METRICS,
	KIND_METRIC_DIR,
	KIND_METRIC,
	KIND_METRICS_JSONL,
	KIND_METRICS_TSV,
	KIND_LATEST,
	KIND_ARTIFACTS,
	KIND_ARTIFACT_DIR,
	KIND_ARTIFACT,
	KIND_TRASH,
	KIND_TRASH_EXPERIMENTS,
	KIND_TRASH_RUNS,
	KIND_TRASH_RUNS_OF,
	KIND_LINK,
	KIND_SCRATCH,
	KIND_MODELS,
	KIND_MODEL,
	KIND_MODEL_META,
	KIND_MODEL_DESCRIPTION,
	KIND_MODEL_TAGS,
	KIND_MODEL_TAG,
	KIND_MODEL_LATEST,
	KIND_ALIASES,
	KIND_ALIAS,
	KIND_ALIAS_DRAFT,
	KIND_VERSIONS,
	KIND_VERSION,
	KIND_VERSION_META,
	KIND_VERSION_DESCRIPTION,
	KIND_VERSION_STAGE,
	KIND_VERSION_TAGS,
	KIND_VERSION_TAG,
	KIND_PROMPT,
	KIND_VIEW_DIR,
	KIND_VIEW_FILE,
	KIND_LOGGED_MODELS,
	KIND_LOGGED,
	KIND_LOGGED_META,
	KIND_LOGGED_PARAMS,
	KIND_LOGGED_PARAM,
	KIND_LOGGED_TAGS,
	KIND_LOGGED_TAG,
	KIND_LOGGED_ARTIFACTS,
	KIND_RUN_INPUTS,
	KIND_RUN_INPUT,
	KIND_RUN_MODELS,
	KIND_SEARCH,
	KIND_SEARCH_RUNS,
	KIND_SEARCH_MODELS,
	KIND_SEARCH_VERSIONS,
	KIND_FOUND,
	KIND_FOUND_COUNT,
	KIND_FOUND_LINK,
	KINDS
};

enum { NODE_ROOT = 1, NODE_OWNERS = 1024 };

struct file;    /* file.h: the bytes of an artifact while it is open */
struct through; /* through.h: ... while the kernel reads them by itself */

struct node {
	struct node *next_id, *next_ident, *next_owner;
	uint64_t id;         /* constant: what the kernel calls it, and shows */
	uint64_t ident;      /* what it is: by kind and row, or by key */
	struct node *parent; /* NULL: the root, or no longer anywhere */
	enum node_kind kind; /* constant */
	_Atomic int64_t row; /* its own, or of what it is in; may come late */
	int64_t owner;       /* constant: whose artifacts it shows, or 0 */
	char *name;          /* in its parent */
	struct str key;      /* constant: public id, key, prefix, target */
	uint64_t lookups;    /* of the kernel */
	unsigned refs;       /* handles, requests, children */
	struct file *file;   /* guarded by the files' own lock */
	struct through *through; /* these two: guarded by throughs.mu */
	unsigned plain;          /* handles that do not read through it */
	int64_t notified;        /* these three: of the watching thread alone */
	struct node *next_due;
	unsigned due;
	atomic_int busy;       /* requests that hold its lock in the kernel */
	atomic_bool gone;      /* removed, or its run is: takes nothing more */
	atomic_ullong content; /* mark of the bytes in the page cache */
	atomic_bool retired;   /* another has taken its place */
	char text[];           /* of key */
};

/* Something found in a directory, before it is a node. */
struct found {
	enum node_kind kind;
	int64_t row, owner;
	struct str key, name;
	struct node *node; /* where it is known already: key is not needed */
	bool gone;         /* in the trash: takes nothing */
	bool has_attr;
	struct attr {
		uint64_t ino; /* filled when it becomes a node */
		uint32_t mode;
		int64_t size, mtime; /* ms */
		bool fleeting;       /* the kernel must ask again each time */
		bool brief;          /* ... after FS_SEARCH_MS */
	} attr;
};

struct nodes {
	pthread_mutex_t mu;
	struct node **by_id, **by_ident;
	struct node *by_owner[NODE_OWNERS];
	size_t buckets, count;
	uint64_t made_up; /* ids handed out to what has no row */
	struct node *root;
};

static inline struct node **node_owner_slot(struct nodes *t, int64_t owner)
{
	return &t->by_owner[(uint64_t)owner % NODE_OWNERS];
}

int nodes_init(struct nodes *t, struct err *e);
void nodes_fini(struct nodes *t);

/* The inode number of a thing by kind and row, or by row and key. */
uint64_t node_ident(enum node_kind kind, int64_t row, struct str key);

/* The node of an id that the kernel counts; NULL if there is none. */
struct node *nodes_find(struct nodes *t, uint64_t id);
/* The node of a thing in dir, made if new, one look-up more. NULL: no
 * memory. */
struct node *nodes_take(struct nodes *t, struct node *dir,
			const struct found *x);
/* A node for what has no row yet, without a look-up, held once. */
struct node *nodes_make_up(struct nodes *t, struct node *dir,
			   enum node_kind kind, struct str name);
/* The id of the n-th of those. */
uint64_t nodes_made_up_id(uint64_t n);
void nodes_forget(struct nodes *t, uint64_t id, uint64_t n);

void nodes_hold(struct nodes *t, struct node *n);
/* The same by id; NULL if there is none. */
struct node *nodes_hold_id(struct nodes *t, uint64_t id);
void nodes_drop(struct nodes *t, struct node *n);
/* Held, or NULL: what the kernel knows of this identity. */
struct node *nodes_known(struct nodes *t, uint64_t ident);

void nodes_count_lookup(struct nodes *t, struct node *n);
/* It lies elsewhere now, or (dir NULL) nowhere. */
void nodes_move(struct nodes *t, struct node *n, struct node *dir,
		struct str name);
/* It has got a row. */
void nodes_settle(struct nodes *t, struct node *n, int64_t row);
/* Its place: name copied into out, the parent held (NULL: nowhere). */
struct node *nodes_place(struct nodes *t, struct node *n, struct buf *name);
/* Path of name (may be empty) in dir, relative to the nearest node of kind
 * top above or at it; that node, held by its children, is returned. NULL when
 * it is no longer anywhere. */
struct node *nodes_path(struct nodes *t, struct node *dir, struct str name,
			enum node_kind top, struct buf *path);
/* Whether it lies in dir, under that name (any, where empty). */
bool nodes_is_at(struct nodes *t, const struct node *n, const struct node *dir,
		 struct str name);
/* Another node is to take its place, under another id; this one stays for
 * those who have it open. */
void nodes_retire(struct nodes *t, struct node *n);
/* The nearest of kind above or at n, NULL if there is none. */
struct node *nodes_above(struct nodes *t, struct node *n, enum node_kind kind);
/* The nearest run or experiment above or at n that is marked as gone. */
struct node *nodes_in_trash(struct nodes *t, struct node *n);
int64_t nodes_count(struct nodes *t);
/* Ids of some that nothing but the kernel's memory holds, at most max: hand
 * goes round the table, from 0 on. */
size_t nodes_idle(struct nodes *t, size_t *hand, uint64_t *ret, size_t max);
/* Calls fn with each, held for it to keep or drop; not under the lock. */
void nodes_each(struct nodes *t, void (*fn)(void *ctx, struct node *n),
		void *ctx);

/* The same for those that show artifacts of this owner elsewhere than in its
 * own tree: one artifact may be shown in many places. */
void nodes_each_of(struct nodes *t, int64_t owner,
		   void (*fn)(void *ctx, struct node *n), void *ctx);

/* A number that tells contents apart: the first digits of their hash. */
static inline uint64_t content_mark(const char *sha256)
{
	uint64_t mark = 1;

	for (int i = 0; i < 16 && sha256[i]; i++)
		mark = mark << 4 ^ (unsigned char)sha256[i];
	return mark;
}

#endif
