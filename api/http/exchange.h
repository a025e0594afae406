/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.h - one request and its answer, with all memory they take.
 *
 * The call that handlers see is its first member. An exchange belongs to one
 * thread at a time: to its io thread until the request is complete, to a
 * worker or transfer thread, to whoever defers it, and back by mail. It is
 * reused for further requests of any connection of that io thread.
 */
#ifndef ORRERY_HTTP_EXCHANGE_H
#define ORRERY_HTTP_EXCHANGE_H

#include "api/http/answer.h"
#include "api/http/chunk.h"
#include "api/http/container.h"
#include "api/http/mailbox.h"
#include "api/http/parse.h"
#include "api/http/router.h"
#include "indexer/base/queue.h"

struct conn;
struct hand;
struct server;
struct stream;

/* What a worker or transfer thread has to do with it. */
enum errand {
	ERRAND_RUN,  /* prepare, before, handler */
	ERRAND_SEAL, /* compress and seal a deferred answer */
	ERRAND_FILE, /* send a file */
};

/* What the io thread has to do with it when it comes back. */
enum back {
	BACK_SEND,  /* send head and body */
	BACK_DONE,  /* everything was sent */
	BACK_WAIT,  /* the file goes on when the client has read */
	BACK_BROKEN /* close */
};

/* Time waited for the client, and what moved meanwhile. */
struct pace {
	int64_t waited_ms, moved;
	bool expired; /* the client was too slow: 408 */
};

struct exchange {
	struct call c;
	struct arena arena;
	struct server *server;
	struct conn *conn;
	struct exchange *next_spare;
	struct mail mail;
	struct queue_node node;
	enum errand errand;
	enum back back;
	/* the request */
	struct buf in; /* its head, and what was received behind it */
	size_t used;   /* of in: taken by this request */
	struct head head;
	struct route_match match;
	struct chunks chunks;
	struct buf body;
	int64_t body_left; /* of FRAMING_LENGTH; taken, of FRAMING_CHUNKED */
	size_t charged;    /* of the server's memory for bodies */
	bool body_done, continued;
	bool refused; /* nothing behind it is served */
	bool prepared;
	int verdict; /* status to answer once its body was skipped */
	struct err why;
	char id[HTTP_REQUEST_ID_MAX + 1];
	int64_t began_us, received, transmitted;
	struct pace pace; /* of a transfer */
	/* while it runs */
	struct hand *hand; /* NULL once deferred or parked */
	struct answer answer;
};

struct exchange *exchange_new(struct server *s);
void exchange_free(struct exchange *x);
/* Ready for the next request: what was received behind this one moves to the
 * front. */
void exchange_next(struct exchange *x);
/* Ready for another connection. */
void exchange_reset(struct exchange *x);

/* To its io thread (call.c). */
void call_back(struct exchange *x, enum back back);
/* Encode, seal, and send its answer on its way (call.c). */
void call_seal(struct exchange *x, struct gzip *z);

static inline struct exchange *exchange_of(struct call *c)
{
	return (struct exchange *)c;
}

static inline const struct exchange *exchange_of_const(const struct call *c)
{
	return (const struct exchange *)c;
}

#endif
