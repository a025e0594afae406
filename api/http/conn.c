/* SPDX-License-Identifier: Apache-2.0 */
/* conn.c - life of a connection: its states, its deadlines, its end. */
#include "api/http/conn.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "api/http/core.h"
#include "api/http/events.h"

static void again(struct mail *m)
{
	struct conn *k = CONTAINER_OF(m, struct conn, again);

	k->again_posted = false;
	conn_drive(k);
}

static void remember(struct conn *k, const struct sockaddr *peer)
{
	const void *from = NULL;

	if (peer->sa_family == AF_INET) {
		from = &((const struct sockaddr_in *)(const void *)peer)
				->sin_addr;
		k->address_n = 4;
	} else if (peer->sa_family == AF_INET6) {
		from = &((const struct sockaddr_in6 *)(const void *)peer)
				->sin6_addr;
		k->address_n = 16;
	}
	if (from)
		memcpy(k->address, from, k->address_n);
}

static struct conn *allocate(struct io *io, const struct listener *from, int fd)
{
	struct conn *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->io = io;
	k->from = from;
	k->wire.fd = fd;
	k->again.deliver = again;
	k->state = from->tls ? CONN_HANDSHAKE : CONN_HEAD;
	if (from->tls)
		k->wire.ssl = core_tls_session(io->server, fd);
	if (from->tls && !k->wire.ssl) {
		free(k);
		return NULL;
	}
	return k;
}

struct conn *conn_new(struct io *io, const struct listener *from, int fd,
		      const struct sockaddr *peer)
{
	struct conn *k = allocate(io, from, fd);
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = k,
	};

	if (!k || epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &ev)) {
		if (k)
			wire_close(&k->wire);
		else
			wire_close(&(struct wire){.fd = fd});
		free(k);
		return NULL;
	}
	remember(k, peer);
	k->next = io->conns;
	if (k->next)
		k->next->prev = k;
	io->conns = k;
	io->nconns++;
	io_count(&io->counts.connections, 1);
	atomic_fetch_add(&io->server->open, 1);
	conn_timer(k, from->tls ? TIMER_HANDSHAKE : TIMER_IDLE);
	return k;
}

void conn_close(struct conn *k)
{
	struct io *io = k->io;

	if (k->state == CONN_DEAD)
		return;
	timer_clear(&k->timer);
	k->state = CONN_DEAD;
	if (k->stream)
		events_detach(k);
	if (k->x)
		io_exchange_done(io, k->x);
	k->x = NULL;
	wire_close(&k->wire);
	if (k->prev)
		k->prev->next = k->next;
	else
		io->conns = k->next;
	if (k->next)
		k->next->prev = k->prev;
	k->next = io->dead;
	io->dead = k;
	io->nconns--;
	io_count(&io->counts.connections, -1);
	atomic_fetch_sub(&io->server->open, 1);
}

void conn_timer(struct conn *k, enum timer_kind kind)
{
	timer_set(&k->io->timers, &k->timer, kind, k->io->now);
	k->moved = 0;
}

void conn_enter(struct conn *k, enum conn_state state)
{
	timer_clear(&k->timer);
	k->state = state;
}

void conn_later(struct conn *k)
{
	if (k->again_posted)
		return;
	k->again_posted = true;
	mailbox_post(&k->io->box, &k->again);
}

static bool step_handshake(struct conn *k)
{
	int r = wire_handshake(&k->wire);

	if (r == WIRE_AGAIN)
		return false;
	if (r == WIRE_BROKEN) {
		conn_close(k);
		return false;
	}
	conn_enter(k, CONN_HEAD);
	return true;
}

static bool step_wait(struct conn *k)
{
	(void)k;
	return false;
}

static bool (*const steps[CONN_STATES])(struct conn *k) = {
	[CONN_HANDSHAKE] = step_handshake, [CONN_HEAD] = conn_step_head,
	[CONN_BODY] = conn_step_body,      [CONN_BUSY] = step_wait,
	[CONN_SEND] = conn_step_send,      [CONN_FILE] = conn_step_file,
	[CONN_STREAM] = events_step,       [CONN_LINGER] = conn_step_linger,
	[CONN_DEAD] = step_wait,
};

void conn_drive(struct conn *k)
{
	k->budget = HTTP_DRIVE_BYTES;
	while (steps[k->state](k))
		;
}

void conn_events(struct conn *k, unsigned events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		k->hup = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		k->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		k->writable = true;
	conn_drive(k);
}

/* After a short read there is nothing more, or an edge will tell; only TLS
 * may hold back decrypted bytes, and an end is not told twice. */
size_t conn_read(struct conn *k, void *p, size_t n)
{
	ssize_t r = wire_read(&k->wire, p, n);

	if (r > 0) {
		if ((size_t)r < n && !k->wire.ssl && !k->hup)
			k->readable = false;
		k->moved += (size_t)r;
		k->budget -= (size_t)r < k->budget ? (size_t)r : k->budget;
		io_count(&k->io->counts.bytes_in, r);
		return (size_t)r;
	}
	k->readable = false;
	if (r != WIRE_AGAIN)
		conn_close(k);
	return 0;
}

static bool too_slow(const struct conn *k)
{
	int64_t window = k->io->server->o.times.window;

	return (int64_t)k->moved < window * HTTP_RATE_LEAST / 1000;
}

/* Its timer is cleared already. */
void conn_timeout(struct conn *k)
{
	switch (k->state) {
	case CONN_HEAD:
		if (k->x && k->x->in.n)
			conn_refuse(k, 408, ERR_TIMEOUT,
				    "The head did not arrive in time.");
		else
			conn_close(k);
		break;
	case CONN_BODY:
		if (too_slow(k))
			conn_refuse(k, 408, ERR_TIMEOUT,
				    "The body arrives too slowly.");
		else
			conn_timer(k, TIMER_RATE);
		break;
	case CONN_SEND:
		if (too_slow(k))
			conn_close(k);
		else
			conn_timer(k, TIMER_RATE);
		break;
	case CONN_STREAM:
		events_pulse(k);
		break;
	case CONN_HANDSHAKE:
	case CONN_FILE:
	case CONN_LINGER:
		conn_close(k);
		break;
	case CONN_BUSY:
	case CONN_DEAD:
	case CONN_STATES:
		break;
	}
	conn_drive(k);
}

void conn_stop(struct conn *k, bool now)
{
	bool idle = k->state == CONN_HANDSHAKE || k->state == CONN_STREAM ||
		    (k->state == CONN_HEAD && (!k->x || !k->x->in.n));

	if (k->state == CONN_BUSY) {
		/* Its thread gets an error from the socket and ends. */
		if (now)
			shutdown(k->wire.fd, SHUT_RDWR);
	} else if (idle || now) {
		conn_close(k);
	}
}
