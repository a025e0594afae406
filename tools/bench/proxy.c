/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - stands before an S3 server: counts, delays, narrows.
 *
 *	bench-proxy PORT [DELAY_MS [TOTAL_MB_S CONNECTION_MB_S]]
 *
 * Listens on a free port of 127.0.0.1, which is the first line it prints, and
 * passes everything to PORT there. Each line on its standard input is answered
 * by one line of JSON with what was counted since the last: requests by
 * method, and bytes each way. "delay N" as such a line sets the milliseconds
 * that every later request waits, "shape TOTAL EACH" the bandwidth in MB/s of
 * all connections and of each (0: none). Ends with its standard input.
 *
 * A request is the first bytes of a client after an answer began; no client
 * of S3 asks ahead on a connection. So nothing but a request's first bytes is
 * ever looked at, and all the rest is moved by splice(2), uncopied.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"

enum {
	PIPE = 1 << 20,     /* moved at once */
	NARROW = 128 << 10, /* the same where bandwidth is limited */
	LOOKED_AT = 512,    /* of a request's start */
	BURST_US = 2000,    /* how far ahead of its bandwidth anyone may be */
	BACKLOG = 1024,
};

static const char *const methods[] = {"GET",  "HEAD",   "PUT",
				      "POST", "DELETE", "LIST"};
enum { METHODS = sizeof(methods) / sizeof(methods[0]), LIST = METHODS - 1 };

/* A bandwidth: when the next byte may go. */
struct lane {
	_Atomic int64_t each; /* bytes a second, 0: as many as there are */
	_Atomic int64_t next; /* of CLOCK_MONOTONIC, in microseconds */
};

static _Atomic int64_t counted[METHODS], up, down, delay_ms;
static struct lane all;
static _Atomic int64_t each_connection;
static struct sockaddr_in server = {.sin_family = AF_INET};

struct side {
	int from, to, pipe[2];
	struct lane lane;
	_Atomic int64_t *bytes;
};

struct link {
	int client, server;
	bool asking; /* since the last answer began */
	struct side ask, answer;
};

static int fail(const char *what)
{
	fprintf(stderr, "bench-proxy: %s: %s\n", what, strerrordesc_np(errno));
	exit(1);
}

static void sleep_us(int64_t us)
{
	struct timespec t = {.tv_sec = us / 1000000,
			     .tv_nsec = us % 1000000 * 1000};

	if (us > 0)
		nanosleep(&t, NULL);
}

/* Takes n bytes' time of a lane; how long until they may go. */
static int64_t lane_take(struct lane *l, int64_t n)
{
	int64_t each = l->each, now = clock_mono_us(), was = l->next, from;

	if (!each)
		return 0;
	do
		from = was > now - BURST_US ? was : now - BURST_US;
	while (!atomic_compare_exchange_weak(&l->next, &was,
					     from + n * 1000000 / each));
	return from - now;
}

static void lane_wait(struct side *s, int64_t n)
{
	int64_t a = lane_take(&all, n), b = lane_take(&s->lane, n);

	sleep_us(a > b ? a : b);
}

