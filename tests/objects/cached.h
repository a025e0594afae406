/* SPDX-License-Identifier: Apache-2.0 */
/* cached.h - a cache with a directory over a store in memory, and what lies in
 * that directory. */
#ifndef ORRERY_TESTS_OBJECTS_CACHED_H
#define ORRERY_TESTS_OBJECTS_CACHED_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "tests/journal/scratch.h"
#include "tests/objects/memory.h"
#include "tests/tap.h"

static struct err e;
static struct scratch dir;
static struct memory store;
static struct cache *cache;

enum { KB = 1 << 10, MB = 1 << 20, PIECE = 128 << 10, SETTLE_MS = 5000 };

static inline void open_cache(int64_t bytes, int64_t floor)
{
	err_clear(&e);
	cache = cache_open(&(struct cache_options){.dir = dir.path,
						   .bytes = bytes,
						   .floor = floor ? floor : 1},
			   &e);
}

static inline void start(int64_t bytes, int64_t floor)
{
	dir = scratch_new();
	memory_init(&store, true);
	open_cache(bytes, floor);
}

static inline void again(void)
{
	cache_close(cache);
	open_cache(0, 0);
}

static inline void stop(void)
{
	cache_close(cache);
	memory_fini(&store);
	scratch_remove(&dir);
}

static inline struct cached *open_object(struct memory_object *x)
{
	struct cached_name name = memory_name(x, true);

	return cached_open(cache, &store.base, &name, &e);
}

static inline bool read_all(struct cached *h, struct memory_object *x)
{
	char *out = malloc(PIECE);
	bool good = true;
	int64_t n = 1;

	for (int64_t at = 0; good && n > 0; at += n) {
		n = cached_read(h, at, out, PIECE, NULL, &e);
		good = n >= 0 && (n == PIECE || at + n == x->size) &&
		       !memcmp(out, x->bytes + at, (size_t)n);
	}
	if (!good)
		printf("# %s: %s\n", x->key, e.msg);
	free(out);
	return good;
}

static inline bool reads(struct memory_object *x)
{
	struct cached *h = open_object(x);
	bool good = read_all(h, x);

	cached_close(h);
	return good;
}

/* --- what lies there ------------------------------------------------------ */

static int64_t found_bytes, found_files;

static inline int note_file(const char *path, const struct stat *st, int type,
			    struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && !strstr(path, "/stamps/") &&
	    !strstr(path, "/usage")) {
		found_bytes += (int64_t)st->st_blocks * 512;
		found_files++;
	}
	return 0;
}

static inline int64_t bytes_there(void)
{
	found_bytes = found_files = 0;
	nftw(dir.path, note_file, 16, FTW_PHYS);
	return found_bytes;
}

static inline const char *path_of(const char *what, struct memory_object *x)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s/sha256/%.2s/%s", dir.path, what,
		 x->sha256, x->sha256 + 2);
	return path;
}

static inline const char *part_of(struct memory_object *x)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/parts/sha256-%s", dir.path, x->sha256);
	return path;
}

/* Writing goes on after the last read. */
static inline bool comes(const char *path)
{
	int64_t end = clock_mono_ms() + SETTLE_MS;

	while (access(path, F_OK) < 0 && clock_mono_ms() < end)
		usleep(2000);
	return access(path, F_OK) == 0;
}

static inline void flip_in(const char *path, int64_t at)
{
	int fd = open(path, O_RDWR);
	char c = 0;

	if (fd < 0 || pread(fd, &c, 1, at) != 1)
		perror(path);
	c ^= 1;
	if (pwrite(fd, &c, 1, at) != 1)
		perror(path);
	close(fd);
}

#endif
