/* SPDX-License-Identifier: Apache-2.0 */
/* live.c - the server over sockets: keep-alive, pipelining, refusals, bodies,
 * ranges, encodings, deferred and parked calls, guard. Over TCP and a unix
 * socket alike.
 */
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "indexer/base/log.h"
#include "tests/http/demo.h"
#include "tests/http/peer.h"
#include "tests/tap.h"

#define H     "Host: localhost\r\n"
#define X10   "xxxxxxxxxx"
#define X100  X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static struct demo *demo;

static void check_keep_alive(const char *url)
{
	struct peer p;
	bool good = true;

	ok(peer_open(&p, url), "connected");
	for (int i = 0; i < 100; i++)
		good = good && peer_ask(&p, "GET /hello?a HTTP/1.1\r\n" H
					    "\r\n") == 200;
	ok(good, "a hundred requests on one connection");
	ok(strstr(p.body.p, "\"query\":\"a\"") != NULL, "the query");
	ok(strstr(p.body.p,
		  strncmp(url, "unix:", 5) == 0
			  ? "\"peer\":\"unix\",\"mine\":true"
			  : "\"peer\":\"127.0.0.1\",\"mine\":false") != NULL,
	   "who asks");
	is_str(peer_header(&p, "X-Content-Type-Options"), "nosniff", "nosniff");
	ok(strlen(peer_header(&p, "X-Request-Id")) >= 16, "a request id");
	ok(strlen(peer_header(&p, "Date")) == 29, "a date");
	is_str(peer_header(&p, "Connection"), "", "stays open silently");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H
			    "X-Request-Id: my-id.1\r\n\r\n"),
	       200, "with an id");
	is_str(peer_header(&p, "X-Request-Id"), "my-id.1", "id taken over");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H
			    "X-Request-Id: a b\r\n\r\n"),
	       200, "with a bad id");
	ok(strcmp(peer_header(&p, "X-Request-Id"), "a b") != 0,
	   "id not taken over");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H
			    "Connection: close\r\n\r\n"),
	       200, "the last one");
	is_str(peer_header(&p, "Connection"), "close", "is said to be");
	ok(peer_ended(&p), "and is");
	peer_close(&p);
}

static void check_old(const char *url)
{
	struct peer p;

	peer_open(&p, url);
	is_i64(peer_ask(&p, "GET /hello HTTP/1.0\r\n"
			    "Connection: keep-alive\r\n\r\n"),
	       200, "HTTP/1.0 may stay");
	is_str(peer_header(&p, "Connection"), "keep-alive", "and is told so");
	is_i64(peer_ask(&p, "GET /fill/100000?chunked HTTP/1.0\r\n\r\n"), 200,
	       "a stream for HTTP/1.0");
	is_i64(p.body.n, 100000, "ends with the connection");
	ok(peer_ended(&p), "which ends");
	peer_close(&p);
}

static void check_pipeline(const char *url)
{
	struct peer p;
	struct buf all;
	bool good = true;
	char want[40];

	buf_init(&all, 1 << 20);
	for (int i = 0; i < 200; i++) {
		buf_printf(&all, "GET /hello?n%d HTTP/1.1\r\n" H "\r\n", i);
		buf_printf(&all, "POST /defer HTTP/1.1\r\n" H
				 "Content-Length: 2\r\n\r\n{}");
		buf_printf(&all, "POST /bytes HTTP/1.1\r\n" H
				 "Transfer-Encoding: chunked\r\n\r\n"
				 "3\r\nabc\r\n0\r\n\r\n");
		buf_printf(&all, "PUT /sink HTTP/1.1\r\n" H
				 "Content-Length: 1\r\n\r\na");
	}
	peer_open(&p, url);
	ok(peer_send(&p, all.p, all.n), "800 requests at once");
	for (int i = 0; i < 200; i++) {
		snprintf(want, sizeof(want), "\"n%d\"", i);
		good = good && peer_answer(&p, false) == 200 &&
		       strstr(p.body.p, want);
		good = good && peer_answer(&p, false) == 200 &&
		       strcmp(p.body.p, "{\"done\":true}") == 0;
		good = good && peer_answer(&p, false) == 200 &&
		       strcmp(p.body.p, "abc") == 0;
		good = good && peer_answer(&p, false) == 200 &&
		       strcmp(p.body.p, "{\"bytes\":1,\"wrong\":0}") == 0;
	}
	ok(good, "answered in order");
	peer_close(&p);
	peer_open(&p, url);
	good = true;
	for (size_t i = 0; i < 4 * all.n / 800; i++)
		good = good && peer_send(&p, all.p + i, 1);
	for (int i = 0; i < 4; i++)
		good = good && peer_answer(&p, false) == 200;
	ok(good, "four of them byte by byte");
	peer_close(&p);
	buf_fini(&all);
}

