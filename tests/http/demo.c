/* SPDX-License-Identifier: Apache-2.0 */
/* demo.c - handlers of every kind that the server knows. */
#include "tests/http/demo.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEMO_STREAMS = 64, DEMO_PARKED = 4096 };

struct demo {
	pthread_t writer;
	pthread_mutex_t mu;
	pthread_cond_t more;
	struct call *deferred[65536]; /* guarded by: mu */
	size_t ndeferred;
	struct call *parked[DEMO_PARKED];
	size_t nparked;
	struct stream *streams[DEMO_STREAMS];
	size_t nstreams;
	bool hold, quit, released;
	_Atomic int64_t calls;
	_Atomic int64_t unfinished;
	char file[64];
};

struct demo_fields {
	struct str name;
	struct opt_i64 count;
	struct field_list tags;
};

static const struct field demo_field_rows[] = {
	{.name = "name",
	 .type = FIELD_STR,
	 .flags = FIELD_REQUIRED | FIELD_FILLED,
	 .offset = offsetof(struct demo_fields, name),
	 .limit = 200},
	{.name = "count",
	 .type = FIELD_I64,
	 .offset = offsetof(struct demo_fields, count)},
	{.name = "tags",
	 .type = FIELD_STRS,
	 .offset = offsetof(struct demo_fields, tags)},
};

static const struct field_set demo_fields =
	FIELD_SET(demo_field_rows, struct demo_fields);

static struct demo *demo_of(struct call *c)
{
	struct demo *d = c->app;

	atomic_fetch_add(&d->calls, 1);
	return d;
}

static void write_fields(struct call *c, struct json_out *j)
{
	const struct demo_fields *f = c->request;
	const struct str *tags = f->tags.items;

	jo_object(j);
	jo_kstr(j, "name", f->name);
	if (f->count.set)
		jo_ki64(j, "count", f->count.v);
	jo_key(j, "tags");
	jo_array(j);
	for (size_t i = 0; i < f->tags.n; i++)
		jo_str(j, tags[i]);
	jo_array_end(j);
	jo_object_end(j);
}

static void do_hello(struct call *c)
{
	struct json_out *j = reply_json(c, 200);
	char peer[CALL_PEER];
	uid_t uid;

	demo_of(c);
	jo_object(j);
	jo_kstr(j, "hello", STR("world"));
	jo_kstr(j, "query", c->query);
	jo_kstr(j, "peer", str_from(call_peer(c, peer)));
	jo_kbool(j, "mine", call_peer_uid(c, &uid) && uid == getuid());
	jo_object_end(j);
	reply_json_end(c);
}

static void do_echo(struct call *c)
{
	demo_of(c);
	write_fields(c, reply_json(c, 200));
	reply_json_end(c);
}

static void do_bytes(struct call *c)
{
	demo_of(c);
	reply_bytes(c, 200, "application/octet-stream", c->body);
}

static void do_path(struct call *c)
{
	struct json_out *j = reply_json(c, 200);

	demo_of(c);
	jo_object(j);
	jo_kstr(j, "prefix", c->prefix);
	jo_ki64(j, "index", c->prefix_index);
	jo_kstr(j, "project", c->prefix_params[0]);
	jo_kstr(j, "a", c->params[0]);
	jo_kstr(j, "b", c->params[1]);
	jo_object_end(j);
	reply_json_end(c);
}

static void do_defer(struct call *c)
{
	struct demo *d = demo_of(c);

	call_defer(c);
	atomic_fetch_add(&d->unfinished, 1);
	pthread_mutex_lock(&d->mu);
	d->deferred[d->ndeferred++] = c;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->mu);
}

static void do_nothing(struct call *c)
{
	demo_of(c);
}

static void do_big(struct call *c)
{
	struct json_out *j = reply_json(c, 200);
	char text[101];

	demo_of(c);
	memset(text, 'x', 100);
	text[100] = '\0';
	jo_object(j);
	jo_key(j, "list");
	jo_array(j);
	for (int i = 0; i < 1000; i++)
		jo_str(j, str_from(text));
	jo_array_end(j);
	jo_object_end(j);
	reply_json_end(c);
}