/* Moves what there is; 0 at the end of it, -1 when the link is over. */
static ssize_t move(struct side *s)
{
	size_t most = s->lane.each || all.each ? NARROW : PIPE;
	ssize_t n = splice(s->from, NULL, s->pipe[1], NULL, most,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	ssize_t left = n, m;

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 1 : n;
	*s->bytes += n;
	lane_wait(s, n);
	for (; left > 0; left -= m) {
		m = splice(s->pipe[0], NULL, s->to, NULL, (size_t)left,
			   SPLICE_F_MOVE);
		if (m <= 0)
			return -1;
	}
	return n;
}

/* Whether the target of a request names no object: /bucket?... is a LIST. */
static bool is_list(const char *target)
{
	const char *slash = strchr(target + 1, '/');
	size_t end = strcspn(target, "? ");

	return !slash || slash - target + 1 >= (ssize_t)end;
}

static void count(const char *text)
{
	for (int i = 0; i < LIST; i++) {
		size_t n = strlen(methods[i]);

		if (strncmp(text, methods[i], n) != 0 || text[n] != ' ')
			continue;
		if (i == 0 && is_list(text + n + 1))
			i = LIST;
		counted[i]++;
		return;
	}
}

/* A client's first bytes after an answer: a request. */
static void begin_request(struct link *l)
{
	char text[LOOKED_AT + 1];
	ssize_t n = recv(l->client, text, LOOKED_AT, MSG_PEEK | MSG_DONTWAIT);

	if (n <= 0)
		return;
	text[n] = 0;
	l->asking = true;
	count(text);
	sleep_us(delay_ms * 1000);
}

/* An answer's first bytes, unless it only says to go on. */
static void begin_answer(struct link *l)
{
	char text[sizeof("HTTP/1.1 100") - 1];
	ssize_t n =
		recv(l->server, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);

	if (n == sizeof(text) && memcmp(text, "HTTP/1.1 100", sizeof(text)))
		l->asking = false;
}

static void pump(struct link *l)
{
	struct pollfd p[2] = {{.fd = l->client, .events = POLLIN},
			      {.fd = l->server, .events = POLLIN}};

	while (poll(p, 2, -1) > 0) {
		if (p[1].revents) {
			if (l->asking)
				begin_answer(l);
			if (move(&l->answer) <= 0)
				return;
		}
		if (p[0].revents) {
			if (!l->asking)
				begin_request(l);
			if (move(&l->ask) <= 0)
				return;
		}
	}
}

static int side_init(struct side *s, int from, int to, _Atomic int64_t *bytes)
{
	*s = (struct side){.from = from, .to = to, .bytes = bytes};
	s->lane.each = each_connection;
	if (pipe2(s->pipe, O_CLOEXEC) < 0)
		return -1;
	fcntl(s->pipe[1], F_SETPIPE_SZ, PIPE);
	return 0;
}

static void side_fini(struct side *s)
{
	close(s->pipe[0]);
	close(s->pipe[1]);
}

static void *serve(void *arg)
{
	struct link *l = arg;
	int one = 1;

	l->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->server < 0 ||
	    connect(l->server, (struct sockaddr *)&server, sizeof(server)) < 0)
		goto out;
	setsockopt(l->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(l->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (side_init(&l->ask, l->client, l->server, &up) < 0)
		goto out;
	if (side_init(&l->answer, l->server, l->client, &down) == 0) {
		pump(l);
		side_fini(&l->answer);
	}
	side_fini(&l->ask);
out:
	if (l->server >= 0)
		close(l->server);
	close(l->client);
	free(l);
	return NULL;
}

static void *accept_all(void *arg)
{
	int listener = *(int *)arg, fd;
	pthread_attr_t detached;
	pthread_t thread;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct link *l = calloc(1, sizeof(*l));

		if (!l)
			fail("memory");
		l->client = fd;
		if (pthread_create(&thread, &detached, serve, l) != 0)
			fail("thread");
	}
	return NULL;
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		fail("listen");
	*port = ntohs(at.sin_port);
	return fd;
}

static int64_t number(const char *text)
{
	int64_t n;

	if (!num_parse_i64(str_from(text), &n) || n < 0)
		exit(2);
	return n;
}

static void shape(int64_t total, int64_t each)
{
	all.each = total * 1000000;
	each_connection = each * 1000000;
}

static void obey(char *line)
{
	char *rest, *word = strtok_r(line, " \n", &rest);
	char *a = strtok_r(NULL, " \n", &rest);
	char *b = strtok_r(NULL, " \n", &rest);

	if (word && a && !b && strcmp(word, "delay") == 0)
		delay_ms = number(a);
	else if (word && b && strcmp(word, "shape") == 0)
		shape(number(a), number(b));
}

static void report(void)
{
	printf("{");
	for (int i = 0; i < METHODS; i++)
		printf("\"%s\": %" PRId64 ", ", methods[i],
		       atomic_exchange(&counted[i], 0));
	printf("\"up\": %" PRId64 ", \"down\": %" PRId64 "}\n",
	       atomic_exchange(&up, 0), atomic_exchange(&down, 0));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	char line[128];
	pthread_t thread;
	uint16_t port;
	int listener;

	if (argc != 2 && argc != 3 && argc != 5)
		return 2;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons((uint16_t)number(argv[1]));
	delay_ms = argc > 2 ? number(argv[2]) : 0;
	if (argc == 5)
		shape(number(argv[3]), number(argv[4]));
	sigaction(SIGPIPE, &ignore, NULL); /* what is over says EPIPE */
	listener = listen_on(&port);
	printf("%u\n", port);
	fflush(stdout);
	if (pthread_create(&thread, NULL, accept_all, &listener) != 0)
		fail("thread");
	while (fgets(line, sizeof(line), stdin)) {
		obey(line);
		report();
	}
	return 0;
}
