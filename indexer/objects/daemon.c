/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - objects behind a daemon on another host (api/tracking/object.c).
 *
 * Reading is as from a bucket: the same ranges, by the same engine, which
 * shows a token where an S3 store wants a signature. What is written is sent
 * when it is whole, since a request that fails must be sent again from its
 * start: out of the file in which its writer has it, or else of a nameless one
 * in which it is gathered here. The daemon checks it against the SHA-256 that
 * it is sent with and says at which key it lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/field.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/s3.h"

enum { SHA256_BYTES = 32, DIGEST_TEXT = 80 };

struct daemon_store {
	struct s3_store s; /* its engine is what reads go by */
	char *spool;
};

struct daemon_put {
	struct object_put base;
	struct object_source from; /* fd -1: nothing was written yet */
	bool borrowed;             /* it is the writer's own */
	int64_t size;
};

/* --- writing -------------------------------------------------------------- */

static int open_spool(const char *dir, struct err *e)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, errno, "a temporary file in %s", dir) : fd;
}

static struct object_put *put_begin(struct objects *o, struct err *e)
{
	struct daemon_put *p = calloc(1, sizeof(*p));

	(void)o;
	(void)e;
	if (!p)
		abort();
	p->from.fd = -1;
	return &p->base;
}

static void put_source(struct object_put *base, const struct object_source *src)
{
	struct daemon_put *p = (struct daemon_put *)base;

	p->from = *src;
	p->borrowed = true;
}

static int put_write(struct object_put *base, const void *data, size_t n,
		     struct err *e)
{
	const struct daemon_store *d = (const struct daemon_store *)base->o;
	struct daemon_put *p = (struct daemon_put *)base;

	if (p->from.fd < 0)
		p->from.fd = open_spool(d->spool, e);
	if (p->from.fd < 0 ||
	    (!p->borrowed &&
	     io_pwrite_all(p->from.fd, data, n, p->size, e) < 0))
		return -1;
	p->size += (int64_t)n;
	return 0;
}

static void put_free(struct object_put *base)
{
	struct daemon_put *p = (struct daemon_put *)base;

	if (p->from.fd >= 0 && !p->borrowed)
		close(p->from.fd);
	free(p);
}

/* "sha-256=:...:" */
static void claim_of(const struct object_digest *d, char out[DIGEST_TEXT])
{
	SCOPED(buf_fini) struct buf b;
	unsigned char sha[SHA256_BYTES];

	buf_init(&b, DIGEST_TEXT);
	if (!hex_decode(str_from(d->sha256), sha))
		abort();
	buf_puts(&b, "sha-256=:");
	base64_encode(&b, str_n((const char *)sha, sizeof(sha)));
	buf_putc(&b, ':');
	snprintf(out, DIGEST_TEXT, "%s", b.p);
}

struct stored {
	struct str key, sha256;
	struct opt_i64 size;
};

static const struct field stored_rows[] = {
	{.name = "key",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct stored, key)},
	{.name = "sha256",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct stored, sha256)},
	{.name = "size",
	 .type = FIELD_I64,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct stored, size)},
};
static const struct field_set stored_fields =
	FIELD_SET(stored_rows, struct stored);

/* It says that it has what we sent, or it has something else. */
static int read_stored(const struct object_put *p, struct str text, char *key,
		       struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	struct stored x;

	arena_init(&a, S3_REPLY_MAX);
	if (field_read_json(&stored_fields, text, &a, &x, e))
		return err_set(e, ERR_IO,
			       "the daemon's answer to an object is "
			       "none");
	if (x.size.v != p->known->size || !str_is(x.sha256, p->known->sha256) ||
	    x.key.n >= OBJECT_KEY_MAX)
		return err_set(e, ERR_CORRUPT,
			       "the daemon stored %lld bytes with SHA-256 "
			       "%.64s, where %lld with %s were sent",
			       (long long)x.size.v, x.sha256.p,
			       (long long)p->known->size, p->known->sha256);
	snprintf(key, OBJECT_KEY_MAX, "%.*s", STR_ARG(x.key));
	return 0;
}

