/* SPDX-License-Identifier: Apache-2.0 */
/* sums.c - sums of blocks: whatever the pieces they came in, however many. */
#include "indexer/objects/sums.h"

#include <stdlib.h>

#include "indexer/base/crc32c.h"
#include "indexer/objects/digest.h"
#include "tests/tap.h"

enum { MIB = 1 << 20 };

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525U + 1013904223U;
		p[i] = (unsigned char)(seed >> 24);
	}
}

static void joined(void)
{
	static unsigned char data[3000];
	bool ok = true;

	fill(data, sizeof(data), 1);
	for (size_t cut = 0; cut <= sizeof(data); cut += 61) {
		uint32_t a = crc32c(0, data, cut);
		uint32_t b = crc32c(0, data + cut, sizeof(data) - cut);

		ok = ok && crc32c_join(a, b, sizeof(data) - cut) ==
				   crc32c(0, data, sizeof(data));
	}
	ok(ok, "two sums are joined as if the bytes had been one piece");
}

static void add_in_pieces(struct sums *s, const unsigned char *p, size_t n,
			  size_t piece)
{
	for (size_t at = 0; at < n; at += piece)
		sums_add(s, p + at, n - at < piece ? n - at : piece);
}

static bool all_blocks(struct str text, unsigned char *p, size_t n)
{
	size_t block = (size_t)sums_block(text);
	bool ok = true;

	for (size_t at = 0; at < n; at += block) {
		size_t now = n - at < block ? n - at : block;

		ok = ok && sums_check(text, (int64_t)(at / block), p + at, now);
		p[at + now / 2] ^= 4;
		ok = ok &&
		     !sums_check(text, (int64_t)(at / block), p + at, now);
		p[at + now / 2] ^= 4;
	}
	return ok;
}

static void pieces(void)
{
	static const size_t sizes[] = {5 * MIB, 5 * MIB + 1, 6 * MIB - 1};
	unsigned char *data = malloc(6 * MIB);

	fill(data, 6 * MIB, 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buf text;
		struct sums s;

		buf_init(&text, SUMS_BYTES);
		sums_init(&s);
		add_in_pieces(&s, data, sizes[i], 100003);
		sums_write(&s, &text);
		ok(sums_valid(buf_view(&text), (int64_t)sizes[i]),
		   "there are as many as blocks");
		ok(sums_total(&s) == crc32c(0, data, sizes[i]), "their total");
		ok(all_blocks(buf_view(&text), data, sizes[i]),
		   "each block is known, and a wrong bit in it");
		sums_fini(&s);
		buf_fini(&text);
	}
	free(data);
}

/* Past 16 GiB: the same MiB over and over. */
static void large(void)
{
	const int64_t mibs = 16 * 1024 + 3;
	unsigned char *data = malloc(MIB);
	struct buf text;
	struct sums s;

	fill(data, MIB, 9);
	buf_init(&text, SUMS_BYTES);
	sums_init(&s);
	for (int64_t i = 0; i < mibs; i++)
		sums_add(&s, data, MIB);
	sums_write(&s, &text);
	ok(sums_valid(buf_view(&text), mibs * MIB), "sums of 16 GiB and more");
	is_i64(sums_block(buf_view(&text)), 512 << 10, "blocks twice as large");
	ok(sums_check(buf_view(&text), 32770, data, 512 << 10) &&
		   sums_check(buf_view(&text), 32771, data + (512 << 10),
			      512 << 10),
	   "blocks made of two, and those after them");
	sums_fini(&s);
	buf_fini(&text);
	free(data);
}

static void wrong(void)
{
	static char text[1 + 4 * 21];

	ok(!sums_valid(STR_NONE, 5 * MIB), "none are none");
	text[0] = 18;
	ok(!sums_valid(str_n(text, 1 + 4 * 19), 5 * MIB), "too few");
	ok(sums_valid(str_n(text, 1 + 4 * 20), 5 * MIB), "as many as blocks");
	ok(!sums_valid(str_n(text, 1 + 4 * 20 + 1), 5 * MIB), "a byte more");
	ok(!sums_valid(str_n(text, 1 + 4 * 20), -1), "a size below nothing");
	text[0] = 19;
	ok(!sums_valid(str_n(text, 1 + 4 * 10), 5 * MIB), "larger than needed");
	text[0] = 63;
	ok(!sums_valid(str_n(text, 5), 5 * MIB), "a block beyond all sizes");
	text[0] = 3;
	ok(!sums_valid(str_n(text, sizeof(text)), 160), "too small a block");
}

static void of_a_digest(void)
{
	unsigned char *data = malloc(5 * MIB);
	struct object_digest d;
	struct buf text;
	struct err e;

	fill(data, 5 * MIB, 3);
	buf_init(&text, SUMS_BYTES);
	for (size_t n = 4 * MIB - 1; n < 4 * MIB + 2; n += 2) {
		struct digest *digest = digest_new(&e);

		digest_sums(digest, &text);
		digest_add(digest, data, n, &e);
		digest_finish(digest, &d, &e);
		digest_free(digest);
		is_i64((int64_t)text.n, n < SUMS_FROM ? 0 : 1 + 4 * 17,
		       "a digest gives them from a size on");
	}
	buf_fini(&text);
	free(data);
}

int main(void)
{
	joined();
	pieces();
	large();
	wrong();
	of_a_digest();
	return tap_done();
}
