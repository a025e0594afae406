/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c - the reply functions of http.h. */
#include <errno.h>
#include <unistd.h>

#include "api/http/core.h"
#include "api/http/range.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"

void reply_header(struct call *c, const char *name, struct str value)
{
	struct answer *a = &exchange_of(c)->answer;

	if (str_eq_nocase(str_from(name), STR("Content-Type")))
		a->type_override = arena_strdup(c->arena, value);
	else
		answer_field(a, name, value);
}

struct json_out *reply_json(struct call *c, int status)
{
	struct answer *a = &exchange_of(c)->answer;

	buf_reset(&a->made);
	jo_init(&a->json, &a->made, 0);
	answer_body(a, status, "application/json", STR_NONE);
	return &a->json;
}

void reply_json_end(struct call *c)
{
	struct answer *a = &exchange_of(c)->answer;
	struct err e;

	if (buf_ok(&a->made)) {
		a->body = buf_view(&a->made);
		return;
	}
	err_set(&e, ERR_TOO_LARGE,
		"The answer is larger than %d bytes; ask for fewer results.",
		HTTP_ANSWER_MAX);
	reply_error(c, &e);
}

void reply_bytes(struct call *c, int status, const char *content_type,
		 struct str body)
{
	answer_body(&exchange_of(c)->answer, status, content_type, body);
}

void reply_error(struct call *c, const struct err *e)
{
	const struct route_group *g = c->group;
	struct exchange *x = exchange_of(c);
	int status = g && g->error_status ? g->error_status(e) : 0;

	if (!status)
		status = err_http_status(e->kind);
	if (x->pace.expired && e->kind == ERR_TIMEOUT)
		status = 408;
	x->answer.type_override = NULL;
	answer_problem(x, status, e);
}

static void conditions_of(const struct call *c, struct conditions *ret)
{
	*ret = (struct conditions){
		.if_match = call_header(c, "If-Match"),
		.if_none_match = call_header(c, "If-None-Match"),
		.if_range = call_header(c, "If-Range"),
		.if_modified_since = call_header(c, "If-Modified-Since"),
		.if_unmodified_since = call_header(c, "If-Unmodified-Since"),
	};
}

bool reply_not_modified(struct call *c, struct str etag)
{
	struct answer *a = &exchange_of(c)->answer;
	struct str want = call_header(c, "If-None-Match");

	a->etag = arena_str(c->arena, etag);
	if (!want.p || !etag_matches(want, etag, true))
		return false;
	answer_body(a, 304, NULL, STR_NONE);
	return true;
}

static void content_range(struct call *c, int64_t first, int64_t n,
			  int64_t size)
{
	char text[80];
	int len;

	if (n)
		len = snprintf(text, sizeof(text), "bytes %lld-%lld/%lld",
			       (long long)first, (long long)(first + n - 1),
			       (long long)size);
	else
		len = snprintf(text, sizeof(text), "bytes */%lld",
			       (long long)size);
	answer_field(&exchange_of(c)->answer, "Content-Range",
		     str_n(text, (size_t)len));
}

static void validators(struct call *c, const struct reply_object *o)
{
	struct answer *a = &exchange_of(c)->answer;
	char date[CLOCK_TEXT];

	a->etag = arena_str(c->arena, o->etag);
	if (o->mtime_ms >= 0)
		answer_field(a, "Last-Modified",
			     str_n(date, clock_http(o->mtime_ms, date)));
	answer_field(a, "Accept-Ranges", STR("bytes"));
}

/* Status of what is asked; *first and *n are what to send. */
static int select_part(struct call *c, const struct reply_object *o,
		       int64_t *first, int64_t *n)
{
	struct conditions k;
	struct str range = call_header(c, "Range");
	bool get = c->method & (HTTP_GET | HTTP_HEAD);
	int status;

	conditions_of(c, &k);
	*first = 0;
	*n = o->size;
	status = conditions_check(&k, o->etag, o->mtime_ms, get);
	if (status != 200)
		return status;
	if (c->method != HTTP_GET || !range.p ||
	    !conditions_range(&k, o->etag, o->mtime_ms))
		return 200;
	switch (range_parse(range, o->size, first, n)) {
	case RANGE_PART:
		return 206;
	case RANGE_BAD:
		return 416;
	case RANGE_WHOLE:
		break;
	}
	return 200;
}

/* Everything but where the bytes come from; false: answered without. */
static bool object_head(struct call *c, const struct reply_object *o,
			int64_t *ret_first, int64_t *ret_n)
{
	struct exchange *x = exchange_of(c);
	int status = select_part(c, o, ret_first, ret_n);
	struct err e;

	if (status == 412 || status == 416) {
		err_set(&e, status == 412 ? ERR_PRECONDITION : ERR_RANGE,
			status == 412 ? "A precondition does not hold."
				      : "The range lies beyond the end.");
		answer_problem(x, status, &e);
		if (status == 416)
			content_range(c, 0, 0, o->size);
		return false;
	}
	answer_body(&x->answer, status, arena_strdup(c->arena, o->content_type),
		    STR_NONE);
	validators(c, o);
	if (status == 304) {
		x->answer.type = NULL;
		return false;
	}
	if (o->disposition.n)
		answer_field(&x->answer, "Content-Disposition", o->disposition);
	if (status == 206)
		content_range(c, *ret_first, *ret_n, o->size);
	return true;
}

bool reply_object(struct call *c, const struct reply_object *o,
		  int64_t *ret_first, int64_t *ret_n)
{
	struct answer *a = &exchange_of(c)->answer;

	if (!object_head(c, o, ret_first, ret_n))
		return false;
	a->streamed = true;
	a->length = *ret_n;
	return true;
}

void reply_stream(struct call *c, int status, const char *content_type,
		  int64_t length)
{
	struct answer *a = &exchange_of(c)->answer;

	answer_body(a, status, content_type, STR_NONE);
	a->streamed = true;
	a->length = length;
}

/* A small file is an answer from memory: no other thread is needed. */
static void inline_file(struct call *c, int fd, int64_t at, int64_t n)
{
	struct answer *a = &exchange_of(c)->answer;
	char *p = arena_alloc(c->arena, (size_t)n + 1);
	struct err e;

	if (!p) {
		arena_full(c->arena, &e);
		reply_error(c, &e);
	} else if (io_pread_all(fd, p, (size_t)n, at, &e) != n) {
		err_set(&e, ERR_IO, "A stored file could not be read.");
		reply_error(c, &e);
	} else {
		a->body = str_n(p, (size_t)n);
		a->plain = true;
	}
	close(fd);
}

void reply_file(struct call *c, const struct reply_file *f)
{
	struct reply_object o = {
		.size = f->size,
		.mtime_ms = f->mtime_ms,
		.etag = f->etag,
		.content_type = f->content_type,
		.disposition = f->disposition,
	};
	struct answer *a = &exchange_of(c)->answer;
	int64_t first, n;

	if (!object_head(c, &o, &first, &n)) {
		close(f->fd);
	} else if (n <= HTTP_FILE_INLINE && c->method != HTTP_HEAD) {
		inline_file(c, f->fd, first, n);
	} else {
		a->file = f->fd;
		a->file_at = first;
		a->file_left = n;
	}
}
