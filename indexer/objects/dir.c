/* SPDX-License-Identifier: Apache-2.0 */
/* dir.c - objects as files of one directory.
 *
 * The hard idea: bytes go into a file that has no name (or, where the file
 * system knows no such files, one in PATH_TMP under a lock), reach the disk,
 * and only then get their key, by a link that replaces nothing. So what bears
 * a key is whole, two writers of one key both keep their bytes, and a crash
 * leaves nothing, or something that sweep may take.
 *
 * Directories are made, removed when empty, and linked into under one lock
 * (mu in the process, flock of the root among processes): a directory that a
 * put finds is on disk, for who made it synced it before letting go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/kind.h"
#include "indexer/objects/path.h"

enum {
	WRITE_OUT = 8 << 20, /* bytes after which the disk is put to work */
	NAME_BYTES = 16,
	PROC_NAME = 40,
};

struct dir_objects {
	struct objects base;
	int root, tmp; /* tmp: -1 where the store can only be read */
	bool nameless; /* files without a name can be had, and linked */
	pthread_mutex_t mu;
};

struct dir_put {
	struct object_put base;
	int fd;
	char name[2 * NAME_BYTES + 1]; /* in tmp; empty: a nameless file */
	int64_t at, out; /* bytes written; bytes that the disk was given */
};

static struct dir_objects *dir_of(struct objects *o)
{
	return (struct dir_objects *)o;
}

static struct dir_put *put_of(struct object_put *p)
{
	return (struct dir_put *)p;
}

/* --- temporary files ---------------------------------------------------- */

/* Locked as long as it is open, so that no sweep takes it; a sweep between
 * open and lock is seen by the links that are left. */
