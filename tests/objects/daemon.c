/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - the store of a daemon elsewhere, before a server that answers as
 * a script says: wrong ranges, bodies that are short or long, none at all.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/objects/objects.h"
#include "tests/tap.h"

enum { SIZE = 3 << 20, STEPS = 32, REQUEST = 8 << 20 };

enum step {
	GOOD,
	CUT,       /* the connection ends within the body */
	SHORT,     /* fewer bytes than its range, well framed */
	LONG,      /* more */
	ELSEWHERE, /* another range */
	OTHER,     /* another object */
	BROKEN,    /* 500 */
	CLOSED,    /* no answer */
	GONE,      /* 404 */
	DENIED,    /* 403 */
	STORED,    /* of a PUT */
	STORED_ABC,
	MISSTORED,
};

static struct server {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t mu;
	enum step steps[STEPS];
	int n, at;      /* beyond n: the last again */
	char last[512]; /* of a request's head */
	atomic_int requests;
} server = {.mu = PTHREAD_MUTEX_INITIALIZER};

static char bytes[SIZE];
static struct err e;
static const char sha[] = "e3b0c44298fc1c149afbf4c8996fb924"
			  "27ae41e4649b934ca495991b7852b855";

static void script(const enum step *steps, int n)
{
	pthread_mutex_lock(&server.mu);
	memcpy(server.steps, steps, (size_t)n * sizeof(*steps));
	server.n = n;
	server.at = 0;
	server.requests = 0;
	pthread_mutex_unlock(&server.mu);
}
#define SCRIPT(...)                                                            \
	script((const enum step[]){__VA_ARGS__},                               \
	       sizeof((const enum step[]){__VA_ARGS__}) / sizeof(enum step))

static enum step next_step(const char *head)
{
	enum step s;

	pthread_mutex_lock(&server.mu);
	s = server.steps[server.at];
	if (server.at + 1 < server.n)
		server.at++;
	server.requests++;
	snprintf(server.last, sizeof(server.last), "%.500s", head);
	pthread_mutex_unlock(&server.mu);
	return s;
}

static void say(int fd, const char *status, const char *text)
{
	char out[1024];
	int n = snprintf(out, sizeof(out),
			 "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 status, strlen(text), text);

	io_write_all(fd, out, (size_t)n, &(struct err){0});
}

static void send_range(int fd, enum step s, long first, long last)
{
	long n = last - first + 1, told = first + (s == ELSEWHERE);
	long body = s == SHORT ? n - 1 : s == LONG ? n + 1 : n;
	char out[512];
	int k = snprintf(out, sizeof(out),
			 "HTTP/1.1 206 Partial Content\r\nETag: \"%s\"\r\n"
			 "Content-Range: bytes %ld-%ld/%d\r\n"
			 "Content-Length: %ld\r\n\r\n",
			 s == OTHER ? "other" : sha, told, last, SIZE, body);

	io_write_all(fd, out, (size_t)k, &(struct err){0});
	if (s == CUT)
		body /= 2;
	io_write_all(fd, bytes + first, (size_t)(body < n ? body : n),
		     &(struct err){0});
	if (body > n)
		io_write_all(fd, "x", 1, &(struct err){0});
}

/* False: the connection ends. */
static bool answer(int fd, const char *head)
{
	const char *range = strstr(head, "ange: bytes=");
	enum step s = next_step(head);
	long first = 0, last = SIZE - 1;
	char *end;

	if (range) {
		first = strtol(range + 12, &end, 10);
		last = strtol(end + 1, NULL, 10);
		last = last < SIZE ? last : SIZE - 1;
	}
	if (s == CLOSED)
		return false;
	if (s == BROKEN)
		say(fd, "500 Oh", "{\"message\": \"oh\"}");
	else if (s == GONE)
		say(fd, "404 No", "{\"message\": \"No such thing\"}");
	else if (s == DENIED)
		say(fd, "403 No", "{\"message\": \"not you\"}");
	else if (s == STORED_ABC)
		say(fd, "200 OK",
		    "{\"key\": \"1/r/x\", \"size\": 3, \"sha256\": "
		    "\"ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad\"}");
	else if (s == STORED || s == MISSTORED)
		say(fd, "200 OK",
		    s == STORED ? "{\"key\": \"1/r/generations/x\", \"size\": "
				  "0, \"crc32c\": \"00000000\", \"sha256\": "
				  "\"e3b0c44298fc1c149afbf4c8996fb924"
				  "27ae41e4649b934ca495991b7852b855\"}"
				: "{\"key\": \"1/r/x\", \"size\": 1, "
				  "\"sha256\": \"00\"}");
	else
		send_range(fd, s, first, last);
	return s != CUT && s != LONG;
}

static void *connection(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char head[4096];
	size_t n = 0;

	while (n < sizeof(head) - 1) {
		ssize_t got = read(fd, head + n, sizeof(head) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
		head[n] = '\0';
		if (!strstr(head, "\r\n\r\n"))
			continue;
		n = 0;
		if (!answer(fd, head))
			break;
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		pthread_t t;

		pthread_create(&t, NULL, connection, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

static void start(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);

	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server.fd, (struct sockaddr *)&at, n) ||
	    listen(server.fd, 64) ||
	    getsockname(server.fd, (struct sockaddr *)&at, &n))
		exit(1);
	server.port = ntohs(at.sin_port);
	pthread_create(&server.thread, NULL, serve, NULL);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 7919 >> 8);
}

static void reads(struct objects *o)
{
	static char out[SIZE];
	static const struct {
		enum step step;
		const char *what;
	} passing[] = {{CUT, "a connection that ends is asked again"},
		       {SHORT, "a body that is too short is, too"},
		       {LONG, "and one that is too long"},
		       {ELSEWHERE, "and another range"},
		       {BROKEN, "and a status of 500"},
		       {CLOSED, "and no answer"}};

	SCRIPT(GOOD);
	ok(object_read(o, STR("1/r/artifacts/a b"), 0, out, SIZE, &e) == SIZE &&
		   memcmp(out, bytes, SIZE) == 0,
	   "all of it");
	ok(strstr(server.last, "GET /api/mount/object/1/r/artifacts/a%20b ") &&
		   strstr(server.last, "Authorization: Bearer s3cret\r\n"),
	   "asked for by its key, with the token");
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		SCRIPT(passing[i].step, GOOD, passing[i].step, GOOD);
		memset(out, 0, sizeof(out));
		ok(object_read(o, STR("k"), 0, out, SIZE, &e) == SIZE &&
			   memcmp(out, bytes, SIZE) == 0 && server.requests > 2,
		   passing[i].what);
	}
	SCRIPT(GOOD, OTHER);
	ok(object_read(o, STR("k"), 0, out, SIZE, &e) < 0 &&
		   e.kind == ERR_CORRUPT,
	   "another object in the middle is an error");
}

