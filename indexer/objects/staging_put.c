/* SPDX-License-Identifier: Apache-2.0 */
/* staging_put.c - a part on its way: a file that begins with '+' until it is
 * whole and on disk; then it gets the name that says what it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/text.h"
#include "indexer/objects/digest.h"
#include "indexer/objects/staged.h"

enum { ON_ITS_WAY = '+', NAME_BYTES = 8 };

struct staging_put {
	int dir, fd, number;
	int64_t at;
	struct digest *digest;
	char name[2 * NAME_BYTES + 2];
};

struct staging_put *staging_put_begin(struct staging *s, int number,
				      struct err *e)
{
	struct staging_put *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->number = number;
	p->name[0] = ON_ITS_WAY;
	random_hex(p->name + 1, NAME_BYTES);
	p->dir = dup(s->dir);
	p->fd = openat(s->dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		       0600);
	if (p->dir < 0 || p->fd < 0) {
		err_sys(e, errno, "upload");
		staging_put_abort(p);
		return NULL;
	}
	p->digest = digest_new(e);
	if (p->digest)
		return p;
	staging_put_abort(p);
	return NULL;
}

int staging_put_write(struct staging_put *p, const void *data, size_t n,
		      struct err *e)
{
	if (digest_add(p->digest, data, n, e) < 0 ||
	    io_pwrite_all(p->fd, data, n, p->at, e) < 0)
		return err_wrap(e, "upload");
	p->at += (int64_t)n;
	return 0;
}

/* Another file of this part's number, from a put before. */
struct replaced {
	int number;
	const char *by;
};

static int remove_replaced(void *ctx, int dir, const char *name, struct err *e)
{
	const struct replaced *r = ctx;
	struct staging_part part;

	(void)e;
	if (staged_part(name, &part) && part.number == r->number &&
	    strcmp(name, r->by) != 0)
		unlinkat(dir, name, 0);
	return 0;
}

int staging_put_finish(struct staging_put *p,
		       int (*check)(void *ctx, const struct object_digest *d,
				    struct err *e),
		       void *ctx, struct object_digest *ret, struct err *e)
{
	struct staging_part part = {.number = p->number};
	char name[STAGED_NAME];
	struct replaced r = {p->number, name};

	if (digest_finish(p->digest, &part.digest, e) < 0 ||
	    (check && check(ctx, &part.digest, e) < 0))
		return -1;
	staged_name(&part, name);
	if (fdatasync(p->fd) < 0 || renameat(p->dir, p->name, p->dir, name) < 0)
		return err_sys(e, errno, "upload: part %d", p->number);
	p->name[0] = '\0';
	if (fsync(p->dir) < 0)
		return err_sys(e, errno, "upload: part %d", p->number);
	if (staged_each(p->dir, remove_replaced, &r, e) < 0)
		return -1;
	*ret = part.digest;
	staging_put_abort(p);
	return 0;
}

void staging_put_abort(struct staging_put *p)
{
	if (!p)
		return;
	if (p->fd >= 0 && p->name[0])
		unlinkat(p->dir, p->name, 0);
	if (p->fd >= 0)
		close(p->fd);
	if (p->dir >= 0)
		close(p->dir);
	digest_free(p->digest);
	free(p);
}
