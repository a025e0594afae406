/* SPDX-License-Identifier: Apache-2.0 */
/* s3.c - objects in a bucket: opening it, claims of keys, and the small calls.
 */
#include "indexer/objects/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/crc32c.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/path.h"

/* --- claims --------------------------------------------------------------- */

struct s3_claim {
	struct s3_claim *next;
	char key[];
};

struct s3_claim *s3_claim(struct s3_store *s, struct str key)
{
	SCOPED_LOCK(&s->mu);
	struct s3_claim *c;

	if (s3_engine_prefix(s->engine).n + key.n > S3_KEY_BYTES)
		return NULL;
	for (c = s->claims; c; c = c->next)
		if (str_is(key, c->key))
			return NULL;
	c = malloc(sizeof(*c) + key.n + 1);
	if (!c)
		abort();
	memcpy(c->key, key.p, key.n);
	c->key[key.n] = '\0';
	c->next = s->claims;
	s->claims = c;
	return c;
}

void s3_release(struct s3_store *s, struct s3_claim *c, bool keep)
{
	SCOPED_LOCK(&s->mu);
	struct s3_claim **p = &s->claims;

	if (keep && s->doubtful < S3_DOUBTFUL) {
		s->doubtful++;
		return;
	}
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	free(c);
}

/* --- checks --------------------------------------------------------------- */

static void put_base64(const void *p, size_t n, char text[S3_SUM])
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, S3_SUM);
	base64_encode(&b, str_n(p, n));
	snprintf(text, S3_SUM, "%s", b.p);
}

void s3_add_sum(struct s3_store *s, struct s3_request *r, char text[S3_SUM])
{
	unsigned char md5[S3_MD5];

	if (s->dialect.crc32c) {
		uint32_t crc = htobe32(crc32c(0, r->body.p, r->body.n));

		put_base64(&crc, sizeof(crc), text);
		s3_pairs_add(&r->headers, "x-amz-checksum-crc32c",
			     str_from(text));
		return;
	}
	s3_md5(r->body, md5);
	put_base64(md5, sizeof(md5), text);
	s3_pairs_add(&r->headers, "content-md5", str_from(text));
}

int s3_head_of(struct s3_store *s, struct str key, struct s3_head *ret,
	       struct err *e)
{
	struct s3_request r;
	int rc;

	s3_request_init(&r, "HEAD", key);
	rc = s3_send(s->engine, &r, e) < 0 ? -1 : 1;
	*ret = r.head;
	if (rc < 0 && r.status == 404) {
		err_clear(e);
		rc = 0;
	}
	s3_request_fini(&r);
	return rc;
}

/* --- the kind ------------------------------------------------------------- */

static int s3_link_to(struct objects *o, struct str key, int64_t seconds,
		      struct buf *b, struct err *e)
{
	struct s3_store *s = s3_of(o);

	if (!s->direct)
		return 0;
	return s3_link(s->engine, key, seconds, b, e) < 0 ? -1 : 1;
}

static int s3_sweep(struct objects *o, struct err *e)
{
	struct s3_store *s = s3_of(o);

	if (s->probe && s3_find_dialect(s, e) < 0)
		return -1;
	log_info("object store", "at=\"%s\" conditional_put=%s checksum=%s",
		 s3_engine_name(s->engine),
		 s->dialect.conditional ? "yes" : "no",
		 s->dialect.crc32c ? "crc32c" : "md5");
	return s3_abort_left(s, e);
}

static void s3_dialect(struct objects *o, struct buf *b)
{
	s3_dialect_print(&s3_of(o)->dialect, b);
}

static int s3_tmp(struct objects *o)
{
	return s3_of(o)->tmp;
}

static void s3_close(struct objects *o)
{
	struct s3_store *s = s3_of(o);

	s3_engine_free(s->engine);
	s3_forget_left(s);
	while (s->claims) {
		struct s3_claim *c = s->claims;

		s->claims = c->next;
		free(c);
	}
	if (s->tmp >= 0)
		close(s->tmp);
	pthread_mutex_destroy(&s->mu);
	free(s);
}

static void s3_hurry(struct objects *o)
{
	s3_engine_hurry(s3_of(o)->engine);
}