static void failures(struct objects *o)
{
	int64_t began = clock_mono_ms();
	char out[16];

	SCRIPT(GONE);
	ok(object_read(o, STR("k"), 0, out, 16, &e) < 0 &&
		   e.kind == ERR_NOT_FOUND && strstr(e.msg, "No such thing") &&
		   server.requests == 1,
	   "what is not there, in the daemon's words");
	SCRIPT(DENIED);
	ok(object_read(o, STR("k"), 0, out, 16, &e) < 0 &&
		   e.kind == ERR_DENIED && !strstr(e.msg, "s3cret"),
	   "what is denied");
	SCRIPT(CLOSED);
	ok(object_read(o, STR("k"), 0, out, 16, &e) < 0 &&
		   e.kind == ERR_UNAVAILABLE && server.requests > 2 &&
		   clock_mono_ms() - began < 10000,
	   "nobody answers: tried often, told in time");
}

static int put(struct objects *o, char key[OBJECT_KEY_MAX])
{
	struct object_put *p = object_put_begin(o, STR("1/r/artifacts/new"),
						STR("1/r/generations/"), &e);
	struct object_digest d;

	if (p && object_put_finish(p, key, &d, &e) == 0)
		return 0;
	object_put_abort(p);
	return -1;
}

static void puts_(struct objects *o)
{
	char key[OBJECT_KEY_MAX];

	SCRIPT(CLOSED, BROKEN, STORED);
	ok(put(o, key) == 0 && strcmp(key, "1/r/generations/x") == 0 &&
		   server.requests == 3,
	   "a put is sent until it is stored, where the daemon says");
	ok(strstr(server.last, "PUT /api/mount/object/1/r/artifacts/new ") &&
		   strstr(server.last, "content-digest: sha-256=:47DEQpj8HBSa+/"
				       "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
	   "with what it is");
	SCRIPT(MISSTORED);
	ok(put(o, key) < 0 && e.kind == ERR_CORRUPT,
	   "what was stored as something else is an error");
	SCRIPT(DENIED);
	ok(put(o, key) < 0 && e.kind == ERR_DENIED, "no right to");
}

static void count(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static int put_abc(struct objects *o, int fd, atomic_int *moved)
{
	struct object_put *p =
		object_put_begin(o, STR("1/r/x"), STR("1/r/generations/"), &e);
	const struct object_source src = {fd, count, moved};
	char key[OBJECT_KEY_MAX];
	struct object_digest d;

	if (p && fd >= 0)
		object_put_source(p, &src);
	if (p && object_put_write(p, "a", 1, &e) == 0 &&
	    object_put_write(p, "bc", 2, &e) == 0 &&
	    object_put_finish(p, key, &d, &e) == 0)
		return 0;
	object_put_abort(p);
	return -1;
}

/* Its spools cannot be made. */
static void sources(const char *url)
{
	const struct daemon_link link = {.url = url, .spool = "/no/such/place"};
	struct objects *o = objects_open_daemon(&link, &e);
	int fd = memfd_create("abc", MFD_CLOEXEC);
	atomic_int moved = 0;

	SCRIPT(CLOSED, STORED_ABC);
	ok(write(fd, "abc", 3) == 3 && put_abc(o, fd, &moved) == 0 &&
		   lseek(fd, 0, SEEK_CUR) == 3 && moved > 0,
	   "what lies in a file is sent from there, and that is told");
	ok(put_abc(o, -1, NULL) < 0 && strstr(e.msg, "/no/such/place"),
	   "what does not needs a spool");
	close(fd);
	objects_close(o);
}

int main(void)
{
	struct daemon_link link = {.token = "s3cret"};
	struct objects *o;
	char url[64];

	start();
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
	link.url = url;
	o = objects_open_daemon(&link, &e);
	ok(o && !objects_are_files(o), "a store of a daemon");
	reads(o);
	failures(o);
	puts_(o);
	objects_close(o);
	sources(url);
	link.token = "two\nlines";
	ok(!objects_open_daemon(&link, &e), "a token has no lines");
	link.url = "ftp://x";
	ok(!objects_open_daemon(&link, &e), "nor is any URL a server");
	shutdown(server.fd, SHUT_RDWR);
	close(server.fd);
	pthread_join(server.thread, NULL);
	return tap_done();
}
