/* SPDX-License-Identifier: Apache-2.0 */
/* bitset.c - word-wise operations on bitmaps of row ids.
 *
 * Bits at and beyond size stay clear in every operation, so that counts need
 * no mask. Out of memory ends the process: the maximum comes from the index,
 * not from a request.
 */
#include "indexer/base/bitset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void bitset_init(struct bitset *s, int64_t max_id)
{
	s->size = max_id < 0 ? 0 : (uint64_t)max_id + 1;
	s->nwords = (size_t)((s->size + 63) / 64);
	s->words = calloc(s->nwords ? s->nwords : 1, sizeof(*s->words));
	if (!s->words)
		abort();
}

void bitset_fini(struct bitset *s)
{
	free(s->words);
	*s = (struct bitset){0};
}

static void clear_beyond(struct bitset *s)
{
	if (s->size % 64)
		s->words[s->nwords - 1] &= (UINT64_C(1) << s->size % 64) - 1;
}

void bitset_fill(struct bitset *s)
{
	for (size_t i = 0; i < s->nwords; i++)
		s->words[i] = UINT64_MAX;
	clear_beyond(s);
}

void bitset_and(struct bitset *a, const struct bitset *b)
{
	assert(a->size == b->size);
	for (size_t i = 0; i < a->nwords; i++)
		a->words[i] &= b->words[i];
}

void bitset_or(struct bitset *a, const struct bitset *b)
{
	assert(a->size == b->size);
	for (size_t i = 0; i < a->nwords; i++)
		a->words[i] |= b->words[i];
}

void bitset_and_not(struct bitset *a, const struct bitset *b)
{
	assert(a->size == b->size);
	for (size_t i = 0; i < a->nwords; i++)
		a->words[i] &= ~b->words[i];
}

void bitset_not(struct bitset *s)
{
	for (size_t i = 0; i < s->nwords; i++)
		s->words[i] = ~s->words[i];
	clear_beyond(s);
}

int64_t bitset_count(const struct bitset *s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->nwords; i++)
		n += __builtin_popcountll(s->words[i]);
	return n;
}

int64_t bitset_next(const struct bitset *s, int64_t from)
{
	size_t i;
	uint64_t word;

	if (from < 0)
		from = 0;
	if ((uint64_t)from >= s->size)
		return -1;
	i = (size_t)from / 64;
	word = s->words[i] & (UINT64_MAX << from % 64);
	while (!word) {
		if (++i == s->nwords)
			return -1;
		word = s->words[i];
	}
	return (int64_t)(i * 64) + __builtin_ctzll(word);
}
