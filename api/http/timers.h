/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h - deadlines of connections, of one io thread.
 *
 * Every kind of deadline has a fixed length, so a list per kind, appended at
 * its end, is sorted by itself: setting and clearing cost a few pointers and
 * no system call.
 */
#ifndef ORRERY_HTTP_TIMERS_H
#define ORRERY_HTTP_TIMERS_H

#include <stdint.h>

enum timer_kind {
	TIMER_NONE,
	TIMER_HANDSHAKE,
	TIMER_HEAD,
	TIMER_IDLE,
	TIMER_RATE,
	TIMER_LINGER,
	TIMER_PULSE,
	TIMER_KINDS
};

struct timer {
	struct timer *next, *prev;
	int64_t due;
	enum timer_kind kind; /* TIMER_NONE: not set */
};

struct timers {
	struct timer lists[TIMER_KINDS]; /* rings */
	int64_t lengths[TIMER_KINDS];
};

/* lengths: per kind, milliseconds. */
void timers_init(struct timers *t, const int64_t lengths[TIMER_KINDS]);
void timer_set(struct timers *t, struct timer *x, enum timer_kind kind,
	       int64_t now);
void timer_clear(struct timer *x);
/* One that is due, cleared; or NULL. */
struct timer *timers_due(struct timers *t, int64_t now);
/* When the next one is due; -1 for never. */
int64_t timers_next(const struct timers *t);

#endif