static const struct {
	const char *name, *text;
	int status;
	bool closes;
} asks[] = {
	{"unknown path", "GET /nope HTTP/1.1\r\n" H "\r\n", 404, false},
	{"unknown path with a body",
	 "POST /nope HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 404,
	 false},
	{"unknown path with chunks",
	 "POST /nope HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	 "3\r\nabc\r\n0\r\n\r\n",
	 404, false},
	{"unknown path with a large body",
	 "POST /nope HTTP/1.1\r\n" H "Content-Length: 300000\r\n\r\n", 404,
	 true},
	{"unknown path, expecting",
	 "POST /nope HTTP/1.1\r\n" H
	 "Expect: 100-continue\r\nContent-Length: 200000\r\n\r\n",
	 404, true},
	{"wrong method", "DELETE /hello HTTP/1.1\r\n" H "\r\n", 405, false},
	{"unheard-of method", "BREW /hello HTTP/1.1\r\n" H "\r\n", 405, false},
	{"OPTIONS", "OPTIONS /echo HTTP/1.1\r\n" H "\r\n", 204, false},
	{"bad escape", "GET /one/%zz HTTP/1.1\r\n" H "\r\n", 400, false},
	{"NUL in the path", "GET /one/%00 HTTP/1.1\r\n" H "\r\n", 400, false},
	{"not UTF-8", "GET /one/%ff HTTP/1.1\r\n" H "\r\n", 400, false},
	{"bad credentials",
	 "GET /hello HTTP/1.1\r\n" H "Authorization: Bearer bad\r\n\r\n", 401,
	 false},
	{"good credentials",
	 "GET /hello HTTP/1.1\r\n" H "Authorization: Bearer good\r\n\r\n", 200,
	 false},
	{"nothing answered", "GET /nothing HTTP/1.1\r\n" H "\r\n", 500, false},
	{"answer too large", "GET /huge HTTP/1.1\r\n" H "\r\n", 413, false},
	{"two lengths",
	 "POST /echo HTTP/1.1\r\n" H
	 "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	 400, true},
	{"bare LF", "GET /hello HTTP/1.1\nHost: a\n\n", 400, true},
	{"broken chunks",
	 "POST /bytes HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	 "3\r\nabcd\r\n",
	 400, true},
	{"broken chunks of a stream",
	 "PUT /sink HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nx\r\n",
	 400, true},
	{"declared too large",
	 "POST /echo HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n", 413,
	 true},
	{"largest declared stream",
	 "PUT /small-sink HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n", 413,
	 true},
	{"stream of more chunks than its limit",
	 "PUT /small-sink HTTP/1.1\r\n" H
	 "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" X1000 "\r\n1\r\nx",
	 413, true},
	{"stream of chunks up to its limit",
	 "PUT /small-sink HTTP/1.1\r\n" H
	 "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" X1000 "\r\n0\r\n\r\n",
	 200, false},
	{"expectation", "PUT /sink HTTP/1.1\r\n" H "Expect: x\r\n\r\n", 417,
	 true},
	{"HTTP/3.0", "GET /hello HTTP/3.0\r\n" H "\r\n", 505, true},
	{"unread body",
	 "PUT /unread HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 403,
	 false},
	{"unread chunks",
	 "PUT /unread HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	 "3\r\nabc\r\n0\r\n\r\n",
	 403, false},
	{"unread large body",
	 "PUT /unread HTTP/1.1\r\n" H "Content-Length: 3000000\r\n\r\n", 403,
	 true},
	{"unread expected body",
	 "PUT /unread HTTP/1.1\r\n" H
	 "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
	 403, true},
	{"part of something to put",
	 "PUT /sink HTTP/1.1\r\n" H
	 "Content-Range: bytes 1-1/3\r\nContent-Length: 1\r\n\r\na",
	 400, false},
	{"field missing", "GET /echo HTTP/1.1\r\n" H "\r\n", 400, false},
	{"not JSON", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n{",
	 400, false},
	{"wrong type of content",
	 "POST /echo HTTP/1.1\r\n" H
	 "Content-Type: text/plain\r\nContent-Length: 12\r\n\r\n"
	 "{\"name\":\"a\"}",
	 400, false},
	{"compressed content",
	 "POST /echo HTTP/1.1\r\n" H
	 "Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}",
	 400, false},
	{"empty chunked PUT",
	 "PUT /sink HTTP/1.1\r\n" H
	 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 200, false},
	{"no body at all", "PUT /sink HTTP/1.1\r\n" H "\r\n", 200, false},
};

static void check_asks(const char *url)
{
	struct peer p;

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		int64_t before = demo_calls(demo);
		bool good;

		peer_open(&p, url);
		/* What follows is served, or, after a refusal, not. */
		peer_say(&p, asks[i].text);
		if (asks[i].closes) {
			peer_say(&p, "GET /hello HTTP/1.1\r\n" H "\r\n");
			shutdown(p.fd, SHUT_WR);
		}
		good = is_i64(peer_answer(&p, false), asks[i].status,
			      asks[i].name);
		if (asks[i].closes)
			good = good && peer_ended(&p) &&
			       demo_calls(demo) - before <= 1;
		else
			good = good && peer_ask(&p, "GET /hello HTTP/1.1\r\n" H
						    "\r\n") == 200;
		ok(good, asks[i].closes ? "and that is all" : "and goes on");
		peer_close(&p);
	}
}

static int ask_long(const char *url, size_t line, size_t fields)
{
	struct peer p;
	struct buf b;
	int status;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "GET /hello?");
	while (b.n < line)
		buf_putc(&b, 'q');
	buf_puts(&b, " HTTP/1.1\r\n" H "X: ");
	line = b.n;
	while (b.n < line + fields)
		buf_putc(&b, 'v');
	buf_puts(&b, "\r\n\r\n");
	peer_open(&p, url);
	peer_send(&p, b.p, b.n);
	status = peer_answer(&p, false);
	peer_close(&p);
	buf_fini(&b);
	return status;
}

