/* SPDX-License-Identifier: Apache-2.0 */
/* receive.c - from bytes to a complete request, on the io thread.
 *
 * Everything that can be refused without a handler is refused here, before a
 * body is taken: guard, route, method, declared length. A small body of a
 * request without a route is skipped, so that the connection can go on.
 */
#include <stdlib.h>

#include "api/http/core.h"
#include "api/http/guard.h"
#include "api/http/target.h"
#include "indexer/base/clock.h"

/* --- verdicts ------------------------------------------------------------ */

void conn_refuse(struct conn *k, int status, enum err_kind kind,
		 const char *why)
{
	struct exchange *x = k->x;
	struct err e;

	x->refused = true;
	err_set(&e, kind, "%s", why);
	answer_problem(x, status, &e);
	io_count(&k->io->counts.refused, 1);
	conn_answer(k);
}

/* An answer that needs no handler, after its body was skipped. */
static void judge(struct exchange *x, int status, enum err_kind kind,
		  const char *why)
{
	x->verdict = status;
	err_set(&x->why, kind, "%s", why);
}

/* --- routing ------------------------------------------------------------- */

static const struct {
	struct str name;
	enum http_method method;
} methods[] = {
	{{"GET", 3}, HTTP_GET},         {{"HEAD", 4}, HTTP_HEAD},
	{{"POST", 4}, HTTP_POST},       {{"PUT", 3}, HTTP_PUT},
	{{"PATCH", 5}, HTTP_PATCH},     {{"DELETE", 6}, HTTP_DELETE},
	{{"OPTIONS", 7}, HTTP_OPTIONS},
};

static unsigned method_of(struct str name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_eq(methods[i].name, name))
			return methods[i].method;
	return 0;
}

static bool id_sane(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
		      c == '.'))
			return false;
	}
	return s.n > 0 && s.n <= HTTP_REQUEST_ID_MAX;
}

static void identify(struct io *io, struct exchange *x)
{
	struct str given = head_find(&x->head, x->in.p, STR("X-Request-Id"));

	if (id_sane(given)) {
		memcpy(x->id, given.p, given.n);
		x->id[given.n] = '\0';
	} else {
		snprintf(x->id, sizeof(x->id), "%s%08x", io->id_prefix,
			 io->id_next++);
	}
}

static void judge_match(struct exchange *x, unsigned method)
{
	const struct route_match *m = &x->match;

	if (m->too_deep)
		judge(x, 414, ERR_TOO_LONG, "The path has too many parts.");
	else if (m->route)
		return;
	else if (!m->allow)
		judge(x, 404, ERR_NO_ENDPOINT, "There is no such endpoint.");
	else if (method == HTTP_OPTIONS)
		judge(x, 204, ERR_NONE, "");
	else
		judge(x, 405, ERR_NO_METHOD,
		      "The endpoint has no such method.");
}

void conn_rematch(struct conn *k)
{
	struct exchange *x = k->x;
	unsigned method = x->c.method;
	struct str path, query;

	target_split(span_of(x->head.target, x->in.p), &path, &query);
	router_find(k->io->server->router, path,
		    method == HTTP_HEAD ? HTTP_GET : method, &x->match);
}

static void route(struct conn *k, struct exchange *x)
{
	unsigned method = method_of(span_of(x->head.method, x->in.p));
	struct str path, query;
	struct err e;

	x->c.method = (enum http_method)method;
	conn_rematch(k);
	target_split(span_of(x->head.target, x->in.p), &path, &query);
	if (!target_path_valid(path))
		judge(x, 400, ERR_MALFORMED,
		      "The path holds a bad percent escape.");
	else if (guard_check(k, x, &e))
		judge(x, 403, ERR_DENIED, e.msg);
	else if (method == HTTP_PUT &&
		 head_find(&x->head, x->in.p, STR("Content-Range")).p)
		judge(x, 400, ERR_MALFORMED,
		      "A part of something cannot be put.");
	else
		judge_match(x, method);
}

/* --- bodies -------------------------------------------------------------- */

static bool streams(const struct exchange *x)
{
	return !x->verdict && x->match.route->body == BODY_STREAM;
}

