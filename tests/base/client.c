/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - the HTTP client against a scripted server in a thread: what it
 * sends, what it makes of answers, and that it gives up when told.
 */
#include "indexer/base/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/tap.h"

/* Answers, in order; NULL: close without one. "": say nothing until the
 * client goes away. */
struct server {
	int listener;
	const char *const *answers;
	size_t count;
	char seen[8192]; /* all that was received */
	size_t n;
	int connections;
	pthread_t thread;
};

/* A whole request: head and as many bytes as its Content-Length says. */
static bool whole(const char *p)
{
	const char *body = strstr(p, "\r\n\r\n");
	const char *length = strcasestr(p, "content-length:");

	if (!body)
		return false;
	if (!length || length > body)
		return true;
	return strlen(body + 4) >= strtoul(length + 15, NULL, 10);
}

/* False when the client is gone. */
static bool receive(struct server *s, int fd)
{
	size_t start = s->n;

	while (!whole(s->seen + start)) {
		ssize_t got =
			recv(fd, s->seen + s->n, sizeof(s->seen) - 1 - s->n, 0);

		if (got <= 0)
			return false;
		s->n += (size_t)got;
		s->seen[s->n] = '\0';
	}
	return true;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	size_t next = 0;

	while (next < s->count) {
		int fd = accept(s->listener, NULL, NULL);
		char byte;

		if (fd < 0)
			break;
		s->connections++;
		while (next < s->count && receive(s, fd)) {
			const char *answer = s->answers[next++];

			if (!answer)
				break;
			if (!*answer && recv(fd, &byte, 1, 0) <= 0)
				break;
			send(fd, answer, strlen(answer), MSG_NOSIGNAL);
		}
		close(fd);
	}
	return NULL;
}

static void start(struct server *s, const char *const *answers, size_t count,
		  const struct sockaddr *at, socklen_t size)
{
	memset(s, 0, sizeof(*s));
	s->answers = answers;
	s->count = count;
	s->listener = socket(at->sa_family, SOCK_STREAM, 0);
	ok(!bind(s->listener, at, size) && !listen(s->listener, 5), "listens");
	pthread_create(&s->thread, NULL, serve, s);
}

static void stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
}

static struct client *start_tcp(struct server *s, const char *const *answers,
				size_t count, struct str token)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	struct err e = {0};
	char base[64];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	start(s, answers, count, (struct sockaddr *)&at, size);
	getsockname(s->listener, (struct sockaddr *)&at, &size);
	snprintf(base, sizeof(base), "http://127.0.0.1:%d/",
		 ntohs(at.sin_port));
	return client_new(base, token, &e);
}

static void test_requests(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
		"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
	};
	struct server s;
	struct client *c = start_tcp(&s, answers, 4, STR("secret"));
	struct client_request get = {.method = "GET", .path = "/a/../b?q=%20"};
	struct client_request post = {
		.method = "POST", .path = "/c", .body = STR("{\"a\":1}")};
	struct client_request head = {.method = "HEAD", .path = "/d"};
	struct buf reply;
	struct err e = {0};
	int status = 0;

	buf_init(&reply, 1000);
	is_i64(client_send(c, &get, &status, &reply, &e), 0, "GET");
	ok(status == 200 && str_is(buf_view(&reply), "hi"), "its answer");
	ok(strstr(s.seen, "GET /a/../b?q=%20 HTTP/1.1\r\n") != NULL,
	   "the path goes out as it is");
	ok(strstr(s.seen, "Authorization: Bearer secret\r\n") != NULL, "token");
	is_i64(client_send(c, &post, &status, &reply, &e), 0, "POST");
	ok(status == 404 && str_is(buf_view(&reply), "hinone"),
	   "an error is an answer, appended");
	ok(strstr(s.seen, "POST /c HTTP/1.1\r\n") &&
		   strstr(s.seen, "Content-Type: application/json\r\n") &&
		   strstr(s.seen, "\r\n\r\n{\"a\":1}"),
	   "the body goes out");
	is_i64(client_send(c, &get, &status, &reply, &e), 0, "GET again");
	is_i64(status, 302, "a redirect is not followed");
	is_i64(client_send(c, &head, &status, &reply, &e), 0, "HEAD");
	is_i64(status, 200, "which has no body");
	client_free(c);
	stop(&s);
	is_i64(s.connections, 1, "all on one connection");
	buf_fini(&reply);
}