static void check_limits(const char *url)
{
	is_i64(ask_long(url, 16000, 10), 200, "a long target");
	is_i64(ask_long(url, 17000, 10), 414, "too long a target");
	is_i64(ask_long(url, 500000, 10), 414, "far too long");
	is_i64(ask_long(url, 10, 65000), 200, "long headers");
	is_i64(ask_long(url, 10, 66000), 431, "too long headers");
	is_i64(ask_long(url, 10, 500000), 431, "far too long");
	is_i64(ask_long(url, 16000, 65000), 200, "both as long as can be");
}

static void check_shapes(const char *url)
{
	struct peer p;

	peer_open(&p, url);
	peer_ask(&p, "GET /nope HTTP/1.1\r\n" H "\r\n");
	ok(strstr(p.body.p, "\"error_code\":\"ENDPOINT_NOT_FOUND\"") != NULL,
	   "no endpoint, by its code");
	peer_ask(&p, "GET /shaped/nope HTTP/1.1\r\n" H "\r\n");
	ok(strstr(p.body.p, "demo_error") != NULL, "the nearest group's shape");
	peer_ask(&p, "DELETE /shaped/thing HTTP/1.1\r\n" H "\r\n");
	ok(strstr(p.body.p, "demo_error") != NULL, "also for methods");
	is_str(peer_header(&p, "Allow"), "GET, HEAD, OPTIONS", "Allow");
	is_i64(peer_ask(&p, "PUT /shaped/thing/unread HTTP/1.1\r\n" H "\r\n"),
	       409, "a group's own status");
	peer_ask(&p, "GET /hello HTTP/1.1\r\n" H
		     "Authorization: Bearer bad\r\n\r\n");
	ok(strstr(peer_header(&p, "WWW-Authenticate"), "Bearer") != NULL,
	   "WWW-Authenticate");
	is_i64(peer_ask(&p, "GET /headers HTTP/1.1\r\n" H "\r\n"), 201,
	       "own headers");
	is_str(peer_header(&p, "X-Test"), "a??Injected: yes",
	       "no line can be added");
	is_str(peer_header(&p, "Content-Type"), "application/geo+json",
	       "own type");
	peer_say(&p, "GET /shaped/thing HTTP/1.1\r\n\r\n");
	is_i64(peer_answer(&p, false), 400, "refused head");
	ok(strstr(p.body.p, "demo_error") != NULL, "in the target's shape");
	peer_close(&p);
}

