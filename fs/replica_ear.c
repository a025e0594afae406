/* SPDX-License-Identifier: Apache-2.0 */
/* replica_ear.c - hearing that something was committed. */
#include <stdlib.h>

#include "fs/replica_keep.h"
#include "indexer/base/scope.h"

enum { STREAM_MS = 600000 }; /* a stream is then opened anew */

static void heard(struct replica *r, int64_t change)
{
	SCOPED_LOCK(&r->mu);

	r->listening = true;
	if (change == r->heard)
		return;
	r->heard = change;
	pthread_cond_signal(&r->wake);
}

/* "id: 17": all else of an event says the same once more. */
static void take_line(struct replica *r)
{
	char *end;

	r->line[r->nline] = '\0';
	if (!strncmp(r->line, "id: ", 4))
		heard(r, strtoll(r->line + 4, &end, 10));
	r->nline = 0;
}

static bool take_events(void *arg, struct str bytes)
{
	struct replica *r = arg;

	for (size_t i = 0; i < bytes.n; i++) {
		if (bytes.p[i] == '\n')
			take_line(r);
		else if (r->nline < REPLICA_LINE - 1)
			r->line[r->nline++] = bytes.p[i];
	}
	return !atomic_load(&r->stop);
}

void *replica_ear(void *arg)
{
	struct replica *r = arg;
	const struct client_request q = {.method = "GET",
					 .path = "/api/changes",
					 .header = "Accept: text/event-stream",
					 .timeout_ms = STREAM_MS,
					 .take = take_events,
					 .cancelled = replica_gives_up,
					 .ctx = r};
	int64_t pause = REPLICA_PAUSE_MS;

	while (!atomic_load(&r->stop)) {
		SCOPED(buf_fini) struct buf none;
		struct err e;
		int status;

		buf_init(&none, REPLICA_LINE);
		r->nline = 0;
		client_send(r->stream, &q, &status, &none, &e);
		pthread_mutex_lock(&r->mu);
		pause = r->listening ? REPLICA_PAUSE_MS : replica_longer(pause);
		if (r->listening)
			replica_hurry(r);
		r->listening = false;
		pthread_mutex_unlock(&r->mu);
		replica_nap(r, pause);
	}
	return NULL;
}
