/* SPDX-License-Identifier: Apache-2.0 */
/* s3_put.c - an object on its way into the bucket, in constant memory.
 *
 * Bytes gather in one buffer. What fits it is put by one request, in the end.
 * Beyond that, a full buffer is sent as a part while the next one fills: two
 * buffers, or one more where few put at one time, whatever the size. Whatever
 * ends early is given up there too, so that nothing is left to be paid for.
 */
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/room.h"
#include "indexer/objects/s3.h"
#include "indexer/objects/s3_xml.h"

enum {
	MARK = 33,
	NUMBER = 16,
	UPLOAD_ID = 1024,
	LIST_MAX = 4 << 20,
};

/* A part, or the whole: what a request needs while it is under way. */
struct flight {
	struct s3_request r;
	bool flying;
	char *mem;
	size_t cap;
	char number[NUMBER], sum[S3_SUM];
};

struct s3_put {
	struct object_put base;
	struct s3_store *s;
	char *mem; /* being filled */
	size_t n, cap;
	struct s3_claim *claim;
	char key[OBJECT_KEY_MAX]; /* of an upload in parts */
	char mark[MARK], upload[UPLOAD_ID];
	int parts;
	struct flight flights[S3_FLIGHTS]; /* in turn, or the first */
	struct buf list;                   /* parts that arrived, as XML */
};

static struct s3_put *put_of(struct object_put *p)
{
	return (struct s3_put *)p;
}

struct object_put *s3_put_begin(struct objects *o, struct err *e)
{
	struct s3_put *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(e, ERR_BUSY, "out of memory");
		return NULL;
	}
	p->s = s3_of(o);
	random_hex(p->mark, (MARK - 1) / 2);
	buf_init(&p->list, LIST_MAX);
	return &p->base;
}

/* --- keys ----------------------------------------------------------------- */

static void let_go(struct s3_put *p, bool keep)
{
	if (p->claim)
		s3_release(p->s, p->claim, keep);
	p->claim = NULL;
}

/* Whether two processes could both have it: only a made-up one is safe. */
static bool is_contested(struct s3_put *p, struct str key, bool parts)
{
	const struct s3_dialect *d = &p->s->dialect;

	return p->s->shared && !(parts ? d->joins : d->conditional) &&
	       str_is(key, p->base.wanted);
}

/* Claimed, and nothing lies there: 1. */
static int claim_free(struct s3_put *p, struct str key, bool look,
		      struct err *e)
{
	struct s3_head head;
	int rc = 0;

	p->claim = s3_claim(p->s, key);
	if (!p->claim)
		return 0;
	if (look)
		rc = s3_head_of(p->s, key, &head, e);
	if (rc == 0)
		return 1;
	let_go(p, false);
	return rc < 0 ? -1 : 0;
}

/* Whether what lies there is what this put has sent. */
static int is_ours(struct s3_put *p, struct str key, struct err *e)
{
	struct s3_head head;
	int rc = s3_head_of(p->s, key, &head, e);

	return rc > 0 ? strcmp(head.mark, p->mark) == 0 : rc;
}

/* --- in one request ------------------------------------------------------- */

static int send_whole(struct s3_put *p, struct str key, struct err *e)
{
	struct s3_request r;
	char sum[S3_SUM];
	bool kept = false;
	int rc;

	s3_request_init(&r, "PUT", key);
	r.body = str_n(p->mem, p->n);
	r.quit = p->base.quit;
	r.quit_ctx = p->base.quit_ctx;
	s3_add_sum(p->s, &r, sum);
	s3_pairs_add(&r.headers, S3_MARK_HEADER, str_from(p->mark));
	if (p->s->dialect.conditional)
		s3_pairs_add(&r.headers, "if-none-match", STR("*"));
	rc = s3_send(p->s->engine, &r, e) < 0 ? -1 : 1;
	/* libcurl, too, sends once more what a connection that was kept has
	 * swallowed: only the mark tells. */
	if (rc < 0 && r.status == 412)
		rc = is_ours(p, key, e);
	else if (rc < 0)
		kept = r.doubtful && !p->s->dialect.conditional;
	s3_request_fini(&r);
	if (rc <= 0)
		let_go(p, kept);
	return rc;
}

static int put_whole(struct object_put *base, struct str key, struct err *e)
{
	struct s3_put *p = put_of(base);
	int rc = 0;

	if (!is_contested(p, key, false))
		rc = claim_free(p, key, !p->s->dialect.conditional, e);
	return rc > 0 ? send_whole(p, key, e) : rc;
}

