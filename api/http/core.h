/* SPDX-License-Identifier: Apache-2.0 */
/* core.h - the server as its own modules see it. */
#ifndef ORRERY_HTTP_CORE_H
#define ORRERY_HTTP_CORE_H

#include "api/http/crew.h"
#include "api/http/io.h"
#include "api/http/listener.h"
#include "api/http/server.h"

enum { CORE_IO_MAX = 2 };

enum core_stop {
	CORE_RUN,
	CORE_STOP_SOON, /* no more requests */
	CORE_STOP_NOW,  /* no more waiting for clients */
	CORE_STOP_IO,   /* io threads end */
};

struct server {
	struct server_options o;
	struct router *router;
	pthread_mutex_t tls_mu;
	struct ssl_ctx_st *tls; /* guarded by: tls_mu */
	struct listener listeners[HTTP_LISTENERS_MAX];
	unsigned nlisteners, nios;
	struct io ios[CORE_IO_MAX];
	struct crew workers, transfers;
	bool started;
	_Atomic int stopping; /* enum core_stop */
	_Atomic unsigned next_io;
	_Atomic int64_t bodies, parked;
	_Atomic unsigned open; /* connections of all io threads */
};

/* Account for n bytes of bodies in memory; false beyond HTTP_BODIES_MAX. */
bool core_charge(struct server *s, size_t n);
void core_uncharge(struct server *s, size_t n);
struct ssl_st *core_tls_session(struct server *s, int fd);
/* The date of now, ANSWER_DATE bytes. */
void core_date(char *out);

#endif
