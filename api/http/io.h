/* SPDX-License-Identifier: Apache-2.0 */
/* io.h - an io thread: epoll, its connections, its mail, its deadlines. */
#ifndef ORRERY_HTTP_IO_H
#define ORRERY_HTTP_IO_H

#include <pthread.h>

#include "api/http/conn.h"

struct io_counts {
	_Atomic int64_t connections, requests, refused, bytes_in, bytes_out;
	_Atomic int64_t by_status[6];
};

struct io {
	struct server *server;
	pthread_t thread;
	bool running;
	int epoll;
	int spare_fd; /* given up to answer when no descriptor is left */
	struct mailbox box;
	struct timers timers;
	int64_t now; /* clock_mono_ms of this round */
	int64_t date_ms;
	char date[32];
	struct conn *conns; /* all of them */
	struct conn *dead;  /* closed in this round, freed at its end */
	struct exchange *spare;
	unsigned nspare, nconns, nrefused;
	char *scratch;        /* HTTP_SCRATCH */
	int64_t accept_again; /* listeners are out of epoll until then; 0 */
	int64_t full_logged;
	char id_prefix[16];
	uint32_t id_next;
	bool draining, hurried; /* stopping has been seen */
	struct io_counts counts;
};

int io_init(struct io *io, struct server *s, struct err *e);
void io_fini(struct io *io);
int io_start(struct io *io, struct err *e);
void io_join(struct io *io); /* after CORE_STOP_IO */
struct exchange *io_exchange(struct io *io);
void io_exchange_done(struct io *io, struct exchange *x);
/* The current date for headers, ANSWER_DATE bytes. */
const char *io_date(struct io *io);

static inline void io_count(_Atomic int64_t *n, int64_t by)
{
	/* Only the io thread writes: no locked instruction is needed. */
	atomic_store_explicit(
		n, atomic_load_explicit(n, memory_order_relaxed) + by,
		memory_order_relaxed);
}

#endif
