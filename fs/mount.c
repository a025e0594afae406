/* SPDX-License-Identifier: Apache-2.0 */
/* mount.c - a mount from its beginning to its end.
 *
 * It ends when the kernel has unmounted it, or when it is asked to: then the
 * place is given back at once, what is in flight is finished, and what was
 * accepted is handed on as far as the daemon takes it; the rest stays in the
 * journal, for the daemon's next start.
 */
#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "fs/replica.h"
#include "fs/session.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"

enum { LOOK_MS = 200, LINGER_MS = 3000, STACKED_MAX = 64 };

/* fusermount3 for those who may not unmount by themselves. */
static int helper_unmount(const char *place, bool lazy, struct err *e)
{
	char name[] = "fusermount3", how[] = "-u", quiet[] = "-q",
	     later[] = "-z", end[] = "--";
	char where[PATH_MAX];
	char *argv[] = {name, how, quiet, lazy ? later : end, where, NULL};
	int status = 0;
	pid_t pid;

	snprintf(where, sizeof(where), "%s", place);
	if (posix_spawnp(&pid, name, NULL, NULL, argv, environ))
		return err_set(e, ERR_IO, "fusermount3 cannot be run");
	if (waitpid(pid, &status, 0) < 0 || status)
		return err_set(e, ERR_BUSY, "%s cannot be unmounted", place);
	return 0;
}

