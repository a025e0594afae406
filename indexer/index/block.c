/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - points to columns to bytes, and back.
 *
 * The hard idea: a column becomes planes of bytes, and each plane is a block
 * of its own within one zstd frame (by a flush), so that each gets its own
 * Huffman table: noise in the low bytes does not spoil the order in the high
 * ones. Values are tried in two forms, as the bits of doubles (sign moved to
 * the low end, so that neighbours on either side of 0 stay near) and, where
 * every one of them is a short decimal, as those decimals' digits; the form
 * with fewer bits is taken.
 */
#include "indexer/index/block.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "indexer/base/varint.h"
#include "indexer/index/column.h"
#include "indexer/index/seal.h"

enum {
	STEPS,
	TIMES,
	VALUES,
	COLUMNS,
	PLANES_BYTES = COLUMNS * 8 * BLOCK_POINTS,
	HEADER_MAX = SEAL + 1 + VARINT_MAX + COLUMNS * COLUMN_HEADER_MAX,
	ZSTD_LEVEL = 1,
	ZSTD_LEAST = 24,    /* fewer bytes of planes stay as they are */
	FLUSH_LEAST = 1024, /* shorter planes share a Huffman table */
	DIGITS_MAX = 22,    /* 10^22 is the last exact power of ten */
	KIND_ZSTD = 1,
};

/* Below this magnitude adding and subtracting it rounds to an integer. */
static const double ROUNDER = 0x1.8p52;
static const double EXACT = 0x1p51;

static const double TEN[DIGITS_MAX + 1] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

struct codec {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
	uint64_t x[COLUMNS][BLOCK_POINTS], decimals[BLOCK_POINTS];
	unsigned char planes[PLANES_BYTES];
};

struct codec *codec_new(void)
{
	struct codec *c = malloc(sizeof(*c));

	if (!c)
		abort();
	c->pack = NULL;
	c->unpack = NULL;
	return c;
}

void codec_free(struct codec *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	free(c);
}

void block_summarize(const struct point *p, size_t n, struct block_summary *ret)
{
	struct block_summary s = {.count = (int64_t)n,
				  .min_step = p->step,
				  .max_step = p->step,
				  .min_time = p->time,
				  .max_time = p->time,
				  .sorted = true};

	for (size_t i = 0; i < n; i++) {
		s.min_step = p[i].step < s.min_step ? p[i].step : s.min_step;
		s.max_step = p[i].step > s.max_step ? p[i].step : s.max_step;
		s.min_time = p[i].time < s.min_time ? p[i].time : s.min_time;
		s.max_time = p[i].time > s.max_time ? p[i].time : s.max_time;
		if (i && point_compare_history(&p[i - 1], &p[i]) > 0)
			s.sorted = false;
	}
	*ret = s;
}

int64_t block_text(const struct point *p, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (int64_t)point_text_length(&p[i]);
	return sum;
}

static uint64_t value_bits(double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	return u << 1 | u >> 63;
}

static double bits_value(uint64_t u)
{
	double v;

	u = u >> 1 | u << 63;
	memcpy(&v, &u, sizeof(v));
	return v;
}

/* v as an integer of units of 10^-digits, if it is exactly one. */
static bool decimal(double v, unsigned digits, int64_t *ret)
{
	double t = v * TEN[digits], back;

	if (!(t > -EXACT && t < EXACT))
		return false;
	t = (t + ROUNDER) - ROUNDER;
	back = t / TEN[digits];
	*ret = (int64_t)t;
	return memcmp(&back, &v, sizeof(v)) == 0;
}

/* Fills x with decimals of as few digits as serve for all; false if there is
 * no such number of digits. */
static bool decimals(const struct point *p, size_t n, uint64_t *x,
		     unsigned *ret_digits)
{
	unsigned digits = 0;
	int64_t m;

	for (size_t i = 0; i < n; i++)
		while (!decimal(p[i].value, digits, &m))
			if (++digits > DIGITS_MAX)
				return false;
	for (size_t i = 0; i < n; i++) {
		if (!decimal(p[i].value, digits, &m))
			return false;
		x[i] = (uint64_t)m;
	}
	*ret_digits = digits;
	return true;
}

/* Fills the columns; returns the form of the values for the kind byte. */
static unsigned split(struct codec *c, const struct point *p, size_t n,
		      struct column *col)
{
	struct column dec;
	unsigned digits;
	uint64_t cost = 0;

	for (size_t i = 0; i < n; i++) {
		c->x[STEPS][i] = (uint64_t)p[i].step;
		c->x[TIMES][i] = (uint64_t)p[i].time;
		c->x[VALUES][i] = value_bits(p[i].value);
	}
	for (int k = 0; k < COLUMNS; k++)
		cost = column_choose(&col[k], c->x[k], n);
	if (!decimals(p, n, c->decimals, &digits) ||
	    column_choose(&dec, c->decimals, n) > cost)
		return 0;
	col[VALUES] = dec;
	memcpy(c->x[VALUES], c->decimals, n * sizeof(*c->decimals));
	return digits + 1;
}

static int zstd_failed(size_t code, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(code));
}

static int compress_begin(struct codec *c, size_t total, struct err *e)
{
	size_t bad;

	if (!c->pack)
		c->pack = ZSTD_createCCtx();
	if (!c->pack)
		abort();
	bad = ZSTD_CCtx_reset(c->pack, ZSTD_reset_session_and_parameters);
	if (!ZSTD_isError(bad))
		bad = ZSTD_CCtx_setParameter(c->pack, ZSTD_c_compressionLevel,
					     ZSTD_LEVEL);
	if (!ZSTD_isError(bad))
		bad = ZSTD_CCtx_setParameter(c->pack, ZSTD_c_contentSizeFlag,
					     0);
	if (!ZSTD_isError(bad))
		bad = ZSTD_CCtx_setPledgedSrcSize(c->pack, total);
	return ZSTD_isError(bad) ? zstd_failed(bad, e) : 0;
}

