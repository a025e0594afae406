/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-block.c - packed points of any kind: an error, or points that come
 * back once packed again. Input: a byte (0: a tail row, else a block), the
 * number of points in two bytes, and the bytes. Both are sealed here, so that
 * what lies behind the checksum is reached.
 */
#include <stdlib.h>

#include "indexer/index/block.h"
#include "indexer/index/seal.h"
#include "indexer/index/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20 };

static void must(bool good)
{
	if (!good)
		abort();
}

static void again(struct codec *c, const struct point *p, size_t n)
{
	struct point *back = calloc(n, sizeof(*back));
	struct buf out;
	struct err e;

	must(back != NULL);
	buf_init(&out, 1 << 20);
	must(block_pack(c, p, n, &out, &e) == 0);
	must(block_unpack(c, buf_view(&out), back, n, &e) == 0);
	for (size_t i = 0; i < n; i++)
		must(point_same(&p[i], &back[i]));
	buf_fini(&out);
	free(back);
}

static char *sealed(const uint8_t *data, size_t size, unsigned char version)
{
	char *p = malloc(SEAL + size);

	must(p != NULL);
	memcpy(p + SEAL, data, size);
	seal_put(p, SEAL + size, version);
	return p;
}

static void try_block(const uint8_t *data, size_t size, size_t n)
{
	struct codec *c = codec_new();
	struct point *p = calloc(BLOCK_POINTS, sizeof(*p));
	char *block = sealed(data, size, BLOCK_VERSION);
	struct err e;

	must(p != NULL);
	if (block_unpack(c, str_n(block, SEAL + size), p, n, &e) == 0)
		again(c, p, n);
	free(block);
	free(p);
	codec_free(c);
}

static void try_chunk(const struct tail_chunk *c)
{
	struct point *p = calloc(c->most, sizeof(*p));
	struct err e;
	size_t n;

	must(p && c->most);
	if (tail_points(c, p, &n, &e) == 0)
		must(n > 0 && n <= c->most);
	free(p);
}

static void try_tail(const uint8_t *data, size_t size)
{
	char *row = sealed(data, size, TAIL_VERSION);
	struct tail_reader t;
	struct tail_chunk c;
	struct err e;

	must(tail_open(&t, str_n(row, SEAL + size), &e) == 0);
	while (tail_next(&t, &c, &e) > 0)
		try_chunk(&c);
	free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3 || size > MOST)
		return 0;
	if (data[0])
		try_block(data + 3, size - 3, data[1] | (size_t)data[2] << 8);
	else
		try_tail(data + 3, size - 3);
	return 0;
}
