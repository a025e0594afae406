/* SPDX-License-Identifier: Apache-2.0 */
/* cache_room.c - how much the directory holds, counted by all processes.
 *
 * One number in the file "usage", under its lock. A process claims room in
 * chunks and hands out of them, so that few writes look there. One that dies
 * leaves its chunk claimed until the next count, which is made when the limit
 * is reached, by who reached it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/cache_disk.h"

enum { LOCK_PAUSE_US = 2000 };

int64_t disk_free(const struct disk *d)
{
	struct statvfs v;

	if (statvfs(d->dir, &v) < 0)
		return 0;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

/* The file, anew where the directory was removed. */
static bool open_usage(struct disk *d)
{
	char path[DISK_PATH];
	struct stat st;

	if (d->usage >= 0 && fstat(d->usage, &st) == 0 && st.st_nlink)
		return true;
	if (d->usage >= 0) {
		close(d->usage);
		d->granted = 0;
	}
	snprintf(path, sizeof(path), "%s/usage", d->dir);
	d->usage = disk_create(d, path, O_RDWR);
	return d->usage >= 0;
}

/* Who holds it may have been stopped. */
static bool lock_usage(struct disk *d)
{
	int64_t end = clock_mono_ms() + DISK_LOCK_MS;

	if (!open_usage(d)) {
		disk_failed(d, errno);
		return false;
	}
	while (flock(d->usage, LOCK_EX | LOCK_NB) < 0) {
		if (clock_mono_ms() >= end)
			return false;
		usleep(LOCK_PAUSE_US);
	}
	return true;
}

static void write_usage(struct disk *d, int64_t v)
{
	struct err e = {0};

	atomic_store(&d->total, v);
	if (io_pwrite_all(d->usage, &v, sizeof(v), 0, &e) < 0)
		disk_failed(d, e.sys);
}

/* Counted where nobody did. */
static int64_t read_usage(struct disk *d)
{
	struct err e = {0};
	int64_t v;

	if (io_pread_all(d->usage, &v, sizeof(v), 0, &e) == sizeof(v) && v >= 0)
		return v;
	return disk_evict(d, INT64_MAX, 0);
}

static bool fits(struct disk *d, int64_t used, int64_t n)
{
	return used + n <= d->limit && disk_free(d) - n >= d->floor;
}

static bool claim(struct disk *d, int64_t n)
{
	int64_t used = read_usage(d), free = d->floor + n + d->limit / 20;

	if (!fits(d, used, n))
		used = disk_evict(d, d->limit - d->limit / 10 - n,
				  free < 2 * d->floor + n ? free
							  : 2 * d->floor + n);
	if (!fits(d, used, n)) {
		write_usage(d, used);
		return false;
	}
	write_usage(d, used + n);
	d->granted += n;
	return true;
}

static int64_t chunk(const struct disk *d, int64_t n)
{
	int64_t most = d->limit / DISK_PARTS;

	if (most > DISK_CHUNK)
		most = DISK_CHUNK;
	return n > most ? n : most;
}

bool disk_reserve(struct disk *d, int64_t n)
{
	SCOPED_LOCK(&d->mu);

	n = (n + DISK_UNIT - 1) / DISK_UNIT * DISK_UNIT;
	if (n > d->granted) {
		bool had;

		if (!lock_usage(d))
			return false;
		had = claim(d, chunk(d, n));
		flock(d->usage, LOCK_UN);
		if (!had)
			return false;
	}
	d->granted -= n;
	return true;
}

/* What was claimed and not used. */
void disk_return(struct disk *d)
{
	SCOPED_LOCK(&d->mu);

	if (!d->dir || d->usage < 0 || !d->granted || !lock_usage(d))
		return;
	if (d->granted)
		write_usage(d, read_usage(d) - d->granted);
	d->granted = 0;
	flock(d->usage, LOCK_UN);
}
