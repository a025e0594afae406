/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - what a handler sees of HTTP: routes, calls, replies.
 *
 * A route is a row of a table: method, path, who may, how its body comes, its
 * limit, its request fields, its handler. The server (server.h) matches it,
 * reads the fields into route->fields' struct, and runs the handler on a
 * worker thread, or, where the body streams, on a transfer thread.
 *
 * A handler answers exactly once, by one of the reply functions, either
 * before it returns or later: call_defer(c) keeps the call beyond the
 * handler's return, and whoever completes it (on any thread) fills the reply
 * and calls call_finish(c). Writes use that: the command's done call-back
 * finishes the call after COMMIT. All memory comes from c->arena.
 */
#ifndef ORRERY_HTTP_HTTP_H
#define ORRERY_HTTP_HTTP_H

#include <sys/types.h>

#include "indexer/base/arena.h"
#include "indexer/base/field.h"
#include "indexer/base/json_out.h"
#include "indexer/index/principal.h"

struct call;
struct route;
typedef void route_fn(struct call *c);

enum http_method {
	HTTP_GET = 1 << 0,
	HTTP_HEAD = 1 << 1, /* answered by GET's handler, without a body */
	HTTP_POST = 1 << 2,
	HTTP_PUT = 1 << 3,
	HTTP_PATCH = 1 << 4,
	HTTP_DELETE = 1 << 5,
	HTTP_OPTIONS = 1 << 6,
};

enum route_body {
	BODY_NONE,   /* fields come from the query string */
	BODY_JSON,   /* buffered up to limit, fields from JSON; a GET of such a
			route takes them from the query */
	BODY_BUFFER, /* buffered, c->body */
	BODY_STREAM, /* read with call_read on a transfer thread */
};

/* A face says how its errors look. */
typedef void error_body_fn(struct json_out *j, const struct err *e);

struct route {
	unsigned methods; /* GET includes HEAD */
	/* "/mlflow/runs/get"; {name} is one part that is not empty, {name...}
	 * one or more parts with the slashes between them (what follows it
	 * may follow: the fewest parts that fit). Both are split on raw
	 * slashes, then percent-decoded once, in c->params in order */
	const char *path;
	enum level need;
	enum route_body body;
	bool transfer; /* long: run on a transfer thread even so */
	size_t limit;  /* bytes of body; 0: the server's */
	const struct field_set *fields; /* of c->request, or NULL */
	route_fn *handle;
	const char *summary; /* one sentence, for the OpenAPI document */
};

/* Routes that share an origin: each path is tried below each prefix. A prefix
 * may capture too ("/mlflow/{project...}/tracking"): into c->prefix_params. */
struct route_group {
	const char *const *prefixes; /* NULL at the end; "" allowed */
	const struct route *routes;
	size_t count;
	error_body_fn *error_body; /* NULL: {"error_code", "message"} */
	/* Status of an error where it is not err_http_status; 0 for that.
	 * May be NULL. */
	int (*error_status)(const struct err *e);
};

enum { CALL_PARAMS = 8, CALL_PREFIX_PARAMS = 2 };

struct call {
	struct arena *arena;
	const struct route *route;
	const struct route_group *group;
	enum http_method method; /* HEAD stays HEAD */
	struct str path, query;  /* as sent */
	struct str prefix;       /* the part of path that the prefix matched */
	unsigned prefix_index;   /* which of group->prefixes that is */
	struct str params[CALL_PARAMS];
	struct str prefix_params[CALL_PREFIX_PARAMS];
	struct str body; /* BODY_JSON, BODY_BUFFER */
	void *request;   /* fields */
	struct principal who;
	struct str request_id;
	void *app;    /* server option: the application */
	void *worker; /* what the application made for this thread */
	void *user;   /* the handler's own */
	bool local;   /* came by the unix socket */
};

/* Value of a request header, p NULL when absent; name in any case. */
struct str call_header(const struct call *c, const char *name);

