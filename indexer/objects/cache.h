/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - objects of a distant store, as if they were near.
 *
 * A directory of the user's holds what was read, shared by all processes that
 * name it, without a daemon: whole objects under their digest, and parts of
 * others in sparse files. Ranges that are under way or just came lie in memory,
 * and sequential readers have them fetched ahead. No byte is given out before
 * it was checked: by the sums of blocks that the index keeps (sums.h), or
 * where it keeps none by the digest of the whole. The directory is only ever
 * a help: where it fails, reads go on without it. docs/cache.md tells more.
 *
 * Thread rule: everything here may be called by any thread at any time; a
 * struct cached is closed after its last read has returned. Stores must live
 * until what was opened or asked for from them is closed, and the cache too.
 */
#ifndef ORRERY_OBJECTS_CACHE_H
#define ORRERY_OBJECTS_CACHE_H

#include <stdatomic.h>

#include "indexer/objects/objects.h"

struct cache;
struct cached;

struct cache_options {
	const char *dir; /* made if absent; NULL: memory only */
	int64_t bytes;   /* on disk at most; 0: CACHE_BYTES */
	int64_t floor;   /* what is left free there; 0: CACHE_FLOOR */
	size_t memory;   /* of ranges; 0: CACHE_MEMORY */
};

#define CACHE_BYTES (INT64_C(20) << 30)
#define CACHE_FLOOR (INT64_C(1) << 30)
enum { CACHE_MEMORY = 160 << 20 };

enum cache_digest { CACHE_SHA256, CACHE_MD5 };

struct cached_name {
	struct str key;
	int64_t size;
	enum cache_digest kind;
	struct str digest; /* hex */
	struct str sums;   /* sums.h; empty: none are known */
};

/* How long a read may take: NULL is for as long as it takes. */
struct cached_wait {
	bool never;                   /* CACHED_WAIT where it would have to */
	int64_t until;                /* clock_mono_ms; 0: no time set */
	const atomic_bool *cancelled; /* NULL: nobody does */
};

enum { CACHED_WAIT = -2 };

struct cache_figures {
	int64_t bytes;     /* on disk, by all processes; about */
	int64_t memory;    /* of ranges, now */
	int64_t hits;      /* reads that needed no request, */
	int64_t misses;    /* and those that did */
	int64_t requests;  /* to stores */
	int64_t fetched;   /* bytes that came, */
	int64_t wasted;    /* and of them those that nobody read */
	int64_t soon;      /* objects fetched before they were asked for, */
	int64_t soon_hits; /* and of them those that were */
	int64_t evicted;   /* files */
	int64_t corrupt;   /* blocks and files that were not what they should */
	int64_t bypassed;  /* bytes that could not be kept on disk */
};

/* A directory that cannot be used is no failure: it is tried again later. */
struct cache *cache_open(const struct cache_options *o, struct err *e);
/* Nothing is open any more. What is under way is given up. */
void cache_close(struct cache *c);

/* The name is copied. Does not ask the store. NULL is one that is not there
 * yet: what is not on disk cannot be read before cached_join. */
struct cached *cached_open(struct cache *c, struct objects *store,
			   const struct cached_name *name, struct err *e);
/* The store has come, for one that was opened without. */
void cached_join(struct cached *h, struct objects *store);
void cached_close(struct cached *h);
/* Bytes [off, off+n), fewer only at the end of the object: how many, -1, or
 * CACHED_WAIT. */
int64_t cached_read(struct cached *h, int64_t off, void *out, size_t n,
		    const struct cached_wait *w, struct err *e);
/* A descriptor of the whole object where it lies checked on a local disk, else
 * -1. It stays the cache's, and open until cached_close. */
int cached_fd(struct cached *h);

/* A file that is complete and will not be written to any more becomes a whole
 * object: by a link, so it must lie on the directory's file system. */
int cache_adopt(struct cache *c, int fd, enum cache_digest kind,
		struct str digest, struct err *e);
/* The same of a file that lies elsewhere, a little later, by a copy; or not, if
 * many wait. The descriptor may be closed on return. */
void cache_adopt_soon(struct cache *c, int fd, enum cache_digest kind,
		      struct str digest);
/* Objects that are likely to be wanted next: the small ones among them are
 * fetched, as many at one time as is good. */
void cache_soon(struct cache *c, struct objects *store,
		const struct cached_name *names, size_t n);

/* How much of an object lies on disk, as sizes tell: 0 to 100. */
int cache_percent(struct cache *c, const struct cached_name *name);
struct cache_figures cache_figures(struct cache *c);
/* Where spool files may lie, so that they can be adopted; NULL: nowhere. */
const char *cache_spool(const struct cache *c);

#endif