/* Where none is wished, one that is made up says whose it is to be. */
static void wished_key(const struct object_put *p, char key[OBJECT_KEY_MAX])
{
	char name[33];

	random_hex(name, (sizeof(name) - 1) / 2);
	if (*p->wanted)
		snprintf(key, OBJECT_KEY_MAX, "%s", p->wanted);
	else
		snprintf(key, OBJECT_KEY_MAX, "%s%s", p->fallback, name);
}

static int put_finish(struct object_put *base, char *key, struct err *e)
{
	struct daemon_put *p = (struct daemon_put *)base;
	const struct s3_file file = {p->from.fd, base->known->size,
				     p->from.moved, p->from.ctx};
	char digest[DIGEST_TEXT], wished[OBJECT_KEY_MAX];
	struct s3_request r;
	int rc;

	wished_key(base, wished);
	claim_of(base->known, digest);
	s3_request_init(&r, "PUT", str_from(wished));
	s3_pairs_add(&r.headers, "content-digest", str_from(digest));
	r.file = &file;
	r.patience_s = S3_FINISH_S;
	r.quit = base->quit;
	r.quit_ctx = base->quit_ctx;
	rc = s3_send(s3_of(base->o)->engine, &r, e);
	if (rc == 0)
		rc = read_stored(base, buf_view(&r.reply), key, e);
	s3_request_fini(&r);
	return rc;
}

/* --- the others ----------------------------------------------------------- */

/* What nobody names is found by the daemon's own collection. */
static int leave(struct objects *o, const struct str *keys, size_t n,
		 bool *gone, struct err *e)
{
	(void)o;
	(void)keys;
	(void)gone;
	return n ? err_set(e, ERR_UNSUPPORTED,
			   "objects of a daemon are removed by itself")
		 : 0;
}

static int each(struct objects *o,
		int (*fn)(void *ctx, struct str key, int64_t size,
			  int64_t mtime, struct err *e),
		void *ctx, struct err *e)
{
	(void)o;
	(void)fn;
	(void)ctx;
	return err_set(e, ERR_UNSUPPORTED,
		       "objects of a daemon are not listed here");
}

static int sweep(struct objects *o, struct err *e)
{
	(void)o;
	(void)e;
	return 0;
}

static int no_tmp(struct objects *o)
{
	(void)o;
	return -1;
}

static void hurry(struct objects *o)
{
	s3_engine_hurry(s3_of(o)->engine);
}

static void close_daemon(struct objects *o)
{
	struct daemon_store *d = (struct daemon_store *)o;

	s3_engine_free(d->s.engine);
	pthread_mutex_destroy(&d->s.mu);
	free(d->spool);
	free(d);
}

static const struct objects_kind daemon_kind = {
	.close = close_daemon,
	.hurry = hurry,
	.put_begin = put_begin,
	.put_write = put_write,
	.put_finish = put_finish,
	.put_free = put_free,
	.put_source = put_source,
	.get_begin = s3_get_begin,
	.get_next = s3_get_next,
	.get_end = s3_get_end,
	.fetch = s3_fetch,
	.fetch_cancel = s3_fetch_cancel,
	.remove = leave,
	.each = each,
	.sweep = sweep,
	.tmp = no_tmp,
};

struct objects *objects_open_daemon(const struct daemon_link *link,
				    struct err *e)
{
	struct daemon_store *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->s.base.kind = &daemon_kind;
	d->s.tmp = -1;
	pthread_mutex_init(&d->s.mu, NULL);
	d->spool = strdup(link->spool ? link->spool : P_tmpdir);
	if (!d->spool)
		abort();
	d->s.engine = s3_engine_to_daemon(link->url, link->token, e);
	if (d->s.engine)
		return &d->s.base;
	close_daemon(&d->s.base);
	return NULL;
}
