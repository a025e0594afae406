/* SPDX-License-Identifier: Apache-2.0 */
/* cache_disk.c - files of the cache's directory: found, made, written, trusted.
 */
#include "indexer/objects/cache_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"

enum { STAMP_TEXT = 200, HEAD = 2, FILE_MODE = 0600, WHOLE_MODE = 0400 };

/* --- paths ---------------------------------------------------------------- */

static void disk_path(const struct disk *d, const char *what,
		      const struct cache_id *id, char out[DISK_PATH])
{
	const char *kind = cache_id_kind(id->kind);

	if (*what == 'p')
		snprintf(out, DISK_PATH, "%s/%s/%s-%s", d->dir, what, kind,
			 id->hex);
	else
		snprintf(out, DISK_PATH, "%s/%s/%s/%.2s/%s", d->dir, what, kind,
			 id->hex, id->hex + HEAD);
}

/* Directories above path, from the cache's own on. */
static void make_above(const struct disk *d, const char *path)
{
	char part[DISK_PATH];
	struct err e = {0};

	if (access(d->dir, F_OK) < 0 && io_mkdirs(d->dir, 0700, &e) < 0)
		return;
	for (const char *p = path + strlen(d->dir) + 1; (p = strchr(p, '/'));
	     p++) {
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		mkdir(part, 0700);
	}
}

int disk_create(const struct disk *d, const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, FILE_MODE);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	make_above(d, path);
	return open(path, flags | O_CREAT | O_CLOEXEC, FILE_MODE);
}

/* --- whether it can be used ----------------------------------------------- */

bool disk_usable(struct disk *d)
{
	return d->dir && clock_mono_ms() >= atomic_load(&d->retry_at);
}

void disk_failed(struct disk *d, int errnum)
{
	char text[DISK_PATH];
	struct err e = {0};
	int64_t now = clock_mono_ms();

	if (!d->dir)
		return;
	err_sys(&e, errnum, "%s", d->dir);
	if (atomic_exchange(&d->retry_at, now + DISK_RETRY_MS) == 0)
		log_warn("the cache's directory cannot be used now", "why=%s",
			 log_quote(str_from(e.msg), text, sizeof(text)));
}

/* --- an open file --------------------------------------------------------- */

void disk_file_init(struct disk_file *f, const struct check *k)
{
	*f = (struct disk_file){.fd = -1};
	f->good = calloc((size_t)k->blocks / 64 + 1, sizeof(*f->good));
	if (!f->good)
		abort();
}

void disk_file_fini(struct disk_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	while (f->ndead)
		close(f->dead[--f->ndead]);
	free(f->good);
}

void disk_set_good(struct disk_file *f, int64_t block)
{
	uint64_t bit = UINT64_C(1) << (block % 64);

	if (f->good[block / 64] & bit)
		return;
	f->good[block / 64] |= bit;
	f->ngood++;
}

bool disk_has(int fd, const struct check *k, int64_t block)
{
	int64_t off = block * k->block;

	return lseek(fd, off, SEEK_DATA) == off;
}

/* --- stamps --------------------------------------------------------------- */

static void stamp_of(const struct disk *d, const struct stat *st,
		     char out[STAMP_TEXT])
{
	snprintf(out, STAMP_TEXT,
		 "%" PRId64 " %" PRIu64 " %" PRId64 ".%09ld %" PRId64
		 ".%09ld %s\n",
		 (int64_t)st->st_size, (uint64_t)st->st_ino,
		 (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		 (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, d->boot);
}

static bool is_stamped(struct disk *d, const struct cache_id *id,
		       const struct stat *st)
{
	char path[DISK_PATH], want[STAMP_TEXT], got[STAMP_TEXT] = "";
	struct err e = {0};
	SCOPED_FD int fd = -1;

	disk_path(d, "stamps", id, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	stamp_of(d, st, want);
	if (io_pread_all(fd, got, sizeof(got) - 1, 0, &e) <= 0 ||
	    strcmp(want, got) != 0)
		return false;
	futimens(fd, NULL);
	return true;
}

void disk_stamp(struct disk *d, int fd, const struct cache_id *id, int64_t size)
{
	char path[DISK_PATH], text[STAMP_TEXT];
	struct stat st;
	struct err e = {0};
	SCOPED_FD int out = -1;

	if (size < DISK_STAMPED || fstat(fd, &st) < 0 || st.st_size != size)
		return;
	stamp_of(d, &st, text);
	disk_path(d, "stamps", id, path);
	out = disk_create(d, path, O_WRONLY | O_TRUNC);
	if (out >= 0)
		io_write_all(out, text, strlen(text), &e);
}

/* --- finding -------------------------------------------------------------- */

static void touch(int fd)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_NOW},
				{.tv_nsec = UTIME_OMIT}};

	futimens(fd, t);
}

static bool find_whole(struct disk *d, struct disk_file *f,
		       const struct check *k)
{
	char path[DISK_PATH];
	struct stat st;

	disk_path(d, "files", &k->id, path);
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return false;
	if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == k->size) {
		f->state = DISK_WHOLE;
		if (k->size < DISK_STAMPED)
			touch(f->fd);
		else if (is_stamped(d, &k->id, &st))
			f->state = DISK_TRUSTED;
		return true;
	}
	close(f->fd);
	f->fd = -1;
	disk_drop(d, &k->id);
	return false;
}

