/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - event streams: one lock, two buffers.
 *
 * Senders append to "waiting" under the lock; the io thread swaps it with the
 * empty "sending" and writes that without the lock. A stream without a
 * connection (not yet, or no longer) only collects or refuses.
 */
#include "api/http/events.h"

#include <stdlib.h>

#include "api/http/core.h"
#include "indexer/base/scope.h"

struct stream {
	struct mail mail;
	struct mailbox *box;
	struct conn *conn;  /* the io thread's alone */
	struct buf sending; /* the io thread's alone */
	_Atomic int refs;
	pthread_mutex_t mu;
	struct buf waiting; /* guarded by: mu */
	bool posted;        /* guarded by: mu */
	bool gone, ended;   /* guarded by: mu; by client, by application */
};

static void unref(struct stream *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	buf_fini(&s->waiting);
	buf_fini(&s->sending);
	pthread_mutex_destroy(&s->mu);
	free(s);
}

static void delivered(struct mail *m)
{
	struct stream *s = (struct stream *)m;

	pthread_mutex_lock(&s->mu);
	s->posted = false;
	pthread_mutex_unlock(&s->mu);
	if (s->conn)
		conn_drive(s->conn);
	unref(s);
}

/* With the lock held. */
static void post(struct stream *s)
{
	if (s->posted)
		return;
	s->posted = true;
	atomic_fetch_add(&s->refs, 1);
	mailbox_post(s->box, &s->mail);
}

struct stream *reply_events(struct call *c)
{
	struct exchange *x = exchange_of(c);
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->mail.deliver = delivered;
	s->box = &x->conn->io->box;
	atomic_init(&s->refs, 2);
	pthread_mutex_init(&s->mu, NULL);
	buf_init(&s->waiting, HTTP_EVENTS_MAX);
	buf_init(&s->sending, HTTP_EVENTS_MAX);
	answer_body(&x->answer, 200, "text/event-stream", STR_NONE);
	answer_field(&x->answer, "Cache-Control", STR("no-store"));
	x->answer.stream = s;
	return s;
}

bool stream_send(struct stream *s, struct str text)
{
	SCOPED_LOCK(&s->mu);
	if (s->gone)
		return false;
	buf_str(&s->waiting, text);
	post(s);
	return buf_ok(&s->waiting);
}

void stream_close(struct stream *s)
{
	pthread_mutex_lock(&s->mu);
	s->ended = true;
	if (!s->gone)
		post(s);
	pthread_mutex_unlock(&s->mu);
	unref(s);
}

void events_drop(struct stream *s)
{
	pthread_mutex_lock(&s->mu);
	s->gone = true;
	pthread_mutex_unlock(&s->mu);
	unref(s);
}

void events_attach(struct conn *k, struct stream *s)
{
	k->stream = s;
	s->conn = k;
	conn_enter(k, CONN_STREAM);
	conn_timer(k, TIMER_PULSE);
}

void events_detach(struct conn *k)
{
	struct stream *s = k->stream;

	k->stream = NULL;
	s->conn = NULL;
	events_drop(s);
}

/* More to send into "sending"; false when there is none. */
static bool fetch(struct stream *s, bool *over)
{
	struct buf swap;

	SCOPED_LOCK(&s->mu);
	*over = s->waiting.failed || (s->ended && !s->waiting.n);
	if (*over || !s->waiting.n)
		return false;
	swap = s->sending;
	s->sending = s->waiting;
	s->waiting = swap;
	return true;
}

static void end(struct conn *k)
{
	events_detach(k);
	wire_shut(&k->wire);
	conn_enter(k, CONN_LINGER);
	conn_timer(k, TIMER_LINGER);
}

static void release(struct buf *b)
{
	buf_fini(b);
	buf_init(b, HTTP_EVENTS_MAX);
}

static bool send_some(struct conn *k)
{
	struct stream *s = k->stream;
	struct iovec iov = {s->sending.p, s->sending.n};
	ssize_t r = wire_writev(&k->wire, &iov, 1, false);

	if (r == WIRE_BROKEN)
		conn_close(k);
	if (r <= 0)
		return false;
	k->moved += (size_t)r;
	io_count(&k->io->counts.bytes_out, r);
	buf_drop(&s->sending, (size_t)r);
	if (!s->sending.n)
		release(&s->sending);
	return true;
}

bool events_step(struct conn *k)
{
	bool over = false;

	/* A client has nothing to say here but that it goes. */
	while (k->readable)
		if (!conn_read(k, k->io->scratch, HTTP_SCRATCH) || !k->budget)
			break;
	if (k->state == CONN_DEAD)
		return false;
	if (k->readable)
		conn_later(k);
	if (k->stream->sending.n || fetch(k->stream, &over))
		return send_some(k);
	if (over)
		end(k);
	return over;
}

void events_pulse(struct conn *k)
{
	struct stream *s = k->stream;

	if (s->sending.n && !k->moved) {
		conn_close(k);
		return;
	}
	if (!s->sending.n)
		buf_puts(&s->sending, ":\n\n");
	conn_timer(k, TIMER_PULSE);
}