static void check_fields(const char *url)
{
	struct peer p;

	peer_open(&p, url);
	is_i64(peer_ask(&p, "GET /echo?name=a%20b+c&tags=x&tags=y&count=3 "
			    "HTTP/1.1\r\n" H "\r\n"),
	       200, "from the query");
	is_str(p.body.p,
	       "{\"name\":\"a b c\",\"count\":3,\"tags\":[\"x\",\"y\"]}",
	       "its fields");
	is_i64(peer_ask(&p, "POST /echo HTTP/1.1\r\n" H
			    "Content-Type: application/json; charset=utf-8\r\n"
			    "Content-Length: 26\r\n\r\n"
			    "{\"name\":\"a\",\"tags\":[\"x\"]} "),
	       200, "from JSON");
	is_str(p.body.p, "{\"name\":\"a\",\"tags\":[\"x\"]}", "its fields");
	is_i64(peer_ask(&p,
			"POST /echo HTTP/1.1\r\n" H "Content-Length: 18\r\n\r\n"
			"\"{\\\"name\\\":\\\"r\\\"}\""),
	       200, "from JSON within JSON");
	is_str(p.body.p, "{\"name\":\"r\",\"tags\":[]}", "its fields");
	is_i64(peer_ask(&p, "POST /echo HTTP/1.1\r\n" H
			    "Transfer-Encoding: chunked\r\n\r\n"
			    "6\r\n{\"name\r\n6;x\r\n\":\"a\"}\r\n0\r\n"
			    "X: y\r\n\r\n"),
	       200, "from chunks");
	is_i64(peer_ask(&p,
			"POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\n"
			"Content-Length: 12\r\n\r\n"),
	       100, "100 Continue");
	is_i64(peer_ask(&p, "{\"name\":\"e\"}"), 200, "then the answer");
	is_i64(peer_ask(&p, "GET /v1/path/a%2Fb/x/c%20d/e%2Ff HTTP/1.1\r\n" H
			    "\r\n"),
	       200, "captures");
	is_str(p.body.p,
	       "{\"prefix\":\"/v1\",\"index\":1,\"project\":\"\","
	       "\"a\":\"a/b\",\"b\":\"c d/e/f\"}",
	       "decoded once");
	is_i64(peer_ask(&p, "GET /in/g/p/go/one/x HTTP/1.1\r\n" H "\r\n"), 200,
	       "capture of a prefix");
	is_str(p.body.p,
	       "{\"prefix\":\"/in/g/p/go\",\"index\":2,"
	       "\"project\":\"g/p\",\"a\":\"x\",\"b\":\"\"}",
	       "comes apart");
	peer_close(&p);
}

