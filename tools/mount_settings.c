/* SPDX-License-Identifier: Apache-2.0 */
/* mount_settings.c - see mount_settings.h.
 */
#include "tools/mount_settings.h"

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "tools/fstab.h"

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

static int keep_path(const struct buf *path, char out[PATH_MAX], struct err *e)
{
	if (!buf_ok(path) || path->n >= PATH_MAX)
		return err_set(e, ERR_TOO_LONG, "the path of the cache");
	memcpy(out, path->p, path->n + 1);
	return 0;
}

/* DIR/<host_port>, DIR being --cache or the user's own cache directory. */
static int find_home(struct mount_settings *m, const struct args *a,
		     struct err *e)
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
	if (keep_path(&path, m->home, e))
		return -1;
	/* also beside --data: that directory is its daemon's */
	buf_puts(&path, "/cache");
	if (keep_path(&path, m->cache, e))
		return -1;
	m->o.home = m->home;
	m->o.cache = m->cache;
	/* beside --data all but the index comes from there */
	if (!args_given(a, "data"))
		m->o.data = m->home;
	return 0;
}

static int read_token(struct mount_settings *m, const char *file, struct err *e)
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
static int server_settings(struct mount_settings *m, const struct args *a,
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

static int cache_settings(struct mount_settings *m, struct err *e)
{
	if (!m->conf->cache.dir.n)
		return 0;
	m->o.cache = m->cache;
	return path_absolute(m->conf->cache.dir.p, m->cache, sizeof(m->cache),
			     e);
}

/* What others may see of a data directory is what its daemon shows them. */
static int kernel_settings(struct mount_settings *m, const struct args *a,
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

int mount_settings_read(struct mount_settings *m, const struct args *a,
			struct err *e)
{
	const char *wait = args_value(a, "wait", "30s");

	m->conf = &a->conf;
	buf_init(&m->token, TOKEN_MOST);
	m->o.data = m->conf->data.p;
	m->o.journal_size = m->conf->journal_size;
	m->o.cache_size = m->conf->cache.size;
	m->o.cache_free = m->conf->cache.free;
	if (cache_settings(m, e) || server_settings(m, a, e) ||
	    kernel_settings(m, a, e))
		return -1;
	return clock_duration_parse(str_from(wait), &m->o.wait_ms, e);
}

void mount_settings_fini(struct mount_settings *m)
{
	if (m->token.p)
		explicit_bzero(m->token.p, m->token.n);
	buf_fini(&m->token);
}