/* The client's address ("127.0.0.1", "::1"), or "unix" by a unix socket; out
 * has room for CALL_PEER bytes. Returns out. */
enum { CALL_PEER = 48 };
const char *call_peer(const struct call *c, char *out);
/* By a unix socket: whose process it is. False otherwise. */
bool call_peer_uid(const struct call *c, uid_t *ret);

/* --- streaming bodies (transfer threads only) -------------------------- */

/* Declared length, -1 when chunked. */
int64_t call_body_length(const struct call *c);
/* Next bytes of the body: > 0, 0 at its end, -1 with e. */
int64_t call_read(struct call *c, void *out, size_t n, struct err *e);

/* True where this is a worker: the call goes to a transfer thread, to be
 * handled there again from its start (or is answered 503 where they are too
 * many). Then return at once, and touch nothing. */
bool call_to_transfer(struct call *c);

/* --- streaming answers (transfer threads only) ------------------------- */

/* The head; then the body by call_write: length bytes, or chunks when length
 * is -1. Headers are set before. A body that ends short, or with an error,
 * ends the connection, so that the client sees it. */
void reply_stream(struct call *c, int status, const char *content_type,
		  int64_t length);
int call_write(struct call *c, const void *p, size_t n, struct err *e);
/* The same for an object of known size: 200 or 206 as Range and conditions
 * ask; *ret_n bytes from *ret_first on are to be written. False: 304, 412 or
 * 416 was answered. Bytes written for a HEAD go nowhere. */
struct reply_object {
	int64_t size, mtime_ms; /* mtime -1 for none */
	struct str etag, content_type, disposition;
};
bool reply_object(struct call *c, const struct reply_object *o,
		  int64_t *ret_first, int64_t *ret_n);

/* --- replies ------------------------------------------------------------ */

void reply_header(struct call *c, const char *name, struct str value);
/* Start a JSON body; write into the returned writer, then reply_json_end. A
 * body beyond its ceiling turns into an error by itself. */
struct json_out *reply_json(struct call *c, int status);
void reply_json_end(struct call *c);
void reply_bytes(struct call *c, int status, const char *content_type,
		 struct str body); /* body lives in c->arena or is static */
/* Error in the shape of the call's group. */
void reply_error(struct call *c, const struct err *e);
/* 200, 206, 304, 412 or 416 as Range and conditions ask; takes over fd and
 * sends [0, size) or the range asked by sendfile. etag "" for none; mtime -1
 * for none. */
struct reply_file {
	int fd;
	int64_t size, mtime_ms;
	struct str etag, content_type, disposition;
};
void reply_file(struct call *c, const struct reply_file *f);
/* 304 when If-None-Match holds etag (sets ETag either way): then the handler
 * is done and returns. */
bool reply_not_modified(struct call *c, struct str etag);

/* --- event streams ------------------------------------------------------- */

/* Answer 200 text/event-stream, which stays open without a thread. The caller
 * owns one hold on the stream: it sends into it from any thread, and lets go
 * by stream_close, in any case before server_free. NULL without memory. */
struct stream;
struct stream *reply_events(struct call *c);
/* False when the client is gone or has fallen behind: then close it. Never
 * waits. text is whole events ("data: ...\n\n"). */
bool stream_send(struct stream *s, struct str text);
/* End it after what was sent. */
void stream_close(struct stream *s);

/* --- later --------------------------------------------------------------- */

/* Keep the call beyond the handler's return; then exactly one call_finish,
 * from any thread, after the reply was given. */
void call_defer(struct call *c);
void call_finish(struct call *c);
/* Give the call back to be handled again later from its start (the before
 * hook; who asks and the fields stay), without a thread; call_resume (any
 * thread) queues it. For waiting on journals. Park before the call is told to
 * whoever resumes it, and do not touch it after that. */
void call_park(struct call *c);
void call_resume(struct call *c);

#endif