/* Bodies of many sizes, by length and by chunks, whole and cut. */
static void check_bodies(const char *url)
{
	static const size_t sizes[] = {0,     1,     1000,    16383,  16384,
				       16385, 65536, 1000000, 4 << 20};
	struct buf b;
	struct peer p;

	buf_init(&b, 64 << 20);
	peer_open(&p, url);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i], head;
		char name[60];

		buf_reset(&b);
		buf_printf(&b,
			   "POST /bytes HTTP/1.1\r\n" H
			   "Content-Length: %zu\r\n\r\n",
			   n);
		head = b.n;
		for (size_t k = 0; k < n; k++)
			buf_putc(&b, demo_byte((int64_t)k));
		snprintf(name, sizeof(name), "%zu bytes by length", n);
		peer_send(&p, b.p, b.n);
		ok(peer_answer(&p, false) == 200 && p.body.n == n &&
			   memcmp(p.body.p, b.p + head, n) == 0,
		   name);
		buf_reset(&b);
		buf_puts(&b, "POST /bytes HTTP/1.1\r\n" H
			     "Transfer-Encoding: chunked\r\n\r\n");
		for (size_t k = 0; k < n; k += 777) {
			size_t m = n - k < 777 ? n - k : 777;

			buf_printf(&b, "%zx\r\n", m);
			for (size_t l = 0; l < m; l++)
				buf_putc(&b, demo_byte((int64_t)(k + l)));
			buf_puts(&b, "\r\n");
		}
		buf_puts(&b, "0\r\n\r\n");
		snprintf(name, sizeof(name), "%zu bytes by chunks", n);
		peer_send(&p, b.p, b.n);
		ok(peer_answer(&p, false) == 200 && p.body.n == n &&
			   (!n || p.body.p[n - 1] == demo_byte((int64_t)n - 1)),
		   name);
	}
	buf_reset(&b);
	buf_puts(&b, "POST /bytes HTTP/1.1\r\n" H
		     "Transfer-Encoding: chunked\r\n\r\n400001\r\n");
	peer_send(&p, b.p, b.n);
	buf_reset(&b);
	for (size_t k = 0; k < (4 << 20) + 1; k++)
		buf_putc(&b, 'x');
	peer_send(&p, b.p, b.n);
	is_i64(peer_answer(&p, false), 413, "chunks beyond the limit");
	buf_fini(&b);
	peer_close(&p);
}

