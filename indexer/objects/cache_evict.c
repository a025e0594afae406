/* SPDX-License-Identifier: Apache-2.0 */
/* cache_evict.c - counts what the directory holds, and removes what was not
 * used for longest.
 *
 * Who has a file open goes on reading it. When a file was used is said by its
 * stamp's time, or its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/objects/cache_disk.h"

enum { DEPTH = 2, NAME = 160 };

struct found {
	int64_t used, bytes; /* used: ns */
	char name[NAME];     /* below the directory */
};

struct scan {
	struct disk *d;
	int root; /* descriptor of the directory */
	struct found *v;
	size_t n, cap;
	int64_t total;
};

static int64_t ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t last_use(struct scan *s, const char *name, const struct stat *st)
{
	int64_t a = ns(st->st_atim), m = ns(st->st_mtim);
	char stamp[3 * NAME];
	struct stat other;

	if (!strncmp(name, "files/", 6)) {
		snprintf(stamp, sizeof(stamp), "stamps/%s", name + 6);
		if (fstatat(s->root, stamp, &other, AT_SYMLINK_NOFOLLOW) == 0)
			return ns(other.st_mtim);
	}
	return a > m ? a : m;
}

static void note(struct scan *s, const char *name, const struct stat *st)
{
	struct found *f;
	size_t n = strlen(name);

	if (n >= NAME)
		return;

	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->v = realloc(s->v, s->cap * sizeof(*s->v));
		if (!s->v)
			abort();
	}
	f = &s->v[s->n++];
	f->used = last_use(s, name, st);
	f->bytes = (int64_t)st->st_blocks * 512;
	memcpy(f->name, name, n + 1);
	s->total += f->bytes;
}

static void walk(struct scan *s, const char *name, int depth)
{
	int fd = openat(s->root, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *x;
	struct stat st;

	while (dir && (x = readdir(dir))) {
		char below[NAME + sizeof(x->d_name)];

		snprintf(below, sizeof(below), "%s/%s", name, x->d_name);
		if (x->d_name[0] == '.' ||
		    fstatat(s->root, below, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			note(s, below, &st);
		else if (S_ISDIR(st.st_mode) && depth > 0)
			walk(s, below, depth - 1);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static int by_use(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->used > y->used) - (x->used < y->used);
}

static void forget(struct scan *s, const struct found *f)
{
	char stamp[3 * NAME];

	if (unlinkat(s->root, f->name, 0) == 0)
		atomic_fetch_add(&s->d->evicted, 1);
	s->total -= f->bytes;
	if (strncmp(f->name, "files/", 6) != 0)
		return;
	snprintf(stamp, sizeof(stamp), "stamps/%s", f->name + 6);
	unlinkat(s->root, stamp, 0);
}

int64_t disk_evict(struct disk *d, int64_t most, int64_t spare)
{
	struct scan s = {.d = d};

	s.root = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.root < 0)
		return 0;
	walk(&s, "files", DEPTH);
	walk(&s, "parts", 0);
	if (s.n)
		qsort(s.v, s.n, sizeof(*s.v), by_use);
	for (size_t i = 0; i < s.n; i++) {
		if (s.total <= most && (!spare || disk_free(d) >= spare))
			break;
		forget(&s, &s.v[i]);
	}
	close(s.root);
	free(s.v);
	return s.total;
}
