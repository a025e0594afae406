/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - the loop of an io thread.
 *
 * One round: wait, take the events, take the mail, look at deadlines, free
 * what was closed. A connection closed within a round stays in memory until
 * its end, for later events of the round may point at it.
 */
#include "api/http/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/core.h"
#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/text.h"
#include "indexer/base/thread.h"

/* --- exchanges and the date ---------------------------------------------- */

struct exchange *io_exchange(struct io *io)
{
	struct exchange *x = io->spare;

	if (!x)
		return exchange_new(io->server);
	io->spare = x->next_spare;
	io->nspare--;
	return x;
}

void io_exchange_done(struct io *io, struct exchange *x)
{
	if (io->nspare == HTTP_KEEP_EXCHANGES) {
		exchange_free(x);
		return;
	}
	exchange_reset(x);
	x->next_spare = io->spare;
	io->spare = x;
	io->nspare++;
}

const char *io_date(struct io *io)
{
	if (!io->date_ms || io->now - io->date_ms >= 500) {
		io->date_ms = io->now;
		core_date(io->date);
	}
	return io->date;
}

/* --- accepting ----------------------------------------------------------- */

static void listen_on(struct io *io, bool on)
{
	struct server *s = io->server;

	for (unsigned i = 0; i < s->nlisteners; i++) {
		struct epoll_event ev = {
			.events = EPOLLIN | EPOLLEXCLUSIVE,
			.data.ptr = &s->listeners[i],
		};

		epoll_ctl(io->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
			  s->listeners[i].fd, &ev);
	}
}

/* Without a descriptor left, the reserve serves to take a connection from the
 * queue and close it, so that its client does not wait in vain; if even that
 * fails, accepting pauses. */
static void no_descriptor(struct io *io, const struct listener *l)
{
	int fd;

	if (io->now - io->full_logged > 60 * 1000 || !io->full_logged) {
		io->full_logged = io->now;
		log_warn("no file descriptor left, refusing connections", NULL);
	}
	if (io->spare_fd >= 0)
		close(io->spare_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	io->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (io->spare_fd < 0 || fd < 0) {
		listen_on(io, false);
		io->accept_again = io->now + HTTP_ACCEPT_PAUSE_MS;
	}
}

/* Too many connections: say so, without reading anything. */
static void refuse(struct io *io, struct conn *k)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\n"
				   "Content-Length: 0\r\n"
				   "Retry-After: 1\r\n"
				   "Connection: close\r\n\r\n";
	struct iovec iov = {(char *)(uintptr_t)text, sizeof(text) - 1};

	io_count(&io->counts.refused, 1);
	if (k->wire.ssl ||
	    atomic_load(&io->server->open) >
		    io->server->o.max_connections + HTTP_REFUSED_MAX) {
		conn_close(k);
		return;
	}
	wire_writev(&k->wire, &iov, 1, false);
	wire_shut(&k->wire);
	conn_enter(k, CONN_LINGER);
	conn_timer(k, TIMER_LINGER);
}

static void accept_some(struct io *io, const struct listener *l)
{
	for (int i = 0; i < HTTP_ACCEPT_BATCH; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t n = sizeof(peer);
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &n,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *k;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE ||
			       errno == ENOMEM || errno == ENOBUFS))
			no_descriptor(io, l);
		if (fd < 0)
			return;
		k = conn_new(io, l, fd, (struct sockaddr *)&peer);
		if (k && atomic_load(&io->server->open) >
				 io->server->o.max_connections)
			refuse(io, k);
	}
}

/* --- the loop ------------------------------------------------------------ */

/* Always after the events: whoever posts to an empty box rings, so what is
 * posted while this runs starts another round. */
static void deliver_mail(struct io *io)
{
	struct mail *m = mailbox_take(&io->box);

	while (m) {
		struct mail *next = m->next;

		m->deliver(m);
		m = next;
	}
}

static void deadlines(struct io *io)
{
	struct timer *t;

	while ((t = timers_due(&io->timers, io->now)))
		conn_timeout(CONTAINER_OF(t, struct conn, timer));
	if (io->accept_again && io->now >= io->accept_again) {
		io->accept_again = 0;
		if (!io->draining)
			listen_on(io, true);
	}
}

