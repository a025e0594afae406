/* SPDX-License-Identifier: Apache-2.0 */
/* run_cache.c - see run_cache.h. */
#include "indexer/index/run_cache.h"

#include <stdlib.h>

enum { ID_BYTES = 32, FIRST_SLOTS = 256 };

struct entry {
	char id[ID_BYTES];
	uint8_t n; /* 0: free */
	struct run_ref run;
};

struct run_cache {
	struct entry entries[LIMIT_RUN_CACHE];
};

struct run_cache *run_cache_new(void)
{
	struct run_cache *rc = calloc(1, sizeof(*rc));

	if (!rc)
		abort();
	return rc;
}

void run_cache_free(struct run_cache *rc)
{
	free(rc);
}

static size_t place(struct str id)
{
	return str_hash(id) % LIMIT_RUN_CACHE;
}

bool run_cache_get(const struct run_cache *rc, struct str id,
		   struct run_ref *ret)
{
	const struct entry *x = &rc->entries[place(id)];

	if (!x->n || !str_eq(id, str_n(x->id, x->n)))
		return false;
	*ret = x->run;
	return true;
}

void run_cache_put(struct run_cache *rc, struct str id,
		   const struct run_ref *run)
{
	struct entry *x = &rc->entries[place(id)];

	if (!id.n || id.n > ID_BYTES)
		return;
	memcpy(x->id, id.p, id.n);
	x->n = (uint8_t)id.n;
	x->run = *run;
}

void run_cache_clear(struct run_cache *rc)
{
	for (size_t i = 0; i < LIMIT_RUN_CACHE; i++)
		rc->entries[i].n = 0;
}

void row_set_fini(struct row_set *s)
{
	free(s->rows);
	free(s->slots);
	*s = (struct row_set){0};
}

void row_set_clear(struct row_set *s)
{
	if (s->n)
		memset(s->slots, 0, s->nslots * sizeof(*s->slots));
	s->n = 0;
}

static int64_t *slot_of(const struct row_set *s, int64_t row)
{
	uint64_t h = (uint64_t)row * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (h >> 32) & (s->nslots - 1);

	while (s->slots[i] && s->slots[i] != row)
		i = (i + 1) & (s->nslots - 1);
	return &s->slots[i];
}

static void fill_slots(struct row_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		*slot_of(s, s->rows[i]) = s->rows[i];
}

void row_set_truncate(struct row_set *s, size_t n)
{
	if (s->n <= n)
		return;
	memset(s->slots, 0, s->nslots * sizeof(*s->slots));
	s->n = n;
	fill_slots(s);
}

/* Twice the slots; at most half of them are ever in use. */
static void grow(struct row_set *s)
{
	size_t n = s->nslots ? s->nslots * 2 : FIRST_SLOTS;

	free(s->slots);
	s->slots = calloc(n, sizeof(*s->slots));
	s->rows = reallocarray(s->rows, n / 2, sizeof(*s->rows));
	if (!s->slots || !s->rows)
		abort();
	s->nslots = n;
	fill_slots(s);
}

void row_set_add(struct row_set *s, int64_t row)
{
	int64_t *slot;

	if (s->n * 2 >= s->nslots)
		grow(s);
	slot = slot_of(s, row);
	if (*slot)
		return;
	*slot = row;
	s->rows[s->n++] = row;
}
