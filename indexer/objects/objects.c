/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - what is the same for every kind of store.
 *
 * Checks of keys, checksums, and the choice of a key: the wanted one, or where
 * it is not to be had a made-up one. A struct object_put is owned by who began
 * it until it is finished or aborted.
 */
#include "indexer/objects/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/kind.h"
#include "indexer/objects/path.h"
#include "indexer/objects/sums.h"

enum { RANDOM_BYTES = 16, TRIES = 3, SHOWN = 100, PIECE = 1 << 20 };

static bool is_bucket(const struct conf_objects *c)
{
	return c && str_starts(c->url, STR("s3://"));
}

struct objects *objects_join(const char *data_dir, const struct conf_objects *c,
			     struct err *e)
{
	if (is_bucket(c))
		return s3_objects_open(NULL, c, e);
	return objects_open(data_dir, c, e);
}

struct objects *objects_open(const char *data_dir, const struct conf_objects *c,
			     struct err *e)
{
	SCOPED_FREE char *path = NULL;
	struct str url = c ? c->url : STR_NONE;
	int n;

	if (is_bucket(c))
		return s3_objects_open(data_dir, c, e);
	if (url.n && memmem(url.p, url.n, "://", 3)) {
		err_set(e, ERR_UNSUPPORTED,
			"objects.url %.*s: write s3://BUCKET/PREFIX, or a "
			"directory's path",
			STR_ARG(url));
		return NULL;
	}
	if (url.n)
		n = asprintf(&path, "%.*s", STR_ARG(url));
	else
		n = asprintf(&path, "%s/objects", data_dir);
	if (n < 0) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	return dir_objects_open(path, e);
}

void objects_close(struct objects *o)
{
	if (o)
		o->kind->close(o);
}

int objects_look(struct objects *o, struct err *e)
{
	return o->kind->look ? o->kind->look(o, e) : 0;
}

void objects_dialect(struct objects *o, struct buf *b)
{
	if (o->kind->dialect)
		o->kind->dialect(o, b);
}

void objects_hurry(struct objects *o)
{
	if (o->kind->hurry)
		o->kind->hurry(o);
}

bool objects_are_files(const struct objects *o)
{
	return o->kind->open != NULL;
}

static int check_key(struct str key, struct err *e)
{
	if (path_valid(key))
		return 0;
	return err_set(e, ERR_INVALID, "\"%.*s\" cannot be an object's key",
		       key.n < SHOWN ? (int)key.n : SHOWN, key.p ? key.p : "");
}

/* --- writing ------------------------------------------------------------ */

/* A made-up key: the prefix and 32 hex digits. */
static int make_up(struct str fallback, char *key, struct err *e)
{
	char name[2 * RANDOM_BYTES + 1];

	random_hex(name, RANDOM_BYTES);
	if (fallback.n + sizeof(name) > OBJECT_KEY_MAX)
		return err_set(e, ERR_TOO_LONG,
			       "an object's key has at most %d bytes",
			       OBJECT_KEY_MAX - 1);
	if (fallback.n)
		memcpy(key, fallback.p, fallback.n);
	memcpy(key + fallback.n, name, sizeof(name));
	return check_key(str_n(key, fallback.n + sizeof(name) - 1), e);
}

struct object_put *object_put_begin(struct objects *o, struct str wanted,
				    struct str fallback, struct err *e)
{
	char key[OBJECT_KEY_MAX];
	struct object_put *p;

