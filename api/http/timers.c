/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c - one sorted ring per kind of deadline. */
#include "api/http/timers.h"

#include <string.h>

void timers_init(struct timers *t, const int64_t lengths[TIMER_KINDS])
{
	memcpy(t->lengths, lengths, sizeof(t->lengths));
	for (int i = 0; i < TIMER_KINDS; i++)
		t->lists[i].next = t->lists[i].prev = &t->lists[i];
}

void timer_clear(struct timer *x)
{
	if (x->kind == TIMER_NONE)
		return;
	x->prev->next = x->next;
	x->next->prev = x->prev;
	x->kind = TIMER_NONE;
}

void timer_set(struct timers *t, struct timer *x, enum timer_kind kind,
	       int64_t now)
{
	struct timer *ring = &t->lists[kind];

	timer_clear(x);
	x->kind = kind;
	x->due = now + t->lengths[kind];
	x->prev = ring->prev;
	x->next = ring;
	ring->prev->next = x;
	ring->prev = x;
}

struct timer *timers_due(struct timers *t, int64_t now)
{
	for (int i = 0; i < TIMER_KINDS; i++) {
		struct timer *first = t->lists[i].next;

		if (first != &t->lists[i] && first->due <= now) {
			timer_clear(first);
			return first;
		}
	}
	return NULL;
}

int64_t timers_next(const struct timers *t)
{
	int64_t due = -1;

	for (int i = 0; i < TIMER_KINDS; i++) {
		const struct timer *first = t->lists[i].next;

		if (first != &t->lists[i] && (due < 0 || first->due < due))
			due = first->due;
	}
	return due;
}