/* --- in parts ------------------------------------------------------------- */

static int create_upload(struct s3_put *p, struct str key, struct err *e)
{
	struct s3_request r;
	int rc;

	s3_request_init(&r, "POST", key);
	s3_pairs_add(&r.query, "uploads", STR(""));
	s3_pairs_add(&r.headers, S3_MARK_HEADER, str_from(p->mark));
	if (p->s->dialect.crc32c)
		s3_pairs_add(&r.headers, "x-amz-checksum-algorithm",
			     STR("CRC32C"));
	rc = s3_send(p->s->engine, &r, e);
	if (rc == 0 && !s3_xml_text(buf_view(&r.reply), "UploadId", p->upload,
				    sizeof(p->upload)))
		rc = err_set(e, ERR_UNAVAILABLE,
			     "the object store (%s) begins an upload without "
			     "saying which",
			     s3_engine_name(p->s->engine));
	s3_request_fini(&r);
	return rc;
}

static int begin_upload(struct object_put *base, struct str key, struct err *e)
{
	struct s3_put *p = put_of(base);
	int rc = 0;

	if (!is_contested(p, key, true))
		rc = claim_free(p, key, true, e);
	if (rc > 0 && create_upload(p, key, e) < 0) {
		let_go(p, false);
		return -1;
	}
	return rc;
}

static size_t part_size(int number)
{
	int grown = number / S3_GROW_EVERY;

	if (grown > S3_GROW_TIMES)
		grown = S3_GROW_TIMES;
	return (size_t)S3_PART << (2 * grown);
}

/* How many parts may be under way. Those of a mount are few, its store may be
 * on the same host: so it never waits for us. */
static int most_flights(const struct s3_put *p)
{
	return p->s->shared && part_size(p->parts + 1) == S3_PART ? S3_FLIGHTS
								  : 1;
}

/* A part has arrived, and is noted. */
static int land(struct s3_put *p, struct flight *f, struct err *e)
{
	int rc;

	if (!f->flying)
		return 0;
	rc = s3_wait(p->s->engine, &f->r, e);
	f->flying = false;
	if (rc == 0 && !f->r.head.etag[0])
		rc = err_set(e, ERR_UNAVAILABLE,
			     "the object store (%s) takes a part without "
			     "saying its ETag",
			     s3_engine_name(p->s->engine));
	if (rc == 0) {
		buf_printf(&p->list, "<Part><PartNumber>%s</PartNumber><ETag>",
			   f->number);
		s3_xml_escape(&p->list, str_from(f->r.head.etag));
		buf_puts(&p->list, "</ETag>");
		if (p->s->dialect.crc32c)
			buf_printf(&p->list,
				   "<ChecksumCRC32C>%s</ChecksumCRC32C>",
				   f->sum);
		buf_puts(&p->list, "</Part>");
	}
	s3_request_fini(&f->r);
	return rc;
}

/* All of them, the oldest first. */
static int land_all(struct s3_put *p, struct err *e)
{
	for (int i = 1; i <= S3_FLIGHTS; i++)
		if (land(p, &p->flights[(p->parts + i) % S3_FLIGHTS], e) < 0)
			return -1;
	return 0;
}

/* The buffer goes; the one that came back is filled next. */
static void take_off(struct s3_put *p, struct flight *f)
{
	char *mem = f->mem;
	size_t cap = f->cap;

	s3_request_init(&f->r, "PUT", str_from(p->key));
	f->r.body = str_n(p->mem, p->n);
	snprintf(f->number, sizeof(f->number), "%d", ++p->parts);
	s3_pairs_add(&f->r.query, "partNumber", str_from(f->number));
	s3_pairs_add(&f->r.query, "uploadId", str_from(p->upload));
	s3_add_sum(p->s, &f->r, f->sum);
	f->mem = p->mem;
	f->cap = p->cap;
	p->mem = mem;
	p->cap = cap;
	p->n = 0;
	f->flying = true;
	s3_submit(p->s->engine, &f->r);
}

