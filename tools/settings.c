/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - the configuration that a verb works with. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "tools/verb.h"

/* Where data lies when nobody says: below the user's own data directory. */
static const char *default_data(struct arena *a)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (data && data[0] == '/')
		return arena_printf(a, "%s/orrery", data);
	return arena_printf(a, "%s/.local/share/orrery",
			    home && home[0] ? home : "");
}

int path_absolute(const char *path, char *out, size_t size, struct err *e)
{
	SCOPED_FREE char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	int n;

	if (path[0] != '/' && !cwd)
		return err_sys(e, errno, "current directory");
	n = snprintf(out, size, "%s%s%s", cwd ? cwd : "", cwd ? "/" : "", path);
	if (n < 0 || (size_t)n >= size)
		return err_set(e, ERR_TOO_LONG, "%s: path too long", path);
	return 0;
}

static int make_absolute(struct conf *c, struct err *e)
{
	char path[PATH_MAX];

	if (!c->data.n)
		c->data = str_from(default_data(&c->arena));
	if (!c->data.n)
		return arena_full(&c->arena, e);
	if (path_absolute(c->data.p, path, sizeof(path), e))
		return -1;
	c->data = str_from(arena_strdup(&c->arena, str_from(path)));
	return c->data.p ? 0 : arena_full(&c->arena, e);
}

static int apply_flags(struct conf *c, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->ngiven; i++) {
		const struct option_row *o = a->given[i].option;

		if (o->key && conf_set(c, o->key, str_from(a->given[i].value),
				       CONF_FLAG, e))
			return err_wrap(e, "--%s", o->name);
	}
	return 0;
}

int settings_load(struct args *a, struct err *e)
{
	const char *file = args_value(a, "config", NULL);
	struct conf *c = &a->conf;

	if (conf_init(c, e))
		return -1;
	if ((file && conf_read_file(c, file, e)) ||
	    conf_read_env(c, environ, e) || apply_flags(c, a, e) ||
	    make_absolute(c, e)) {
		conf_fini(c);
		return -1;
	}
	return 0;
}

int settings_find_index(const struct conf *c, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/index.db", c->data.p);
	if (access(path, F_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, errno, "%s", path);
	return err_set(e, ERR_NOT_FOUND,
		       "no data in %s: a daemon makes it (orrery serve "
		       "--data DIR)",
		       c->data.p);
}
