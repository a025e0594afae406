/* SPDX-License-Identifier: Apache-2.0 */
/* chaos.c - thousands of clients that send changed bytes in odd pieces, read
 * little, and leave at any moment. The server must still serve afterwards,
 * hold no connection, and have answered only with whole heads. The random
 * numbers are the same in every run.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/timers.h"
#include "indexer/base/log.h"
#include "tests/http/demo.h"
#include "tests/http/peer.h"
#include "tests/tap.h"

#define H "Host: localhost\r\n"

enum { THREADS = 4, CLIENTS = 4000 };

static const char *const texts[] = {
	"GET /hello HTTP/1.1\r\n" H "\r\n",
	"GET /big HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n",
	"POST /defer HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}",
	"POST /echo HTTP/1.1\r\n" H
	"Content-Length: 12\r\n\r\n{\"name\":\"a\"}",
	"POST /bytes HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	"5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
	"PUT /sink HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	"5\r\nhello\r\n0\r\n\r\n",
	"PUT /sink HTTP/1.1\r\n" H "Expect: 100-continue\r\n"
	"Content-Length: 5\r\n\r\nhello",
	"PUT /unread HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
	"GET /file HTTP/1.1\r\n" H "Range: bytes=1000-\r\n\r\n",
	"GET /fill/50000?chunked HTTP/1.1\r\n" H "\r\n",
	"GET /in/a/b%2Fc/go/path/x/x/y/z HTTP/1.1\r\n" H "\r\n",
	"HEAD /file HTTP/1.1\r\n" H "\r\n",
	"OPTIONS /echo HTTP/1.1\r\n" H "\r\n",
	"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
};

enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

struct chaos {
	pthread_t thread;
	const char *url;
	uint64_t state;
	int wrong;
};

static uint64_t roll(struct chaos *c, uint64_t below)
{
	c->state ^= c->state << 13;
	c->state ^= c->state >> 7;
	c->state ^= c->state << 17;
	return c->state % below;
}

/* A few requests in a row, some with a byte changed, lost or doubled. */
static void compose(struct chaos *c, struct buf *b)
{
	uint64_t n = 1 + roll(c, 4);
	size_t at;

	buf_reset(b);
	for (uint64_t i = 0; i < n; i++)
		buf_puts(b, texts[roll(c, TEXTS)]);
	for (uint64_t i = roll(c, 4); i > 0 && b->n; i--) {
		at = roll(c, b->n);
		switch (roll(c, 3)) {
		case 0:
			b->p[at] = (char)roll(c, 256);
			break;
		case 1:
			memmove(b->p + at, b->p + at + 1, b->n - at - 1);
			b->n--;
			break;
		default:
			b->n = at + 1;
			break;
		}
	}
}

static void look(struct chaos *c, struct peer *p)
{
	char in[4096];
	ssize_t n = recv(p->fd, in, sizeof(in), 0);

	if (n >= 9 && memcmp(in, "HTTP/1.1 ", 9) != 0)
		c->wrong++;
}

static void one(struct chaos *c, struct buf *b)
{
	struct peer p;
	size_t at = 0;

	if (!peer_open(&p, c->url)) {
		c->wrong++;
		return;
	}
	compose(c, b);
	while (at < b->n) {
		size_t n = 1 + roll(c, b->n - at);

		if (!peer_send(&p, b->p + at, n))
			break;
		at += n;
		if (roll(c, 20) == 0)
			break;
	}
	switch (roll(c, 3)) {
	case 0:
		shutdown(p.fd, SHUT_WR);
		look(c, &p);
		break;
	case 1:
		shutdown(p.fd, SHUT_WR);
		break;
	default:
		break;
	}
	peer_close(&p);
}

static void *chaos_main(void *arg)
{
	struct chaos *c = arg;
	struct buf b;

	buf_init(&b, 1 << 16);
	for (int i = 0; i < CLIENTS; i++)
		one(c, &b);
	buf_fini(&b);
	return NULL;
}

static bool all_gone(struct server *s)
{
	struct server_stats st;

	for (int i = 0; i < 10000; i++) {
		server_stats(s, &st);
		if (!st.connections && !st.workers_busy && !st.transfers_busy)
			return true;
		usleep(1000);
	}
	printf("# %lld connections, %lld and %lld busy\n",
	       (long long)st.connections, (long long)st.workers_busy,
	       (long long)st.transfers_busy);
	return false;
}

static void check_chaos(struct demo *demo)
{
	struct chaos c[THREADS];
	struct server_options o;
	struct server_stats st;
	struct server *s;
	struct peer p;
	char tcp[128], local[128];
	int wrong = 0;

	demo_options(demo, &o);
	o.io_threads = 2;
	s = demo_serve(&o, tcp, local);
	for (int i = 0; i < THREADS; i++) {
		c[i] = (struct chaos){.url = i % 2 ? tcp : local,
				      .state = 88172645463325252u +
					       (uint64_t)i * 7919};
		pthread_create(&c[i].thread, NULL, chaos_main, &c[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(c[i].thread, NULL);
		wrong += c[i].wrong;
	}
	is_i64(wrong, 0, "all answers begin as answers do");
	ok(all_gone(s), "no connection is left, no thread is busy");
	server_stats(s, &st);
	ok(st.by_status[2] > CLIENTS && st.by_status[4] > CLIENTS / 10,
	   "many were answered, many refused");
	printf("# 2xx %lld, 4xx %lld, 5xx %lld\n", (long long)st.by_status[2],
	       (long long)st.by_status[4], (long long)st.by_status[5]);
	ok(peer_open(&p, tcp) &&
		   peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n") == 200,
	   "the server serves");
	peer_close(&p);
	server_stop(s, 1000);
	server_free(s);
}

static void check_timers(void)
{
	const int64_t lengths[TIMER_KINDS] = {0, 5, 10, 20, 30, 40, 50};
	struct timers t;
	struct timer a = {0}, b = {0}, c = {0};

	timers_init(&t, lengths);
	is_i64(timers_next(&t), -1, "nothing is due, ever");
	timer_set(&t, &a, TIMER_IDLE, 100);
	timer_set(&t, &b, TIMER_HEAD, 101);
	timer_set(&t, &c, TIMER_IDLE, 102);
	is_i64(timers_next(&t), 111, "the earliest");
	ok(!timers_due(&t, 110), "not yet");
	ok(timers_due(&t, 111) == &b && b.kind == TIMER_NONE, "now");
	timer_set(&t, &a, TIMER_IDLE, 103);
	ok(timers_due(&t, 122) == &c, "one that was set again comes later");
	timer_clear(&a);
	timer_clear(&a);
	ok(!timers_due(&t, 1000), "one that was cleared, never");
	is_i64(timers_next(&t), -1, "and nothing is left");
}

int main(void)
{
	struct demo *demo = demo_new();

	log_set_level(LOG_WARN);
	check_timers();
	check_chaos(demo);
	demo_free(demo);
	return tap_done();
}
