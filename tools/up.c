/* SPDX-License-Identifier: Apache-2.0 */
/* up.c - `orrery up`: a daemon and a mount together, as two processes, so
 * that neither can take the other down. This one only starts them, passes on
 * their first words, and ends both: the mount first, while the daemon can
 * still take what it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "tools/stop.h"
#include "tools/verbs.h"

enum { ARGV_MAX = 80 };

struct child {
	pid_t pid;
	int out; /* its standard output */
};

struct up {
	const struct args *args;
	int stop_fd;
	struct child daemon, mount;
	const char *mountpoint;
};

static const char *own_program(void)
{
	return "/proc/self/exe";
}

/* Our options again for a child, but those that are only ours. */
static size_t pass_options(const struct args *a, const char **argv, size_t n,
			   const char *only[])
{
	for (size_t i = 0; i < a->ngiven && n < ARGV_MAX - 4; i++) {
		const struct option_row *o = a->given[i].option;

		for (size_t k = 0; only[k]; k++) {
			char *flag;

			if (strcmp(only[k], o->name) != 0 ||
			    asprintf(&flag, "--%s=%s", o->name,
				     a->given[i].value) < 0)
				continue;
			argv[n++] = flag;
		}
	}
	return n;
}

static int start_child(struct child *c, const char **argv, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, errno, "pipe");
	c->pid = fork();
	if (c->pid < 0)
		return err_sys(e, errno, "fork");
	if (c->pid == 0) {
		dup2(fds[1], 1);
		/* execv takes them as they are; its type is older than const.
		 */
		execv(own_program(), (char *const *)(uintptr_t)argv);
		_exit(EXIT_FAILED);
	}
	close(fds[1]);
	c->out = fds[0];
	return 0;
}

/* Pass on the first line of a child; 0 when it came. Ends early when it is
 * time to stop or the child ended. */
static int pass_first_line(const struct up *u, const struct child *c)
{
	struct pollfd p[2] = {{.fd = c->out, .events = POLLIN},
			      {.fd = u->stop_fd, .events = POLLIN}};
	char line[512];
	size_t n = 0;

	while (n < sizeof(line) && (!n || line[n - 1] != '\n')) {
		if (poll(p, 2, -1) < 0 && errno == EINTR)
			continue;
		if (p[1].revents || read(c->out, line + n, 1) != 1)
			return -1;
		n++;
	}
	fwrite(line, 1, n, stdout);
	fflush(stdout);
	return 0;
}

/* A newcomer's terminal shows what matters, not every request. */
static size_t quiet(const struct args *a, const char **argv, size_t n)
{
	if (!args_given(a, "log-level") && !getenv("ORRERY_LOG_LEVEL"))
		argv[n++] = "--log-level=warn";
	return n;
}

static int start_daemon(struct up *u, struct err *e)
{
	static const char *only[] = {"data", "listen", "config", "log-level",
				     NULL};
	const char *argv[ARGV_MAX] = {"orrery", "serve"};
	size_t n = pass_options(u->args, argv, 2, only);

	n = quiet(u->args, argv, n);
	argv[n] = NULL;
	if (start_child(&u->daemon, argv, e))
		return -1;
	if (pass_first_line(u, &u->daemon))
		return err_set(e, ERR_UNAVAILABLE, "the daemon did not start");
	return 0;
}

static int start_mount(struct up *u, struct err *e)
{
	static const char *only[] = {"data", "config", "log-level", NULL};
	const char *argv[ARGV_MAX] = {"orrery", "mount", "-f"};
	size_t n = pass_options(u->args, argv, 3, only);

	n = quiet(u->args, argv, n);
	argv[n++] = u->mountpoint;
	argv[n] = NULL;
	if (start_child(&u->mount, argv, e))
		return -1;
	if (pass_first_line(u, &u->mount))
		return err_set(e, ERR_UNAVAILABLE, "the mount did not start");
	return 0;
}

static int end_child(struct child *c)
{
	int status = 0;

	if (c->pid <= 0)
		return 0;
	kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
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

static const char *default_mountpoint(void)
{
	const char *mount = getenv("ORRERY_MOUNT");
	const char *home = getenv("HOME");
	char *path;

	if (mount && mount[0])
		return mount;
	if (asprintf(&path, "%s/ml", home && home[0] ? home : "") < 0)
		return "ml";
	return path;
}

static int run_both(struct up *u, struct err *e)
{
	if (start_daemon(u, e))
		return -1;
	if (!kernel_has_fuse())
		fprintf(stderr, "orrery up: /dev/fuse cannot be opened here, "
				"so nothing is mounted; HTTP works\n");
	else if (start_mount(u, e))
		return -1;
	return wait_for_end(u, e);
}

int verb_up(const struct args *a, struct err *e)
{
	struct up u = {.args = a};
	int r, ended;

	u.mountpoint = args_value(a, "mount", NULL);
	if (!u.mountpoint)
		u.mountpoint = default_mountpoint();
	u.stop_fd = stop_on_signals(e);
	if (u.stop_fd < 0)
		return EXIT_FAILED;
	r = run_both(&u, e);
	ended = end_child(&u.mount);
	ended |= end_child(&u.daemon);
	if (!r && ended)
		r = err_set(e, ERR_IO,
			    "not everything ended cleanly: see the "
			    "log above");
	return r ? EXIT_FAILED : EXIT_DONE;
}
