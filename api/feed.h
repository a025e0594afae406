/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - the change feed: everyone who listens learns that something was
 * committed, at most every FEED_PAUSE_MS, and then asks what.
 *
 * One thread waits for commits and tells all streams; it owns them. A stream
 * whose client is gone or has fallen behind is closed.
 */
#ifndef ORRERY_API_FEED_H
#define ORRERY_API_FEED_H

#include "api/http/http.h"
#include "indexer/index/index.h"

enum {
	FEED_STREAMS = 10000,
	FEED_PAUSE_MS = 50,
};

struct feed;
struct feed *feed_start(struct index *ix, struct err *e);
/* Closes all streams; takes no more. */
void feed_stop(struct feed *f);
void feed_free(struct feed *f);

/* Answer the call with a stream of events: "id: 17", "data: {"change":17}";
 * the first tells the change there is. -1: no stream was made. */
int feed_answer(struct feed *f, struct call *c, struct err *e);

#endif
