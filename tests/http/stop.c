/* SPDX-License-Identifier: Apache-2.0 */
/* stop.c - stopping: under load, with calls deferred, parked, streaming. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "tests/http/demo.h"
#include "tests/http/peer.h"
#include "tests/tap.h"

#define H "Host: localhost\r\n"

enum { CLIENTS = 8, ROUNDS = 10 };

static struct demo *demo;
static struct server_options options;

struct client {
	pthread_t thread;
	const char *url;
	_Atomic int answered;
	int torn; /* answers that broke off */
};

static void *client_main(void *arg)
{
	static const char *const texts[] = {
		"GET /hello HTTP/1.1\r\n" H "\r\n",
		"POST /defer HTTP/1.1\r\n" H "\r\n",
		"GET /file HTTP/1.1\r\n" H "\r\n",
		"PUT /sink HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\na",
		"GET /fill/100000 HTTP/1.1\r\n" H "\r\n",
		"GET /big HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n",
	};
	struct client *c = arg;
	struct peer p;

	while (peer_open(&p, c->url)) {
		for (int i = 0;; i++) {
			int status = 0;

			if (peer_say(&p, texts[i % 6])) {
				status = peer_answer(&p, false);
				/* Not begun is not torn: the request may have
				 * met a connection that was just closed. */
				c->torn += !status && (p.status || p.in.n);
			}
			if (status != 200)
				break;
			c->answered++;
		}
		peer_close(&p);
	}
	peer_close(&p);
	return NULL;
}

static void check_load(void)
{
	struct client c[CLIENTS];
	char tcp[128], local[128];
	int torn = 0, answered = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct server *s = demo_serve(&options, tcp, local);

		for (int i = 0; i < CLIENTS; i++) {
			c[i] = (struct client){.url = i % 2 ? tcp : local};
			pthread_create(&c[i].thread, NULL, client_main, &c[i]);
		}
		for (int i = 0; i < CLIENTS; i++)
			while (atomic_load(&c[i].answered) < 10 + round)
				usleep(100);
		server_stop(s, 5000);
		demo_settle(demo);
		for (int i = 0; i < CLIENTS; i++) {
			pthread_join(c[i].thread, NULL);
			torn += c[i].torn;
			answered += c[i].answered;
		}
		server_free(s);
	}
	ok(answered >= ROUNDS * CLIENTS * 10, "many were answered");
	is_i64(torn, 0, "none broke off when the server stopped");
}

struct stopping {
	pthread_t thread;
	struct server *s;
	int64_t grace;
};

static void *stop_main(void *arg)
{
	struct stopping *t = arg;

	server_stop(t->s, t->grace);
	return NULL;
}

static void stop_later(struct stopping *t, struct server *s, int64_t grace)
{
	*t = (struct stopping){.s = s, .grace = grace};
	pthread_create(&t->thread, NULL, stop_main, t);
}

/* New connections are refused: the server is stopping. */
static void until_stopping(const char *url)
{
	struct peer p;

	while (peer_open(&p, url)) {
		bool gone =
			peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n") != 200;

		peer_close(&p);
		if (gone)
			return;
		usleep(1000);
	}
	peer_close(&p);
}

static void check_deferred(void)
{
	struct peer p[10], idle;
	struct stopping t;
	char tcp[128], local[128];
	struct server *s = demo_serve(&options, tcp, local);
	int64_t before = demo_calls(demo);
	bool good = true;

	demo_hold(demo, true);
	peer_open(&idle, tcp);
	is_i64(peer_ask(&idle, "GET /hello HTTP/1.1\r\n" H "\r\n"), 200,
	       "an idle connection");
	for (int i = 0; i < 10; i++) {
		peer_open(&p[i], i % 2 ? tcp : local);
		peer_say(&p[i], i < 5 ? "POST /defer HTTP/1.1\r\n" H "\r\n"
				      : "GET /park HTTP/1.1\r\n" H "\r\n");
	}
	while (demo_calls(demo) - before < 6)
		usleep(1000);
	stop_later(&t, s, 20000);
	ok(peer_ended(&idle), "is closed when the server stops");
	until_stopping(tcp);
	demo_release(demo);
	for (int i = 0; i < 10; i++) {
		int status = peer_answer(&p[i], false);

		good = good && (status == 200 || (i >= 5 && status == 0));
		if (i < 5)
			good = good && strcmp(peer_header(&p[i], "Connection"),
					      "close") == 0;
		peer_close(&p[i]);
	}
	ok(good, "deferred and parked calls are answered");
	pthread_join(t.thread, NULL);
	demo_settle(demo);
	server_free(s);
	peer_close(&idle);
}

static void check_grace(void)
{
	struct peer p[6];
	char tcp[128], local[128];
	struct server *s = demo_serve(&options, tcp, local);
	int64_t before = demo_calls(demo), began;

	demo_hold(demo, true);
	for (int i = 0; i < 6; i++)
		peer_open(&p[i], tcp);
	peer_say(&p[0], "POST /defer HTTP/1.1\r\n" H "\r\n");
	peer_say(&p[1], "GET /park HTTP/1.1\r\n" H "\r\n");
	peer_say(&p[2],
		 "PUT /sink HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\na");
	peer_say(&p[3], "GET /hello HTTP/1.1\r\nHo");
	peer_say(&p[4], "GET /events HTTP/1.1\r\n" H "\r\n");
	peer_say(&p[5], "GET /fill/100000000 HTTP/1.1\r\n" H "\r\n");
	while (demo_calls(demo) - before < 4)
		usleep(1000);
	began = clock_mono_ms();
	server_stop(s, 100);
	ok(clock_mono_ms() - began < 8000, "the grace is limited");
	demo_release(demo);
	ok(demo_publish(demo, "data: x\n\n") == 0, "event streams have ended");
	demo_end_streams(demo);
	demo_settle(demo);
	server_free(s);
	for (int i = 0; i < 6; i++)
		peer_close(&p[i]);
}

static void check_unused(void)
{
	struct err e = {0};
	struct server *s = server_new(&options, &e);
	char url[128];

	ok(s != NULL, "made");
	server_free(s);
	s = server_new(&options, &e);
	ok(server_listen(s, STR("127.0.0.1:0"), url, &e) == 0, "listening");
	server_stop(s, 0);
	server_stop(s, 0);
	server_free(s);
	ok(true, "stopped without a start, twice");
}

static void *fourth_fails(void *app, struct err *e)
{
	static _Atomic int made;

	(void)app;
	if (atomic_fetch_add(&made, 1) < 3)
		return &options;
	err_set(e, ERR_IO, "the fourth fails");
	return NULL;
}

static void free_nothing(void *worker)
{
	(void)worker;
}

static void check_failing_start(void)
{
	struct server_options o = options;
	struct err e = {0};
	struct server *s;
	char url[128];

	o.workers = 2;
	o.transfers = 4;
	o.worker_new = fourth_fails;
	o.worker_free = free_nothing;
	s = server_new(&o, &e);
	ok(server_listen(s, STR("127.0.0.1:0"), url, &e) == 0, "listening");
	ok(server_start(s, &e) == -1, "a start that fails");
	is_str(e.msg, "the fourth fails", "says why");
	server_free(s);
}

int main(void)
{
	log_set_level(LOG_WARN);
	demo = demo_new();
	demo_options(demo, &options);
	options.io_threads = 2;
	check_unused();
	check_failing_start();
	check_load();
	check_deferred();
	check_grace();
	demo_free(demo);
	return tap_done();
}
