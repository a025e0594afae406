/* SPDX-License-Identifier: Apache-2.0 */
/* draft.h - an object that is written like a file: anywhere, in any order.
 *
 * A draft is a file without a name. Where objects are files it is the store's
 * own temporary file, and gets its key in the end. Elsewhere it is a spool: a
 * long one is sent to the store by a thread while it is written, as far as it
 * is written from its first byte on; a short one is sent in the end, by who
 * waits for it, and is in memory until it grows: a file of a disk is made and
 * named in its journal, which waits while that is written. What is
 * changed behind what was sent makes the sending begin anew in the end: the
 * spool is the truth, and so it is when sending fails. Memory is one piece
 * and what a put takes, whatever the length; the spool leaves a floor of free
 * space on its disk.
 *
 * Thread rule: writes may be told by any thread; finish and free are called by
 * one at a time, and no write is told meanwhile.
 */
#ifndef ORRERY_OBJECTS_DRAFT_H
#define ORRERY_OBJECTS_DRAFT_H

#include <stdatomic.h>

#include "indexer/objects/objects.h"

struct drafts; /* what all drafts of a store share */
struct object_draft;

struct draft_options {
	/* The store; NULL where it cannot be had now. */
	struct objects *(*store)(void *ctx, struct err *e);
	void *ctx;
	bool files;      /* its objects are files: all below is unused */
	const char *dir; /* of spools; made if absent */
	int64_t floor;   /* bytes that stay free on its disk */
};

struct drafts *drafts_open(const struct draft_options *o, struct err *e);
/* Once no draft is left: until their threads have ended. */
void drafts_close(struct drafts *home);

/* wanted and fallback are those of object_put_begin. */
struct object_draft *object_draft_begin(struct drafts *home, struct str wanted,
					struct str fallback, struct err *e);
/* To be read and written; valid until the draft is freed. */
int object_draft_fd(const struct object_draft *d);
/* Before it grows to so many bytes: ERR_NO_SPACE where it may not. */
int object_draft_room(struct object_draft *d, int64_t size, struct err *e);
/* Whether it is in memory, and too long for that with so many bytes: then it
 * is spread first, while nobody reads or writes its file, for that is another
 * under the same number afterwards. */
bool object_draft_cramped(const struct object_draft *d, int64_t size);
int object_draft_spread(struct object_draft *d, struct err *e);
/* Bytes [off, off+n) were written; it was cut, or grown, to size. */
void object_draft_wrote(struct object_draft *d, int64_t off, size_t n);
void object_draft_cut(struct object_draft *d, int64_t size);

struct draft_wait {
	const atomic_bool *cancelled; /* or NULL */
	int64_t patience_ms;          /* without anything being sent */
};

/* As object_put_finish, with the sums of its blocks; but after an error the
 * draft is as it was: it may be written, and finished again. ERR_INTERRUPTED
 * and ERR_TIMEOUT stop only the waiting. */
int object_draft_finish(struct object_draft *d, const struct draft_wait *w,
			char *ret_key, struct object_digest *ret,
			struct buf *sums, struct err *e);
void object_draft_free(struct object_draft *d);

#endif
