/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - a client that says exactly the bytes it is told, plain or by TLS.
 */
#ifndef ORRERY_TESTS_HTTP_PEER_H
#define ORRERY_TESTS_HTTP_PEER_H

#include "indexer/base/str.h"

struct ssl_st;

struct peer {
	int fd;
	struct ssl_st *ssl;
	struct buf in; /* received and not yet looked at */
	/* of the last answer */
	int status;
	struct buf head, body;
};

/* url as server_listen gives it; false where it cannot connect. */
bool peer_open(struct peer *p, const char *url);
void peer_close(struct peer *p);
bool peer_send(struct peer *p, const char *text, size_t n);
bool peer_say(struct peer *p, const char *text);
/* One whole answer; 0 where none came within ten seconds. no_body: to HEAD. */
int peer_answer(struct peer *p, bool no_body);
/* peer_say and peer_answer. */
int peer_ask(struct peer *p, const char *text);
/* Value of a header of the last answer, "" if it has none (static, per thread).
 */
const char *peer_header(struct peer *p, const char *name);
/* Nothing more comes, and the other side has closed. */
bool peer_ended(struct peer *p);
/* At least n bytes in p->in, or false. */
bool peer_wait(struct peer *p, size_t n);

#endif
