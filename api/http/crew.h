/* SPDX-License-Identifier: Apache-2.0 */
/* crew.h - the threads that run handlers: workers, and transfers.
 *
 * Both take exchanges from a queue of their own. The difference is what they
 * may do: a transfer blocks on the client's socket, a worker never does.
 */
#ifndef ORRERY_HTTP_CREW_H
#define ORRERY_HTTP_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/http/exchange.h"
#include "api/http/gzip.h"

enum { CREW_MAX = 256 };

struct hand {
	struct crew *crew;
	pthread_t thread;
	void *app; /* of server_options.worker_new */
	struct gzip gzip;
	char *scratch; /* HTTP_SCRATCH */
	bool let_go;   /* the exchange it ran was deferred or parked */
};

struct crew {
	struct server *server;
	struct queue queue;
	struct hand *hands;
	unsigned n;
	bool transfers;
	_Atomic int64_t busy;
	_Atomic int giving; /* threads within crew_give */
};

void crew_init(struct crew *w, struct server *s);
void crew_fini(struct crew *w);
int crew_start(struct crew *w, unsigned n, bool transfers, struct err *e);
/* Finish what is queued and join; from then on nothing more is taken. */
void crew_stop(struct crew *w);
/* Hand an exchange over; false when it is full. sure: it was accepted
 * before, and is taken whatever the queue's length. */
bool crew_give(struct crew *w, struct exchange *x, enum errand errand,
	       bool sure);

#endif
