/* SPDX-License-Identifier: Apache-2.0 */
/* cache_own.h - what the cache's parts share (internal to
 * indexer/objects/cache*.c).
 *
 * Locks, in this order: cache.mu (the table of objects, counts of who holds
 * them), cache_object.mu (its ranges and what is known of its file), the
 * store's own. None is held while bytes are read, written, checked or copied:
 * a range is pinned for that, and a file stays open as long as its object.
 */
#ifndef ORRERY_OBJECTS_CACHE_OWN_H
#define ORRERY_OBJECTS_CACHE_OWN_H

#include <pthread.h>

#include "indexer/objects/cache.h"
#include "indexer/objects/cache_check.h"
#include "indexer/objects/cache_disk.h"
#include "indexer/objects/cache_pool.h"

enum {
	CACHE_SMALL = 768 << 10, /* fetched by one request */
	CACHE_LEAST = 256 << 10, /* a range has, where the object does */
	CACHE_RANGE = 4 << 20,   /* and at most */
	CACHE_WINDOW = 32 << 20, /* fetched ahead of one reader at most */
	CACHE_BACK = 1 << 20,    /* a step back that is still in sequence */
	CACHE_FORTH = 4 << 20,   /* and one forth */
	CACHE_SPARE = 24 << 20,  /* of memory kept for the next ranges */
	CACHE_READERS = 4,       /* told apart on one handle */
	CACHE_TRIES = 4,         /* of bytes that are not what they should */
	CACHE_SILENCE_MS = 9000, /* without a byte, and a reader gives up */
	CACHE_LOOK_MS = 20,      /* between looks at who gave up waiting */
	CACHE_SLOW_MS = 1000,    /* a range that takes longer is one of many
				    on a thin line */
	CACHE_DISK_MS = 1000,    /* a disk that wrote nothing for so long is
				    not waited for */
	CACHE_FETCHERS = 64,
	CACHE_WRITERS = 2,
	CACHE_NICE = 19,      /* of the thread that copies */
	CACHE_ADOPTING = 256, /* files that wait to be copied, and are open */
	CACHE_SOON_BYTES = 256 << 10, /* no larger objects are fetched soon */
	CACHE_KEPT = 64 << 10, /* larger ones not in memory, once saved */
	CACHE_SOON = 256,      /* objects kept that were */
	CACHE_SOON_FLYING = 32,
	CACHE_BUCKETS = 4096,
};

enum range_state { RANGE_FLYING, RANGE_HERE, RANGE_FAILED };

struct range {
	struct object_fetch f; /* the first member */
	struct range *next;
	struct cache_object *o;
	struct objects *store;
	struct pool_job job;
	char *key;
	enum range_state state;
	int64_t off;
	size_t n;
	char *mem;
	bool ahead, cancelled, saved, saving; /* saving: it was tried */
	bool gone; /* not in the list any more; freed with the last pin */
	int pins, waiters, tries;
	int64_t began, used; /* clock_mono_ms */
	int64_t read;        /* the end of what was given out */
	atomic_bool unwanted;
	_Atomic uint32_t checked; /* a bit a block */
	struct err e;
};

struct cache_object {
	struct cache *c;
	struct cache_object *next; /* guarded by: cache.mu */
	int handles;               /* guarded by: cache.mu */
	atomic_int refs;           /* 1 to 0 only with cache.mu */
	struct cache_id id;
	pthread_mutex_t mu;
	pthread_cond_t changed;
	/* guarded by: mu, as all below; NULL: it is not there yet */
	struct objects *store;
	char *key;
	struct check check;
	struct range *ranges;
	size_t held; /* bytes of them */
	struct disk_file file;
	bool save_queued;
	int64_t saved_ms;
	bool learning, soon, soon_hit;
	int learners; /* who waits for it */
	struct err learn_error;
	_Atomic int64_t learnt; /* bytes so far */
	atomic_bool learn_stop;
	struct pool_job save_job, learn_job;
};

/* One who reads in sequence. */
struct reader {
	int64_t expect; /* where he will go on */
	size_t window;  /* so much is fetched ahead; 0: he jumped */
	int64_t turn;   /* of his last read; 0: there is none yet */
};

struct cached {
	struct cache_object *o;
	struct reader readers[CACHE_READERS]; /* guarded by: o->mu */
	int64_t turn;                         /* guarded by: o->mu */
};

struct counts {
	_Atomic int64_t hits, misses, requests, fetched, wasted;
	_Atomic int64_t soon, soon_hits, corrupt, bypassed;
};

struct spare;

struct cache {
	pthread_mutex_t mu;
	pthread_cond_t none;                       /* of objects is left */
	size_t objects;                            /* guarded by: mu */
	struct cache_object *table[CACHE_BUCKETS]; /* guarded by: mu */
	struct cached *soon[CACHE_SOON];           /* guarded by: mu */
	unsigned soon_at;                          /* guarded by: mu */
	atomic_int soon_flying;
	atomic_int adopting;
	size_t memory;
	_Atomic size_t used; /* of memory by ranges and spares */
	atomic_int streams;
	pthread_mutex_t spare_mu;
	struct spare *spares; /* guarded by: spare_mu */
	size_t nspare;        /* guarded by: spare_mu; bytes */
	struct disk disk;
	struct pool fetchers, writers, adopters;
	struct counts counts;
	atomic_bool closing;
};

/* cache.c: o stays while it is held. */
void object_hold(struct cache_object *o);
void object_let(struct cache_object *o);

/* cache_range.c; all but range_done_with want o->mu to be held. */
struct range *range_at(struct cache_object *o, int64_t off);
/* NULL: there is no memory, for what is ahead. */
struct range *range_start(struct cache_object *o, int64_t off, size_t n,
			  bool ahead);
struct range *range_again(struct range *r); /* NULL: no memory */
void range_drop(struct range *r);
void range_pin(struct range *r);
void range_unpin(struct range *r);
void range_cancel(struct range *r);
/* What was read and saved needs no memory any more. */
void ranges_trim(struct cache_object *o);
void ranges_end(struct cache_object *o);
size_t cache_share(struct cache *c);
void spares_free(struct cache *c);

/* cache_save.c: what came is written, in the background. */
void save_soon(struct cache_object *o); /* o->mu held */
void save_broken(struct cache_object *o);
void save_unreadable(struct cache_object *o, int64_t block);
/* The file to write to, or -1; o->mu is let go of while it is made. */
int save_part(struct cache_object *o);
/* The blocks of [from, to) hold: 0, or -1. Without o->mu, r pinned. */
int range_check(struct range *r, int64_t from, int64_t to, uint32_t *ret);

/* cache_ahead.c; o->mu held. */
struct reader *ahead_note(struct cached *h, int64_t off, size_t n);
void ahead_fill(struct cache_object *o, struct reader *s, int64_t pos);
void ahead_end(struct cached *h);
struct range;
void ahead_grow(struct reader *s, const struct range *r);

/* cache_soon.c */
void soon_used(struct cache_object *o);
void soon_end(struct cache *c);

/* cache_learn.c: sums of an object of which none are known; 1 once they are,
 * o->mu held. */
void learn_start(struct cache_object *o);

#endif
