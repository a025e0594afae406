/* SPDX-License-Identifier: Apache-2.0 */
/* drain_parking.c - who waits for which sequences of which journals.
 *
 * A journal that is gone, or stuck, is waited for no longer: what it held is
 * committed, or will never be.
 */
#include "indexer/index/drain_parking.h"

#include <stdlib.h>

#include "indexer/base/clock.h"

size_t parking_targets(const struct source *list, struct str run_id,
		       struct target *ret)
{
	size_t n = 0;

	for (const struct source *s = list; s; s = s->next) {
		int64_t seq;

		if (!s->stuck && journal_pending(s->r, run_id, &seq))
			ret[n++] = (struct target){s->number, seq};
	}
	return n;
}

struct parked *parked_new(struct str run_id)
{
	struct parked *x = calloc(1, sizeof(*x) + run_id.n);

	if (!x)
		abort();
	if (run_id.n)
		memcpy(x + 1, run_id.p, run_id.n);
	x->run_id = str_n((const char *)(x + 1), run_id.n);
	x->until = clock_mono_ms() + DRAIN_PARK_MS;
	return x;
}

bool parking_add(struct parking *p, struct parked *x)
{
	if (p->n == DRAIN_PARKED)
		return false;
	x->next = p->first;
	p->first = x;
	p->n++;
	return true;
}

void parking_settle(struct parking *p, const struct source *list)
{
	for (struct parked *x = p->first; x; x = x->next) {
		if (!x->unsure)
			continue;
		x->n = parking_targets(list, x->run_id, x->targets);
		x->unsure = false;
	}
}

static bool reached(const struct target *t, const struct source *list)
{
	for (const struct source *s = list; s; s = s->next)
		if (s->number == t->source)
			return s->stuck || s->committed >= t->seq;
	return true;
}

bool parked_over(struct parked *x, const struct source *list, int64_t now)
{
	while (x->n && reached(&x->targets[x->n - 1], list))
		x->n--;
	return (!x->n && !x->unsure) || x->until <= now;
}

struct parked *parking_take(struct parking *p, const struct source *list,
			    bool all)
{
	struct parked **at = &p->first, *taken = NULL;
	int64_t now = p->first ? clock_mono_ms() : 0;

	while (*at) {
		struct parked *x = *at;

		if (!all && !parked_over(x, list, now)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		x->next = taken;
		taken = x;
		p->n--;
	}
	return taken;
}

int64_t parking_next(const struct parking *p)
{
	int64_t next = INT64_MAX;

	for (const struct parked *x = p->first; x; x = x->next)
		next = x->until < next ? x->until : next;
	return next;
}