static void do_huge(struct call *c)
{
	struct json_out *j = reply_json(c, 200);
	char text[1 << 16];

	demo_of(c);
	memset(text, 'x', sizeof(text));
	jo_array(j);
	for (int i = 0; i < 1100; i++)
		jo_str(j, str_n(text, sizeof(text)));
	jo_array_end(j);
	reply_json_end(c);
}

static void do_file(struct call *c)
{
	struct demo *d = demo_of(c);
	struct reply_file f = {
		.fd = open(d->file, O_RDONLY | O_CLOEXEC),
		.mtime_ms = 1700000000000,
		.etag = STR("\"v1\""),
		.content_type = STR("application/octet-stream"),
		.disposition = STR("attachment"),
	};
	struct stat st;

	fstat(f.fd, &st);
	f.size = st.st_size;
	reply_file(c, &f);
}

/* Counts and checks a body. */
static void do_sink(struct call *c)
{
	static _Thread_local char buf[65536];
	struct json_out *j;
	int64_t n = 0, r, wrong = 0;
	struct err e;

	demo_of(c);
	while ((r = call_read(c, buf, sizeof(buf), &e)) > 0) {
		for (int64_t i = 0; i < r; i += 97)
			wrong += buf[i] != demo_byte(n + i);
		n += r;
	}
	if (r < 0) {
		reply_error(c, &e);
		return;
	}
	j = reply_json(c, 200);
	jo_object(j);
	jo_ki64(j, "bytes", n);
	jo_ki64(j, "wrong", wrong);
	jo_object_end(j);
	reply_json_end(c);
}

static void do_unread(struct call *c)
{
	struct err e;

	demo_of(c);
	err_set(&e, ERR_DENIED, "not wanted");
	reply_error(c, &e);
}

static int64_t number(struct str s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (s.p[i] - '0');
	return n;
}

/* Streams as many bytes as the path says; "chunked" in the query: in
 * chunks; "short": one too few. */
static void do_fill(struct call *c)
{
	static _Thread_local char buf[65536];
	int64_t n = number(c->params[0]), at = 0;
	bool chunked = str_starts(c->query, STR("chunked"));
	struct err e;

	demo_of(c);
	reply_stream(c, 200, "application/octet-stream", chunked ? -1 : n);
	if (str_is(c->query, "short"))
		n--;
	while (at < n) {
		size_t some = n - at < (int64_t)sizeof(buf) ? (size_t)(n - at)
							    : sizeof(buf);

		for (size_t i = 0; i < some; i++)
			buf[i] = demo_byte(at + (int64_t)i);
		if (call_write(c, buf, some, &e))
			return;
		at += (int64_t)some;
	}
}

static void do_object(struct call *c)
{
	struct reply_object o = {
		.size = 1000000,
		.mtime_ms = -1,
		.etag = STR("\"o\""),
		.content_type = STR("text/plain"),
	};
	int64_t first, n;
	struct err e;
	char b;

	demo_of(c);
	if (!reply_object(c, &o, &first, &n))
		return;
	for (int64_t i = 0; i < n && i < 100; i++) {
		b = demo_byte(first + i);
		if (call_write(c, &b, 1, &e))
			return;
	}
}

static void do_events(struct call *c)
{
	struct demo *d = demo_of(c);
	struct stream *s = reply_events(c);

	pthread_mutex_lock(&d->mu);
	if (d->nstreams < DEMO_STREAMS)
		d->streams[d->nstreams++] = s;
	else
		stream_close(s);
	pthread_mutex_unlock(&d->mu);
}

static void do_etag(struct call *c)
{
	demo_of(c);
	if (!reply_not_modified(c, STR("\"tag\"")))
		do_big(c);
}

static void do_headers(struct call *c)
{
	demo_of(c);
	reply_header(c, "X-Test", STR("a\r\nInjected: yes"));
	reply_header(c, "Content-Type", STR("application/geo+json"));
	reply_bytes(c, 201, "application/json", STR("{}"));
}

static void demo_error(struct json_out *j, const struct err *e)
{
	jo_object(j);
	jo_kstr(j, "demo_error", str_from(e->msg));
	jo_object_end(j);
}

static int demo_status(const struct err *e)
{
	return e->kind == ERR_DENIED ? 409 : 0;
}

