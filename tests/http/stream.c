/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - large bodies up and down in constant memory; readers and senders
 * that stop; what comes when all transfers are taken.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "indexer/base/log.h"
#include "tests/http/demo.h"
#include "tests/http/peer.h"
#include "tests/tap.h"

#define H "Host: localhost\r\n"

enum { STREAM = 200 << 20, GROWTH_KB = 48 << 10, STALLED = 40 };

static struct demo *demo;

static int64_t resident_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	int64_t kb = 0;

	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtoll(line + 6, NULL, 10);
	fclose(f);
	return kb;
}

static void send_block(struct peer *p, int64_t at, size_t n, bool chunked)
{
	static char block[1 << 16];
	char size[20];

	for (size_t i = 0; i < n; i++)
		block[i] = demo_byte(at + (int64_t)i);
	snprintf(size, sizeof(size), "%zx\r\n", n);
	if (chunked)
		peer_say(p, size);
	peer_send(p, block, n);
	if (chunked)
		peer_say(p, "\r\n");
}

static void check_up(const char *url, bool chunked)
{
	struct peer p;
	char text[200];
	int64_t before = resident_kb();

	peer_open(&p, url);
	if (chunked)
		snprintf(text, sizeof(text),
			 "PUT /sink HTTP/1.1\r\n" H
			 "Transfer-Encoding: chunked\r\n\r\n");
	else
		snprintf(text, sizeof(text),
			 "PUT /sink HTTP/1.1\r\n" H
			 "Content-Length: %d\r\n\r\n",
			 STREAM);
	peer_say(&p, text);
	for (int64_t at = 0; at < STREAM; at += 1 << 16)
		send_block(&p, at, 1 << 16, chunked);
	if (chunked)
		peer_say(&p, "0\r\n\r\n");
	is_i64(peer_answer(&p, false), 200,
	       chunked ? "200 MiB up in chunks" : "200 MiB up");
	is_str(p.body.p, "{\"bytes\":209715200,\"wrong\":0}", "every byte");
	ok(resident_kb() - before < GROWTH_KB, "in constant memory");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n"), 200,
	       "and the connection goes on");
	peer_close(&p);
}

/* Bytes until the connection ends. */
static int64_t swallow(struct peer *p)
{
	static char block[1 << 16];
	int64_t n = (int64_t)p->in.n;
	ssize_t r;

	while ((r = recv(p->fd, block, sizeof(block), 0)) > 0)
		n += r;
	return n;
}

static void check_down(const char *url, const char *target, int64_t least,
		       const char *what)
{
	struct peer p;
	char text[200];
	int64_t before = resident_kb(), n;

	snprintf(text, sizeof(text),
		 "GET %s HTTP/1.1\r\n" H "Connection: close\r\n\r\n", target);
	peer_open(&p, url);
	peer_say(&p, text);
	n = swallow(&p);
	ok(n >= least && n < least + least / 1000, what);
	ok(resident_kb() - before < GROWTH_KB, "in constant memory");
	peer_close(&p);
}

static void check_short(const char *url)
{
	struct peer p;

	peer_open(&p, url);
	is_i64(peer_ask(&p, "GET /fill/1000?short HTTP/1.1\r\n" H "\r\n"), 0,
	       "a stream that ends short");
	is_i64(p.in.n, 999, "what there was");
	is_i64(p.status, 200, "after its head");
	peer_close(&p);
}

/* Clients that ask for a large file and do not read it hold no thread. */
static void check_lazy_readers(const char *url)
{
	struct peer lazy[STALLED], p;
	bool good = true;

	for (int i = 0; i < STALLED; i++) {
		peer_open(&lazy[i], url);
		peer_say(&lazy[i], "GET /file HTTP/1.1\r\n" H "\r\n");
		good = good && peer_wait(&lazy[i], 100);
	}
	ok(good, "forty files begin");
	peer_open(&p, url);
	is_i64(peer_ask(&p, "PUT /sink HTTP/1.1\r\n" H
			    "Content-Length: 1\r\n\r\na"),
	       200, "an upload has its turn");
	peer_close(&p);
	for (int i = 0; i < STALLED; i++) {
		if (i < 3) {
			shutdown(lazy[i].fd, SHUT_WR);
			good = good && swallow(&lazy[i]) > STREAM;
		}
		peer_close(&lazy[i]);
	}
	ok(good, "and files that are read at last are whole");
}

