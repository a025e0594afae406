/* SPDX-License-Identifier: Apache-2.0 */
/* respond.c - handing requests out, and answers to the client.
 *
 * After an answer that ends its connection the socket lingers: what the
 * client still sends is read and dropped, for a close with unread bytes would
 * make the kernel throw the answer away.
 */
#include <poll.h>
#include <sys/socket.h>

#include "api/http/access.h"
#include "api/http/core.h"
#include "api/http/events.h"
#include "api/http/target.h"
#include "indexer/base/clock.h"

/* --- out ----------------------------------------------------------------- */

static int decode_captures(struct exchange *x, struct err *e)
{
	const struct route_match *m = &x->match;

	for (unsigned i = 0; i < m->count; i++) {
		struct str *to = i < m->prefix_count
					 ? &x->c.prefix_params[i]
					 : &x->c.params[i - m->prefix_count];

		if (target_decode(m->captures[i], &x->arena, to, e))
			return -1;
	}
	return 0;
}

/* The request is complete and its buffer stays where it is: from here on
 * there may be pointers into it. */
static int fill_call(struct conn *k, struct exchange *x, struct err *e)
{
	struct call *c = &x->c;
	const struct route_match *m = &x->match;

	if (!buf_room(&x->in, m->route->body == BODY_STREAM ? HTTP_SCRATCH : 0))
		return err_set(e, ERR_INTERNAL, "out of memory");
	/* The buffer may have moved since the head was matched: here, or when
	 * the body was read behind it. */
	conn_rematch(k);
	c->arena = &x->arena;
	c->route = m->route;
	c->group = m->group;
	c->prefix = m->prefix;
	c->prefix_index = m->prefix_index;
	target_split(span_of(x->head.target, x->in.p), &c->path, &c->query);
	if (x->head.framing == FRAMING_LENGTH &&
	    x->head.length <= HTTP_BODY_INLINE)
		c->body = str_n(x->in.p + x->head.at, (size_t)x->head.length);
	else
		c->body = buf_view(&x->body);
	if (m->route->body == BODY_STREAM)
		c->body = STR_NONE;
	c->request_id = str_from(x->id);
	c->app = x->server->o.app;
	c->local = k->from->local;
	return decode_captures(x, e);
}

void conn_dispatch(struct conn *k)
{
	struct exchange *x = k->x;
	struct server *s = x->server;
	const struct route *r = x->match.route;
	bool long_one = r->body == BODY_STREAM || r->transfer;
	struct err e;

	if (fill_call(k, x, &e)) {
		if (!x->body_done)
			x->refused = true;
		answer_problem(x, err_http_status(e.kind), &e);
		conn_answer(k);
		return;
	}
	conn_enter(k, CONN_BUSY);
	if (crew_give(long_one ? &s->transfers : &s->workers, x, ERRAND_RUN,
		      false))
		return;
	err_set(&e, ERR_BUSY, "Too many requests at once; try again.");
	if (!x->body_done)
		x->refused = true;
	answer_problem(x, 503, &e);
	conn_answer(k);
}

/* --- back ---------------------------------------------------------------- */

static void answered(struct conn *k)
{
	struct exchange *x = k->x;
	struct io *io = k->io;
	int status = x->answer.status;
	bool more;

	io_count(&io->counts.requests, 1);
	io_count(&io->counts.by_status[status / 100 % 6], 1);
	access_log(x);
	if (x->answer.stream && !x->answer.bodyless) {
		events_attach(k, x->answer.stream);
		x->answer.stream = NULL;
		io_exchange_done(io, x);
		k->x = NULL;
		return;
	}
	if (x->answer.close || io->draining) {
		more = k->readable || x->in.n > x->used || x->refused ||
		       !x->body_done;
		io_exchange_done(io, x);
		k->x = NULL;
		if (!more && !k->wire.ssl) {
			conn_close(k);
			return;
		}
		wire_shut(&k->wire);
		conn_enter(k, CONN_LINGER);
		conn_timer(k, TIMER_LINGER);
		return;
	}
	exchange_next(x);
	conn_enter(k, CONN_HEAD);
}

void conn_answer(struct conn *k)
{
	answer_seal(k->x);
	conn_enter(k, CONN_SEND);
}

static void resume_file(struct conn *k)
{
	struct exchange *x = k->x;

	conn_enter(k, CONN_BUSY);
	if (!crew_give(&x->server->transfers, x, ERRAND_FILE, true)) {
		k->state = CONN_FILE;
		conn_close(k);
	}
}

/* While it was away, edges came and went: look what is true now. */
void conn_back(struct mail *m)
{
	struct exchange *x = CONTAINER_OF(m, struct exchange, mail);
	struct conn *k = x->conn;

	k->readable = k->readable || x->received;
	io_count(&k->io->counts.bytes_in, x->received);
	io_count(&k->io->counts.bytes_out, x->transmitted);
	x->received = 0;
	switch (x->back) {
	case BACK_SEND:
		conn_enter(k, CONN_SEND);
		break;
	case BACK_DONE:
		answered(k);
		break;
	case BACK_WAIT:
		x->transmitted = 0;
		k->writable = wire_ready(&k->wire, POLLOUT, 0);
		conn_enter(k, CONN_FILE);
		conn_timer(k, TIMER_RATE);
		break;
	case BACK_BROKEN:
		k->state = CONN_SEND;
		conn_close(k);
		break;
	}
	conn_drive(k);
}

bool conn_step_file(struct conn *k)
{
	if (k->writable)
		resume_file(k);
	return false;
}

bool conn_step_send(struct conn *k)
{
	struct answer *a = &k->x->answer;
	struct iovec iov[2];
	ssize_t r;
	int n;

	if (!a->sent)
		memcpy(a->head.p + a->date_at, io_date(k->io), ANSWER_DATE);
	n = answer_rest(a, iov);
	if (!n) {
		answered(k);
		return true;
	}
	if (!k->budget) {
		conn_later(k);
		return false;
	}
	r = wire_writev(&k->wire, iov, n, false);
	if (r == WIRE_BROKEN) {
		conn_close(k);
		return false;
	}
	if (r == WIRE_AGAIN) {
		if (k->timer.kind != TIMER_RATE)
			conn_timer(k, TIMER_RATE);
		return false;
	}
	a->sent += (size_t)r;
	k->moved += (size_t)r;
	k->budget -= (size_t)r < k->budget ? (size_t)r : k->budget;
	io_count(&k->io->counts.bytes_out, r);
	return true;
}

bool conn_step_linger(struct conn *k)
{
	ssize_t r;

	if (!k->readable)
		return false;
	if (!k->budget) {
		conn_later(k);
		return false;
	}
	/* Below TLS: nobody will look at it. */
	r = recv(k->wire.fd, k->io->scratch, HTTP_SCRATCH, 0);
	if (r < 0)
		k->readable = false;
	if (r > 0) {
		k->moved += (size_t)r;
		k->budget -= (size_t)r < k->budget ? (size_t)r : k->budget;
	}
	if (r == 0 || (r < 0 && k->hup) || k->moved > HTTP_LINGER_BYTES)
		conn_close(k);
	return r > 0;
}
