/* SPDX-License-Identifier: Apache-2.0 */
/* num_format.c - numbers to text: the shortest digits that read back.
 *
 * The hard idea (Schubfach, by R. Giulietti): scale the double and the two
 * borders of what rounds to it by one power of ten, chosen so that at most
 * one multiple of ten and at least one integer lie between the borders. The
 * scaled values are kept as quarters, with the last bit set for "and a bit
 * more", so a few comparisons of integers decide; no loop, no retry.
 */
#include "indexer/base/num.h"

#include <math.h>
#include <string.h>

#include "indexer/base/num_pow10.h"

/* --- digits ------------------------------------------------------------- */

/* v in decimal so that its last digit lies before end; returns the first. */
static char *digits_before(char *end, uint64_t v)
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";

	for (; v >= 100; v /= 100) {
		end -= 2;
		memcpy(end, pairs + v % 100 * 2, 2);
	}
	if (v >= 10) {
		end -= 2;
		memcpy(end, pairs + v * 2, 2);
	} else {
		*--end = (char)('0' + v);
	}
	return end;
}

size_t num_format_i64(int64_t v, char *out)
{
	char digits[NUM_MAX], *end = digits + sizeof(digits);
	char *at = digits_before(end, v < 0 ? -(uint64_t)v : (uint64_t)v);
	size_t n;

	if (v < 0)
		*--at = '-';
	n = (size_t)(end - at);
	memcpy(out, at, n);
	out[n] = '\0';
	return n;
}

/* --- the shortest decimal ----------------------------------------------- */

struct decimal {
	uint64_t digits;
	int exponent;
};

/* g * cp / 2^128, with the last bit set if anything was cut off. g is too
 * large by less than one, which reaches no further than the lowest bit of the
 * fraction. */
static uint64_t scale(struct pow10 g, uint64_t cp)
{
	uint64_t low, high, fraction, carried;

	carried = mul128(g.low, cp, &low);
	high = mul128(g.high, cp, &fraction);
	fraction += carried;
	high += fraction < carried;
	return high | (fraction > 1);
}

/* Whole part of log10 of 2^q, or of 3/4 of it. */
static int log10_pow2(int q, bool three_quarters)
{
	return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

/* The shortest decimal that lies between lower and upper (quarters of units
 * of 10^k around value), and the nearest of those. */
static struct decimal choose(uint64_t lower, uint64_t value, uint64_t upper,
			     int k)
{
	uint64_t s = value / 4, tens = s / 10 * 40;
	bool below = lower <= tens, above = tens + 40 <= upper;

	if (s >= 10 && below != above)
		return (struct decimal){s / 10 + above, k + 1};
	below = lower <= 4 * s;
	above = 4 * s + 4 <= upper;
	if (below == above)
		above = value > 4 * s + 2 || (value == 4 * s + 2 && s & 1);
	return (struct decimal){s + above, k};
}

/* v > 0 and finite. */
static struct decimal shortest(double v)
{
	const uint64_t hidden = UINT64_C(1) << 52;
	uint64_t bits, c;
	int q, k, h;
	bool odd, uneven;
	struct pow10 g;

	memcpy(&bits, &v, sizeof(bits));
	c = bits & (hidden - 1);
	q = (int)(bits >> 52);
	/* The neighbour below a power of two is only half as far. */
	uneven = !c && q > 1;
	if (q)
		c |= hidden;
	q = (q ? q : 1) - 1075;
	odd = c & 1;
	k = log10_pow2(q, uneven);
	h = q + log2_pow10(-k) + 1;
	g = pow10_ceiling(-k);
	return choose(scale(g, (4 * c - (uneven ? 1 : 2)) << h) + odd,
		      scale(g, 4 * c << h), scale(g, (4 * c + 2) << h) - odd,
		      k);
}

/* Integers below 2^53 are their own shortest digits but for zeros. */
static struct decimal decimal_of(double v)
{
	if (v < 9007199254740992.0) {
		uint64_t whole = (uint64_t)v;

		if ((double)whole == v)
			return (struct decimal){whole, 0};
	}
	return shortest(v);
}

/* --- layout ------------------------------------------------------------- */

static char *put(char *at, const char *p, int n)
{
	memcpy(at, p, (size_t)n);
	return at + n;
}

static char *put_zeros(char *at, int n)
{
	memset(at, '0', (size_t)n);
	return at + n;
}

/* "e-07", "e+16", "e-308" */
static char *put_exponent(char *at, int exponent)
{
	*at++ = 'e';
	*at++ = exponent < 0 ? '-' : '+';
	if (exponent < 0)
		exponent = -exponent;
	if (exponent < 10)
		*at++ = '0';
	return at + num_format_i64(exponent, at);
}

/* n digits d of a number whose point stands behind the first "point" of
 * them. Python's layout: an exponent below 1e-4 and from 1e16 on. */
static char *lay_out(const char *d, int n, int point, char *at)
{
	if (point <= -4 || point > 16) {
		*at++ = *d;
		if (n > 1)
			*at++ = '.';
		at = put(at, d + 1, n - 1);
		return put_exponent(at, point - 1);
	}
	if (point <= 0) {
		at = put(at, "0.", 2);
		at = put_zeros(at, -point);
		return put(at, d, n);
	}
	if (n <= point) {
		at = put(at, d, n);
		at = put_zeros(at, point - n);
		return put(at, ".0", 2);
	}
	at = put(at, d, point);
	*at++ = '.';
	return put(at, d + point, n - point);
}

static char *put_positive(char *at, double v)
{
	char text[NUM_MAX], *end = text + sizeof(text), *first;
	struct decimal d = decimal_of(v);
	int n, point;

	first = digits_before(end, d.digits);
	point = (int)(end - first) + d.exponent;
	while (end - first > 1 && end[-1] == '0')
		end--;
	n = (int)(end - first);
	return lay_out(first, n, point, at);
}

size_t num_format_f64(double v, char *out)
{
	char *at = out;

	if (isnan(v))
		return (size_t)(stpcpy(out, "nan") - out);
	if (signbit(v)) {
		*at++ = '-';
		v = -v;
	}
	if (isinf(v))
		at = put(at, "inf", 3);
	else if (v == 0)
		at = put(at, "0.0", 3);
	else
		at = put_positive(at, v);
	*at = '\0';
	return (size_t)(at - out);
}