/* Senders that stop hold their threads until their time is over. */
static void check_full(const char *url, struct server *s, unsigned transfers)
{
	enum { MANY = 64 + 2 };
	static const char text[] =
		"PUT /sink HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\na";
	struct peer all[MANY], p;
	struct server_stats st = {0};
	bool good = true;

	for (unsigned i = 0; i < transfers; i++) {
		peer_open(&all[i], url);
		peer_say(&all[i], text);
	}
	while (st.transfers_busy < transfers)
		server_stats(s, &st);
	for (unsigned i = transfers; i < 64 + transfers; i++) {
		peer_open(&all[i], url);
		peer_say(&all[i], text);
	}
	peer_open(&p, url);
	do {
		usleep(1000);
	} while (peer_ask(&p, "GET /fill/1 HTTP/1.1\r\n" H "\r\n") == 200);
	is_i64(p.status, 503, "all transfers are taken");
	is_str(peer_header(&p, "Retry-After"), "1", "with Retry-After");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n"), 200,
	       "but workers work");
	for (unsigned i = 0; i < 64 + transfers; i++)
		peer_say(&all[i], "hovcjqxe");
	for (unsigned i = 0; i < 64 + transfers; i++)
		good = good && peer_answer(&all[i], false) == 200;
	ok(good, "and those waiting are served");
	for (unsigned i = 0; i < 64 + transfers; i++)
		peer_close(&all[i]);
	peer_close(&p);
}

static void check_slow(struct server_options *o)
{
	char tcp[128], local[128];
	struct server *s;
	struct peer p;

	o->times.window = 200;
	s = demo_serve(o, tcp, local);
	peer_open(&p, tcp);
	peer_say(&p, "PUT /sink HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\na");
	is_i64(peer_answer(&p, false), 408, "a stream that stands still");
	ok(peer_ended(&p), "ends");
	peer_close(&p);
	peer_open(&p, tcp);
	peer_say(&p, "GET /fill/100000000 HTTP/1.1\r\n" H "\r\n");
	/* Nothing is read for longer than the window. */
	usleep(1000 * 1000);
	ok(swallow(&p) < 100000000, "a reader that stands still is cut off");
	peer_close(&p);
	server_stop(s, 1000);
	server_free(s);
}

int main(void)
{
	struct server_options o;
	struct server *s;
	char tcp[128], local[128];

	log_set_level(LOG_WARN);
	demo = demo_new();
	demo_options(demo, &o);
	o.transfers = 2;
	s = demo_serve(&o, tcp, local);
	/* So that every thread and buffer exists. */
	check_down(tcp, "/fill/1000000", 1000000, "first stream");
	if (truncate(demo_file(demo), STREAM))
		abort();
	check_up(tcp, false);
	check_up(tcp, true);
	check_up(local, true);
	check_down(tcp, "/fill/209715200", STREAM, "200 MiB down");
	check_down(tcp, "/fill/209715200?chunked", STREAM,
		   "200 MiB down in chunks");
	check_down(local, "/fill/209715200", STREAM, "by a unix socket");
	check_down(tcp, "/file", STREAM, "a file of 200 MiB");
	check_down(local, "/file", STREAM, "by a unix socket");
	check_short(tcp);
	check_lazy_readers(tcp);
	check_lazy_readers(local);
	check_full(tcp, s, o.transfers);
	server_stop(s, 1000);
	server_free(s);
	check_slow(&o);
	demo_free(demo);
	return tap_done();
}