static size_t body_limit(const struct exchange *x)
{
	const struct server_options *o = &x->server->o;

	if (x->verdict)
		return HTTP_DRAIN_MAX;
	if (x->match.route->limit)
		return x->match.route->limit;
	return o->body_limit ? o->body_limit : HTTP_BODY_DEFAULT;
}

static void complete(struct conn *k)
{
	struct exchange *x = k->x;

	if (!x->verdict) {
		conn_dispatch(k);
		return;
	}
	if (x->verdict == 204) {
		answer_body(&x->answer, 204, NULL, STR_NONE);
		answer_allow(x);
	} else {
		answer_problem(x, x->verdict, &x->why);
	}
	conn_answer(k);
}

static void too_large(struct conn *k)
{
	struct exchange *x = k->x;

	if (x->verdict)
		conn_refuse(k, x->verdict, x->why.kind, x->why.msg);
	else
		conn_refuse(k, 413, ERR_TOO_LARGE,
			    "The body is larger than this endpoint takes.");
}

/* Unread bodies of what is answered at once are not waited for. */
static bool say_continue(struct conn *k)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = {(char *)(uintptr_t)text, sizeof(text) - 1};
	struct exchange *x = k->x;

	if (!x->head.expect_continue || x->in.n > x->used)
		return true;
	if (x->verdict) {
		too_large(k);
		return false;
	}
	if (wire_writev(&k->wire, &iov, 1, false) == (ssize_t)sizeof(text) - 1)
		return true;
	conn_close(k);
	return false;
}

static void begin_body(struct conn *k)
{
	struct exchange *x = k->x;
	int64_t limit = (int64_t)body_limit(x);
	bool declared = x->head.framing == FRAMING_LENGTH;

	x->body_left = declared ? x->head.length : 0;
	x->body_done =
		x->head.framing == FRAMING_NONE || (declared && !x->body_left);
	if (declared && x->body_left > limit) {
		/* A streaming route without a limit of its own has none. */
		if (!streams(x) || x->match.route->limit) {
			too_large(k);
			return;
		}
	}
	chunks_init(&x->chunks);
	if (x->body_done || streams(x)) {
		complete(k);
		return;
	}
	if (!say_continue(k))
		return;
	conn_enter(k, CONN_BODY);
	conn_timer(k, TIMER_RATE);
}

static bool keep(struct conn *k, struct str data)
{
	struct exchange *x = k->x;

	if (x->verdict)
		return true;
	if (!core_charge(x->server, data.n)) {
		conn_refuse(k, 503, ERR_BUSY,
			    "Too many bodies are being received.");
		return false;
	}
	x->charged += data.n;
	buf_str(&x->body, data);
	if (buf_ok(&x->body))
		return true;
	conn_refuse(k, 503, ERR_BUSY, "There is no memory for the body.");
	return false;
}

/* Take what belongs to the body off in; false when the connection's state
 * changed. */
static bool take_chunks(struct conn *k, struct str *in)
{
	struct exchange *x = k->x;
	struct str data;

	for (;;) {
		switch (chunks_next(&x->chunks, in, &data)) {
		case CHUNK_DATA:
			x->body_left += (int64_t)data.n;
			if (x->body_left > (int64_t)body_limit(x)) {
				too_large(k);
				return false;
			}
			if (!keep(k, data))
				return false;
			break;
		case CHUNK_END:
			x->body_done = true;
			return true;
		case CHUNK_MORE:
			return true;
		case CHUNK_BAD:
			conn_refuse(k, 400, ERR_MALFORMED,
				    "The chunks of the body are broken.");
			return false;
		}
	}
}

static bool take_length(struct conn *k, struct str *in)
{
	struct exchange *x = k->x;
	size_t n = (int64_t)in->n < x->body_left ? in->n : (size_t)x->body_left;

	if (!keep(k, str_n(in->p, n)))
		return false;
	*in = str_n(in->p + n, in->n - n);
	x->body_left -= (int64_t)n;
	x->body_done = x->body_left == 0;
	return true;
}

static bool take_body(struct conn *k, struct str *in)
{
	return k->x->head.framing == FRAMING_CHUNKED ? take_chunks(k, in)
						     : take_length(k, in);
}

