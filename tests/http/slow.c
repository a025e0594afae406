/* SPDX-License-Identifier: Apache-2.0 */
/* slow.c - clients by the hundred that send slowly, stay idle, or are too
 * many; what they cost, and that others are served meanwhile.
 */
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "indexer/base/log.h"
#include "tests/http/demo.h"
#include "tests/http/peer.h"
#include "tests/tap.h"

#define H "Host: localhost\r\n"

enum { SLOW = 300, IDLE = 2000 };

static struct demo *demo;

static bool served(const char *url, int times)
{
	struct peer p;
	bool good = peer_open(&p, url);

	for (int i = 0; i < times && good; i++)
		good = peer_ask(&p, "POST /echo HTTP/1.1\r\n" H
				    "Content-Length: 12\r\n\r\n"
				    "{\"name\":\"a\"}") == 200;
	peer_close(&p);
	return good;
}

/* A third each: heads, buffered bodies, chunked bodies, a byte at a time. */
static void check_senders(const char *url)
{
	static const char *const texts[] = {
		"GET /hello HTTP/1.1\r\n" H "X: y\r\n\r\n",
		"POST /echo HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n"
		"{\"name\":\"b\"}",
		"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
		"c\r\n{\"name\":\"b\"}\r\n0\r\n\r\n",
	};
	static struct peer p[SLOW];
	bool good = true;

	for (int i = 0; i < SLOW; i++)
		peer_open(&p[i], url);
	for (size_t at = 0; at < 200; at++) {
		for (int i = 0; i < SLOW; i++)
			if (at < strlen(texts[i % 3]))
				peer_send(&p[i], texts[i % 3] + at, 1);
		if (at % 10 == 0)
			good = good && served(url, 5);
	}
	ok(good, "others are served while three hundred send slowly");
	for (int i = 0; i < SLOW; i++) {
		good = good && peer_answer(&p[i], false) == 200;
		peer_close(&p[i]);
	}
	ok(good, "and these in the end");
}

static void check_deadlines(struct server_options *o)
{
	char tcp[128], local[128];
	struct server_times times = {.head = 300, .idle = 200, .window = 200};
	struct server *s;
	struct peer p[60];
	int n408 = 0, closed = 0;

	o->times = times;
	s = demo_serve(o, tcp, local);
	for (int i = 0; i < 60; i++) {
		peer_open(&p[i], i % 2 ? tcp : local);
		if (i % 3 == 1)
			peer_say(&p[i], "GET /hello HTTP/1.1\r\nHo");
		if (i % 3 == 2)
			peer_say(&p[i], "POST /echo HTTP/1.1\r\n" H
					"Content-Length: 12\r\n\r\n{");
	}
	for (int i = 0; i < 60; i++) {
		if (i % 3)
			n408 += peer_answer(&p[i], false) == 408;
		closed += peer_ended(&p[i]);
		peer_close(&p[i]);
	}
	is_i64(n408, 40, "half heads and half bodies: 408");
	is_i64(closed, 60, "and all are closed, idle ones too");
	server_stop(s, 1000);
	server_free(s);
	o->times = (struct server_times){0};
}

static size_t heap(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static bool quiet_ask(int fd)
{
	static const char text[] = "GET /hello HTTP/1.1\r\n" H "\r\n";
	char in[2000];
	ssize_t n = send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);

	/* The answer is small: it comes in one piece. */
	return n > 0 && recv(fd, in, sizeof(in), 0) > 100;
}

static void check_idle(const char *local)
{
	static int fds[IDLE];
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t before;
	bool good = true;

	memcpy(sa.sun_path, local + 5, strlen(local + 5) + 1);
	served(local, 10);
	before = heap();
	for (int i = 0; i < IDLE; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		good = good &&
		       connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)) ==
			       0 &&
		       quiet_ask(fds[i]);
	}
	ok(good, "two thousand connections are served");
	printf("# %zu bytes each when idle\n", (heap() - before) / IDLE);
	ok((heap() - before) / IDLE < 2048, "each costs little when idle");
	ok(served(local, 10), "one more is served");
	for (int i = 0; i < IDLE; i++)
		close(fds[i]);
}

static void check_too_many(struct server_options *o)
{
	char tcp[128], local[128];
	struct server *s;
	struct peer p[10], q;
	bool good = true;

	o->max_connections = 10;
	s = demo_serve(o, tcp, local);
	for (int i = 0; i < 10; i++) {
		peer_open(&p[i], tcp);
		good = good && peer_ask(&p[i], "GET /hello HTTP/1.1\r\n" H
					       "\r\n") == 200;
	}
	ok(good, "ten connections");
	peer_open(&q, tcp);
	is_i64(peer_answer(&q, false), 503, "the eleventh is refused");
	is_str(peer_header(&q, "Retry-After"), "1", "for a moment");
	peer_close(&q);
	peer_close(&p[0]);
	good = false;
	for (int i = 0; i < 5000 && !good; i++) {
		good = served(tcp, 1);
		usleep(1000);
	}
	ok(good, "until another has gone");
	for (int i = 1; i < 10; i++)
		peer_close(&p[i]);
	server_stop(s, 1000);
	server_free(s);
	o->max_connections = 0;
}

/* With one io thread: of two, one may take the descriptor that the other gave
 * up for a moment, and then there was one left. */
static void check_no_descriptor(struct server_options *o)
{
	char tcp[128], local[128];
	struct server *s;

	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct rlimit old, low;
	int fds[5], next;
	char c;

	o->io_threads = 1;
	s = demo_serve(o, tcp, local);
	memcpy(sa.sun_path, local + 5, strlen(local + 5) + 1);
	for (int i = 0; i < 5; i++)
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)next;
	setrlimit(RLIMIT_NOFILE, &low);
	for (int i = 0; i < 5; i++) {
		if (connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)))
			abort();
		is_i64(recv(fds[i], &c, 1, 0), 0,
		       "without a descriptor left: closed at once");
	}
	setrlimit(RLIMIT_NOFILE, &old);
	ok(served(local, 3), "and afterwards all is well");
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	server_stop(s, 1000);
	server_free(s);
	o->io_threads = 2;
}

int main(void)
{
	struct server_options o;
	struct server *s;
	char tcp[128], local[128];

	log_set_level(LOG_ERROR);
	demo = demo_new();
	demo_options(demo, &o);
	o.io_threads = 2;
	s = demo_serve(&o, tcp, local);
	check_senders(tcp);
	check_senders(local);
	check_idle(local);
	server_stop(s, 1000);
	server_free(s);
	check_no_descriptor(&o);
	check_deadlines(&o);
	check_too_many(&o);
	demo_free(demo);
	return tap_done();
}
