/* SPDX-License-Identifier: Apache-2.0 */
/* told.c - see told.h. */
#include "indexer/objects/told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/json_out.h"
#include "indexer/base/scope.h"

enum { TEXT_MOST = 64 << 10, DIALECT_MOST = 256 };

static char *file_in(const char *data_dir)
{
	char *path;

	if (asprintf(&path, "%s/store", data_dir) < 0)
		abort();
	return path;
}

/* A string of JSON is one of YAML. */
static void print_text(struct buf *b, const char *key, struct str value)
{
	struct json_out j;

	buf_printf(b, "  %s: ", key);
	jo_init(&j, b, 0);
	jo_str(&j, value);
	buf_putc(b, '\n');
}

static void print_section(const struct conf_objects *c, struct str url,
			  struct str dialect, struct buf *b)
{
	buf_puts(b, "objects:\n");
	print_text(b, "url", url);
	print_text(b, "endpoint", c->endpoint);
	print_text(b, "region", c->region);
	print_text(b, "dialect", dialect.n ? dialect : c->dialect);
	buf_printf(b, "  path_style: %s\n", c->path_style ? "true" : "false");
}

int objects_tell(const char *data_dir, const struct conf_objects *c,
		 struct objects *o, struct err *e)
{
	SCOPED_FREE char *path = file_in(data_dir);
	SCOPED(buf_fini) struct buf text, dialect;
	SCOPED_FREE char *real = NULL;
	struct str url = c->url;

	buf_init(&text, TEXT_MOST);
	buf_init(&dialect, DIALECT_MOST);
	if (!url.n) {
		if (unlink(path) < 0 && errno != ENOENT)
			return err_sys(e, errno, "%s", path);
		return 0;
	}
	/* the mount's working directory is another one */
	real = realpath(url.p, NULL);
	if (real)
		url = str_from(real);
	objects_dialect(o, &dialect);
	print_section(c, url, buf_view(&dialect), &text);
	if (!buf_ok(&text))
		return err_set(e, ERR_TOO_LONG, "objects: values too long");
	return io_replace_file(path, buf_view(&text), 0600, e);
}

int objects_told(const char *data_dir, struct conf *c, struct err *e)
{
	SCOPED_FREE char *path = file_in(data_dir);

	if (access(path, F_OK) < 0)
		return 0;
	return conf_read_file(c, path, e);
}
