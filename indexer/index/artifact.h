/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - trees of artifacts, for writing (internal).
 *
 * A tree has an owner: a run, a logged model, or a trace.
 *
 * node.c finds and makes rows of the tree, artifact_owner.c its owner;
 * artifact.c is the commands.
 */
#ifndef ORRERY_INDEX_ARTIFACT_H
#define ORRERY_INDEX_ARTIFACT_H

#include "indexer/index/writer.h"

/* row: what the rows of its tree have as owner (owner.h). */
struct tree_owner {
	int64_t row, experiment, project;
	struct str id; /* public id of the run, model or trace */
};

/* The ids of a command: the first that is given counts. */
struct owner_ids {
	struct str run, model, trace;
};
#define OWNER_IDS(x)                                                           \
	&(const struct owner_ids)                                              \
	{                                                                      \
		(x)->run_id, (x)->model_id, (x)->trace_id                      \
	}

/* Whom they name, for a write; it must be active. */
int tree_owner_find(struct writer *w, const struct command *c,
		    const struct owner_ids *ids, struct tree_owner *ret,
		    struct err *e);
/* Something in its tree changed. */
int tree_owner_touch(struct writer *w, const struct tree_owner *owner,
		     struct err *e);

enum { OBJECT_KEY_TEXT = 5 * 1024 };

/* A row as commands need it; row 0 is the root. */
struct node {
	int64_t row, parent, size;
	bool is_dir;
};

/* Where a path leads: the directory that holds its last part. */
struct place {
	const struct tree_owner *owner;
	int64_t parent;
	struct str name; /* the last part */
	bool found;      /* then node is set */
	struct node node;
};

/* Walk the path. Missing directories on the way are made with make_dirs, else
 * ERR_NOT_FOUND; a file on the way is ERR_NOT_DIR. */
int place_find(struct writer *w, const struct tree_owner *owner,
	       struct str path, bool make_dirs, struct place *ret,
	       struct err *e);
/* Make a directory at a place where nothing is. */
int place_mkdir(struct writer *w, struct place *p, int64_t mode, struct err *e);
/* Remove what is at a place: a file at once, a directory with all below it by
 * cutting it off. */
int place_remove(struct writer *w, const struct place *p, struct err *e);
int node_has_children(struct writer *w, int64_t owner, int64_t row,
		      struct err *e);
/* A directory's entries changed: its mtime. */
int node_entries_changed(struct writer *w, int64_t owner, int64_t row,
			 struct err *e);
/* Caches: the entry of this place is over. */
int place_removed(struct writer *w, const struct place *p, struct err *e);
/* An object lost its last reference, or did so at some time before. */
struct garbage {
	struct str key;
	int64_t size, time, owner; /* owner, name: what it was */
	struct str name;
};
int garbage_add(struct writer *w, const struct garbage *g, struct err *e);

/* The row of a file, and what it counted for; its object is garbage since
 * time. */
int node_delete_file(struct writer *w, int64_t row, int64_t time,
		     struct err *e);

/* Idle work: take away rows of directories that were cut off, for about
 * budget_ms; clears w->reap when none are left. In a transaction. */
int artifact_reap(struct writer *w, int64_t budget_ms, struct err *e);

#endif
