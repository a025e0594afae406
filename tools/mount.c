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

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "tools/fstab.h"
#include "tools/stop.h"
#include "tools/verbs.h"

struct mounting {
	const struct conf *conf;
	char mountpoint[PATH_MAX], as_given[PATH_MAX], cache[PATH_MAX];
	char home[PATH_MAX];
	struct mount_options o;
	char kernel[PATH_MAX]; /* options */
	struct buf token;
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

/* --- a daemon on another host --------------------------------------------- */

enum { TOKEN_MOST = 16 << 10 };

/* A name for a directory: host and port of a URL. */
static void name_of(struct str url, char *out, size_t size)
{
	struct str rest = url, host;
	size_t n = 0;

	if (memmem(url.p, url.n, "://", 3)) {
		str_cut(&rest, ':');
		rest = str_n(rest.p + 2, rest.n - 2);
	}
	host = str_cut(&rest, '/');
	for (size_t i = 0; i < host.n && n < size - 1; i++) {
		char c = host.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '-' || c == '.';

		out[n++] = plain ? c : '_';
	}
	out[n] = '\0';
}

/* DIR/<host_port>, DIR being --cache or the user's own cache directory. */
static int find_home(struct mounting *m, const struct args *a, struct err *e)
{
	const char *home = getenv("HOME"), *cache = getenv("XDG_CACHE_HOME");
	bool own = cache && cache[0] == '/';
	SCOPED(buf_fini) struct buf path = {0};
	char name[NAME_MAX + 1];

	name_of(str_from(m->o.server), name, sizeof(name));
	if (!name[0] || name[0] == '.')
		return err_set(e, ERR_INVALID,
			       "--server %s: write http://HOST:PORT or "
			       "https://HOST",
			       m->o.server);
	buf_init(&path, sizeof(m->home));
	if (m->o.cache)
		buf_printf(&path, "%s/%s", m->cache, name);
	else
		buf_printf(&path, "%s%s/orrery/%s",
			   own    ? cache
			   : home ? home
				  : "",
			   own ? "" : "/.cache", name);
	if (!buf_ok(&path) || path.n >= sizeof(m->home))
		return err_set(e, ERR_TOO_LONG, "the path of the cache");
	memcpy(m->home, path.p, path.n + 1);
	m->o.home = m->home;
	m->o.cache = NULL;
	/* beside --data all but the index comes from there */
	if (!args_given(a, "data"))
		m->o.data = m->home;
	return 0;
}

static int read_token(struct mounting *m, const char *file, struct err *e)
{
	struct str token;

	if (io_read_file(file, TOKEN_MOST, &m->token, e))
		return err_wrap(e, "--token-file");
	token = str_trim(buf_view(&m->token));
	if (!token.n)
		return err_set(e, ERR_INVALID, "--token-file %s is empty",
			       file);
	m->token.p[token.p - m->token.p + (ptrdiff_t)token.n] = '\0';
	m->o.token = token.p;
	return 0;
}

/* What concerns a daemon elsewhere, and only that. */
static int server_settings(struct mounting *m, const struct args *a,
			   struct err *e)
{
	static const char *const needing[] = {"token-file", "sync"};

	m->o.server = args_value(a, "server", NULL);
	for (size_t i = 0; i < sizeof(needing) / sizeof(needing[0]); i++)
		if (!m->o.server && args_given(a, needing[i]))
			return err_set(e, ERR_INVALID, "--%s needs --server",
				       needing[i]);
	if (!m->o.server)
		return 0;
	m->o.sync_remote = args_given(a, "sync");
	if (m->o.sync_remote &&
	    strcmp(args_value(a, "sync", ""), "remote") != 0)
		return err_set(e, ERR_INVALID, "--sync can be: remote");
	if (args_given(a, "token-file") &&
	    read_token(m, args_value(a, "token-file", ""), e))
		return -1;
	return find_home(m, a, e);
}

static int cache_settings(struct mounting *m, struct err *e)
{
	if (!m->conf->cache.dir.n)
		return 0;
	m->o.cache = m->cache;
	return path_absolute(m->conf->cache.dir.p, m->cache, sizeof(m->cache),
			     e);
}

/* What others may see of a data directory is what its daemon shows them. */
static int kernel_settings(struct mounting *m, const struct args *a,
			   struct err *e)
{
	const char *options = args_value(a, "options", "");
	bool shared = args_given(a, "allow-other");
	int n;

	if (shared && !args_given(a, "server"))
		return err_set(e, ERR_INVALID,
			       "--allow-other needs --server: a data directory "
			       "is for its own user");
	if (fstab_check_kernel(options, e))
		return -1;
	n = snprintf(m->kernel, sizeof(m->kernel), "%s%s%s", options,
		     shared && options[0] ? "," : "",
		     shared ? "allow_other" : "");
	if (n < 0 || (size_t)n >= sizeof(m->kernel))
		return err_set(e, ERR_TOO_LONG, "-o: more than %zu bytes",
			       sizeof(m->kernel) - 1);
	m->o.kernel = m->kernel;
	return 0;
}

static int mount_settings(struct mounting *m, const struct args *a,
			  struct err *e)
{
	const char *wait = args_value(a, "wait", "30s");

	m->conf = &a->conf;
	m->o.data = m->conf->data.p;
	m->o.mountpoint = m->mountpoint;
	m->o.as_given = m->as_given;
	m->o.journal_size = m->conf->journal_size;
	m->o.cache_size = m->conf->cache.size;
	m->o.cache_free = m->conf->cache.free;
	if (cache_settings(m, e) || server_settings(m, a, e) ||
	    kernel_settings(m, a, e))
		return -1;
	return clock_duration_parse(str_from(wait), &m->o.wait_ms, e);
}

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
	m->o.ready = answer_ready;
	m->o.ctx = m;
	m->o.stop_fd = stop_on_signals(e);
	return m->o.stop_fd < 0 ? -1 : mount_run(&m->o, e);
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
		     m->o.home ? m->o.home : m->o.data) < PATH_MAX)
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

int verb_mount(const struct args *a, struct err *e)
{
	struct mounting m = {.report = -1};
	int r;

	buf_init(&m.token, TOKEN_MOST);
	if (mount_settings(&m, a, e)) {
		buf_fini(&m.token);
		return EXIT_USAGE;
	}
	r = m.o.server ? io_mkdirs(m.home, 0700, e) : 0;
	if (!r && m.o.data != m.home)
		r = settings_find_index(m.conf, e);
	if (!r)
		r = find_mountpoint(&m, a->operands[0], e);
	if (!r)
		r = args_given(a, "foreground") ? run_mount(&m, e)
						: mount_background(&m, e);
	if (m.token.p)
		explicit_bzero(m.token.p, m.token.n);
	buf_fini(&m.token);
	return r ? EXIT_FAILED : EXIT_DONE;
}

int verb_umount(const struct args *a, struct err *e)
{
	return mount_end(a->operands[0], e) ? EXIT_FAILED : EXIT_DONE;
}
