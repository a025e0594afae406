/* SPDX-License-Identifier: Apache-2.0 */
/* known.c - see known.h. */
#include "indexer/index/known.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST = 64, KEPT = 1 << 16 };

void known_init(struct known_set *k)
{
	*k = (struct known_set){NULL, 0, 0};
}

void known_fini(struct known_set *k)
{
	free(k->slots);
}

void known_clear(struct known_set *k)
{
	if (k->cap > KEPT) {
		free(k->slots);
		known_init(k);
	} else if (k->n) {
		memset(k->slots, 0, k->cap * sizeof(*k->slots));
		k->n = 0;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static struct known *slot(const struct known_set *k, const void *series,
			  const struct point *p)
{
	uint64_t bits, at;

	memcpy(&bits, &p->value, sizeof(bits));
	at = mix(
		mix(mix(mix(0, (uint64_t)(uintptr_t)series), (uint64_t)p->step),
		    (uint64_t)p->time),
		bits);
	for (;; at++) {
		struct known *s = &k->slots[at & (k->cap - 1)];

		if (!s->series || (s->series == series && point_same(&s->p, p)))
			return s;
	}
}

struct known *known_find(const struct known_set *k, const void *series,
			 const struct point *p)
{
	struct known *s = k->n ? slot(k, series, p) : NULL;

	return s && s->series ? s : NULL;
}

static void grow(struct known_set *k)
{
	struct known_set old = *k;

	k->cap = old.cap ? 2 * old.cap : LEAST;
	k->slots = calloc(k->cap, sizeof(*k->slots));
	if (!k->slots)
		abort();
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].series)
			*slot(k, old.slots[i].series, &old.slots[i].p) =
				old.slots[i];
	free(old.slots);
}

struct known *known_put(struct known_set *k, const void *series,
			const struct point *p)
{
	struct known *s;

	if (2 * (k->n + 1) > k->cap)
		grow(k);
	s = slot(k, series, p);
	if (!s->series) {
		*s = (struct known){series, *p, false, 0};
		k->n++;
	}
	return s;
}