	if ((wanted.n && check_key(wanted, e) < 0) ||
	    make_up(fallback, key, e) < 0)
		return NULL;
	p = o->kind->put_begin(o, e);
	if (!p)
		return NULL;
	p->o = o;
	p->wanted = strndup(wanted.n ? wanted.p : "", wanted.n);
	p->fallback = strndup(fallback.n ? fallback.p : "", fallback.n);
	p->digest = digest_new(e);
	if (!p->digest || !p->wanted || !p->fallback) {
		object_put_abort(p);
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	return p;
}

int object_put_write(struct object_put *p, const void *data, size_t n,
		     struct err *e)
{
	if (!p->digest)
		return err_set(e, ERR_INTERNAL,
			       "the object is written through "
			       "its descriptor");
	if (digest_add(p->digest, data, n, e) < 0)
		return -1;
	return p->o->kind->put_write(p, data, n, e);
}

void object_put_source(struct object_put *p, const struct object_source *src)
{
	if (p->o->kind->put_source)
		p->o->kind->put_source(p, src);
}

int object_put_fd(struct object_put *p)
{
	int fd = p->o->kind->put_fd ? p->o->kind->put_fd(p) : -1;

	if (fd >= 0) {
		digest_free(p->digest);
		p->digest = NULL;
	}
	return fd;
}

int object_put_somewhere(struct object_put *p,
			 int (*try)(struct object_put *p, struct str key,
				    struct err *e),
			 char *key, struct err *e)
{
	int got = 0;

	if (*p->wanted) {
		snprintf(key, OBJECT_KEY_MAX, "%s", p->wanted);
		got = try(p, str_from(key), e);
	}
	for (int i = 0; !got && i < TRIES; i++) {
		if (make_up(str_from(p->fallback), key, e) < 0)
			return -1;
		got = try(p, str_from(key), e);
	}
	if (!got)
		return err_set(e, ERR_IO, "objects: no key below %s can be had",
			       p->fallback);
	return got < 0 ? -1 : 0;
}

void object_put_sums(struct object_put *p, struct buf *sums)
{
	p->sums = sums;
	if (p->digest)
		digest_sums(p->digest, sums);
}

void object_put_quit(struct object_put *p,
		     bool (*quit)(void *ctx, struct err *e), void *ctx)
{
	p->quit = quit;
	p->quit_ctx = ctx;
}

int object_put_finish(struct object_put *p, char *ret_key,
		      struct object_digest *ret, struct err *e)
{
	int rc;

	if (p->digest)
		rc = digest_finish(p->digest, ret, e);
	else
		rc = digest_file(p->o->kind->put_fd(p), ret, p->sums, e);
	p->known = ret;
	if (rc < 0 || p->o->kind->put_finish(p, ret_key, e) < 0)
		return -1;
	object_put_abort(p);
	return 0;
}

void object_put_abort(struct object_put *p)
{
	if (!p)
		return;
	digest_free(p->digest);
	free(p->wanted);
	free(p->fallback);
	p->o->kind->put_free(p);
}

/* --- reading ------------------------------------------------------------ */

static int no_file(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED,
		       "objects of this store are no files");
}

int object_open(struct objects *o, struct str key, struct err *e)
{
	if (!o->kind->open)
		return no_file(e);
	if (check_key(key, e) < 0)
		return -1;
	return o->kind->open(o, key, e);
}

/* Of a file: pieces through one buffer. */
struct file_get {
	struct object_get base;
	int fd;
	int64_t at, end; /* end INT64_MAX: its own */
	char *piece;
};

static struct object_get *file_get_begin(struct objects *o, struct str key,
					 int64_t off, int64_t n, struct err *e)
{
	int fd = object_open(o, key, e);
	struct file_get *g = fd < 0 ? NULL : calloc(1, sizeof(*g));

	if (fd < 0)
		return NULL;
	if (!g)
		abort();
	g->fd = fd;
	g->at = off;
	g->end = n < 0 ? INT64_MAX : off + n;
	g->piece = malloc(PIECE);
	if (!g->piece)
		abort();
	return &g->base;
}

static int file_get_next(struct object_get *base, struct str *ret,
			 struct err *e)
{
	struct file_get *g = (struct file_get *)base;
	int64_t left = g->end - g->at;
	ssize_t n = io_pread_all(g->fd, g->piece,
				 left < PIECE ? (size_t)left : PIECE, g->at, e);

	*ret = str_n(g->piece, n < 0 ? 0 : (size_t)n);
	g->at += n < 0 ? 0 : n;
	if (n == 0 && left && g->end != INT64_MAX)
		return err_set(e, ERR_CORRUPT, "an object ends too early");
	return n < 0 ? -1 : 0;
}

static void file_get_end(struct object_get *base)
{
	struct file_get *g = (struct file_get *)base;

	close(g->fd);
	free(g->piece);
	free(g);
}

struct object_get *object_get_begin(struct objects *o, struct str key,
				    int64_t off, int64_t n, struct err *e)
{
	struct object_get *g;

	if (check_key(key, e) < 0)
		return NULL;
	if (o->kind->get_begin)
		g = o->kind->get_begin(o, key, off, n, e);
	else
		g = file_get_begin(o, key, off, n, e);
	if (g)
		g->o = o;
	return g;
}

int object_get_next(struct object_get *g, struct str *ret, struct err *e)
{
	if (g->o->kind->get_next)
		return g->o->kind->get_next(g, ret, e);
	return file_get_next(g, ret, e);
}

