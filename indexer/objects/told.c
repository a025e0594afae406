/* SPDX-License-Identifier: Apache-2.0 */
/* told.c - see told.h. */
#include "indexer/objects/told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"

enum { URL_MOST = 8192 };

static char *file_in(const char *data_dir)
{
	char *path;

	if (asprintf(&path, "%s/store", data_dir) < 0)
		abort();
	return path;
}

int objects_tell(const char *data_dir, const struct conf_objects *c,
		 struct err *e)
{
	SCOPED_FREE char *path = file_in(data_dir);
	SCOPED_FREE char *real = NULL;
	struct str url = c->url;

	if (!url.n) {
		if (unlink(path) < 0 && errno != ENOENT)
			return err_sys(e, errno, "%s", path);
		return 0;
	}
	/* the mount's working directory is another one */
	real = realpath(url.p, NULL);
	if (real)
		url = str_from(real);
	return io_replace_file(path, url, 0600, e);
}

int objects_told(const char *data_dir, struct buf *url, struct err *e)
{
	SCOPED_FREE char *path = file_in(data_dir);

	if (access(path, F_OK) < 0)
		return 0;
	return io_read_file(path, URL_MOST, url, e);
}
