/* SPDX-License-Identifier: Apache-2.0 */
/* kind.h - what a kind of store does; objects.c does the rest for all.
 *
 * A kind embeds struct objects and struct object_put as first members of its
 * own. Keys and prefixes are checked before they come here.
 */
#ifndef ORRERY_OBJECTS_KIND_H
#define ORRERY_OBJECTS_KIND_H

#include "indexer/objects/digest.h"

struct objects_kind {
	void (*close)(struct objects *o);
	void (*hurry)(struct objects *o); /* NULL: nothing takes long */
	struct object_put *(*put_begin)(struct objects *o, struct err *e);
	int (*put_write)(struct object_put *p, const void *data, size_t n,
			 struct err *e);
	/* All bytes are durable, under the key that object_put_somewhere
	 * found. */
	int (*put_finish)(struct object_put *p, char *key, struct err *e);
	void (*put_free)(struct object_put *p);
	/* See object_put_source; NULL: of no use. */
	void (*put_source)(struct object_put *p,
			   const struct object_source *src);
	/* Where objects are files: descriptors. NULL elsewhere. */
	int (*put_fd)(struct object_put *p);
	int (*open)(struct objects *o, struct str key, struct err *e);
	/* Where they are not. NULL elsewhere. */
	struct object_get *(*get_begin)(struct objects *o, struct str key,
					int64_t off, int64_t n, struct err *e);
	int (*get_next)(struct object_get *g, struct str *ret, struct err *e);
	void (*get_end)(struct object_get *g);
	/* See object_fetch; NULL: there is no such way. */
	void (*fetch)(struct objects *o, struct object_fetch *f);
	void (*fetch_cancel)(struct objects *o, struct object_fetch *f);
	/* NULL: none ever. */
	int (*link)(struct objects *o, struct str key, int64_t seconds,
		    struct buf *b, struct err *e);
	/* gone tells of each whether it is not there any more. */
	int (*remove)(struct objects *o, const struct str *keys, size_t n,
		      bool *gone, struct err *e);
	int (*each)(struct objects *o,
		    int (*fn)(void *ctx, struct str key, int64_t size,
			      int64_t mtime, struct err *e),
		    void *ctx, struct err *e);
	int (*sweep)(struct objects *o, struct err *e);
	/* Ask it something small. NULL: it is there. */
	int (*look)(struct objects *o, struct err *e);
	/* See objects_dialect. NULL: nothing. */
	void (*dialect)(struct objects *o, struct buf *b);
	/* Descriptor of a directory for uploads in parts (staging.h), -1 for
	 * none. */
	int (*tmp)(struct objects *o);
};

struct objects {
	const struct objects_kind *kind;
};

struct object_put {
	struct objects *o;
	struct digest *digest; /* NULL once the descriptor was handed out */
	struct buf *sums;      /* where they are to go, or NULL */
	const struct object_digest *known; /* at put_finish */
	char *wanted, *fallback;
	/* See object_put_quit; NULL: it is waited for. */
	bool (*quit)(void *ctx, struct err *e);
	void *quit_ctx;
};

/* A kind's own get embeds it as its first member. */
struct object_get {
	struct objects *o;
};

/* The wanted key, or made-up ones: try is asked for each until it says that
 * the put has it (1) or cannot go on (-1); 0: not this one (it is taken, or
 * beyond what the store takes for a name). */
int object_put_somewhere(struct object_put *p,
			 int (*try)(struct object_put *p, struct str key,
				    struct err *e),
			 char *key, struct err *e);

/* The directory store at path, which is made if absent. */
struct objects *dir_objects_open(const char *path, struct err *e);
/* The bucket that c names; data_dir is for uploads in parts, NULL for who is
 * beside a daemon: nothing is asked yet, and no key is taken that another
 * could take at the same time. */
struct objects *s3_objects_open(const char *data_dir,
				const struct conf_objects *c, struct err *e);

#endif
