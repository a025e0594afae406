/* SPDX-License-Identifier: Apache-2.0 */
/* staging.h - an object that comes in parts, in any order and at once.
 *
 * An upload is a directory in the store's temporary area, named by an id that
 * nobody can guess. It survives crashes: a part that was finished is on disk,
 * and its file's name states its number, size and checksums, so there is
 * nothing else to be kept in step. In the end the parts are joined into an
 * ordinary put. An ended upload stays a while as the mark that it ended, so
 * that a retried request can be told so.
 *
 * Thread rule: as objects.h; a struct staging belongs to one thread. Any
 * number of threads may put parts of one upload.
 */
#ifndef ORRERY_OBJECTS_STAGING_H
#define ORRERY_OBJECTS_STAGING_H

#include "indexer/objects/objects.h"

enum {
	STAGING_ID = 33,         /* of an id with its NUL */
	STAGING_PARTS = 10000,   /* of one upload */
	STAGING_NOTE = 16 << 10, /* bytes of a note */
};

/* A new upload; the note is the caller's, to be read back. */
int staging_create(struct objects *o, struct str note, char ret_id[STAGING_ID],
		   struct err *e);

struct staging;

/* ERR_NOT_FOUND where there is none of this id. alone: waits until nobody
 * else has it open so; who joins the parts and who removes them has. */
struct staging *staging_open(struct objects *o, struct str id, bool alone,
			     struct err *e);
void staging_close(struct staging *s); /* NULL is fine */
/* Appended to b. */
int staging_note(struct staging *s, struct buf *b, struct err *e);
bool staging_ended(struct staging *s);

/* Put a part; it takes the place of an earlier one of this number. */
struct staging_put;
struct staging_put *staging_put_begin(struct staging *s, int number,
				      struct err *e);
int staging_put_write(struct staging_put *p, const void *data, size_t n,
		      struct err *e);
/* Durable afterwards. check, if given, has the last word before it is a
 * part. */
int staging_put_finish(struct staging_put *p,
		       int (*check)(void *ctx, const struct object_digest *d,
				    struct err *e),
		       void *ctx, struct object_digest *ret, struct err *e);
void staging_put_abort(struct staging_put *p); /* also frees after a failure */

/* The parts that are there, in order of number; free(*ret). */
struct staging_part {
	int number;
	struct object_digest digest;
};
int staging_parts(struct staging *s, struct staging_part **ret, size_t *ret_n,
		  struct err *e);
/* Write these parts one after the other; ERR_CORRUPT where one has not the
 * size or checksum that it was stored with. */
int staging_join(struct staging *s, const struct staging_part *parts, size_t n,
		 struct object_put *to, struct err *e);
/* It ended well: its parts go, the mark stays. */
int staging_end(struct staging *s, struct err *e);
int staging_remove(struct staging *s, struct err *e);

/* Uploads to which nothing was added since before (ms since 1970), into *ret;
 * removed, or only counted. */
int staging_sweep(struct objects *o, int64_t before, bool remove, int64_t *ret,
		  struct err *e);

#endif