static void check_files(const char *url)
{
	struct peer p;
	const int64_t size = 1 << 20;
	bool good = true;

	peer_open(&p, url);
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H "\r\n"), 200, "a file");
	is_i64(p.body.n, size, "all of it");
	for (int64_t i = 0; i < size && (size_t)i < p.body.n; i++)
		good = good &&
		       p.body.p[i] == demo_byte(i % 4096 + i / 4096 * 4096);
	ok(good, "every byte");
	is_str(peer_header(&p, "ETag"), "\"v1\"", "its tag");
	is_str(peer_header(&p, "Last-Modified"),
	       "Tue, 14 Nov 2023 22:13:20 GMT", "its date");
	is_str(peer_header(&p, "Accept-Ranges"), "bytes", "ranges");
	is_str(peer_header(&p, "Content-Disposition"), "attachment",
	       "disposition");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H
			    "Range: bytes=100-199\r\n\r\n"),
	       206, "a small part");
	ok(p.body.n == 100 && p.body.p[0] == demo_byte(100), "its bytes");
	is_str(peer_header(&p, "Content-Range"), "bytes 100-199/1048576",
	       "where it lies");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H
			    "Range: bytes=-500000\r\n\r\n"),
	       206, "a large part");
	ok(p.body.n == 500000 && p.body.p[0] == demo_byte(size - 500000),
	   "its bytes");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H
			    "Range: bytes=1048576-\r\n\r\n"),
	       416, "beyond the end");
	is_str(peer_header(&p, "Content-Range"), "bytes */1048576",
	       "is told the size");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H
			    "Range: bytes=0-1,5-6\r\n\r\n"),
	       200, "several parts: the whole");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H
			    "Range: bytes=0-1\r\nIf-Range: \"v0\"\r\n\r\n"),
	       200, "another version: the whole");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H
			    "If-None-Match: W/\"v1\"\r\n\r\n"),
	       304, "not modified");
	is_str(peer_header(&p, "ETag"), "\"v1\"", "with its tag");
	is_i64(peer_ask(&p,
			"GET /file HTTP/1.1\r\n" H "If-Match: \"v0\"\r\n\r\n"),
	       412, "precondition");
	peer_say(&p, "HEAD /file HTTP/1.1\r\n" H "Range: bytes=0-1\r\n\r\n");
	is_i64(peer_answer(&p, true), 200, "HEAD");
	is_str(peer_header(&p, "Content-Length"), "1048576", "has the length");
	is_i64(peer_ask(&p, "GET /object HTTP/1.1\r\n" H
			    "Range: bytes=10-19\r\n\r\n"),
	       206, "part of an object");
	ok(p.body.n == 10 && p.body.p[0] == demo_byte(10), "its bytes");
	peer_say(&p, "HEAD /object HTTP/1.1\r\n" H "\r\n");
	is_i64(peer_answer(&p, true), 200, "HEAD of an object");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n"), 200,
	       "the connection goes on");
	peer_close(&p);
}

static bool unpack(struct peer *p, struct buf *out)
{
	z_stream z = {0};
	char *room = buf_room(out, 1 << 20);
	int r;

	inflateInit2(&z, 15 + 16);
	z.next_in = (Bytef *)p->body.p;
	z.avail_in = (uInt)p->body.n;
	z.next_out = (Bytef *)room;
	z.avail_out = 1 << 20;
	r = inflate(&z, Z_FINISH);
	if (r == Z_STREAM_END)
		buf_added(out, z.total_out);
	inflateEnd(&z);
	return r == Z_STREAM_END;
}

static void check_gzip(const char *url)
{
	struct peer p;
	struct buf plain, out;

	buf_init(&plain, 2 << 20);
	buf_init(&out, 2 << 20);
	peer_open(&p, url);
	peer_ask(&p, "GET /big HTTP/1.1\r\n" H "\r\n");
	is_str(peer_header(&p, "Content-Encoding"), "", "plain when not asked");
	is_str(peer_header(&p, "Vary"), "Accept-Encoding", "Vary");
	buf_str(&plain, buf_view(&p.body));
	peer_ask(&p, "GET /big HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n");
	is_str(peer_header(&p, "Content-Encoding"), "gzip", "compressed");
	ok(unpack(&p, &out) && str_eq(buf_view(&out), buf_view(&plain)),
	   "to the same bytes");
	peer_ask(&p, "GET /defer?big HTTP/1.1\r\n" H
		     "Accept-Encoding: gzip\r\n\r\n");
	is_str(peer_header(&p, "Content-Encoding"), "gzip",
	       "a deferred answer too");
	peer_ask(&p,
		 "GET /hello HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n");
	is_str(peer_header(&p, "Content-Encoding"), "", "not a short one");
	peer_ask(&p,
		 "GET /etag HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n");
	is_str(peer_header(&p, "ETag"), "W/\"tag\"", "its tag is weak then");
	is_i64(peer_ask(&p, "GET /etag HTTP/1.1\r\n" H
			    "If-None-Match: W/\"tag\"\r\n\r\n"),
	       304, "and matches");
	peer_ask(&p, "GET /file HTTP/1.1\r\n" H
		     "Accept-Encoding: gzip\r\nRange: bytes=0-9999\r\n\r\n");
	is_str(peer_header(&p, "Content-Encoding"), "", "never a file");
	peer_close(&p);
	buf_fini(&plain);
	buf_fini(&out);
}

