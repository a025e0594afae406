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
	struct object_put *(*put_begin)(struct objects *o, struct err *e);
	int (*put_write)(struct object_put *p, const void *data, size_t n,
			 struct err *e);
	/* All bytes are durable, under no key yet. */
	int (*put_flush)(struct object_put *p, struct err *e);
	/* Durable under key: 1. The key is not to be had (taken, or beyond
	 * what the store takes for a name): 0. */
	int (*put_link)(struct object_put *p, struct str key, struct err *e);
	int (*put_fd)(struct object_put *p);
	void (*put_free)(struct object_put *p);
	int (*open)(struct objects *o, struct str key, struct err *e);
	int (*remove)(struct objects *o, struct str key, struct err *e);
	int (*each)(struct objects *o,
		    int (*fn)(void *ctx, struct str key, int64_t size,
			      int64_t mtime, struct err *e),
		    void *ctx, struct err *e);
	int (*sweep)(struct objects *o, struct err *e);
	/* Descriptor of a directory for uploads in parts (staging.h), -1 for
	 * none. NULL: none ever. */
	int (*tmp)(struct objects *o);
};

struct objects {
	const struct objects_kind *kind;
};

struct object_put {
	struct objects *o;
	struct digest *digest; /* NULL once the descriptor was handed out */
	char *wanted, *fallback;
};

/* The directory store at path, which is made if absent. */
struct objects *dir_objects_open(const char *path, struct err *e);

#endif