static int send_part(struct s3_put *p, struct err *e)
{
	struct flight *f = p->flights;

	if (!p->parts &&
	    object_put_somewhere(&p->base, begin_upload, p->key, e) < 0)
		return -1;
	if (p->parts == S3_PARTS)
		return err_set(e, ERR_TOO_LARGE,
			       "an object of more than %d parts", S3_PARTS);
	if (most_flights(p) == 1 && land_all(p, e) < 0)
		return -1;
	if (most_flights(p) > 1)
		f = &p->flights[(p->parts + 1) % S3_FLIGHTS];
	if (land(p, f, e) < 0)
		return -1;
	take_off(p, f);
	return 0;
}

static int complete(struct s3_put *p, struct err *e)
{
	SCOPED(buf_fini) struct buf body;
	struct s3_request r;
	struct err why;
	int rc;

	buf_init(&body, LIST_MAX + 256);
	buf_printf(&body,
		   "<CompleteMultipartUpload xmlns=\"" S3_XMLNS "\">%.*s"
		   "</CompleteMultipartUpload>",
		   STR_ARG(buf_view(&p->list)));
	s3_request_init(&r, "POST", str_from(p->key));
	r.body = buf_view(&body);
	r.patience_s = S3_FINISH_S;
	s3_pairs_add(&r.query, "uploadId", str_from(p->upload));
	if (p->s->dialect.conditional)
		s3_pairs_add(&r.headers, "if-none-match", STR("*"));
	rc = s3_send(p->s->engine, &r, e);
	/* Told twice, it may know of no such upload, or of the object. */
	if (rc < 0 && (r.status == 404 || r.status == 412)) {
		if (is_ours(p, str_from(p->key), &why) > 0)
			rc = 0;
		else if (r.status == 412)
			e->kind = ERR_BUSY;
		else
			e->kind = ERR_UNAVAILABLE;
	}
	s3_request_fini(&r);
	return rc;
}

/* --- the interface -------------------------------------------------------- */

static int make_room(struct s3_put *p, size_t limit, struct err *e)
{
	char *mem;

	if (p->cap >= limit)
		return 0;
	mem = room_new(limit);
	if (!mem)
		return err_set(e, ERR_BUSY, "out of memory");
	if (p->n)
		memcpy(mem, p->mem, p->n);
	room_free(p->mem, p->cap);
	p->mem = mem;
	p->cap = limit;
	return 0;
}

int s3_put_write(struct object_put *base, const void *data, size_t n,
		 struct err *e)
{
	struct s3_put *p = put_of(base);
	const char *from = data;

	while (n) {
		size_t limit = part_size(p->parts + 1), now;

		if (p->n == limit && send_part(p, e) < 0)
			return -1;
		limit = part_size(p->parts + 1);
		if (make_room(p, limit, e) < 0)
			return -1;
		now = limit - p->n;
		if (now > n)
			now = n;
		memcpy(p->mem + p->n, from, now);
		p->n += now;
		from += now;
		n -= now;
	}
	return 0;
}

int s3_put_finish(struct object_put *base, char *key, struct err *e)
{
	struct s3_put *p = put_of(base);

	if (!p->parts)
		return object_put_somewhere(base, put_whole, key, e);
	if (send_part(p, e) < 0 || land_all(p, e) < 0 || complete(p, e) < 0)
		return -1;
	p->upload[0] = '\0';
	memcpy(key, p->key, sizeof(p->key));
	s3_abort_one_left(p->s);
	return 0;
}

/* A part that was under way may bring the upload back to life while the store
 * still takes it in: so again, until there is none. What cannot be given up
 * now, as the store is away, is once it is back. */
static void abort_upload(struct s3_put *p, bool flew)
{
	int status = 0;

	for (int i = 0; i < S3_ABORTS && status != 404; i++) {
		status = s3_abort(p->s, p->key, p->upload);
		if (status / 100 != 2 || !flew)
			break;
		usleep(S3_ABORT_MS * 1000U << i);
	}
	if (status != 404 && status / 100 != 2)
		s3_leave(p->s, p->key, p->upload);
}

void s3_put_free(struct object_put *base)
{
	struct s3_put *p = put_of(base);
	bool flew = false;

	for (int i = 0; i < S3_FLIGHTS; i++) {
		struct flight *f = &p->flights[i];

		if (f->flying) {
			s3_cancel(p->s->engine, &f->r);
			s3_request_fini(&f->r);
			flew = true;
		}
		room_free(f->mem, f->cap);
	}
	if (p->upload[0])
		abort_upload(p, flew);
	let_go(p, false);
	buf_fini(&p->list);
	room_free(p->mem, p->cap);
	free(p);
}
