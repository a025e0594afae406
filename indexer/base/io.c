/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - whole transfers, and the order of calls that puts a file on disk.
 *
 * A new name is durable only after fsync of its directory, so every function
 * that makes one does that before it returns.
 */
#include "indexer/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/base/text.h"

enum { COPY_CHUNK = 1 << 20 };

int io_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(e, errno, "write");
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int io_pwrite_all(int fd, const void *p, size_t n, int64_t off, struct err *e)
{
	const char *at = p;

	while (n) {
		ssize_t done = pwrite(fd, at, n, off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(e, errno, "write");
		at += done;
		off += done;
		n -= (size_t)done;
	}
	return 0;
}

ssize_t io_pread_all(int fd, void *p, size_t n, int64_t off, struct err *e)
{
	char *at = p;
	size_t left = n;

	while (left) {
		ssize_t done = pread(fd, at, left, off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(e, errno, "read");
		if (!done)
			break;
		at += done;
		off += done;
		left -= (size_t)done;
	}
	return (ssize_t)(n - left);
}

/* One read into b: bytes got, 0 at the end, -1 with err. */
static ssize_t read_some(int fd, struct buf *b, const char *path, struct err *e)
{
	enum { PIECE = 16384 };
	char piece[PIECE];
	ssize_t got;

	do
		got = read(fd, piece, sizeof(piece));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, errno, "%s", path);
	buf_add(b, piece, (size_t)got);
	return got;
}

/* Through memory, where the kernel cannot copy by itself. */
static int copy_by_hand(int from, int to, int64_t at, int64_t end,
			struct err *e)
{
	SCOPED_FREE char *chunk = malloc(COPY_CHUNK);
	ssize_t n = 1;

	if (!chunk)
		return err_set(e, ERR_NO_SPACE, "no memory to copy a file");
	for (; at < end && n > 0; at += n) {
		n = end - at < COPY_CHUNK ? end - at : COPY_CHUNK;
		n = io_pread_all(from, chunk, (size_t)n, at, e);
		if (n < 0 || io_pwrite_all(to, chunk, (size_t)n, at, e))
			return -1;
	}
	return 0;
}

int io_copy(int from, int to, int64_t size, struct err *e)
{
	int64_t end = size < 0 ? INT64_MAX : size;
	off64_t in = 0, out = 0;
	ssize_t n = 1;

	while (in < end && n > 0) {
		n = copy_file_range(
			from, &in, to, &out,
			end - in < 1 << 30 ? (size_t)(end - in) : 1 << 30, 0);
		if (n < 0)
			return copy_by_hand(from, to, in, end, e);
	}
	return 0;
}

int io_read_file(const char *path, size_t limit, struct buf *b, struct err *e)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t total = 0;
	ssize_t got;

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	while ((got = read_some(fd, b, path, e)) > 0) {
		total += (size_t)got;
		if (total > limit || !buf_ok(b))
			return err_set(e, ERR_TOO_LARGE,
				       "%s: larger than %zu bytes", path,
				       limit);
	}
	return got < 0 ? -1 : 0;
}

/* The directory part of path, in malloc'd memory. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int io_fsync_dir(const char *path, struct err *e)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (fsync(fd))
		return err_sys(e, errno, "%s: fsync", path);
	return 0;
}

static int fsync_parent(const char *path, struct err *e)
{
	SCOPED_FREE char *dir = parent_of(path);

	if (!dir)
		return err_sys(e, ENOMEM, "%s", path);
	return io_fsync_dir(dir, e);
}

static int write_new_file(const char *path, struct str data, mode_t mode,
			  struct err *e)
{
	SCOPED_FD int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (io_write_all(fd, data.p, data.n, e))
		return err_wrap(e, "%s", path);
	if (fsync(fd))
		return err_sys(e, errno, "%s: fsync", path);
	return 0;
}

int io_replace_file(const char *path, struct str data, mode_t mode,
		    struct err *e)
{
	SCOPED_FREE char *temp = NULL;
	char suffix[17];

	/* A name of our own in the same directory: a rename never crosses
	 * file systems, and two writers never share a temporary file. */
	random_hex(suffix, 8);
	if (asprintf(&temp, "%s.%s.tmp", path, suffix) < 0) {
		temp = NULL;
		return err_sys(e, ENOMEM, "%s", path);
	}
	if (write_new_file(temp, data, mode, e)) {
		unlink(temp);
		return -1;
	}
	if (rename(temp, path)) {
		err_sys(e, errno, "%s", path);
		unlink(temp);
		return -1;
	}
	return fsync_parent(path, e);
}

/* One directory of a path; made or already there. */
static int make_one(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (!mkdir(path, mode))
		return fsync_parent(path, e);
	if (errno != EEXIST)
		return err_sys(e, errno, "%s", path);
	if (stat(path, &st))
		return err_sys(e, errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_NOT_DIR, "%s: is not a directory", path);
	return 0;
}

/* Each part of path in turn, which is cut short on the way. */
static int make_parts(char *path, mode_t mode, struct err *e)
{
	for (char *at = path + 1; (at = strchr(at, '/')); at++) {
		int rc = 0;

		*at = '\0';
		if (at[-1] != '/')
			rc = make_one(path, mode, e);
		*at = '/';
		if (rc)
			return -1;
	}
	return make_one(path, mode, e);
}

int io_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char *copy;
	int rc;

	if (!*path)
		return err_set(e, ERR_INVALID, "empty path of a directory");
	copy = strdup(path);
	if (!copy)
		return err_sys(e, ENOMEM, "%s", path);
	rc = make_parts(copy, mode, e);
	free(copy);
	return rc;
}

/* statfs of path or, where it does not exist yet, of what would hold it. */
static int statfs_nearest(const char *path, struct statfs *fs)
{
	SCOPED_FREE char *at = strdup(path);

	while (at && statfs(at, fs)) {
		char *up;

		if (errno != ENOENT || !*at || !strcmp(at, "/") ||
		    !strcmp(at, "."))
			return -1;
		up = parent_of(at);
		free(at);
		at = up;
	}
	return at ? 0 : -1;
}

bool io_unsafe_fs(const char *path, const char **name)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} unsafe[] = {{0x6969, "NFS"},
		      {0x01021997, "9p"},
		      {0x65735546, "FUSE"},
		      {0xff534d42, "CIFS"},
		      {0xfe534d42, "SMB"}};
	struct statfs fs;

	if (statfs_nearest(path, &fs))
		return false;
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++) {
		if ((uint32_t)fs.f_type == unsafe[i].magic) {
			*name = unsafe[i].name;
			return true;
		}
	}
	return false;
}

enum { UNNAMED_BYTES = 16 };

int io_unnamed(const char *dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;
	char name[2 * UNNAMED_BYTES + 1];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* somebody removed the directory */
	if (fd < 0 && errno == ENOENT && io_mkdirs(dir, 0700, e) == 0)
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		random_hex(name, UNNAMED_BYTES);
		if (asprintf(&path, "%s/.spool-%s", dir, name) < 0)
			abort();
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlink(path);
	}
	return fd < 0 ? err_sys(e, errno, "a temporary file in %s", dir) : fd;
}