void disk_find(struct disk *d, struct disk_file *f, const struct check *k)
{
	char path[DISK_PATH];

	if (!disk_usable(d) || !k->size || find_whole(d, f, k))
		return;
	disk_path(d, "parts", &k->id, path);
	f->fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0)
		return;
	f->state = DISK_PART;
	touch(f->fd);
}

/* Something is never nothing, and less than all of it never all. */
int disk_percent(const struct disk *d, const struct cache_id *id, int64_t size)
{
	char path[DISK_PATH];
	struct stat st;
	int64_t part;

	if (!d->dir)
		return 0;
	disk_path(d, "files", id, path);
	if (stat(path, &st) == 0 && st.st_size == size)
		return 100;
	disk_path(d, "parts", id, path);
	if (stat(path, &st) < 0 || !st.st_blocks)
		return 0;
	part = (int64_t)((double)st.st_blocks * 512 / (double)size * 100);
	return part < 1 ? 1 : part > 99 ? 99 : (int)part;
}

int disk_part(struct disk *d, const struct check *k)
{
	char path[DISK_PATH];
	struct stat st;
	int fd;

	if (!disk_usable(d))
		return -1;
	disk_path(d, "parts", &k->id, path);
	fd = disk_create(d, path, O_RDWR);
	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    (st.st_size == k->size || ftruncate(fd, k->size) == 0))
		return fd;
	disk_failed(d, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* --- writing -------------------------------------------------------------- */

/* Removed by an evicter, it would take room that nobody counts; whole, it is
 * not to be touched. */
static bool is_part(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink && st.st_mode & S_IWUSR;
}

bool disk_write(struct disk *d, int fd, const void *p, size_t n, int64_t off)
{
	struct err e = {0};

	if (!disk_usable(d) || !is_part(fd) || !disk_reserve(d, (int64_t)n))
		return false;
	if (io_pwrite_all(fd, p, n, off, &e) == 0) {
		atomic_store(&d->retry_at, 0);
		return true;
	}
	disk_failed(d, e.sys);
	return false;
}

int disk_link(struct disk *d, int fd, const struct cache_id *id)
{
	char path[DISK_PATH], self[40];
	int rc;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	disk_path(d, "files", id, path);
	rc = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
	if (rc < 0 && errno == ENOENT) {
		make_above(d, path);
		rc = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
	}
	return rc < 0 && errno != EEXIST ? errno : 0;
}

void disk_promote(struct disk *d, int fd, const struct check *k)
{
	char path[DISK_PATH];

	if (!d->dir || !is_part(fd) || disk_link(d, fd, &k->id) != 0)
		return;
	disk_path(d, "parts", &k->id, path);
	unlink(path);
	if (k->size < DISK_STAMPED)
		return;
	fchmod(fd, WHOLE_MODE);
	disk_stamp(d, fd, &k->id, k->size);
}

void disk_drop(struct disk *d, const struct cache_id *id)
{
	char path[DISK_PATH];

	disk_path(d, "files", id, path);
	unlink(path);
	disk_path(d, "stamps", id, path);
	unlink(path);
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int disk_demote(struct disk *d, int old, const struct cache_id *id)
{
	char from[DISK_PATH], to[DISK_PATH];
	int fd = -1;

	disk_path(d, "files", id, from);
	disk_path(d, "parts", id, to);
	if (fchmod(old, FILE_MODE) == 0 && rename(from, to) == 0)
		fd = open(to, O_RDWR | O_CLOEXEC);
	disk_drop(d, id);
	if (fd < 0 || is_same(fd, old))
		return fd;
	close(fd);
	return -1;
}

/* --- life ----------------------------------------------------------------- */

static void read_boot(char out[40])
{
	SCOPED_FD int fd =
		open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, 36);

	out[n > 0 ? n : 0] = '\0';
}

int disk_init(struct disk *d, const struct cache_options *o, struct err *e)
{
	struct err ignored = {0};

	*d = (struct disk){.usage = -1};
	pthread_mutex_init(&d->mu, NULL);
	d->limit = o->bytes ? o->bytes : CACHE_BYTES;
	d->floor = o->floor ? o->floor : CACHE_FLOOR;
	read_boot(d->boot);
	if (!o->dir)
		return 0;
	if (strlen(o->dir) > DISK_PATH - 200)
		return err_set(e, ERR_TOO_LONG,
			       "cache: the directory's path is too long");
	if (asprintf(&d->spool, "%s/spool", o->dir) < 0 ||
	    !(d->dir = strdup(o->dir)))
		abort();
	if (io_mkdirs(d->spool, 0700, &ignored) < 0)
		disk_failed(d, ignored.sys);
	return 0;
}

void disk_fini(struct disk *d)
{
	if (d->usage >= 0)
		close(d->usage);
	free(d->dir);
	free(d->spool);
	pthread_mutex_destroy(&d->mu);
}
