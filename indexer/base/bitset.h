/* SPDX-License-Identifier: Apache-2.0 */
/* bitset.h - sets of row ids as bitmaps.
 *
 * Search works on these: a predicate yields a set, AND, OR and NOT are word
 * operations, an exact count is a popcount. Ids run from 0 to a maximum given
 * at the start; ids beyond it are not in the set. Owned by the caller.
 */
#ifndef ORRERY_BASE_BITSET_H
#define ORRERY_BASE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bitset {
	uint64_t *words;
	size_t nwords;
	uint64_t size; /* ids below it may be in the set */
};

void bitset_init(struct bitset *s, int64_t max_id);
void bitset_fini(struct bitset *s);
void bitset_fill(struct bitset *s); /* every id */

static inline void bitset_add(struct bitset *s, int64_t id)
{
	if ((uint64_t)id < s->size)
		s->words[id / 64] |= UINT64_C(1) << (id % 64);
}

static inline bool bitset_has(const struct bitset *s, int64_t id)
{
	return (uint64_t)id < s->size && (s->words[id / 64] >> (id % 64) & 1);
}

/* a op= b; both made with the same maximum. */
void bitset_and(struct bitset *a, const struct bitset *b);
void bitset_or(struct bitset *a, const struct bitset *b);
void bitset_and_not(struct bitset *a, const struct bitset *b);
void bitset_not(struct bitset *s);
int64_t bitset_count(const struct bitset *s);
/* The first id >= from, or -1. */
int64_t bitset_next(const struct bitset *s, int64_t from);

#endif