static bool cancel(void *ctx)
{
	return ++*(int *)ctx > 2;
}

static void test_failures(void)
{
	static const char *const answers[] = {
		NULL,
		"",
		"",
		"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
		"01234567890123456789",
	};
	struct server s;
	struct client *c = start_tcp(&s, answers, 4, STR_NONE);
	int asked = 0, status = 7;
	struct client_request r = {.method = "GET", .path = "/"};
	struct buf reply;
	struct err e = {0};

	buf_init(&reply, 10);
	is_i64(client_send(c, &r, &status, &reply, &e), -1, "hung up on");
	is_i64(e.kind, ERR_TIMEOUT, "it may have acted");
	r.timeout_ms = 50;
	is_i64(client_send(c, &r, &status, &reply, &e), -1, "no answer");
	is_i64(e.kind, ERR_TIMEOUT, "in time");
	r.timeout_ms = 60000;
	r.cancelled = cancel;
	r.ctx = &asked;
	is_i64(client_send(c, &r, &status, &reply, &e), -1, "given up");
	is_i64(e.kind, ERR_INTERRUPTED, "by the caller");
	r.cancelled = NULL;
	is_i64(client_send(c, &r, &status, &reply, &e), -1, "a large answer");
	is_i64(e.kind, ERR_TOO_LARGE, "is too large");
	is_i64(status, 7, "no status without an answer");
	stop(&s);
	buf_reset(&reply);
	is_i64(client_send(c, &r, &status, &reply, &e), -1, "nobody there");
	is_i64(e.kind, ERR_UNAVAILABLE, "is unavailable");
	client_free(c);
	buf_fini(&reply);
}

static void test_unix_socket(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"};
	const char *tmp = getenv("TMPDIR");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char dir[64], base[160];
	struct client_request r = {.method = "DELETE", .path = "/x"};
	struct server s;
	struct client *c;
	struct buf reply;
	struct err e = {0};
	int status = 0;

	buf_init(&reply, 1000);
	snprintf(dir, sizeof(dir), "%s/orrery-client-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!ok(mkdtemp(dir) != NULL, "directory"))
		return;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	snprintf(base, sizeof(base), "unix:%s", at.sun_path);
	c = client_new(base, STR_NONE, &e);
	is_i64(client_send(c, &r, &status, &reply, &e), -1, "no socket");
	is_i64(e.kind, ERR_UNAVAILABLE, "is unavailable");
	ok(strstr(e.msg, at.sun_path) != NULL, "and named");
	start(&s, answers, 1, (struct sockaddr *)&at, sizeof(at));
	is_i64(client_send(c, &r, &status, &reply, &e), 0, "by the socket");
	ok(status == 200 && strstr(s.seen, "DELETE /x HTTP/1.1\r\n"), "sent");
	ok(!strstr(s.seen, "Authorization"), "no token, no header");
	client_free(c);
	stop(&s);
	unlink(at.sun_path);
	rmdir(dir);
	buf_fini(&reply);
}

static void test_bad_addresses(void)
{
	struct err e = {0};

	ok(!client_new("ftp://x", STR_NONE, &e) && e.kind == ERR_INVALID,
	   "another protocol");
	ok(!client_new("localhost:80", STR_NONE, &e), "no protocol");
	ok(!client_new("http://x", STR("a\r\nX: y"), &e),
	   "a token that would be a header");
	client_free(NULL);
}

int main(void)
{
	test_requests();
	test_failures();
	test_unix_socket();
	test_bad_addresses();
	return tap_done();
}