static int open_named(struct dir_objects *d, struct dir_put *p)
{
	struct stat st;

	do {
		if (p->fd >= 0)
			close(p->fd);
		random_hex(p->name, NAME_BYTES);
		p->fd = openat(d->tmp, p->name,
			       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (p->fd < 0 || flock(p->fd, LOCK_EX) < 0 ||
		    fstat(p->fd, &st) < 0)
			return -1;
	} while (!st.st_nlink);
	return 0;
}

static int open_nameless(struct dir_objects *d)
{
	return openat(d->tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static int link_nameless(int fd, int dir, const char *name)
{
	char proc[PROC_NAME];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW);
}

/* Whether such files can be made here, and be given a name. */
static bool try_nameless(struct dir_objects *d)
{
	SCOPED_FD int fd = open_nameless(d);
	char name[2 * NAME_BYTES + 1];

	random_hex(name, NAME_BYTES);
	if (fd < 0 || link_nameless(fd, d->tmp, name) < 0)
		return false;
	unlinkat(d->tmp, name, 0);
	return true;
}

/* One link, that replaces nothing; the name in tmp goes. */
static int link_named(struct dir_objects *d, const struct dir_put *p, int dir,
		      const char *name)
{
	if (renameat2(d->tmp, p->name, dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(d->tmp, p->name, dir, name, 0) < 0)
		return -1;
	unlinkat(d->tmp, p->name, 0);
	return 0;
}

/* --- a put -------------------------------------------------------------- */

static struct object_put *dir_put_begin(struct objects *o, struct err *e)
{
	struct dir_objects *d = dir_of(o);
	struct dir_put *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	p->fd = -1;
	if (d->nameless)
		p->fd = open_nameless(d);
	else if (open_named(d, p) < 0 && p->fd >= 0) {
		close(p->fd);
		p->fd = -1;
	}
	if (p->fd < 0) {
		err_sys(e, errno, "objects: a temporary file");
		free(p);
		return NULL;
	}
	return &p->base;
}

/* The disk begins with what is there, so that little is left at the end. */
static int dir_put_write(struct object_put *base, const void *data, size_t n,
			 struct err *e)
{
	struct dir_put *p = put_of(base);

	if (io_pwrite_all(p->fd, data, n, p->at, e) < 0)
		return err_wrap(e, "objects");
	p->at += (int64_t)n;
	if (p->at - p->out >= WRITE_OUT) {
		sync_file_range(p->fd, p->out, p->at - p->out,
				SYNC_FILE_RANGE_WRITE);
		p->out = p->at;
	}
	return 0;
}

/* The time is that of the end: by it gc tells what nobody came to name from
 * what somebody is about to (a mount's file may be written long before). */
static int flush(struct object_put *p, struct err *e)
{
	int fd = put_of(p)->fd;

	if (futimens(fd, NULL) < 0 || fdatasync(fd) < 0)
		return err_sys(e, errno, "objects");
	return 0;
}

static int dir_put_fd(struct object_put *p)
{
	return put_of(p)->fd;
}

static void dir_put_free(struct object_put *base)
{
	struct dir_put *p = put_of(base);

	if (p->name[0])
		unlinkat(dir_of(base->o)->tmp, p->name, 0);
	close(p->fd);
	free(p);
}

/* --- giving a key ------------------------------------------------------- */

static void lock_tree(struct dir_objects *d)
{
	pthread_mutex_lock(&d->mu);
	while (flock(d->root, LOCK_EX) < 0 && errno == EINTR)
		continue;
}

static void unlock_tree(struct dir_objects *d)
{
	flock(d->root, LOCK_UN);
	pthread_mutex_unlock(&d->mu);
}

/* Under the lock. 0 or a negative errno; *ret_dir is where it lies. */
static int link_at(struct dir_objects *d, struct dir_put *p, struct str key,
		   int *ret_dir)
{
	struct leaf leaf;
	int rc = path_make(d->root, key, &leaf);

	if (rc < 0)
		return rc;
	rc = p->name[0] ? link_named(d, p, leaf.dir, leaf.name)
			: link_nameless(p->fd, leaf.dir, leaf.name);
	if (rc < 0) {
		rc = -errno;
		close(leaf.dir);
		path_prune(d->root, key);
		return rc;
	}
	*ret_dir = leaf.dir;
	return 0;
}

/* Errors that say "not this key". */
static bool key_not_to_be_had(int errnum)
{
	return errnum == EEXIST || errnum == ENAMETOOLONG ||
	       errnum == ENOTDIR || errnum == ELOOP || errnum == EISDIR;
}

/* Under the lock. 0 or an errno. */
static int unlink_at(struct dir_objects *d, struct str key)
{
	struct leaf leaf;
	int rc = path_find(d->root, key, &leaf);

	if (rc < 0)
		return -rc;
	rc = unlinkat(leaf.dir, leaf.name, 0) < 0 ? errno : 0;
	close(leaf.dir);
	if (rc == 0)
		path_prune(d->root, key);
	return rc == EISDIR || rc == EPERM ? ENOENT : rc;
}

static int dir_put_link(struct object_put *base, struct str key, struct err *e)
{
	struct dir_objects *d = dir_of(base->o);
	struct dir_put *p = put_of(base);
	int dir, rc;

	lock_tree(d);
	rc = link_at(d, p, key, &dir);
	unlock_tree(d);
	if (rc < 0 && key_not_to_be_had(-rc))
		return 0;
	if (rc < 0)
		return err_sys(e, -rc, "objects: %.*s", STR_ARG(key));
	p->name[0] = '\0';
	rc = fsync(dir) < 0 ? errno : 0;
	close(dir);
	if (!rc)
		return 1;
	lock_tree(d);
	unlink_at(d, key);
	unlock_tree(d);
	return err_sys(e, rc, "objects: %.*s", STR_ARG(key));
}

static int dir_put_finish(struct object_put *p, char *key, struct err *e)
{
	if (flush(p, e) < 0)
		return -1;
	return object_put_somewhere(p, dir_put_link, key, e);
}

/* --- the rest ----------------------------------------------------------- */

/* What does not lead to a file is not there. */
static int no_object(struct str key, int errnum, struct err *e)
{
	if (errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP ||
	    errnum == ENAMETOOLONG || errnum == ENXIO)
		return err_set(e, ERR_NOT_FOUND, "object %.*s: no such object",
			       STR_ARG(key));
	return err_sys(e, errnum, "object %.*s", STR_ARG(key));
}

static int dir_open(struct objects *o, struct str key, struct err *e)
{
	struct leaf leaf;
	struct stat st;
	int rc = path_find(dir_of(o)->root, key, &leaf), fd;

	if (rc < 0)
		return no_object(key, -rc, e);
	fd = openat(leaf.dir, leaf.name,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	rc = fd < 0 ? errno : 0;
	close(leaf.dir);
	if (rc)
		return no_object(key, rc, e);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return no_object(key, ENOENT, e);
}

static int remove_one(struct objects *o, struct str key, struct err *e)
{
	struct dir_objects *d = dir_of(o);
	int rc;

	lock_tree(d);
	rc = unlink_at(d, key);
	unlock_tree(d);
	return rc ? no_object(key, rc, e) : 0;
}

static int dir_remove(struct objects *o, const struct str *keys, size_t n,
		      bool *gone, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct err mine;

		gone[i] = remove_one(o, keys[i], &mine) == 0 ||
			  mine.kind == ERR_NOT_FOUND;
		if (gone[i])
			continue;
		*e = mine;
		rc = -1;
	}
	return rc;
}

static int dir_each(struct objects *o,
		    int (*fn)(void *ctx, struct str key, int64_t size,
			      int64_t mtime, struct err *e),
		    void *ctx, struct err *e)
{
	return path_each(dir_of(o)->root, fn, ctx, e);
}

/* Nobody holds its lock: who made it is gone. */
static void sweep_one(int tmp, const char *name)
{
	SCOPED_FD int fd = openat(
		tmp, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(tmp, name, 0);
}

static int dir_sweep(struct objects *o, struct err *e)
{
	int fd =
		openat(dir_of(o)->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		err_sys(e, errno, "objects: temporary files");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			sweep_one(dirfd(dir), entry->d_name);
	closedir(dir);
	return 0;
}

static int dir_tmp(struct objects *o)
{
	return dir_of(o)->tmp;
}

static void dir_close(struct objects *o)
{
	struct dir_objects *d = dir_of(o);

	if (d->root >= 0)
		close(d->root);
	if (d->tmp >= 0)
		close(d->tmp);
	pthread_mutex_destroy(&d->mu);
	free(d);
}

static const struct objects_kind dir_kind = {
	.close = dir_close,
	.put_begin = dir_put_begin,
	.put_write = dir_put_write,
	.put_finish = dir_put_finish,
	.put_fd = dir_put_fd,
	.put_free = dir_put_free,
	.open = dir_open,
	.remove = dir_remove,
	.each = dir_each,
	.sweep = dir_sweep,
	.tmp = dir_tmp,
};

static int open_dirs(struct dir_objects *d, const char *path, struct err *e)
{
	if (io_mkdirs(path, 0700, e) < 0)
		return -1;
	d->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->root < 0)
		return err_sys(e, errno, "%s", path);
	if (mkdirat(d->root, PATH_TMP, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "%s/" PATH_TMP, path);
	d->tmp = openat(d->root, PATH_TMP,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->tmp < 0)
		return err_sys(e, errno, "%s/" PATH_TMP, path);
	d->nameless = try_nameless(d);
	return 0;
}

struct objects *dir_objects_open(const char *path, struct err *e)
{
	struct dir_objects *d = calloc(1, sizeof(*d));

	if (!d) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	d->base.kind = &dir_kind;
	d->root = d->tmp = -1;
	pthread_mutex_init(&d->mu, NULL);
	if (open_dirs(d, path, e) < 0) {
		dir_close(&d->base);
		return NULL;
	}
	return &d->base;
}
