/* SPDX-License-Identifier: Apache-2.0 */
/* conn.h - a connection, as its io thread sees it.
 *
 * A small state machine: each state has a step that goes on as far as the
 * socket lets it. The socket is registered once, edge-triggered; readable and
 * writable remember the edges. While an exchange is away (BUSY) nothing of
 * the connection is touched but those two. An idle connection has no
 * exchange, so no buffers.
 */
#ifndef ORRERY_HTTP_CONN_H
#define ORRERY_HTTP_CONN_H

#include "api/http/exchange.h"
#include "api/http/timers.h"
#include "api/http/wire.h"

struct io;
struct listener;

enum conn_state {
	CONN_HANDSHAKE,
	CONN_HEAD, /* idle, or a head is being read */
	CONN_BODY,
	CONN_BUSY, /* the exchange is with another thread */
	CONN_SEND,
	CONN_FILE,   /* a file waits for the client to read */
	CONN_STREAM, /* an event stream */
	CONN_LINGER, /* all is said; reads in vain until the client ends */
	CONN_DEAD,
	CONN_STATES
};

struct conn {
	struct io *io;
	struct conn *next, *prev; /* of io->conns, or next of io->dead */
	struct wire wire;
	struct exchange *x;
	struct stream *stream;
	const struct listener *from;
	struct timer timer;
	struct mail again;
	size_t budget; /* bytes to read before others have their turn */
	size_t moved;  /* since TIMER_RATE was set; bytes read in vain */
	unsigned char address[16], address_n; /* IPv4 or IPv6; 0 bytes: unix */
	enum conn_state state;
	bool readable, writable, hup, again_posted;
};

struct sockaddr;
struct conn *conn_new(struct io *io, const struct listener *from, int fd,
		      const struct sockaddr *peer);
/* epoll says. */
void conn_events(struct conn *k, unsigned events);
void conn_timeout(struct conn *k);
/* Go on with the current state. */
void conn_drive(struct conn *k);
/* No more requests: closes it where none is under way. */
void conn_stop(struct conn *k, bool now);
void conn_close(struct conn *k);

/* Among the files of the connection: */

void conn_enter(struct conn *k, enum conn_state state);
void conn_timer(struct conn *k, enum timer_kind kind);
/* Nothing more will be read of this request: answer, then close. */
void conn_refuse(struct conn *k, int status, enum err_kind kind,
		 const char *why);
/* Read at most n bytes; > 0, or 0 when there is nothing to do (the
 * connection may have been closed). */
size_t conn_read(struct conn *k, void *p, size_t n);
void conn_later(struct conn *k);

/* receive.c */
bool conn_step_head(struct conn *k);
bool conn_step_body(struct conn *k);
/* Match the path again: its buffer has moved. */
void conn_rematch(struct conn *k);
/* respond.c */
bool conn_step_send(struct conn *k);
bool conn_step_file(struct conn *k);
bool conn_step_linger(struct conn *k);
void conn_answer(struct conn *k);   /* seal and send x's answer */
void conn_back(struct mail *m);     /* an exchange came back */
void conn_dispatch(struct conn *k); /* to a worker or transfer thread */

#endif
