/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - a load of HTTP requests over keep-alive connections.
 *
 *	bench-load HOST PORT CLIENTS SECONDS KIND [ARGUMENT...]
 *
 * KIND is a row of kinds[]: it writes the body of the next request. One
 * thread and one epoll carry all connections, so the load costs little of
 * the machine that it shares with the server. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/base/str.h"

enum {
	CLIENTS_MAX = 1000,
	BODY_MAX = 1 << 20,
	REPLY_MAX = 256 << 20,
	LATENCIES = 1 << 22,
	BATCH = 1000
};

struct load {
	const char *host, *port;
	char **args; /* after KIND */
	int64_t counter, started_ms;
};

struct kind {
	const char *name, *usage;
	int nargs;
	const char *method;
	/* writes path into path, body into b */
	void (*next)(struct load *l, struct buf *path, struct buf *b);
};

struct connection {
	int fd;
	struct buf out, in;
	size_t sent;
	int64_t asked_us;
};

static void metric(struct buf *b, const char *prefix, int64_t key, int64_t n,
		   int64_t time)
{
	buf_puts(b, "{\"key\":\"");
	buf_puts(b, prefix);
	if (key >= 0)
		buf_i64(b, key);
	buf_puts(b, "\",\"value\":0.");
	buf_i64(b, 100000 + n % 900000);
	buf_puts(b, ",\"timestamp\":");
	buf_i64(b, time);
	buf_puts(b, ",\"step\":");
	buf_i64(b, n);
	buf_putc(b, '}');
}

static void next_metric(struct load *l, struct buf *path, struct buf *b)
{
	int64_t n = l->counter++;

	buf_puts(path, "/api/2.0/mlflow/runs/log-metric");
	buf_printf(b, "{\"run_id\":\"%s\",", l->args[0]);
	buf_printf(b,
		   "\"key\":\"loss\",\"value\":0.%ld,\"timestamp\":%ld,"
		   "\"step\":%ld}",
		   (long)(100000 + n % 900000), (long)(l->started_ms + n),
		   (long)n);
}

static void batch(struct load *l, struct buf *path, struct buf *b, bool wide)
{
	int64_t base = BATCH * l->counter++;

	buf_puts(path, "/api/2.0/mlflow/runs/log-batch");
	buf_printf(b, "{\"run_id\":\"%s\",\"metrics\":[", l->args[0]);
	for (int i = 0; i < BATCH; i++) {
		if (i)
			buf_putc(b, ',');
		metric(b, wide ? "key" : "loss", wide ? i : -1,
		       wide ? base / BATCH : base + i,
		       l->started_ms + base + i);
	}
	buf_puts(b, "]}");
}

static void next_batch(struct load *l, struct buf *path, struct buf *b)
{
	batch(l, path, b, false);
}

static void next_wide(struct load *l, struct buf *path, struct buf *b)
{
	batch(l, path, b, true);
}

/* A million points as a training run makes them: every 100 ms or so, the
 * loss falling smoothly, or of noise with all bits of a double. ARGUMENT 2
 * tells how many points there are already. */
static void series(struct load *l, struct buf *path, struct buf *b, bool noise)
{
	int64_t base = 0;

	num_parse_i64(str_from(l->args[1]), &base);
	base += BATCH * l->counter++;
	buf_puts(path, "/api/2.0/mlflow/runs/log-batch");
	buf_printf(b, "{\"run_id\":\"%s\",\"metrics\":[", l->args[0]);
	for (int64_t n = base; n < base + BATCH; n++) {
		char value[NUM_MAX];
		double x = noise ? drand48() : exp(-(double)n / 1e5);

		value[num_format_f64(x, value)] = '\0';
		buf_printf(b,
			   "%s{\"key\":\"loss\",\"value\":%s,"
			   "\"timestamp\":%ld,\"step\":%ld}",
			   n > base ? "," : "", value,
			   (long)(1700000000000 + 100 * n + lrand48() % 5),
			   (long)n);
	}
	buf_puts(b, "]}");
}

