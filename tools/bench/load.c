/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - a load of HTTP requests over keep-alive connections.
 *
 *	bench-load HOST PORT CLIENTS SECONDS KIND [ARGUMENT...]
 *
 * KIND is a row of load_kinds.c: it writes the next request. One thread and
 * one epoll carry all connections, so the load costs little of the machine
 * that it shares with the server. Ends after SECONDS, or when KIND has
 * nothing more to ask. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "tools/bench/load.h"

enum {
	CLIENTS_MAX = 1000,
	BODY_MAX = 1 << 20,
	REPLY_MAX = 256 << 20,
	LATENCIES = 1 << 22
};

struct connection {
	int fd;
	struct buf out, in;
	struct turn turn;
	int64_t asked_us; /* 0: it has nothing more to ask */
};

static int fail(const char *what)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, strerrordesc_np(errno));
	exit(1);
}

static int dial(const char *host, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int64_t number = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	num_parse_i64(str_from(port), &number);
	to.sin_port = htons((uint16_t)number);
	inet_pton(AF_INET, host, &to.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void send_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0)
			fail("send");
		s = str_n(s.p + n, s.n - (size_t)n);
	}
}

static void ask(struct connection *c, struct load *l, const struct kind *k,
		struct request *r)
{
	buf_reset(&r->path);
	buf_reset(&r->body);
	buf_reset(&c->out);
	buf_reset(&c->in);
	r->method = k->method;
	c->asked_us = 0;
	if (!k->next(l, &c->turn, r))
		return;
	buf_printf(&c->out,
		   "%s %s HTTP/1.1\r\nHost: %s:%s\r\n"
		   "Content-Type: application/json\r\n"
		   "Content-Length: %zu\r\n\r\n",
		   r->method, r->path.p, l->host, l->port, r->body.n);
	buf_str(&c->out, buf_view(&r->body));
	c->asked_us = clock_mono_us();
	send_all(c->fd, buf_view(&c->out));
}

/* The status of a whole answer, 0 while more is to come. */
static int answered(const struct connection *c)
{
	const char *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
	const char *length;
	struct str digits;
	int64_t n = 0, status = 0;

	if (!end)
		return 0;
	num_parse_i64(str_n(c->in.p + 9, 3), &status);
	length = strcasestr(c->in.p, "content-length: ");
	if (length && length < end) {
		digits = str_n(length + 16, strcspn(length + 16, "\r"));
		num_parse_i64(digits, &n);
		return c->in.n >= (size_t)(end - c->in.p) + 4 + (size_t)n
			       ? (int)status
			       : 0;
	}
	return c->in.n >= 5 && memcmp(c->in.p + c->in.n - 5, "0\r\n\r\n", 5) ==
				       0
		       ? (int)status
		       : 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void report(uint32_t *us, size_t n, int64_t errors, double seconds)
{
	qsort(us, n, sizeof(*us), compare);
	printf("{\"requests\": %zu, \"errors\": %ld, \"seconds\": %.3f, "
	       "\"per_second\": %.1f, \"p50_ms\": %.3f, \"p95_ms\": %.3f, "
	       "\"p99_ms\": %.3f}\n",
	       n, (long)errors, seconds, (double)n / seconds,
	       n ? us[n / 2] / 1e3 : 0, n ? us[n * 95 / 100] / 1e3 : 0,
	       n ? us[n * 99 / 100] / 1e3 : 0);
}

struct run {
	struct load load;
	const struct kind *kind;
	struct connection *c;
	struct request request;
	uint32_t *us;
	size_t n;
	int64_t errors, until_us;
};

/* Bytes for one connection: read them, and ask again after an answer. */
static void serve(struct run *r, struct connection *c)
{
	char *room = buf_room(&c->in, 256 << 10);
	ssize_t got = recv(c->fd, room, 256 << 10, MSG_DONTWAIT);
	int status;

	if (got <= 0) {
		if (got < 0 && errno == EAGAIN)
			return;
		fail("the server closed the connection");
	}
	buf_added(&c->in, (size_t)got);
	status = answered(c);
	if (!status)
		return;
	r->errors += status != 200;
	if (r->kind->answered)
		r->kind->answered(&c->turn, buf_view(&c->in));
	if (r->n < LATENCIES)
		r->us[r->n++] = (uint32_t)(clock_mono_us() - c->asked_us);
	if (clock_mono_us() < r->until_us)
		ask(c, &r->load, r->kind, &r->request);
	else
		c->asked_us = 0;
}

static void drive(struct run *r, int clients, double seconds)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t start = clock_mono_us();
	int busy = 0;

	r->until_us = start + (int64_t)(seconds * 1e6);
	for (int i = 0; i < clients; i++) {
		struct epoll_event ev = {.events = EPOLLIN,
					 .data.ptr = &r->c[i]};

		epoll_ctl(ep, EPOLL_CTL_ADD, r->c[i].fd, &ev);
		ask(&r->c[i], &r->load, r->kind, &r->request);
		busy += r->c[i].asked_us != 0;
	}
	while (busy) {
		struct epoll_event ev[64];
		int n = epoll_wait(ep, ev, 64, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = ev[i].data.ptr;

			serve(r, c);
			busy -= c->asked_us == 0;
		}
	}
	report(r->us, r->n, r->errors, (double)(clock_mono_us() - start) / 1e6);
}

static const struct kind *kind_of(int argc, char **argv)
{
	const struct kind *k = argc > 5 ? load_kind(argv[5]) : NULL;

	if (k && argc == 6 + k->nargs)
		return k;
	fprintf(stderr,
		"usage: bench-load HOST PORT CLIENTS SECONDS KIND...\n");
	load_kinds_list();
	exit(2);
}

int main(int argc, char **argv)
{
	struct run r = {.kind = kind_of(argc, argv)};
	int64_t clients = 0;
	double seconds = 0;

	num_parse_i64(str_from(argv[3]), &clients);
	num_parse_f64(str_from(argv[4]), &seconds);
	if (clients < 1 || clients > CLIENTS_MAX)
		return 2;
	r.load.host = argv[1];
	r.load.port = argv[2];
	r.load.args = argv + 6;
	r.load.started_ms = clock_ms();
	r.c = calloc((size_t)clients, sizeof(*r.c));
	r.us = malloc(LATENCIES * sizeof(*r.us));
	buf_init(&r.request.path, BODY_MAX);
	buf_init(&r.request.body, BODY_MAX);
	for (int i = 0; i < clients; i++) {
		r.c[i].turn.client = i;
		r.c[i].fd = dial(argv[1], argv[2]);
		buf_init(&r.c[i].out, BODY_MAX * 2);
		buf_init(&r.c[i].in, REPLY_MAX);
	}
	drive(&r, (int)clients, seconds);
	return r.errors ? 1 : 0;
}
