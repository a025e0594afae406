/* SPDX-License-Identifier: Apache-2.0 */
/* mount.c - `orrery mount` and `orrery umount`.
 *
 * Without -f the mount goes into the background, but the command returns only
 * once it answers: the child tells through a pipe, with a message where it
 * failed.
 */
#include "fs/mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "tools/mount_settings.h"
#include "tools/stop.h"
#include "tools/verbs.h"

struct mounting {
	struct mount_settings set;
	char mountpoint[PATH_MAX], as_given[PATH_MAX];
	int report; /* to the parent, or -1 in the foreground */
};

/* A mount hides what lies below it: nobody wants that of a directory with
 * something in it. */
static int check_empty(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	const struct dirent *x;
	bool empty = true;

	if (!d)
		return mount_is_dead(errno) ? 0 : err_sys(e, errno, "%s", path);
	while (empty && (x = readdir(d)))
		empty = strcmp(x->d_name, ".") == 0 ||
			strcmp(x->d_name, "..") == 0;
	closedir(d);
	return empty ? 0
		     : err_set(e, ERR_NOT_EMPTY,
			       "%s is not empty: mount on an empty or new "
			       "directory",
			       path);
}

/* Made if need be. Of a dead mount only the name is left; mount_run clears
 * it. */
static int find_mountpoint(struct mounting *m, const char *path, struct err *e)
{
	struct err made = {0};

	if (path_absolute(path, m->as_given, sizeof(m->as_given), e))
		return -1;
	if (io_mkdirs(path, 0700, &made) && !mount_is_dead(made.sys)) {
		*e = made;
		return -1;
	}
	if (realpath(path, m->mountpoint))
		return check_empty(m->mountpoint, e);
	if (!mount_is_dead(errno))
		return err_sys(e, errno, "%s", path);
	return path_absolute(path, m->mountpoint, sizeof(m->mountpoint), e);
}

/* --- running ---------------------------------------------------------------
 */

static void answer_ready(void *ctx)
{
	struct mounting *m = ctx;

	if (m->report < 0) {
		printf("mounted %s\n", m->mountpoint);
		fflush(stdout);
		return;
	}
	if (write(m->report, "", 1) != 1)
		log_warn("nobody waits for the mount", NULL);
	close(m->report);
	m->report = -1;
}

static int run_mount(struct mounting *m, struct err *e)
{
	m->set.o.ready = answer_ready;
	m->set.o.ctx = m;
	m->set.o.stop_fd = stop_on_signals(e);
	return m->set.o.stop_fd < 0 ? -1 : mount_run(&m->set.o, e);
}

/* Nothing of the caller's stays open: who waits for the end of our output is
 * not kept, nor who unmounts the directory we came from. What there is to say
 * goes to DATA/mount.log, or that of the cache. */
static void detach(const struct mounting *m)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = -1;
	char path[PATH_MAX];

	setsid();
	if (chdir("/"))
		log_warn("stays in the directory of its start", NULL);
	if (snprintf(path, sizeof(path), "%s/mount.log",
		     m->set.o.home ? m->set.o.home : m->set.o.data) < PATH_MAX)
		log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			   0600);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(log < 0 ? null : log, 2);
	}
}

/* The child of a background mount. */
static int background_child(struct mounting *m)
{
	struct err e = {0};

	detach(m);
	if (!run_mount(m, &e))
		return EXIT_DONE;
	if (m->report >= 0)
		io_write_all(m->report, e.msg, strlen(e.msg), &(struct err){0});
	else
		log_error("mount ended", "error=\"%s\"", e.msg);
	return EXIT_FAILED;
}

/* What the child said: one NUL when it answers, else its error. */
static int await_child(int fd, struct err *e)
{
	char text[sizeof(e->msg)];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 &&
	       (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0) {
		n += (size_t)got;
		if (text[0] == '\0')
			return 0;
	}
	text[n] = '\0';
	return err_set(e, ERR_IO, "%s",
		       n ? text : "the mount ended before it answered");
}

static int mount_background(struct mounting *m, struct err *e)
{
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, errno, "pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "fork");
	if (pid == 0) {
		close(fds[0]);
		m->report = fds[1];
		_exit(background_child(m));
	}
	close(fds[1]);
	r = await_child(fds[0], e);
	close(fds[0]);
	if (r)
		waitpid(pid, NULL, 0);
	return r;
}

static int mount_as_set(struct mounting *m, const struct args *a, struct err *e)
{
	struct mount_settings *set = &m->set;

	if (set->o.home && io_mkdirs(set->home, 0700, e))
		return -1;
	if (set->o.data != set->o.home && settings_find_index(set->conf, e))
		return -1;
	if (find_mountpoint(m, a->operands[0], e))
		return -1;
	set->o.mountpoint = m->mountpoint;
	set->o.as_given = m->as_given;
	return args_given(a, "foreground") ? run_mount(m, e)
					   : mount_background(m, e);
}

int verb_mount(const struct args *a, struct err *e)
{
	struct mounting m = {.report = -1};
	int status = EXIT_USAGE;

	if (mount_settings_read(&m.set, a, e) == 0)
		status = mount_as_set(&m, a, e) ? EXIT_FAILED : EXIT_DONE;
	mount_settings_fini(&m.set);
	return status;
}

int verb_umount(const struct args *a, struct err *e)
{
	return mount_end(a->operands[0], e) ? EXIT_FAILED : EXIT_DONE;
}
