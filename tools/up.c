/* SPDX-License-Identifier: Apache-2.0 */
/* up.c - `orrery up`: a daemon and a mount together, as two processes, so
 * that neither can take the other down. This one only starts them, passes on
 * their first words, and ends both: the mount first, while the daemon can
 * still take what it has. So they do not hear the terminal's Ctrl-C, which
 * goes to all of its group; they end when this process tells them, or ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/mount.h"
#include "indexer/base/arena.h"
#include "indexer/base/io.h"
#include "tools/stop.h"
#include "tools/verbs.h"

enum { ARGV_MAX = OPTION_VALUES + 8, ARGV_BYTES = 256 * 1024 };
enum { LOOK_MS = 50 };

struct child {
	pid_t pid;
	int out; /* its standard output */
};

struct up {
	const struct args *args;
	int stop_fd;
	struct child daemon, mount;
	const char *mountpoint;
	struct arena words; /* of the command lines of both */
};

/* A command line in the making. */
struct line {
	const char *argv[ARGV_MAX];
	size_t n;
};

/* Our options again for a child, but those that are only ours. */
static int pass_options(struct up *u, struct line *l, const char *const only[],
			struct err *e)
{
	const struct args *a = u->args;

	for (size_t i = 0; i < a->ngiven; i++) {
		const struct option_row *o = a->given[i].option;

		for (size_t k = 0; only[k]; k++) {
			if (strcmp(only[k], o->name) != 0)
				continue;
			l->argv[l->n] =
				arena_printf(&u->words, "--%s=%s", o->name,
					     a->given[i].value);
			if (!l->argv[l->n++])
				return arena_full(&u->words, e);
		}
	}
	return 0;
}

static void become(const struct line *l, int out, pid_t parent)
{
	char self[PATH_MAX];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return;
	dup2(out, 1);
	/* By its name, which `ps` shows; what was replaced meanwhile has none.
	 * execv takes the words as they are; its type is older than const. */
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	execv(self, (char *const *)(uintptr_t)l->argv);
	execv("/proc/self/exe", (char *const *)(uintptr_t)l->argv);
}

static int start_child(struct child *c, const struct line *l, struct err *e)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, errno, "pipe");
	c->pid = stop_fork();
	if (c->pid < 0)
		return err_sys(e, errno, "fork");
	if (c->pid == 0) {
		become(l, fds[1], parent);
		_exit(EXIT_FAILED);
	}
	close(fds[1]);
	c->out = fds[0];
	return 0;
}

/* Pass on the first line of a child: 0 when it came, 1 when it is time to
 * stop instead, -1 when the child ended. */
static int pass_first_line(const struct up *u, const struct child *c)
{
	struct pollfd p[2] = {{.fd = c->out, .events = POLLIN},
			      {.fd = u->stop_fd, .events = POLLIN}};
	char line[512];
	size_t n = 0;

	while (n < sizeof(line) && (!n || line[n - 1] != '\n')) {
		if (poll(p, 2, -1) < 0 && errno == EINTR)
			continue;
		if (p[1].revents)
			return 1;
		if (read(c->out, line + n, 1) != 1)
			return -1;
		n++;
	}
	fwrite(line, 1, n, stdout);
	fflush(stdout);
	return 0;
}

/* A newcomer's terminal shows what matters, not every request. */
static void quiet(const struct args *a, struct line *l)
{
	if (!args_given(a, "log-level") && !getenv("ORRERY_LOG_LEVEL"))
		l->argv[l->n++] = "--log-level=warn";
}

static int start_daemon(struct up *u, struct err *e)
{
	static const char *const only[] = {"data", "listen", "config",
					   "log-level", NULL};
	struct line l = {{"orrery", "serve"}, 2};
	int r;

	if (pass_options(u, &l, only, e))
		return -1;
	quiet(u->args, &l);
	if (start_child(&u->daemon, &l, e))
		return -1;
	r = pass_first_line(u, &u->daemon);
	return r < 0 ? err_set(e, ERR_UNAVAILABLE, "the daemon did not start")
		     : r;
}