static int s3_look(struct objects *o, struct err *e);

static const struct objects_kind s3_kind = {
	.close = s3_close,
	.hurry = s3_hurry,
	.put_begin = s3_put_begin,
	.put_write = s3_put_write,
	.put_finish = s3_put_finish,
	.put_free = s3_put_free,
	.get_begin = s3_get_begin,
	.get_next = s3_get_next,
	.get_end = s3_get_end,
	.fetch = s3_fetch,
	.fetch_cancel = s3_fetch_cancel,
	.link = s3_link_to,
	.remove = s3_remove,
	.each = s3_each,
	.sweep = s3_sweep,
	.look = s3_look,
	.dialect = s3_dialect,
	.tmp = s3_tmp,
};

/* --- opening -------------------------------------------------------------- */

static int open_tmp(struct s3_store *s, const char *data_dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;

	if (asprintf(&path, "%s/objects/" PATH_TMP, data_dir) < 0)
		abort();
	if (io_mkdirs(path, 0700, e) < 0)
		return -1;
	s->tmp = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->tmp < 0 ? err_sys(e, errno, "%s", path) : 0;
}

/* What to do about it, as far as the answer tells. */
static const char *advice(const struct s3_request *r, const struct err *e)
{
	static const struct {
		const char *word, *what;
	} known[] = {
		{"NoSuchBucket", "make the bucket, or correct objects.url"},
		{"InvalidAccessKeyId",
		 "correct AWS_ACCESS_KEY_ID or the profile"},
		{"SignatureDoesNotMatch",
		 "correct AWS_SECRET_ACCESS_KEY or the profile, and "
		 "objects.region"},
		{"ExpiredToken", "renew the credentials"},
		{"AccessDenied",
		 "give these credentials s3:ListBucket on the bucket, and "
		 "s3:GetObject, s3:PutObject, s3:DeleteObject, "
		 "s3:AbortMultipartUpload below it"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(e->msg, known[i].word))
			return known[i].what;
	if (!r->status)
		return "see that objects.endpoint is right and the server runs";
	return "see that objects.url, endpoint and region are right";
}

/* One key is asked for: so the bucket is there and the credentials are good,
 * or the answer says what is not. */
static int s3_look(struct objects *o, struct err *e)
{
	struct s3_store *s = s3_of(o);
	struct s3_request r;
	char why[sizeof(e->msg)];
	int rc;

	s3_request_init(&r, "GET", STR_NONE);
	r.budget_ms = S3_START_MS;
	s3_pairs_add(&r.query, "list-type", STR("2"));
	s3_pairs_add(&r.query, "max-keys", STR("1"));
	s3_pairs_add(&r.query, "prefix", s3_engine_prefix(s->engine));
	rc = s3_send(s->engine, &r, e);
	if (rc < 0) {
		snprintf(why, sizeof(why), "%s", e->msg);
		err_set(e, e->kind, "%.440s; %s", why, advice(&r, e));
	}
	s3_request_fini(&r);
	return rc;
}

static int open_parts(struct s3_store *s, const char *data_dir,
		      const struct conf_objects *c, struct err *e)
{
	s->direct = c->direct;
	s->probe = str_is(c->dialect, "auto");
	if (!s->probe && !s3_dialect_named(c->dialect, &s->dialect))
		return err_set(
			e, ERR_INVALID,
			"objects.dialect: \"%.*s\" is none of auto, aws, "
			"ceph, garage, minio, versitygw",
			STR_ARG(c->dialect));
	s->engine = s3_engine_new(c, e);
	if (!s->engine)
		return -1;
	if (!data_dir)
		return 0;
	return s3_look(&s->base, e) < 0 ? -1 : open_tmp(s, data_dir, e);
}

struct objects *s3_objects_open(const char *data_dir,
				const struct conf_objects *c, struct err *e)
{
	struct s3_store *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->base.kind = &s3_kind;
	s->shared = !data_dir;
	s->tmp = -1;
	pthread_mutex_init(&s->mu, NULL);
	if (open_parts(s, data_dir, c, e) < 0) {
		s3_close(&s->base);
		return NULL;
	}
	return &s->base;
}