static const struct route demo_routes[] = {
	{HTTP_GET, "/hello", LEVEL_NONE, BODY_NONE, .handle = do_hello},
	{HTTP_GET | HTTP_POST, "/echo", LEVEL_NONE, BODY_JSON, .limit = 1 << 20,
	 .fields = &demo_fields, .handle = do_echo},
	{HTTP_POST, "/bytes", LEVEL_NONE, BODY_BUFFER, .limit = 4 << 20,
	 .handle = do_bytes},
	{HTTP_GET, "/path/{a}/x/{b...}", LEVEL_NONE, BODY_NONE,
	 .handle = do_path},
	{HTTP_GET, "/one/{a}", LEVEL_NONE, BODY_NONE, .handle = do_path},
	{HTTP_GET | HTTP_POST, "/defer", LEVEL_NONE, BODY_JSON,
	 .handle = do_defer},
	{HTTP_GET, "/park", LEVEL_NONE, BODY_NONE, .handle = do_hello},
	{HTTP_GET, "/nothing", LEVEL_NONE, BODY_NONE, .handle = do_nothing},
	{HTTP_GET, "/big", LEVEL_NONE, BODY_NONE, .handle = do_big},
	{HTTP_GET, "/huge", LEVEL_NONE, BODY_NONE, .handle = do_huge},
	{HTTP_GET, "/file", LEVEL_NONE, BODY_NONE, .handle = do_file},
	{HTTP_GET, "/etag", LEVEL_NONE, BODY_NONE, .handle = do_etag},
	{HTTP_GET, "/headers", LEVEL_NONE, BODY_NONE, .handle = do_headers},
	{HTTP_PUT | HTTP_POST, "/sink", LEVEL_NONE, BODY_STREAM,
	 .handle = do_sink},
	{HTTP_PUT, "/small-sink", LEVEL_NONE, BODY_STREAM, .limit = 1000,
	 .handle = do_sink},
	{HTTP_PUT, "/unread", LEVEL_NONE, BODY_STREAM, .handle = do_unread},
	{HTTP_GET, "/fill/{n}", LEVEL_NONE, BODY_NONE, .transfer = true,
	 .handle = do_fill},
	{HTTP_GET, "/object", LEVEL_NONE, BODY_NONE, .transfer = true,
	 .handle = do_object},
	{HTTP_GET, "/events", LEVEL_NONE, BODY_NONE, .handle = do_events},
};

static const char *const demo_prefixes[] = {"", "/v1", "/in/{project...}/go",
					    NULL};

static const struct route shaped_routes[] = {
	{HTTP_GET, "/thing", LEVEL_NONE, BODY_NONE, .handle = do_hello},
	{HTTP_PUT, "/thing/unread", LEVEL_NONE, BODY_STREAM,
	 .handle = do_unread},
};

static const char *const shaped_prefixes[] = {"/shaped", NULL};

static const struct route_group demo_groups[] = {
	{demo_prefixes, demo_routes,
	 sizeof(demo_routes) / sizeof(demo_routes[0])},
	{shaped_prefixes, shaped_routes, 2, demo_error, demo_status},
};

static int demo_authenticate(struct call *c, struct err *e)
{
	struct str token = call_header(c, "Authorization");

	c->who.name = STR("tester");
	if (token.p && !str_is(token, "Bearer good"))
		return err_set(e, ERR_UNAUTHENTICATED, "bad token");
	return 0;
}

static bool demo_before(struct call *c)
{
	struct demo *d = c->app;

	if (!str_ends(c->path, STR("/park")))
		return false;
	pthread_mutex_lock(&d->mu);
	if (d->released) {
		pthread_mutex_unlock(&d->mu);
		return false;
	}
	call_park(c);
	d->parked[d->nparked++] = c;
	pthread_mutex_unlock(&d->mu);
	return true;
}

static void finish(struct call *c)
{
	struct json_out *j = reply_json(c, 200);

	jo_object(j);
	jo_kbool(j, "done", true);
	if (str_is(c->query, "big")) {
		jo_key(j, "text");
		jo_array(j);
		for (int i = 0; i < 1000; i++)
			jo_i64(j, i);
		jo_array_end(j);
	}
	jo_object_end(j);
	reply_json_end(c);
	call_finish(c);
}

