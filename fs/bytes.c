/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.c - see bytes.h.
 */
#include "fs/bytes.h"

#include <stdlib.h>

#include "fs/store.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"

enum { CHUNK = 1 << 20 };

struct bytes {
	atomic_int uses;
	struct cached *cached;
	int64_t size;
	atomic_bool joined; /* its store is there */
};

void bytes_error(struct err *e)
{
	static const enum err_kind plain[] = {ERR_INTERRUPTED, ERR_NO_SPACE,
					      ERR_TOO_LARGE,   ERR_UNAVAILABLE,
					      ERR_TIMEOUT,     ERR_CORRUPT};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (e->kind == plain[i])
			return;
	e->kind = ERR_IO;
}

static struct bytes *open_from(struct fs *fs, struct objects *o,
			       const struct cached_name *name, struct err *e)
{
	struct bytes *b = calloc(1, sizeof(*b));

	if (!b) {
		err_set(e, ERR_NO_SPACE, "no memory for an open file");
		return NULL;
	}
	atomic_init(&b->uses, 1);
	atomic_init(&b->joined, o != NULL);
	b->size = name->size;
	b->cached = cached_open(store_cache(fs->store), o, name, e);
	if (b->cached)
		return b;
	free(b);
	return NULL;
}

struct bytes *bytes_open(struct fs_call *c, const struct cached_name *name,
			 struct err *e)
{
	struct objects *o = store_objects(c->fs->store, c, e);

	return o ? open_from(c->fs, o, name, e) : NULL;
}

struct bytes *bytes_near(struct fs *fs, const struct cached_name *name)
{
	struct err e = {0};
	struct bytes *b = open_from(fs, store_peek(fs->store), name, &e);

	if (bytes_fd(b) >= 0)
		return b;
	bytes_drop(b);
	return NULL;
}

static void join(struct fs *fs, struct bytes *b)
{
	struct objects *o = store_peek(fs->store);

	if (!o)
		return;
	cached_join(b->cached, o);
	atomic_store(&b->joined, true);
}

struct bytes *bytes_hold(struct bytes *b)
{
	if (b)
		atomic_fetch_add(&b->uses, 1);
	return b;
}

void bytes_drop(struct bytes *b)
{
	if (!b || atomic_fetch_sub(&b->uses, 1) > 1)
		return;
	cached_close(b->cached);
	free(b);
}

int64_t bytes_read(struct fs_call *c, struct bytes *b, int64_t off, char *out,
		   size_t n, struct err *e)
{
	int64_t ms = c->fs->wait_ms < FS_READ_MS ? c->fs->wait_ms : FS_READ_MS;
	struct cached_wait w = {.never = !c->may_wait,
				.until = c->arrived + ms,
				.cancelled = c->cancelled};
	int64_t got;

	if (!atomic_load(&b->joined))
		join(c->fs, b);
	got = cached_read(b->cached, off, out, n, &w, e);
	if (got == CACHED_WAIT)
		return fs_may_wait(c, e);
	if (got < 0) {
		store_note(c->fs->store, e);
		bytes_error(e);
	} else if (!store_answers(c->fs->store) && c->may_wait) {
		store_note(c->fs->store, NULL);
	}
	return got;
}

int bytes_fd(const struct bytes *b)
{
	return b ? cached_fd(b->cached) : -1;
}

/* Each piece has its own time. */
static int copy_pieces(struct fs_call *c, struct bytes *b, int to, int64_t size,
		       struct err *e)
{
	SCOPED_FREE char *piece = malloc(CHUNK);
	int64_t arrived = c->arrived, got = 1;

	if (!piece)
		return err_set(e, ERR_NO_SPACE, "no memory to copy a file");
	for (int64_t at = 0; at < size && got > 0; at += got) {
		int64_t n = size - at < CHUNK ? size - at : CHUNK;

		c->arrived = clock_mono_ms();
		got = bytes_read(c, b, at, piece, (size_t)n, e);
		if (got > 0 && io_pwrite_all(to, piece, (size_t)got, at, e))
			got = -1;
	}
	c->arrived = arrived;
	return got < 0 ? -1 : 0;
}

int bytes_copy(struct fs_call *c, struct bytes *b, int to, int64_t size,
	       struct err *e)
{
	int fd = bytes_fd(b);

	if (size < 0 || size > b->size)
		size = b->size;
	if (fd >= 0)
		return io_copy(fd, to, size, e);
	return copy_pieces(c, b, to, size, e);
}