static void bury(struct io *io)
{
	struct conn **at = &io->dead;

	while (*at) {
		struct conn *k = *at;

		/* Its mail to itself is still on the way. */
		if (k->again_posted) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		free(k);
	}
}

static void stop_some(struct io *io, bool now)
{
	struct conn *next;

	for (struct conn *k = io->conns; k; k = next) {
		next = k->next;
		conn_stop(k, now);
	}
}

static void look_for_stop(struct io *io)
{
	int stopping = atomic_load(&io->server->stopping);

	if (stopping && !io->draining) {
		io->draining = true;
		listen_on(io, false);
		stop_some(io, false);
	}
	if (stopping == CORE_STOP_NOW && !io->hurried) {
		io->hurried = true;
		stop_some(io, true);
	}
}

static int wait_ms(const struct io *io)
{
	int64_t due = timers_next(&io->timers);
	int64_t left;

	if (io->accept_again && (due < 0 || io->accept_again < due))
		due = io->accept_again;
	if (due < 0)
		return -1;
	left = due - clock_mono_ms() + 1;
	return left < 0 ? 0 : (int)left;
}

static void handle_event(struct io *io, const struct epoll_event *ev)
{
	const struct listener *first = io->server->listeners;
	void *p = ev->data.ptr;

	if (p == &io->box)
		return;
	if ((struct listener *)p >= first &&
	    (struct listener *)p < first + io->server->nlisteners) {
		if (!io->draining)
			accept_some(io, p);
		return;
	}
	conn_events(p, ev->events);
}

static void *io_main(void *arg)
{
	struct io *io = arg;
	struct epoll_event events[HTTP_EVENT_BATCH];
	int n;

	while (atomic_load(&io->server->stopping) != CORE_STOP_IO) {
		n = epoll_wait(io->epoll, events, HTTP_EVENT_BATCH,
			       wait_ms(io));
		io->now = clock_mono_ms();
		for (int i = 0; i < n; i++)
			handle_event(io, &events[i]);
		deliver_mail(io);
		deadlines(io);
		look_for_stop(io);
		bury(io);
	}
	return NULL;
}

/* --- start and end ------------------------------------------------------- */

int io_init(struct io *io, struct server *s, struct err *e)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET,
				 .data.ptr = &io->box};

	const int64_t lengths[TIMER_KINDS] = {
		[TIMER_HANDSHAKE] = HTTP_HANDSHAKE_MS,
		[TIMER_HEAD] = s->o.times.head,
		[TIMER_IDLE] = s->o.times.idle,
		[TIMER_RATE] = s->o.times.window,
		[TIMER_LINGER] = s->o.times.linger,
		[TIMER_PULSE] = s->o.times.pulse,
	};

	*io = (struct io){.server = s, .epoll = -1, .spare_fd = -1};
	io->now = clock_mono_ms();
	timers_init(&io->timers, lengths);
	random_hex(io->id_prefix, 6);
	if (mailbox_init(&io->box, e))
		return -1;
	io->scratch = malloc(HTTP_SCRATCH);
	if (!io->scratch)
		return err_set(e, ERR_INTERNAL, "out of memory");
	io->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	io->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (io->epoll < 0 || io->spare_fd < 0 ||
	    epoll_ctl(io->epoll, EPOLL_CTL_ADD, io->box.fd, &ev))
		return err_sys(e, errno, "epoll");
	return 0;
}

int io_start(struct io *io, struct err *e)
{
	listen_on(io, true);
	if (thread_start(&io->thread, io_main, io, e))
		return -1;
	io->running = true;
	return 0;
}

void io_join(struct io *io)
{
	if (!io->running)
		return;
	mailbox_ring(&io->box);
	pthread_join(io->thread, NULL);
	io->running = false;
}

/* Exchanges of calls that are still deferred belong to their connections. */
void io_fini(struct io *io)
{
	struct exchange *x;

	if (!io->server)
		return;
	while (io->conns)
		conn_close(io->conns);
	for (struct conn *k = io->dead; k; k = k->next)
		k->again_posted = false;
	bury(io);
	while ((x = io->spare)) {
		io->spare = x->next_spare;
		exchange_free(x);
	}
	if (io->epoll >= 0)
		close(io->epoll);
	if (io->spare_fd >= 0)
		close(io->spare_fd);
	mailbox_fini(&io->box);
	free(io->scratch);
	io->server = NULL;
}
