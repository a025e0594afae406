/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - event streams on the io thread: text out, no thread each.
 *
 * A stream is shared by its connection and by the application that sends
 * into it; its lock guards the text that waits. Whoever lets go last frees
 * it. A reader that falls behind by HTTP_EVENTS_MAX is cut off.
 */
#ifndef ORRERY_HTTP_EVENTS_H
#define ORRERY_HTTP_EVENTS_H

#include "api/http/conn.h"

/* The head of its stream was sent: from now on it lives on the io thread. */
void events_attach(struct conn *k, struct stream *s);
void events_detach(struct conn *k);
/* The hold of an answer that never reached its client. */
void events_drop(struct stream *s);
bool events_step(struct conn *k);
/* A comment, so that proxies and clients see that it lives. */
void events_pulse(struct conn *k);

#endif