static void check_half_closed(const char *url)
{
	struct peer p;

	peer_open(&p, url);
	peer_say(&p, "GET /hello HTTP/1.1\r\n" H "\r\n");
	shutdown(p.fd, SHUT_WR);
	is_i64(peer_answer(&p, false), 200, "half-closed: answered");
	ok(peer_ended(&p), "and closed");
	peer_close(&p);
	peer_open(&p, url);
	peer_say(&p, "POST /defer HTTP/1.1\r\n" H "\r\n");
	shutdown(p.fd, SHUT_WR);
	is_i64(peer_answer(&p, false), 200, "deferred too");
	peer_close(&p);
	peer_open(&p, url);
	peer_say(&p, "GET /hello HTTP/1.1\r\nHo");
	shutdown(p.fd, SHUT_WR);
	ok(peer_ended(&p), "half a head: closed");
	peer_close(&p);
	peer_open(&p, url);
	peer_say(&p, "PUT /sink HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\nab");
	shutdown(p.fd, SHUT_WR);
	ok(peer_ended(&p), "half a body: closed");
	peer_close(&p);
}

static void check_parked(const char *url)
{
	struct peer p[20], q;
	bool good = true;
	int64_t before = demo_calls(demo);

	demo_hold(demo, true);
	for (int i = 0; i < 20; i++) {
		peer_open(&p[i], url);
		peer_say(&p[i], i % 2 ? "GET /park HTTP/1.1\r\n" H "\r\n"
				      : "POST /defer HTTP/1.1\r\n" H "\r\n");
	}
	peer_open(&q, url);
	for (int i = 0; i < 20; i++)
		good = good &&
		       peer_ask(&q, "GET /hello HTTP/1.1\r\n" H "\r\n") == 200;
	ok(good, "others are served while calls are parked");
	/* Those deferred have been handled, those parked not. */
	while (demo_calls(demo) - before < 30)
		usleep(1000);
	is_i64(demo_calls(demo) - before, 30, "ten deferred, ten parked");
	demo_release(demo);
	for (int i = 0; i < 20; i++)
		good = good && peer_answer(&p[i], false) == 200;
	ok(good, "all answered after that");
	for (int i = 0; i < 20; i++)
		peer_close(&p[i]);
	peer_close(&q);
}

static void check_events(const char *url)
{
	struct peer p[3];

	for (int i = 0; i < 3; i++) {
		peer_open(&p[i], url);
		peer_say(&p[i], "GET /events HTTP/1.1\r\n" H "\r\n");
		ok(peer_wait(&p[i], 200), "an event stream begins");
	}
	is_i64(demo_publish(demo, "data: one\n\n"), 3, "sent to three");
	for (int i = 0; i < 3; i++) {
		while (!strstr(p[i].in.p, "data: one\n\n"))
			if (!peer_wait(&p[i], p[i].in.n + 1))
				break;
		ok(strstr(p[i].in.p, "data: one\n\n") != NULL, "received");
	}
	peer_close(&p[0]);
	/* The server learns of it by itself, soon. */
	for (int i = 0; i < 2000 && demo_publish(demo, "data: two\n\n") != 2;
	     i++)
		usleep(1000);
	is_i64(demo_publish(demo, "data: end\n\n"), 2, "one has gone");
	demo_end_streams(demo);
	is_i64(peer_answer(&p[1], false), 200, "the stream ends");
	ok(str_ends(buf_view(&p[1].body), STR("data: end\n\n")),
	   "after what was sent");
	is_str(peer_header(&p[1], "Content-Type"), "text/event-stream",
	       "its type");
	peer_close(&p[1]);
	peer_close(&p[2]);
}

static void check_all(const char *url)
{
	check_keep_alive(url);
	check_old(url);
	check_pipeline(url);
	check_asks(url);
	check_limits(url);
	check_shapes(url);
	check_fields(url);
	check_bodies(url);
	check_files(url);
	check_gzip(url);
	check_half_closed(url);
	check_parked(url);
	check_events(url);
}

