/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.h - messages to an io thread, from any thread.
 *
 * An intrusive stack that is pushed atomically and taken whole; an eventfd
 * wakes the taker, written only when the stack was empty. A message belongs
 * to the poster until it is posted, then to the io thread.
 */
#ifndef ORRERY_HTTP_MAILBOX_H
#define ORRERY_HTTP_MAILBOX_H

#include <stdatomic.h>

#include "indexer/base/err.h"

struct mail;
typedef void mail_fn(struct mail *m);

struct mail {
	struct mail *next;
	mail_fn *deliver; /* run on the io thread */
};

struct mailbox {
	_Atomic(struct mail *) top;
	int fd;              /* readable when there is mail */
	_Atomic int posting; /* threads that have not yet rung */
};

int mailbox_init(struct mailbox *b, struct err *e);
/* Waits for posters whose mail was already taken. */
void mailbox_fini(struct mailbox *b);
void mailbox_post(struct mailbox *b, struct mail *m);
/* Wake the io thread without a message. */
void mailbox_ring(struct mailbox *b);
/* Everything posted, oldest first. */
struct mail *mailbox_take(struct mailbox *b);

#endif