static void *writer_main(void *arg)
{
	static struct call *batch[65536];
	struct demo *d = arg;
	size_t n;

	for (;;) {
		pthread_mutex_lock(&d->mu);
		while ((!d->ndeferred || d->hold) && !d->quit)
			pthread_cond_wait(&d->more, &d->mu);
		n = d->ndeferred;
		memcpy(batch, d->deferred, n * sizeof(batch[0]));
		d->ndeferred = 0;
		if (!n && d->quit)
			break;
		pthread_mutex_unlock(&d->mu);
		for (size_t i = 0; i < n; i++)
			finish(batch[i]);
		atomic_fetch_sub(&d->unfinished, (int64_t)n);
	}
	pthread_mutex_unlock(&d->mu);
	return NULL;
}

struct demo *demo_new(void)
{
	struct demo *d = calloc(1, sizeof(*d));
	char block[4096];
	int fd;

	pthread_mutex_init(&d->mu, NULL);
	pthread_cond_init(&d->more, NULL);
	snprintf(d->file, sizeof(d->file), "/tmp/orrery-http-XXXXXX");
	fd = mkstemp(d->file);
	for (int64_t at = 0; at < 1 << 20; at += (int64_t)sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = demo_byte(at + (int64_t)i);
		if (write(fd, block, sizeof(block)) < 0)
			abort();
	}
	close(fd);
	pthread_create(&d->writer, NULL, writer_main, d);
	return d;
}

void demo_free(struct demo *d)
{
	pthread_mutex_lock(&d->mu);
	d->quit = true;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->mu);
	pthread_join(d->writer, NULL);
	demo_end_streams(d);
	unlink(d->file);
	pthread_mutex_destroy(&d->mu);
	pthread_cond_destroy(&d->more);
	free(d);
}

void demo_options(struct demo *d, struct server_options *ret)
{
	*ret = (struct server_options){
		.groups = demo_groups,
		.ngroups = 2,
		.app = d,
		.authenticate = demo_authenticate,
		.before = demo_before,
		.version = "orrery-test",
	};
}

int64_t demo_calls(struct demo *d)
{
	return atomic_load(&d->calls);
}

void demo_release(struct demo *d)
{
	struct call *parked[DEMO_PARKED];
	size_t n;

	pthread_mutex_lock(&d->mu);
	d->released = true;
	n = d->nparked;
	memcpy(parked, d->parked, n * sizeof(parked[0]));
	d->nparked = 0;
	pthread_mutex_unlock(&d->mu);
	for (size_t i = 0; i < n; i++)
		call_resume(parked[i]);
	demo_hold(d, false);
}

void demo_hold(struct demo *d, bool hold)
{
	pthread_mutex_lock(&d->mu);
	d->hold = hold;
	if (hold)
		d->released = false;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->mu);
}

int demo_publish(struct demo *d, const char *text)
{
	int took = 0;

	pthread_mutex_lock(&d->mu);
	for (size_t i = 0; i < d->nstreams; i++)
		took += stream_send(d->streams[i], str_from(text));
	pthread_mutex_unlock(&d->mu);
	return took;
}

void demo_end_streams(struct demo *d)
{
	pthread_mutex_lock(&d->mu);
	for (size_t i = 0; i < d->nstreams; i++)
		stream_close(d->streams[i]);
	d->nstreams = 0;
	pthread_mutex_unlock(&d->mu);
}

const char *demo_file(struct demo *d)
{
	return d->file;
}

struct server *demo_serve(const struct server_options *o, char *tcp,
			  char *local)
{
	struct err e = {0};
	char address[64];
	struct server *s = server_new(o, &e);

	snprintf(address, sizeof(address), "unix:/tmp/orrery-http-%d.sock",
		 (int)getpid());
	if (!s || server_listen(s, STR("127.0.0.1:0"), tcp, &e) ||
	    server_listen(s, str_from(address), local, &e) ||
	    server_start(s, &e)) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	return s;
}

void demo_settle(struct demo *d)
{
	while (atomic_load(&d->unfinished))
		usleep(1000);
}
