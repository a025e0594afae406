/* SPDX-License-Identifier: Apache-2.0 */
/* s3.h - the S3 store's own parts (internal to indexer/objects).
 *
 * An object is put by one request where it fits one part, else by an upload
 * of the store's own in parts; either way it has no key before it is whole. A
 * key is claimed within this process first, so that two puts never race for
 * it, and looked up or asked for on condition, so that what lies there stays.
 * Each put leaves a mark in the object's metadata: by that a put whose answer
 * was lost tells its own object from another's.
 */
#ifndef ORRERY_OBJECTS_S3_H
#define ORRERY_OBJECTS_S3_H

#include <pthread.h>

#include "indexer/objects/kind.h"
#include "indexer/objects/s3_engine.h"

#define S3_MARK_HEADER "x-amz-meta-orrery-put"
#define S3_XMLNS       "http://s3.amazonaws.com/doc/2006-03-01/"

/* What a store can be relied on for. */
struct s3_dialect {
	bool conditional; /* a PUT with "If-None-Match: *" replaces nothing */
	bool joins;       /* nor does the joining of parts */
	bool crc32c;      /* x-amz-checksum-crc32c is checked; else MD5 is */
};

struct s3_claim;
struct s3_left;

struct s3_store {
	struct objects base;
	struct s3_engine *engine;
	struct s3_dialect dialect;
	bool probe;  /* the dialect is to be found out */
	bool direct; /* clients may be sent to the endpoint */
	bool shared; /* others write there too: claims are not enough */
	int tmp;     /* directory of uploads in parts */
	pthread_mutex_t mu;
	struct s3_claim *claims; /* guarded by: mu */
	size_t doubtful;         /* guarded by: mu; claims that stay */
	struct s3_left *left;    /* guarded by: mu; uploads to be given up */
	size_t nleft;            /* guarded by: mu */
};

static inline struct s3_store *s3_of(struct objects *o)
{
	return (struct s3_store *)o;
}

/* The key is this put's from now on; NULL: it is another's, or none that S3
 * takes. */
struct s3_claim *s3_claim(struct s3_store *s, struct str key);
/* keep: nobody knows what becomes of that key, so nobody gets it. */
void s3_release(struct s3_store *s, struct s3_claim *c, bool keep);

/* The header by which the store checks a body; text is room for its value. */
enum { S3_SUM = 32 };
void s3_add_sum(struct s3_store *s, struct s3_request *r, char text[S3_SUM]);
/* The object at key: 1 and its head, 0 where there is none. */
int s3_head_of(struct s3_store *s, struct str key, struct s3_head *ret,
	       struct err *e);

/* s3_probe.c: what it can do, tried with an object of no name that matters. */
int s3_find_dialect(struct s3_store *s, struct err *e);
bool s3_dialect_named(struct str name, struct s3_dialect *ret);
/* As a name that s3_dialect_named takes. */
void s3_dialect_print(const struct s3_dialect *d, struct buf *b);

/* s3_put.c, s3_get.c, s3_fetch.c, s3_list.c */
struct object_put *s3_put_begin(struct objects *o, struct err *e);
int s3_put_write(struct object_put *p, const void *data, size_t n,
		 struct err *e);
int s3_put_finish(struct object_put *p, char *key, struct err *e);
void s3_put_free(struct object_put *p);
struct object_get *s3_get_begin(struct objects *o, struct str key, int64_t off,
				int64_t n, struct err *e);
int s3_get_next(struct object_get *g, struct str *ret, struct err *e);
void s3_get_end(struct object_get *g);
void s3_fetch(struct objects *o, struct object_fetch *f);
void s3_fetch_cancel(struct objects *o, struct object_fetch *f);
int s3_each(struct objects *o,
	    int (*fn)(void *ctx, struct str key, int64_t size, int64_t mtime,
		      struct err *e),
	    void *ctx, struct err *e);
int s3_remove(struct objects *o, const struct str *keys, size_t n, bool *gone,
	      struct err *e);
/* s3_left.c: uploads in parts that nobody will end. The status of one being
 * given up; 0: no answer. */
int s3_abort(struct s3_store *s, const char *key, const char *upload);
/* To be given up later: by the next put in parts that ends well. */
void s3_leave(struct s3_store *s, const char *key, const char *upload);
void s3_abort_one_left(struct s3_store *s);
/* Those that an earlier process left. */
int s3_abort_left(struct s3_store *s, struct err *e);
void s3_forget_left(struct s3_store *s);
/* An answer's <Key>, below the prefix, into out (S3_KEY_TEXT bytes); false
 * where it is none of ours. */
enum { S3_KEY_TEXT = 3 * S3_KEY_BYTES + 8 };
bool s3_read_key(struct s3_store *s, struct str xml, char *out, size_t *n);

#endif