static int unmount(const char *place, bool lazy, struct err *e)
{
	if (umount2(place, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	if (errno == EPERM)
		return helper_unmount(place, lazy, e);
	return err_sys(e, errno, "%s", place);
}

bool mount_is_dead(int errnum)
{
	return errnum == ENOTCONN || errnum == ECONNABORTED;
}

/* What is left of a dead mount at the place, by a descriptor that asks it
 * nothing; -1: there is none. (What the kernel remembers of it would answer a
 * stat.) */
static int open_dead(const char *place)
{
	int fd = open(place, O_PATH | O_CLOEXEC);
	struct statfs at;

	if (fd < 0 || (fstatfs(fd, &at) && mount_is_dead(errno)))
		return fd;
	close(fd);
	return -1;
}

/* That mount and no other, which somebody may have put there meanwhile. */
static int unmount_dead(const char *place, int fd, struct err *e)
{
	char exact[64];

	snprintf(exact, sizeof(exact), "/proc/self/fd/%d", fd);
	if (umount2(exact, MNT_DETACH) == 0 || errno == EINVAL)
		return 0;
	return unmount(place, true, e);
}

int mount_clear(const char *place, struct err *e)
{
	int r = 0, fd = -1;

	for (int i = 0; !r && i < STACKED_MAX; i++) {
		fd = open_dead(place);
		if (fd < 0)
			return 0;
		r = unmount_dead(place, fd, e);
		close(fd);
	}
	return r;
}

/* Another was faster: one on top of it would hide it. */
static int check_free(const char *place, struct err *e)
{
	char path[PATH_MAX];
	struct statfs at;

	snprintf(path, sizeof(path), "%s/.ctl", place);
	if (statfs(path, &at) || at.f_type != FUSE_SUPER_MAGIC)
		return 0;
	return err_set(e, ERR_BUSY, "%s is a mount of Orrery already", place);
}

/* A mount whose process was killed is still in the way. */
static int clear_place(const char *place, struct err *e)
{
	struct stat st;

	if (mount_clear(place, e) || check_free(place, e))
		return -1;
	if (stat(place, &st) == 0)
		return S_ISDIR(st.st_mode)
			       ? 0
			       : err_set(e, ERR_NOT_DIR, "%s is no directory",
					 place);
	if (errno == ENOENT)
		return io_mkdirs(place, 0755, e);
	return err_sys(e, errno, "%s", place);
}

static int check_kernel(struct err *e)
{
	SCOPED_FD int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0 || errno == EACCES || errno == EPERM)
		return 0;
	return err_set(e, ERR_UNSUPPORTED,
		       "the kernel has no FUSE here (/dev/fuse: %s)",
		       strerrordesc_np(errno));
}

static bool asked_to_stop(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return false;
	return poll(&p, 1, LOOK_MS) > 0;
}

static void serve(const struct mount_options *o, struct session *s)
{
	struct err e;

	while (!session_wait(s, o->stop_fd < 0 ? LOOK_MS : 0)) {
		if (!asked_to_stop(o->stop_fd))
			continue;
		if (unmount(o->mountpoint, true, &e) == 0)
			session_wait(s, LINGER_MS);
		return;
	}
}

/* The kernel asks for 128 KiB at a time unless root lets it take more; FUSE
 * has no word for that. Where we may not, it stays so. */
static void read_further_ahead(const char *place)
{
	struct stat st;
	char path[64];
	int fd = -1;

	if (stat(place, &st) == 0) {
		snprintf(path, sizeof(path),
			 "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
			 minor(st.st_dev));
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (fd >= 0) {
		dprintf(fd, "%d", FS_READAHEAD_KB);
		close(fd);
	}
}

static int mount_and_serve(const struct mount_options *o, struct fs *fs,
			   struct err *e)
{
	struct session *s = session_start(fs, o->mountpoint, e);
	struct watch_sink sink;
	struct watch *w;

	if (!s)
		return -1;
	read_further_ahead(o->mountpoint);
	sink = session_sink(s);
	w = watch_start(fs, &sink, e);
	if (w) {
		if (o->ready)
			o->ready(o->ctx);
		serve(o, s);
		watch_stop(w);
	}
	session_end(s);
	return w ? 0 : -1;
}

/* The index of a daemon elsewhere is copied here, unless it can be read in its
 * own directory. */
static bool wants_copy(const struct mount_options *o)
{
	return o->server && o->home && !strcmp(o->data, o->home);
}

static bool copy_cancelled(void *ctx)
{
	const struct mount_options *o = ctx;
	struct pollfd p = {.fd = o->stop_fd, .events = POLLIN};

	return o->stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

static int open_copy(const struct mount_options *o, struct replica **ret,
		     struct err *e)
{
	struct mount_options *asked = (struct mount_options *)(uintptr_t)o;
	const struct replica_options copy = {.dir = o->home,
					     .url = o->server,
					     .token = o->token,
					     .wait_ms = o->wait_ms,
					     .cancelled = copy_cancelled,
					     .ctx = asked};

	*ret = NULL;
	if (!wants_copy(o))
		return 0;
	*ret = replica_open(&copy, e);
	return *ret ? 0 : -1;
}

static int run_over(const struct mount_options *o, struct replica *copy,
		    struct err *e)
{
	char journals[PATH_MAX];
	const struct fs_options options = {
		.replica = copy,
		.data = o->data,
		.server = o->server,
		.token = o->token,
		.journals = o->server ? journals : NULL,
		.sync_remote = o->sync_remote,
		.mountpoint = o->mountpoint,
		.as_given = o->as_given,
		.wait_ms = o->wait_ms,
		.journal_size = o->journal_size,
		.cache = o->cache,
		.cache_size = o->cache_size,
		.cache_free = o->cache_free,
		.kernel = o->kernel,
	};
	struct err at_end = {0};
	struct fs *fs;
	int r;

	snprintf(journals, sizeof(journals), "%s/journal",
		 o->home ? o->home : o->data);
	fs = fs_open(&options, e);
	if (!fs)
		return -1;
	r = mount_and_serve(o, fs, e);
	if (fs_close(fs, &at_end) && !r) {
		*e = at_end;
		r = -1;
	}
	return r;
}

int mount_run(const struct mount_options *o, struct err *e)
{
	struct replica *copy;
	int r;

	if (check_kernel(e) || clear_place(o->mountpoint, e) ||
	    open_copy(o, &copy, e))
		return -1;
	r = run_over(o, copy, e);
	replica_close(copy);
	return r;
}

/* The verbs of a mount; *fd is -1 where its process is gone. */
static int open_ctl(const char *mountpoint, int *fd, struct err *e)
{
	char path[PATH_MAX];
	struct statfs at;

	*fd = -1;
	snprintf(path, sizeof(path), "%s/.ctl", mountpoint);
	if (statfs(path, &at) == 0 && at.f_type != FUSE_SUPER_MAGIC)
		return err_set(e, ERR_INVALID, "%s is no mount of Orrery",
			       mountpoint);
	*fd = open(path, O_WRONLY | O_CLOEXEC);
	/* Read only, it has nothing to flush. */
	if (*fd < 0 && errno != EROFS && !mount_is_dead(errno))
		return err_sys(e, errno, "%s is no mount of Orrery",
			       mountpoint);
	return 0;
}

int mount_end(const char *mountpoint, struct err *e)
{
	SCOPED_FD int fd = -1;

	if (open_ctl(mountpoint, &fd, e))
		return -1;
	if (fd >= 0) {
		if (io_write_all(fd, "flush\n", 6, e))
			return err_wrap(e, "something could not be stored");
		close(fd);
		fd = -1;
	}
	return unmount(mountpoint, false, e);
}
