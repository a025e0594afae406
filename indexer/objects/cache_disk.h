/* SPDX-License-Identifier: Apache-2.0 */
/* cache_disk.h - the directory of a cache (internal to
 * indexer/objects/cache*.c).
 *
 *	files/<kind>/ab/cdef...   a whole object
 *	stamps/<kind>/ab/cdef...  how a large one looked when it was checked
 *	parts/<kind>-abcdef...    blocks of an object, holes between them
 *	spool/                    files that are being written by a mount
 *	usage                     bytes taken, and the lock of who counts
 *
 * All of it may vanish or change at any moment: whoever opens a file believes
 * none of its blocks before he checked it, but for a whole one that looks as
 * its stamp says. Nothing is synced: a stamp holds for one boot.
 */
#ifndef ORRERY_OBJECTS_CACHE_DISK_H
#define ORRERY_OBJECTS_CACHE_DISK_H

#include <pthread.h>
#include <sys/stat.h>

#include "indexer/objects/cache_check.h"

enum {
	DISK_UNIT = 4096,       /* bytes are counted in */
	DISK_STAMPED = 1 << 20, /* larger files have a stamp */
	DISK_CHUNK = 8 << 20,   /* room is claimed in, at most */
	DISK_PARTS = 64,        /* of the limit, at most */
	DISK_RETRY_MS = 1000,   /* a directory that failed is left alone */
	DISK_LOCK_MS = 1000,    /* somebody else's count is waited for */
	DISK_DEAD = 4,
};

struct disk {
	char *dir, *spool; /* NULL: none */
	int64_t limit, floor;
	pthread_mutex_t mu;
	int usage;             /* guarded by: mu, as all below; -1: not open */
	int64_t granted;       /* claimed and not used yet */
	_Atomic int64_t total; /* as last seen */
	_Atomic int64_t retry_at, evicted;
	char boot[40];
};

enum disk_state {
	DISK_NONE,
	DISK_PART,
	DISK_WHOLE,   /* not checked yet */
	DISK_TRUSTED, /* all its blocks are good */
};

struct disk_file {
	int fd;
	enum disk_state state;
	uint64_t *good; /* blocks that were checked */
	int64_t ngood;
	int dead[DISK_DEAD], ndead; /* descriptors that somebody may read */
};

int disk_init(struct disk *d, const struct cache_options *o, struct err *e);
void disk_fini(struct disk *d);

void disk_file_init(struct disk_file *f, const struct check *k);
void disk_file_fini(struct disk_file *f);
static inline bool disk_good(const struct disk_file *f, int64_t block)
{
	return f->state == DISK_TRUSTED ||
	       (f->fd >= 0 && f->good[block / 64] >> (block % 64) & 1);
}
void disk_set_good(struct disk_file *f, int64_t block);

/* What there is of an object, or nothing. */
void disk_find(struct disk *d, struct disk_file *f, const struct check *k);
/* How much of it there is, by its size: 0 to 100. */
int disk_percent(const struct disk *d, const struct cache_id *id, int64_t size);
/* A descriptor of its part, which is made if absent; -1: there can be none. */
int disk_part(struct disk *d, const struct check *k);
/* Whether there may be data of the block. */
bool disk_has(int fd, const struct check *k, int64_t block);
/* Room for n bytes more: others are removed for it. */
bool disk_reserve(struct disk *d, int64_t n);
/* What was reserved ahead is given back. */
void disk_return(struct disk *d);
/* Into a part, unless that is one no more. */
bool disk_write(struct disk *d, int fd, const void *p, size_t n, int64_t off);
/* All blocks are good: it becomes whole, if it can. */
void disk_promote(struct disk *d, int fd, const struct check *k);
/* A file of the whole object gets its name: 0, or an errno. */
int disk_link(struct disk *d, int fd, const struct cache_id *id);
void disk_stamp(struct disk *d, int fd, const struct cache_id *id,
		int64_t size);
/* It is not what it should be. */
void disk_drop(struct disk *d, const struct cache_id *id);
/* The whole file that fd is becomes a part again, whose blocks can be put
 * right: a descriptor for that, or -1 and it is dropped. */
int disk_demote(struct disk *d, int fd, const struct cache_id *id);
/* It cannot be used now. */
void disk_failed(struct disk *d, int errnum);
bool disk_usable(struct disk *d);

enum { DISK_PATH = 4096 };
/* open, and once more after what is missing above it was made. */
int disk_create(const struct disk *d, const char *path, int flags);

/* cache_evict.c; d->usage is locked. Removes what was not used for longest
 * until so many bytes are left of all, and so many are free: how many are. */
int64_t disk_evict(struct disk *d, int64_t most, int64_t spare);
int64_t disk_free(const struct disk *d);

#endif
