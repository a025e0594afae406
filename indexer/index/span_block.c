/* SPDX-License-Identifier: Apache-2.0 */
/* span_block.c - see span_block.h.
 *
 * The frame around a block: checksum and zstd. What lies in it is made by
 * span_pack.c and read by span_unpack.c.
 */
#include "indexer/index/span_block.h"

#include <stdlib.h>
#include <zstd.h>

#include "indexer/base/crc32c.h"
#include "indexer/base/scope.h"
#include "indexer/base/varint.h"
#include "indexer/index/span_raw.h"

enum {
	PREFIX = 1 + 4, /* version and CRC */
	HEADER_MAX = PREFIX + 1 + VARINT_MAX,
	PLAIN = 0,
	ZSTD = 1,
	ZSTD_LEVEL = 3,
	ZSTD_LEAST = 64, /* fewer bytes stay as they are */
};

struct span_codec {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

struct span_codec *span_codec_new(void)
{
	struct span_codec *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	return c;
}

void span_codec_free(struct span_codec *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	free(c);
}

/* --- packing ------------------------------------------------------------- */

static void put_crc(unsigned char *at, uint32_t crc)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(crc >> 8 * i);
}

/* Bytes written at out, or 0 where plain ones are no more. */
static size_t compress(struct span_codec *c, struct str raw, char *out,
		       size_t room)
{
	size_t n;

	if (raw.n < ZSTD_LEAST)
		return 0;
	if (!c->pack)
		c->pack = ZSTD_createCCtx();
	if (!c->pack)
		abort();
	n = ZSTD_compressCCtx(c->pack, out, room, raw.p, raw.n, ZSTD_LEVEL);
	return ZSTD_isError(n) || n >= raw.n ? 0 : n;
}

/* Into room for HEADER_MAX and the bytes that zstd may take; how many. */
static size_t frame(struct span_codec *c, struct str raw, char *at)
{
	unsigned char *head = (unsigned char *)at;
	unsigned char *body = varint_put(head + PREFIX + 1, raw.n);
	size_t n = compress(c, raw, (char *)body, ZSTD_COMPRESSBOUND(raw.n));

	head[0] = SPAN_BLOCK_VERSION;
	head[PREFIX] = n ? ZSTD : PLAIN;
	if (!n) {
		memcpy(body, raw.p, raw.n);
		n = raw.n;
	}
	n += (size_t)(body - head);
	put_crc(head + 1, crc32c(0, head + PREFIX, n - PREFIX));
	return n;
}

int span_block_pack(struct span_codec *c, const struct otlp_span *spans,
		    size_t n, struct buf *out, struct err *e)
{
	SCOPED(buf_fini) struct buf raw;
	char *at;

	buf_init(&raw, SPAN_BLOCK_RAW);
	span_raw_pack(spans, n, &raw);
	if (!buf_ok(&raw))
		return err_set(e, ERR_TOO_LARGE,
			       "the spans of a trace have more than %d bytes",
			       SPAN_BLOCK_RAW);
	at = buf_room(out, HEADER_MAX + ZSTD_COMPRESSBOUND(raw.n));
	if (!at)
		return err_set(e, ERR_TOO_LARGE, "too many spans at once");
	buf_added(out, frame(c, buf_view(&raw), at));
	return 0;
}

/* --- unpacking ----------------------------------------------------------- */

static int damaged(const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "stored spans are damaged: %s", what);
}

static int check_prefix(struct str block, struct err *e)
{
	const unsigned char *p = (const unsigned char *)block.p;
	uint32_t crc = 0;

	if (block.n < PREFIX + 2)
		return damaged("cut short", e);
	if (p[0] != SPAN_BLOCK_VERSION)
		return damaged("of an unknown form", e);
	for (int i = 0; i < 4; i++)
		crc |= (uint32_t)p[1 + i] << 8 * i;
	if (crc32c(0, p + PREFIX, block.n - PREFIX) != crc)
		return damaged("the checksum differs", e);
	return 0;
}

static int expand(struct span_codec *c, struct str packed, char *out, size_t n,
		  struct err *e)
{
	size_t got;

	if (!c->unpack)
		c->unpack = ZSTD_createDCtx();
	if (!c->unpack)
		abort();
	got = ZSTD_decompressDCtx(c->unpack, out, n, packed.p, packed.n);
	if (ZSTD_isError(got) || got != n)
		return damaged("no zstd frame of its length", e);
	return 0;
}

/* What lies in the frame, in the arena. */
static int open_frame(struct span_codec *c, struct str block, struct arena *a,
		      struct str *ret, struct err *e)
{
	const unsigned char *end = (const unsigned char *)block.p + block.n;
	const unsigned char *p = (const unsigned char *)block.p + PREFIX;
	unsigned char kind = *p++;
	uint64_t n;
	char *raw;
	struct str packed;

	p = varint_get(p, end, &n);
	if (!p || n > SPAN_BLOCK_RAW || kind > ZSTD)
		return damaged("a bad header", e);
	packed = str_n((const char *)p, (size_t)(end - p));
	if (kind == PLAIN && packed.n != n)
		return damaged("of another length", e);
	raw = arena_alloc(a, (size_t)n + 1);
	if (!raw)
		return arena_full(a, e);
	*ret = str_n(raw, (size_t)n);
	if (kind == ZSTD)
		return expand(c, packed, raw, (size_t)n, e);
	memcpy(raw, packed.p, (size_t)n);
	return 0;
}

int span_block_unpack(struct span_codec *c, struct str block, struct arena *a,
		      struct otlp_span **ret, size_t *ret_n, struct err *e)
{
	struct str raw;

	if (check_prefix(block, e) < 0 || open_frame(c, block, a, &raw, e) < 0)
		return -1;
	return span_raw_unpack(raw, a, ret, ret_n, e);
}