static int start_mount(struct up *u, struct err *e)
{
	static const char *const only[] = {"data",  "config",     "log-level",
					   "cache", "cache-size", "cache-free",
					   NULL};
	struct line l = {{"orrery", "mount", "-f"}, 3};
	int r;

	if (pass_options(u, &l, only, e))
		return -1;
	quiet(u->args, &l);
	l.argv[l.n++] = "--";
	l.argv[l.n++] = u->mountpoint;
	if (start_child(&u->mount, &l, e))
		return -1;
	r = pass_first_line(u, &u->mount);
	return r < 0 ? err_set(e, ERR_UNAVAILABLE, "the mount did not start")
		     : r;
}

/* True when we were told to stop once more: patience has ended. */
static bool told_again(const struct up *u)
{
	struct pollfd p = {.fd = u->stop_fd, .events = POLLIN};

	return poll(&p, 1, LOOK_MS) > 0;
}

static void forget_signals(const struct up *u)
{
	char bytes[64];

	while (read(u->stop_fd, bytes, sizeof(bytes)) > 0)
		;
}

/* 0 when it ended well. */
static int end_child(const struct up *u, struct child *c)
{
	int status = 0;

	if (c->pid <= 0)
		return 0;
	forget_signals(u);
	kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &status, WNOHANG) == 0)
		if (told_again(u)) {
			kill(c->pid, SIGKILL);
			forget_signals(u);
		}
	c->pid = 0;
	close(c->out);
	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? -1 : 0;
	/* Told so early that it did not listen yet. */
	return WTERMSIG(status) == SIGTERM ? 0 : -1;
}

static int end_mount(struct up *u)
{
	struct err e;
	bool mounted = u->mount.pid > 0;
	int r = end_child(u, &u->mount);

	if (mounted && mount_clear(u->mountpoint, &e)) {
		fprintf(stderr, "orrery up: %s\n", e.msg);
		r = -1;
	}
	return r;
}

/* Until it is time to stop, or a child ended by itself. */
static int wait_for_end(struct up *u, struct err *e)
{
	struct pollfd p[3] = {{.fd = u->stop_fd, .events = POLLIN},
			      {.fd = u->daemon.out},
			      {.fd = u->mount.pid ? u->mount.out : -1}};

	while (poll(p, 3, -1) < 0 && errno == EINTR)
		;
	if (p[0].revents)
		return 0;
	if (p[1].revents)
		return err_set(e, ERR_UNAVAILABLE,
			       "the daemon ended by "
			       "itself: see its log above");
	return 0; /* unmounted by somebody: that ends us too */
}

/* A plain container has no FUSE: HTTP alone is still useful. */
static bool kernel_has_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static const char *default_mountpoint(struct arena *a)
{
	const char *mount = getenv("ORRERY_MOUNT");
	const char *home = getenv("HOME");
	const char *path = NULL;

	if (mount && mount[0])
		return mount;
	if (home && home[0])
		path = arena_printf(a, "%s/ml", home);
	return path ? path : "ml";
}

static int run_both(struct up *u, struct err *e)
{
	int r = start_daemon(u, e);

	if (!r && kernel_has_fuse())
		r = start_mount(u, e);
	else if (!r)
		fprintf(stderr, "orrery up: /dev/fuse cannot be opened here, "
				"so nothing is mounted; HTTP works\n");
	if (!r)
		r = wait_for_end(u, e);
	return r < 0 ? -1 : 0;
}

int verb_up(const struct args *a, struct err *e)
{
	struct up u = {.args = a};
	int r, ended;

	u.mountpoint = args_value(a, "mount", NULL);
	arena_init(&u.words, ARGV_BYTES);
	if (!u.mountpoint)
		u.mountpoint = default_mountpoint(&u.words);
	u.stop_fd = stop_on_signals(e);
	r = u.stop_fd < 0 ? -1 : run_both(&u, e);
	ended = end_mount(&u);
	ended |= end_child(&u, &u.daemon);
	if (!r && ended)
		r = err_set(e, ERR_IO,
			    "not everything ended cleanly: see the "
			    "log above");
	arena_fini(&u.words);
	return r ? EXIT_FAILED : EXIT_DONE;
}