/* One piece of the frame; room is enough for the worst case, so that a flush
 * ends in one call. */
static int compress_piece(struct codec *c, const unsigned char *p, size_t n,
			  ZSTD_outBuffer *out, bool last, struct err *e)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left = ZSTD_compressStream2(c->pack, out, &in,
					   last ? ZSTD_e_end : ZSTD_e_flush);

	if (ZSTD_isError(left))
		return zstd_failed(left, e);
	return left ? err_set(e, ERR_INTERNAL, "zstd: no room") : 0;
}

/* The frame of all planes into out, each column cut into its planes. */
static int compress(struct codec *c, const struct column *col, size_t n,
		    size_t total, ZSTD_outBuffer *out, struct err *e)
{
	const unsigned char *p = c->planes, *end = p + total;

	if (compress_begin(c, total, e))
		return -1;
	if (n < FLUSH_LEAST)
		return compress_piece(c, p, total, out, true, e);
	for (int k = 0; k < COLUMNS; k++) {
		size_t m = column_length(&col[k], n);

		for (unsigned j = 0; j < col[k].planes; j++, p += m)
			if (compress_piece(c, p, m, out, p + m == end, e))
				return -1;
	}
	return 0;
}

int block_pack(struct codec *c, const struct point *p, size_t n,
	       struct buf *out, struct err *e)
{
	unsigned char *block, *at, *end = c->planes;
	struct column col[COLUMNS];
	unsigned form;
	size_t total;

	assert(n > 0 && n <= BLOCK_POINTS);
	block = (unsigned char *)buf_room(out, BLOCK_BYTES);
	if (!block)
		return err_set(e, ERR_TOO_LARGE, "block: no memory");
	form = split(c, p, n, col);
	at = varint_put(block + SEAL + 1, n);
	for (int k = 0; k < COLUMNS; k++) {
		column_reduce(&col[k], c->x[k], n);
		end = column_planes(&col[k], c->x[k], n, end);
		at = column_header_put(&col[k], at);
	}
	total = (size_t)(end - c->planes);
	block[SEAL] = (unsigned char)(form << 1);
	if (total >= ZSTD_LEAST) {
		ZSTD_outBuffer z = {at, ZSTD_COMPRESSBOUND(total) + 256, 0};

		if (compress(c, col, n, total, &z, e))
			return -1;
		if (z.pos < total) {
			block[SEAL] |= KIND_ZSTD;
			total = z.pos;
		}
	}
	if (!(block[SEAL] & KIND_ZSTD))
		memcpy(at, c->planes, total);
	at += total;
	seal_put(block, (size_t)(at - block), BLOCK_VERSION);
	buf_added(out, (size_t)(at - block));
	return 0;
}

static int corrupt(const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "block of points: %s", what);
}

/* Where the planes are, decompressed if need be; NULL where they are not
 * total bytes. */
static const unsigned char *open_planes(struct codec *c, bool zstd,
					const unsigned char *p, size_t n,
					size_t total)
{
	if (!zstd)
		return n == total ? p : NULL;
	if (!c->unpack)
		c->unpack = ZSTD_createDCtx();
	if (!c->unpack)
		abort();
	if (ZSTD_decompressDCtx(c->unpack, c->planes, sizeof(c->planes), p,
				n) != total)
		return NULL;
	return c->planes;
}

static void join(const struct codec *c, unsigned form, size_t n,
		 struct point *out)
{
	const uint64_t *value = c->x[VALUES];

	for (size_t i = 0; i < n; i++) {
		out[i].step = (int64_t)c->x[STEPS][i];
		out[i].time = (int64_t)c->x[TIMES][i];
	}
	if (form) {
		double unit = TEN[form - 1];

		for (size_t i = 0; i < n; i++)
			out[i].value = (double)(int64_t)value[i] / unit;
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i].value = bits_value(value[i]);
}

static int unpack_body(struct codec *c, const unsigned char *p,
		       const unsigned char *end, struct point *out, size_t n,
		       struct err *e)
{
	struct column col[COLUMNS];
	unsigned kind = *p++, form = kind >> 1;
	uint64_t count;
	size_t total = 0;

	p = varint_get(p, end, &count);
	if (!p || count != n)
		return corrupt("not as many as there should be", e);
	if (form > DIGITS_MAX + 1)
		return corrupt("unknown form of values", e);
	for (int k = 0; k < COLUMNS; k++) {
		p = column_header_get(&col[k], n, p, end);
		if (!p)
			return corrupt("bad column", e);
		total += col[k].planes * column_length(&col[k], n);
	}
	p = open_planes(c, kind & KIND_ZSTD, p, (size_t)(end - p), total);
	if (!p)
		return corrupt("bad planes", e);
	for (int k = 0; k < COLUMNS; k++) {
		column_restore(&col[k], p, n, c->x[k]);
		p += col[k].planes * column_length(&col[k], n);
	}
	join(c, form, n, out);
	return 0;
}

int block_unpack(struct codec *c, struct str data, struct point *out, size_t n,
		 struct err *e)
{
	const unsigned char *p = (const unsigned char *)data.p;

	if (!n || n > BLOCK_POINTS)
		return corrupt("more than a block holds", e);
	if (data.n < SEAL + 2 || p[0] != BLOCK_VERSION)
		return corrupt("unknown version", e);
	if (!seal_holds(p, data.n))
		return corrupt("checksum differs", e);
	return unpack_body(c, p + SEAL, p + data.n, out, n, e);
}
