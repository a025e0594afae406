/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - what handlers may do with a call besides answering it.
 *
 * The thread that runs a handler must not touch the exchange once it was
 * deferred or parked, for its new owner may be done with it before the
 * handler returns. So the flag that says so is the thread's own (struct hand),
 * set by defer and park, which run on that thread.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <sys/socket.h>

#include "api/http/core.h"
#include "api/http/transfer.h"

struct str call_header(const struct call *c, const char *name)
{
	const struct exchange *x = exchange_of_const(c);

	return head_find(&x->head, x->in.p, str_from(name));
}

int64_t call_body_length(const struct call *c)
{
	const struct exchange *x = exchange_of_const(c);

	return x->head.framing == FRAMING_CHUNKED ? -1 : x->head.length;
}

const char *call_peer(const struct call *c, char *out)
{
	const struct conn *k = exchange_of_const(c)->conn;
	int family = k->address_n == 4 ? AF_INET : AF_INET6;

	if (!k->address_n || !inet_ntop(family, k->address, out, CALL_PEER))
		snprintf(out, CALL_PEER, "unix");
	return out;
}

bool call_peer_uid(const struct call *c, uid_t *ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (!c->local || getsockopt(exchange_of_const(c)->conn->wire.fd,
				    SOL_SOCKET, SO_PEERCRED, &cred, &n))
		return false;
	*ret = cred.uid;
	return true;
}

static void let_go(struct exchange *x)
{
	x->hand->let_go = true;
	x->hand = NULL;
}

void call_defer(struct call *c)
{
	struct exchange *x = exchange_of(c);

	assert(x->hand && !x->answer.streamed);
	/* Nobody will read the rest of its body. */
	if (!x->body_done)
		x->answer.close = true;
	let_go(x);
}

void call_back(struct exchange *x, enum back back)
{
	x->back = back;
	x->mail.deliver = conn_back;
	mailbox_post(&x->conn->io->box, &x->mail);
}

/* To a transfer thread; where they are too many, 503 instead. */
static bool send_file(struct exchange *x)
{
	struct answer *a = &x->answer;
	struct err e;

	if (crew_give(&x->server->transfers, x, ERRAND_FILE, false))
		return true;
	buf_reset(&a->head);
	buf_reset(&a->fields);
	a->sealed = false;
	err_set(&e, ERR_BUSY, "Too many transfers at once.");
	answer_problem(x, 503, &e);
	answer_seal(x);
	return false;
}

/* The answer is sealed: who sends it? Given away, it is not looked at. */
static void send_off(struct exchange *x)
{
	struct answer *a = &x->answer;

	if (a->broken)
		call_back(x, BACK_BROKEN);
	else if (a->streamed)
		call_back(x, BACK_DONE);
	else if (!a->file_left || !send_file(x))
		call_back(x, BACK_SEND);
}

void call_seal(struct exchange *x, struct gzip *z)
{
	answer_encode(x, z);
	answer_seal(x);
	send_off(x);
}

void call_finish(struct call *c)
{
	struct exchange *x = exchange_of(c);
	struct hand *hand = x->hand;

	if (hand)
		let_go(x);
	if (hand && x->answer.streamed)
		transfer_finish(hand, x);
	if (hand) {
		call_seal(x, &hand->gzip);
		return;
	}
	/* Compressing is no work for whoever completes a deferred call. */
	if (answer_wants_gzip(x) &&
	    crew_give(&x->server->workers, x, ERRAND_SEAL, true))
		return;
	call_seal(x, NULL);
}

void call_park(struct call *c)
{
	struct exchange *x = exchange_of(c);

	assert(x->hand);
	atomic_fetch_add_explicit(&x->server->parked, 1, memory_order_relaxed);
	let_go(x);
}

bool call_to_transfer(struct call *c)
{
	struct exchange *x = exchange_of(c);
	struct server *s = x->server;
	struct err e;

	assert(x->hand);
	if (x->hand->crew->transfers)
		return false;
	let_go(x);
	if (crew_give(&s->transfers, x, ERRAND_RUN, false))
		return true;
	err_set(&e, ERR_BUSY, "Too many transfers at once.");
	answer_problem(x, 503, &e);
	call_seal(x, NULL);
	return true;
}

void call_resume(struct call *c)
{
	struct exchange *x = exchange_of(c);
	struct server *s = x->server;
	bool long_one = x->c.route->body == BODY_STREAM || x->c.route->transfer;
	struct err e;

	atomic_fetch_sub_explicit(&s->parked, 1, memory_order_relaxed);
	if (crew_give(long_one ? &s->transfers : &s->workers, x, ERRAND_RUN,
		      true))
		return;
	err_set(&e, ERR_UNAVAILABLE, "The server is stopping.");
	answer_problem(x, 503, &e);
	call_seal(x, NULL);
}
