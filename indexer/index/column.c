/* SPDX-License-Identifier: Apache-2.0 */
/* column.c - differences and planes, forth and back.
 *
 * The hard idea: differencing k times in place leaves the seed of level j at
 * index j, so the same array holds seeds and residuals and the way back is
 * one loop with k accumulators.
 */
#include "indexer/index/column.h"

#include <string.h>

#include "indexer/base/varint.h"

static unsigned width(uint64_t u)
{
	return u ? 64 - (unsigned)__builtin_clzll(u) : 0;
}

static uint64_t least(const uint64_t *x, size_t n)
{
	int64_t min = INT64_MAX;

	for (size_t i = 0; i < n; i++)
		if ((int64_t)x[i] < min)
			min = (int64_t)x[i];
	return (uint64_t)min;
}

uint64_t column_choose(struct column *c, const uint64_t *x, size_t n)
{
	uint64_t min = least(x, n), last[COLUMN_ORDER_MAX + 1] = {0};
	uint64_t cost[COLUMN_ORDER_MAX + 1] = {width(zigzag((int64_t)min))};

	for (size_t i = 0; i < n; i++) {
		uint64_t d = x[i];
		unsigned bits = 0;

		cost[0] += width(d - min);
		for (unsigned k = 1; k <= COLUMN_ORDER_MAX; k++) {
			if (k <= i + 1) {
				uint64_t up = d - last[k];

				last[k] = d;
				d = up;
				bits = width(zigzag((int64_t)d));
			}
			cost[k] += bits;
		}
	}
	c->order = 0;
	for (unsigned k = 1; k <= COLUMN_ORDER_MAX && k < n; k++)
		if (cost[k] < cost[c->order])
			c->order = k;
	return cost[c->order];
}

size_t column_length(const struct column *c, size_t n)
{
	return n - c->order;
}

static unsigned shared_zeros(const uint64_t *x, size_t n)
{
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= x[i];
	return any ? (unsigned)__builtin_ctzll(any) : 0;
}

void column_reduce(struct column *c, uint64_t *x, size_t n)
{
	uint64_t *r = x + c->order, any = 0;
	size_t m = column_length(c, n);

	for (unsigned k = 1; k <= c->order; k++)
		for (size_t i = n - 1; i >= k; i--)
			x[i] -= x[i - 1];
	for (unsigned k = 0; k < c->order; k++)
		c->seeds[k] = x[k];
	if (!c->order) {
		c->seeds[0] = least(x, n);
		for (size_t i = 0; i < n; i++)
			x[i] -= c->seeds[0];
	}
	c->shift = shared_zeros(r, m);
	for (size_t i = 0; i < m; i++) {
		r[i] = c->order ? zigzag((int64_t)r[i] >> c->shift)
				: r[i] >> c->shift;
		any |= r[i];
	}
	c->planes = (width(any) + 7) / 8;
}

unsigned char *column_planes(const struct column *c, const uint64_t *x,
			     size_t n, unsigned char *out)
{
	const uint64_t *r = x + c->order;
	size_t m = column_length(c, n);

	for (unsigned k = 0; k < c->planes; k++)
		for (size_t i = 0; i < m; i++)
			*out++ = (unsigned char)(r[i] >> 8 * k);
	return out;
}

static unsigned seeds(const struct column *c)
{
	return c->order ? c->order : 1;
}

unsigned char *column_header_put(const struct column *c, unsigned char *out)
{
	*out++ = (unsigned char)(c->order | c->planes << 4);
	*out++ = (unsigned char)c->shift;
	for (unsigned k = 0; k < seeds(c); k++)
		out = varint_put(out, zigzag((int64_t)c->seeds[k]));
	return out;
}

const unsigned char *column_header_get(struct column *c, size_t n,
				       const unsigned char *p,
				       const unsigned char *end)
{
	if (end - p < 2)
		return NULL;
	c->order = p[0] & 15;
	c->planes = p[0] >> 4;
	c->shift = p[1];
	if (c->order > COLUMN_ORDER_MAX || (c->order && c->order >= n) ||
	    c->planes > 8 || c->shift > 63)
		return NULL;
	p += 2;
	for (unsigned k = 0; k < seeds(c); k++) {
		uint64_t u;

		p = varint_get(p, end, &u);
		if (!p)
			return NULL;
		c->seeds[k] = (uint64_t)unzigzag(u);
	}
	return p;
}

/* Bytes of the planes back into numbers, eight at a time so that the inner
 * loop has a constant length and becomes vector code. */
static void gather(const unsigned char *p, unsigned planes, size_t m,
		   uint64_t *r)
{
	memset(r, 0, m * sizeof(*r));
	for (unsigned k = 0; k < planes; k++, p += m) {
		size_t i = 0;

		for (; i + 8 <= m; i += 8)
			for (size_t j = 0; j < 8; j++)
				r[i + j] |= (uint64_t)p[i + j] << 8 * k;
		for (; i < m; i++)
			r[i] |= (uint64_t)p[i] << 8 * k;
	}
}

static void sum_up(const struct column *c, uint64_t *x, size_t n)
{
	uint64_t a = c->seeds[0], b = c->seeds[1], d = c->seeds[2];
	size_t i = c->order;

	switch (c->order) {
	case 1:
		for (; i < n; i++)
			x[i] = a += x[i];
		break;
	case 2:
		a += b;
		for (; i < n; i++)
			x[i] = a += b += x[i];
		break;
	default:
		b += d;
		a += c->seeds[1] + b;
		for (; i < n; i++)
			x[i] = a += b += d += x[i];
	}
}

void column_restore(const struct column *c, const unsigned char *p, size_t n,
		    uint64_t *out)
{
	uint64_t *r = out + c->order;
	size_t m = column_length(c, n);

	gather(p, c->planes, m, r);
	if (!c->order) {
		for (size_t i = 0; i < m; i++)
			r[i] = c->seeds[0] + (r[i] << c->shift);
		return;
	}
	for (size_t i = 0; i < m; i++)
		r[i] = (uint64_t)unzigzag(r[i]) << c->shift;
	out[0] = c->seeds[0];
	if (c->order > 1)
		out[1] = out[0] + c->seeds[1];
	if (c->order > 2)
		out[2] = out[1] + c->seeds[1] + c->seeds[2];
	sum_up(c, out, n);
}
