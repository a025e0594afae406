/* SPDX-License-Identifier: Apache-2.0 */
/* sums.c - sums of blocks: made, written, compared.
 */
#include "indexer/objects/sums.h"

#include <stdlib.h>

#include "indexer/base/crc32c.h"
#include "indexer/base/text.h"

enum { CRC = 4, FIRST_ROOM = 64 };

static int64_t block_of(const struct sums *s)
{
	return INT64_C(1) << s->shift;
}

void sums_init(struct sums *s)
{
	*s = (struct sums){.shift = SUMS_SHIFT};
}

void sums_fini(struct sums *s)
{
	free(s->crc);
	s->crc = NULL;
}

static void make_room(struct sums *s)
{
	size_t room = s->room ? 2 * s->room : FIRST_ROOM;
	uint32_t *crc = reallocarray(s->crc, room, sizeof(*crc));

	s->failed = !crc;
	if (crc) {
		s->crc = crc;
		s->room = room;
	}
}

/* Half as many blocks, each of two. Their number is even. */
static void merge(struct sums *s)
{
	for (size_t i = 0; i < s->n / 2; i++)
		s->crc[i] = crc32c_join(s->crc[2 * i], s->crc[2 * i + 1],
					(uint64_t)block_of(s));
	s->n /= 2;
	s->shift++;
}

/* The total is kept even where the blocks cannot be: then all that follows is
 * one block without an end. */
static void end_block(struct sums *s)
{
	if (s->n == s->room)
		make_room(s);
	if (s->failed)
		return;
	s->crc[s->n++] = s->last;
	s->last = 0;
	s->filled = 0;
}

/* How many of n bytes belong to the block at the end. */
static size_t before_end(struct sums *s, size_t n)
{
	int64_t left;

	if (s->failed)
		return n;
	if (s->n == SUMS_BLOCKS)
		merge(s);
	left = block_of(s) - s->filled;
	return n < (uint64_t)left ? n : (size_t)left;
}

void sums_add(struct sums *s, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		size_t now = before_end(s, n);

		s->last = crc32c(s->last, at, now);
		s->filled += (int64_t)now;
		at += now;
		n -= now;
		if (!s->failed && s->filled == block_of(s))
			end_block(s);
	}
}

uint32_t sums_total(const struct sums *s)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < s->n; i++)
		crc = crc32c_join(crc, s->crc[i], (uint64_t)block_of(s));
	return crc32c_join(crc, s->last, (uint64_t)s->filled);
}

static void put_crc(struct buf *b, uint32_t crc)
{
	const char bytes[CRC] = {(char)crc, (char)(crc >> 8), (char)(crc >> 16),
				 (char)(crc >> 24)};

	buf_add(b, bytes, CRC);
}

void sums_write(const struct sums *s, struct buf *b)
{
	const char shift = (char)s->shift;

	if (s->failed)
		return;
	buf_add(b, &shift, 1);
	for (size_t i = 0; i < s->n; i++)
		put_crc(b, s->crc[i]);
	if (s->filled)
		put_crc(b, s->last);
}

struct str sums_as_hex(struct arena *a, struct str text)
{
	char *hex = text.n ? arena_alloc(a, 2 * text.n + 1) : NULL;

	if (!hex)
		return STR_NONE;
	hex_encode(text.p, text.n, hex);
	return str_n(hex, 2 * text.n);
}

bool sums_valid(struct str text, int64_t size)
{
	int shift = text.n ? (unsigned char)text.p[0] : 0;
	int64_t block, blocks;

	/* Of one size there is but one form: the smallest blocks that do. */
	if (shift < SUMS_SHIFT || shift > SUMS_SHIFT_MAX || size < 0)
		return false;
	block = INT64_C(1) << shift;
	blocks = size / block + (size % block != 0);
	if (shift > SUMS_SHIFT && size <= SUMS_BLOCKS * (block / 2))
		return false;
	return blocks <= SUMS_BLOCKS && text.n == 1 + CRC * (size_t)blocks;
}

int64_t sums_block(struct str text)
{
	return INT64_C(1) << (unsigned char)text.p[0];
}

bool sums_check(struct str text, int64_t i, const void *p, size_t n)
{
	const unsigned char *at = (const unsigned char *)text.p + 1 + CRC * i;

	return crc32c(0, p, n) ==
	       ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
		(uint32_t)at[3] << 24);
}
