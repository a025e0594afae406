/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the HTTP/1.1 server: strict, event-driven, bounded.
 *
 *	io threads   accept, TLS, read heads under limits (parse.h), collect
 *	             buffered bodies, send answers, keep idle connections
 *	workers      run handlers on complete requests
 *	transfers    run handlers of streaming routes with blocking calls
 *
 * A slow sender costs a buffer, never a thread. Whatever framing is
 * ambiguous is refused with one answer, and its connection is closed. Limits
 * are in limits.h beside this file.
 */
#ifndef ORRERY_HTTP_SERVER_H
#define ORRERY_HTTP_SERVER_H

#include "api/http/http.h"

struct server;

/* Milliseconds; 0 for what limits.h says. */
struct server_times {
	int64_t head;   /* of a head, from its first byte to its end */
	int64_t idle;   /* of a connection between requests */
	int64_t window; /* over which a body must keep its least rate */
	int64_t linger, pulse;
};

struct server_options {
	const struct route_group *groups;
	size_t ngroups;
	unsigned workers, transfers; /* 0: by the number of processors */
	unsigned io_threads;         /* 0, 1 or 2 */
	unsigned max_connections;
	size_t body_limit;
	bool loopback_guard; /* refuse foreign Host, Origin, proxies (403) */
	const char *tls_cert, *tls_key; /* NULL: plain */
	void *app;
	/* made once per worker or transfer thread */
	void *(*worker_new)(void *app, struct err *e);
	void (*worker_free)(void *worker);
	/* fills c->who; -1 with ERR_UNAUTHENTICATED */
	int (*authenticate)(struct call *c, struct err *e);
	/* before the handler; may call_park(c) and return true */
	bool (*before)(struct call *c);
	const char *version; /* Server header */
	struct server_times times;
};

struct server *server_new(const struct server_options *o, struct err *e);
/* "HOST:PORT", "[::1]:0", "unix:/path" (0600). May be called several times;
 * ret_url (128 bytes) gets "http://127.0.0.1:4321". */
int server_listen(struct server *s, struct str address, char *ret_url,
		  struct err *e);
int server_start(struct server *s, struct err *e);
/* Read certificate and key again; new connections get them. */
int server_reload_tls(struct server *s, struct err *e);
/* Stop accepting, answer what was read, at most grace_ms; then end. Calls that
 * are still deferred may be finished until server_free: without effect. */
void server_stop(struct server *s, int64_t grace_ms);
void server_free(struct server *s);

struct server_stats {
	int64_t connections, requests, parked, workers_busy, transfers_busy;
	int64_t refused, bytes_in, bytes_out;
	int64_t by_status[6];
};
void server_stats(struct server *s, struct server_stats *ret);

#endif