static void next_smooth(struct load *l, struct buf *path, struct buf *b)
{
	series(l, path, b, false);
}

static void next_noise(struct load *l, struct buf *path, struct buf *b)
{
	series(l, path, b, true);
}

static void next_get(struct load *l, struct buf *path, struct buf *b)
{
	(void)b;
	buf_puts(path, l->args[0]);
}

static void next_post(struct load *l, struct buf *path, struct buf *b)
{
	buf_puts(path, l->args[0]);
	buf_puts(b, l->args[1]);
}

static const struct kind kinds[] = {
	{"log-metric", "RUN_ID", 1, "POST", next_metric},
	{"log-batch", "RUN_ID", 1, "POST", next_batch},
	{"wide-batch", "RUN_ID", 1, "POST", next_wide},
	{"smooth-batch", "RUN_ID POINTS", 2, "POST", next_smooth},
	{"noise-batch", "RUN_ID POINTS", 2, "POST", next_noise},
	{"get", "PATH", 1, "GET", next_get},
	{"post", "PATH BODY", 2, "POST", next_post},
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

static void ask(struct connection *c, struct load *l, const struct kind *k,
		struct buf *path, struct buf *body)
{
	buf_reset(path);
	buf_reset(body);
	buf_reset(&c->out);
	buf_reset(&c->in);
	k->next(l, path, body);
	buf_printf(&c->out,
		   "%s %s HTTP/1.1\r\nHost: %s:%s\r\n"
		   "Content-Type: application/json\r\n"
		   "Content-Length: %zu\r\n\r\n",
		   k->method, path->p, l->host, l->port, body->n);
	buf_str(&c->out, buf_view(body));
	c->sent = 0;
	c->asked_us = clock_mono_us();
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent,
				 MSG_NOSIGNAL);
		if (n < 0)
			fail("send");
		c->sent += (size_t)n;
	}
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
	       "\"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
	       n, (long)errors, seconds, (double)n / seconds,
	       n ? us[n / 2] / 1e3 : 0, n ? us[n * 99 / 100] / 1e3 : 0);
}

struct run {
	struct load load;
	const struct kind *kind;
	struct connection *c;
	struct buf path, body;
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
	if (r->n < LATENCIES)
		r->us[r->n++] = (uint32_t)(clock_mono_us() - c->asked_us);
	if (clock_mono_us() < r->until_us)
		ask(c, &r->load, r->kind, &r->path, &r->body);
	else
		c->asked_us = 0;
}

static void drive(struct run *r, int clients, double seconds)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t start = clock_mono_us();
	int busy = clients;

	r->until_us = start + (int64_t)(seconds * 1e6);
	for (int i = 0; i < clients; i++) {
		struct epoll_event ev = {.events = EPOLLIN,
					 .data.ptr = &r->c[i]};

		epoll_ctl(ep, EPOLL_CTL_ADD, r->c[i].fd, &ev);
		ask(&r->c[i], &r->load, r->kind, &r->path, &r->body);
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
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc > 5 && strcmp(argv[5], kinds[i].name) == 0 &&
		    argc == 6 + kinds[i].nargs)
			return &kinds[i];
	fprintf(stderr,
		"usage: bench-load HOST PORT CLIENTS SECONDS KIND...\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fprintf(stderr, "  %s %s\n", kinds[i].name, kinds[i].usage);
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
	buf_init(&r.path, BODY_MAX);
	buf_init(&r.body, BODY_MAX);
	for (int i = 0; i < clients; i++) {
		r.c[i].fd = dial(argv[1], argv[2]);
		buf_init(&r.c[i].out, BODY_MAX * 2);
		buf_init(&r.c[i].in, REPLY_MAX);
	}
	drive(&r, (int)clients, seconds);
	return r.errors ? 1 : 0;
}