void object_get_end(struct object_get *g)
{
	if (!g)
		return;
	if (g->o->kind->get_end)
		g->o->kind->get_end(g);
	else
		file_get_end(g);
}

/* To the end of the object at most. */
int64_t object_read(struct objects *o, struct str key, int64_t off, void *out,
		    size_t n, struct err *e)
{
	struct object_get *g = object_get_begin(o, key, off, -1, e);
	struct str piece;
	size_t got = 0;
	int rc = g ? 0 : -1;

	while (rc == 0 && got < n) {
		rc = object_get_next(g, &piece, e);
		if (rc < 0 || !piece.n)
			break;
		if (piece.n > n - got)
			piece.n = n - got;
		memcpy((char *)out + got, piece.p, piece.n);
		got += piece.n;
	}
	object_get_end(g);
	return rc < 0 ? -1 : (int64_t)got;
}

bool object_fetch(struct objects *o, struct object_fetch *f)
{
	if (!o->kind->fetch || !path_valid(f->key))
		return false;
	o->kind->fetch(o, f);
	return true;
}

void object_fetch_cancel(struct objects *o, struct object_fetch *f)
{
	o->kind->fetch_cancel(o, f);
}

int object_link(struct objects *o, struct str key, int64_t seconds,
		struct buf *b, struct err *e)
{
	if (check_key(key, e) < 0)
		return -1;
	return o->kind->link ? o->kind->link(o, key, seconds, b, e) : 0;
}

int objects_remove(struct objects *o, const struct str *keys, size_t n,
		   bool *gone, struct err *e)
{
	memset(gone, 0, n * sizeof(*gone));
	for (size_t i = 0; i < n; i++)
		if (check_key(keys[i], e) < 0)
			return -1;
	return o->kind->remove(o, keys, n, gone, e);
}

int object_delete(struct objects *o, struct str key, struct err *e)
{
	bool gone;

	return objects_remove(o, &key, 1, &gone, e);
}

static int feed_pieces(struct digest *d, struct object_get *g, struct err *e)
{
	struct str piece;

	do {
		if (object_get_next(g, &piece, e) < 0 ||
		    (piece.n && digest_add(d, piece.p, piece.n, e) < 0))
			return -1;
	} while (piece.n);
	return 0;
}

static int digest_object(struct objects *o, struct str key,
			 struct object_digest *ret, struct buf *sums,
			 struct err *e)
{
	struct object_get *g = object_get_begin(o, key, 0, -1, e);
	struct digest *d = g ? digest_new(e) : NULL;
	int rc = d ? feed_pieces(d, g, e) : -1;

	if (rc == 0) {
		digest_sums_from(d, 0, sums);
		rc = digest_finish(d, ret, e);
	}
	digest_free(d);
	object_get_end(g);
	return rc;
}

int object_digest_of(struct objects *o, struct str key,
		     struct object_digest *ret, struct err *e)
{
	return digest_object(o, key, ret, NULL, e);
}

int object_verify(struct objects *o, struct str key, int64_t size,
		  struct str sha256, struct err *e)
{
	return object_verify_sums(o, key, size, sha256, STR_NONE, e);
}

int object_verify_sums(struct objects *o, struct str key, int64_t size,
		       struct str sha256, struct str sums, struct err *e)
{
	SCOPED(buf_fini) struct buf found;
	struct object_digest d;

	buf_init(&found, SUMS_BYTES);
	if (digest_object(o, key, &d, &found, e) < 0)
		return -1;
	if (d.size != size)
		return err_set(
			e, ERR_CORRUPT, "object %.*s has %lld bytes, not %lld",
			STR_ARG(key), (long long)d.size, (long long)size);
	if (!str_eq_nocase(sha256, str_from(d.sha256)))
		return err_set(e, ERR_CORRUPT,
			       "object %.*s has SHA-256 %s, not %.*s",
			       STR_ARG(key), d.sha256, STR_ARG(sha256));
	if (sums.n && !str_eq(sums, buf_view(&found)))
		return err_set(e, ERR_CORRUPT,
			       "the sums of blocks of object %.*s are not "
			       "those in the index",
			       STR_ARG(key));
	return 0;
}

int objects_each(struct objects *o,
		 int (*fn)(void *ctx, struct str key, int64_t size,
			   int64_t mtime, struct err *e),
		 void *ctx, struct err *e)
{
	return o->kind->each(o, fn, ctx, e);
}

int objects_sweep(struct objects *o, struct err *e)
{
	return o->kind->sweep(o, e);
}