/* What was received together with the head. A whole body stays where it is:
 * most requests need no other buffer. */
static bool take_early(struct conn *k)
{
	struct exchange *x = k->x;
	struct str in = str_n(x->in.p + x->used, x->in.n - x->used);

	if (x->head.framing == FRAMING_LENGTH &&
	    x->head.length <= HTTP_BODY_INLINE) {
		if ((int64_t)in.n < x->head.length)
			return true;
		x->used += (size_t)x->head.length;
		x->body_left = 0;
		x->body_done = true;
		return true;
	}
	if (!take_body(k, &in))
		return false;
	x->used = x->in.n - in.n;
	return true;
}

/* Straight to where it belongs, or through the io thread's scratch. */
static bool read_body(struct conn *k)
{
	struct exchange *x = k->x;
	bool beside = x->head.framing == FRAMING_LENGTH &&
		      x->head.length <= HTTP_BODY_INLINE;
	struct str in;
	size_t n;

	if (beside) {
		char *p = buf_room(&x->in, HTTP_BODY_INLINE);

		if (!p) {
			conn_close(k);
			return false;
		}
		n = conn_read(k, p, HTTP_BODY_INLINE);
		if (n)
			buf_added(&x->in, n);
		return n > 0;
	}
	n = conn_read(k, k->io->scratch, HTTP_SCRATCH);
	in = str_n(k->io->scratch, n);
	if (!n || !take_body(k, &in))
		return false;
	/* What follows it is the next request's. */
	if (in.n)
		buf_str(&x->in, in);
	return true;
}

bool conn_step_body(struct conn *k)
{
	struct exchange *x = k->x;

	if (!x->body_done && x->in.n > x->used && !take_early(k))
		return true;
	if (x->body_done) {
		complete(k);
		return true;
	}
	if (!k->readable)
		return false;
	if (!k->budget) {
		conn_later(k);
		return false;
	}
	read_body(k);
	return true;
}

/* --- heads --------------------------------------------------------------- */

static void head_done(struct conn *k)
{
	struct exchange *x = k->x;

	timer_clear(&k->timer);
	x->used = x->head.at;
	x->began_us = clock_mono_us();
	identify(k->io, x);
	route(k, x);
	begin_body(k);
}

static bool parse(struct conn *k)
{
	struct exchange *x = k->x;

	switch (head_parse(&x->head, buf_view(&x->in))) {
	case PARSE_DONE:
		head_done(k);
		return true;
	case PARSE_BAD:
		x->began_us = clock_mono_us();
		/* The target may still say whose shape the error has. */
		if (x->head.target.n)
			conn_rematch(k);
		conn_refuse(k, x->head.status,
			    x->head.status == 414 ? ERR_TOO_LONG
						  : ERR_MALFORMED,
			    x->head.why);
		return true;
	case PARSE_MORE:
		break;
	}
	if (k->timer.kind != TIMER_HEAD)
		conn_timer(k, TIMER_HEAD);
	return false;
}

/* Nothing to read: without a started head it is idle and owns no buffers. */
static bool idle(struct conn *k)
{
	if (k->x && k->x->in.n)
		return false;
	if (k->x)
		io_exchange_done(k->io, k->x);
	k->x = NULL;
	if (k->io->draining)
		conn_close(k);
	else if (k->timer.kind != TIMER_IDLE)
		conn_timer(k, TIMER_IDLE);
	return false;
}

bool conn_step_head(struct conn *k)
{
	struct exchange *x = k->x;
	char *p;
	size_t n;

	if (x && x->in.n > x->head.at && parse(k))
		return true;
	if (!k->readable)
		return idle(k);
	if (!k->budget) {
		conn_later(k);
		return false;
	}
	if (!x) {
		x = k->x = io_exchange(k->io);
		if (x)
			x->conn = k;
	}
	p = x ? buf_room(&x->in, HTTP_IN_FIRST) : NULL;
	if (!p) {
		conn_close(k);
		return false;
	}
	n = conn_read(k, p, HTTP_IN_FIRST);
	if (k->state == CONN_DEAD)
		return false;
	if (n)
		buf_added(&x->in, n);
	return n ? true : idle(k);
}