static const struct {
	const char *line;
	bool tcp, local; /* served there */
} guarded[] = {
	{"Host: localhost:%d", true, true},
	{"Host: 127.0.0.1:%d", true, true},
	{"Host: [::1]:%d", true, true},
	{"Host: localhost", false, true},
	{"Host: evil.example:%d", false, true},
	{"Host: localhost:%d\r\nOrigin: http://localhost:%d", true, true},
	{"Host: localhost:%d\r\nOrigin: http://evil.example", false, false},
	{"Host: localhost:%d\r\nOrigin: null", false, false},
	{"Host: localhost:%d\r\nSec-Fetch-Site: cross-site", false, false},
	{"Host: localhost:%d\r\nSec-Fetch-Site: same-origin", true, true},
	{"Host: localhost:%d\r\nForwarded: for=1.2.3.4", false, false},
	{"Host: localhost:%d\r\nX-Forwarded-For: 1.2.3.4", false, false},
	{"Host: localhost:%d\r\nx-forwarded-proto: https", false, false},
	{"Host: localhost:%d\r\nVia: 1.1 proxy", false, false},
};

static void guard_row(size_t i, const char *url, int port)
{
	bool local = strncmp(url, "unix:", 5) == 0;
	char lines[300], text[400];
	struct peer p;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(lines, sizeof(lines), guarded[i].line, port, port);
#pragma GCC diagnostic pop
	snprintf(text, sizeof(text), "GET /hello HTTP/1.1\r\n%s\r\n\r\n",
		 lines);
	peer_open(&p, url);
	is_i64(peer_ask(&p, text),
	       (local ? guarded[i].local : guarded[i].tcp) ? 200 : 403,
	       guarded[i].line);
	peer_close(&p);
}

static void check_guard(struct server_options *o)
{
	char tcp[128], local[128];
	struct server *s;
	int port;

	o->loopback_guard = true;
	s = demo_serve(o, tcp, local);
	port = (int)strtol(strrchr(tcp, ':') + 1, NULL, 10);
	for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
		guard_row(i, tcp, port);
		guard_row(i, local, port);
	}
	server_stop(s, 1000);
	server_free(s);
}

static void check_listen(struct server *s, const char *tcp, const char *local)
{
	struct err e = {0};
	char url[128], again[80];

	ok(server_listen(s, STR("nonsense"), url, &e) && e.kind == ERR_INVALID,
	   "not an address");
	ok(server_listen(s, STR("127.0.0.1:65536"), url, &e), "no such port");
	ok(server_listen(s, STR("127.0.0.1:x"), url, &e), "no port");
	snprintf(again, sizeof(again), "127.0.0.1:%s", strrchr(tcp, ':') + 1);
	ok(server_listen(s, str_from(again), url, &e), "a port in use");
	ok(server_listen(s, str_from(local), url, &e) && e.kind == ERR_EXISTS,
	   "a socket in use");
	ok(server_listen(s, STR("unix:/nowhere/at/all"), url, &e),
	   "a socket without a directory");
}

int main(void)
{
	struct server_options o;
	struct server_stats st;
	struct server *s;
	char tcp[128], local[128];

	log_set_level(LOG_WARN);
	demo = demo_new();
	demo_options(demo, &o);
	o.io_threads = 2;
	s = demo_serve(&o, tcp, local);
	check_all(tcp);
	check_all(local);
	check_listen(s, tcp, local);
	server_stats(s, &st);
	ok(st.requests > 2000 && st.by_status[2] > 1000 &&
		   st.by_status[4] > 40 && st.refused > 10 &&
		   st.bytes_in > 10000000 && st.bytes_out > 10000000 &&
		   st.parked == 0,
	   "statistics");
	server_stop(s, 2000);
	server_free(s);
	ok(access(local + 5, F_OK) != 0, "the socket file is removed");
	check_guard(&o);
	demo_free(demo);
	return tap_done();
}
