/* SPDX-License-Identifier: Apache-2.0 */
/* path.c - going down a key, part by part; and over all of them.
 *
 * The hard idea: a directory that was made is on disk only once the one above
 * it is synced, and on the way back from the deepest part each level still
 * has both at hand, to sync what it made or to remove it again.
 */
#include "indexer/objects/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/objects/objects.h"

static bool part_valid(struct str part)
{
	return part.n && !str_is(part, ".") && !str_is(part, "..");
}

bool path_valid(struct str key)
{
	unsigned depth = 0;
	struct str first = key, part;

	if (!key.n || key.n >= OBJECT_KEY_MAX || str_find(key, '\0') != key.n)
		return false;
	if (str_is(str_cut(&first, '/'), PATH_TMP))
		return false;
	while (key.p) {
		part = str_cut(&key, '/');
		if (!part_valid(part) || ++depth > PATH_DEPTH_MAX)
			return false;
	}
	return true;
}

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int descend(int at, struct str rest, bool make, struct leaf *ret);

/* Into the directory called ret->name below at, which may have to be made. */
static int step(int at, struct str rest, bool make, struct leaf *ret)
{
	char name[NAME_MAX + 1];
	bool made = make && mkdirat(at, ret->name, 0700) == 0;
	int fd, rc;

	if (make && !made && errno != EEXIST)
		return -errno;
	memcpy(name, ret->name, sizeof(name));
	fd = open_dir(at, name);
	rc = fd < 0 ? fd : descend(fd, rest, make, ret);
	if (fd >= 0)
		close(fd);
	if (made && rc == 0 && fsync(at) < 0) {
		rc = -errno;
		close(ret->dir);
	}
	if (made && rc < 0)
		unlinkat(at, name, AT_REMOVEDIR);
	return rc;
}

static int descend(int at, struct str rest, bool make, struct leaf *ret)
{
	struct str part = str_cut(&rest, '/');

	if (part.n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret->name, part.p, part.n);
	ret->name[part.n] = '\0';
	if (rest.p)
		return step(at, rest, make, ret);
	ret->dir = fcntl(at, F_DUPFD_CLOEXEC, 0);
	return ret->dir < 0 ? -errno : 0;
}

int path_find(int root, struct str key, struct leaf *ret)
{
	return descend(root, key, false, ret);
}

int path_make(int root, struct str key, struct leaf *ret)
{
	return descend(root, key, true, ret);
}

void path_prune(int root, struct str key)
{
	while (key.n) {
		struct leaf leaf;

		while (key.n && key.p[key.n - 1] != '/')
			key.n--;
		if (!key.n)
			return;
		key.n--;
		if (path_find(root, key, &leaf) < 0)
			continue;
		if (unlinkat(leaf.dir, leaf.name, AT_REMOVEDIR) < 0 &&
		    errno != ENOENT)
			key.n = 0;
		close(leaf.dir);
	}
}

/* --- all of them -------------------------------------------------------- */

struct walk {
	int (*fn)(void *ctx, struct str key, int64_t size, int64_t mtime,
		  struct err *e);
	void *ctx;
	struct buf key; /* of what is visited */
	unsigned depth;
};

static int walk_dir(struct walk *w, int fd, struct err *e);

static int visit_dir(struct walk *w, int at, const char *name, struct err *e)
{
	int fd, rc;

	if (!w->depth && strcmp(name, PATH_TMP) == 0)
		return 0;
	if (w->depth == PATH_DEPTH_MAX)
		return err_set(e, ERR_TOO_LONG, "objects: %s: too deep",
			       w->key.p);
	fd = open_dir(at, name);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, -fd, "objects: %s", w->key.p);
	buf_putc(&w->key, '/');
	w->depth++;
	rc = walk_dir(w, fd, e);
	w->depth--;
	return rc;
}

static int visit(struct walk *w, int at, const char *name, struct err *e)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	buf_puts(&w->key, name);
	if (!buf_ok(&w->key))
		return err_set(e, ERR_TOO_LONG, "objects: a key is too long");
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(e, errno, "objects: %s", w->key.p);
	if (S_ISDIR(st.st_mode))
		return visit_dir(w, at, name, e);
	if (!S_ISREG(st.st_mode))
		return 0;
	return w->fn(w->ctx, buf_view(&w->key), st.st_size,
		     st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
		     e);
}

/* Takes fd. */
static int walk_dir(struct walk *w, int fd, struct err *e)
{
	DIR *dir = fdopendir(fd);
	size_t before = w->key.n;
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		rc = err_sys(e, errno, "objects");
		close(fd);
		return rc;
	}
	while (rc == 0 && (entry = readdir(dir))) {
		rc = visit(w, dirfd(dir), entry->d_name, e);
		if (buf_ok(&w->key)) {
			w->key.n = before;
			w->key.p[before] = '\0';
		}
	}
	closedir(dir);
	return rc;
}

int path_each(int root,
	      int (*fn)(void *ctx, struct str key, int64_t size, int64_t mtime,
			struct err *e),
	      void *ctx, struct err *e)
{
	struct walk w = {.fn = fn, .ctx = ctx};
	int fd = open_dir(root, "."), rc;

	if (fd < 0)
		return err_sys(e, -fd, "objects");
	buf_init(&w.key, OBJECT_KEY_MAX);
	buf_puts(&w.key, "");
	rc = walk_dir(&w, fd, e);
	buf_fini(&w.key);
	return rc < 0 ? -1 : 0;
}
