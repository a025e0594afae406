/* SPDX-License-Identifier: Apache-2.0 */
/* num.c - exact conversions between doubles and decimal text.
 *
 * The hard idea: digits times a power of ten is one correctly rounded
 * operation while both are exact doubles (below 2^53 and up to 10^22), so
 * most numbers need no long arithmetic in either direction. The rest goes
 * through strtod and printf on text without a radix character, which no
 * locale can change.
 */
#include "indexer/base/num.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/base/num_scan.h"

enum { EXACT_POWER = 22, KEPT_DIGITS = 800, EXPONENT_MOST = 1000000 };

static const double powers[EXACT_POWER + 1] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool num_parse_i64(struct str s, int64_t *ret)
{
	bool negative = s.n && s.p[0] == '-';
	size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
	int64_t v = 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9 ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, digit, &v))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, v, &v))
		return false;
	*ret = v;
	return true;
}

size_t num_format_i64(int64_t v, char *out)
{
	char digits[NUM_MAX];
	char *at = digits + sizeof(digits);
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	size_t n;

	do
		*--at = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--at = '-';
	n = (size_t)(digits + sizeof(digits) - at);
	memcpy(out, at, n);
	out[n] = '\0';
	return n;
}

bool num_compose(uint64_t digits, int64_t exponent, double *ret)
{
	if (digits >> 53)
		return false;
	if (exponent >= 0 && exponent <= EXACT_POWER)
		*ret = (double)digits * powers[exponent];
	else if (exponent < 0 && exponent >= -EXACT_POWER)
		*ret = (double)digits / powers[-exponent];
	else
		return false;
	return true;
}

/* nan, inf, infinity in any case. */
static bool parse_special(struct str s, double *ret)
{
	if (str_eq_nocase(s, STR("nan")))
		*ret = (double)NAN;
	else if (str_eq_nocase(s, STR("inf")) ||
		 str_eq_nocase(s, STR("infinity")))
		*ret = (double)INFINITY;
	else
		return false;
	return true;
}

/* A decimal number laid out for strtod: digits (the point taken out, leading
 * zeros dropped, those beyond KEPT_DIGITS replaced by one that only tells
 * that they were there), and the power of ten they are multiplied with. */
struct decimal {
	char digits[KEPT_DIGITS + 32];
	size_t n;
	int64_t exponent;
	bool any;
};

static void add_digit(struct decimal *d, char c, bool fraction)
{
	d->any = true;
	if (d->n < KEPT_DIGITS) {
		if (c != '0' || d->n)
			d->digits[d->n++] = c;
		d->exponent -= fraction;
	} else {
		if (c != '0')
			d->digits[d->n - 1] |= 1;
		d->exponent += !fraction;
	}
}

/* Digits and point at the front of s; returns how many bytes. */
static size_t scan_digits(struct str s, struct decimal *d)
{
	bool fraction = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !fraction)
			fraction = true;
		else if (s.p[i] >= '0' && s.p[i] <= '9')
			add_digit(d, s.p[i], fraction);
		else
			break;
	}
	return i;
}

/* "e-12" at the front and nothing behind it; empty is 0. */
static bool scan_exponent(struct str s, struct decimal *d)
{
	bool negative = s.n > 1 && s.p[1] == '-';
	size_t i = 1 + (s.n > 1 && (s.p[1] == '-' || s.p[1] == '+'));
	int64_t v = 0;

	if (!s.n)
		return true;
	if ((s.p[0] != 'e' && s.p[0] != 'E') || i >= s.n)
		return false;
	for (; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (v < EXPONENT_MOST)
			v = v * 10 + (s.p[i] - '0');
	}
	d->exponent += negative ? -v : v;
	return true;
}

static bool decimal_value(struct decimal *d, double *ret)
{
	uint64_t small = 0;

	if (!d->n) {
		*ret = 0;
		return true;
	}
	for (size_t i = 0; i < d->n && d->n <= 18; i++)
		small = small * 10 + (uint64_t)(d->digits[i] - '0');
	if (d->n <= 18 && num_compose(small, d->exponent, ret))
		return true;
	snprintf(d->digits + d->n, sizeof(d->digits) - d->n, "e%lld",
		 (long long)d->exponent);
	*ret = strtod(d->digits, NULL);
	return !isinf(*ret);
}

bool num_parse_f64(struct str s, double *ret)
{
	bool negative = s.n && s.p[0] == '-';
	struct decimal d;
	size_t used;
	double v;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_n(s.p + 1, s.n - 1);
	d.n = 0;
	d.exponent = 0;
	d.any = false;
	used = scan_digits(s, &d);
	if (!d.any) {
		if (!parse_special(s, &v))
			return false;
	} else if (!scan_exponent(str_n(s.p + used, s.n - used), &d) ||
		   !decimal_value(&d, &v)) {
		return false;
	}
	*ret = negative ? -v : v;
	return true;
}

/* Digits of the shortest form of v > 0, and where the point stands: the
 * value is 0.DIGITS times 10^point. */
struct shortest {
	char digits[NUM_MAX];
	int n, point;
};

static void drop_zeros(struct shortest *s)
{
	while (s->n > 1 && s->digits[s->n - 1] == '0')
		s->n--;
	s->digits[s->n] = '\0';
}

/* Up to 15 digits: v scaled by a power of ten is an integer whose division
 * gives v again. No shorter text and no other of that length does. */
static bool shortest_scaled(double v, struct shortest *s)
{
	if (v < 1e-5 || v >= 1e15)
		return false;
	for (int k = 0; k <= EXACT_POWER; k++) {
		double scaled = rint(v * powers[k]);

		if (scaled >= 1e15)
			return false;
		if (scaled / powers[k] == v) {
			s->n = (int)num_format_i64((int64_t)scaled, s->digits);
			s->point = s->n - k;
			drop_zeros(s);
			return true;
		}
	}
	return false;
}

static void shortest_printed(double v, struct shortest *s)
{
	char text[NUM_MAX];

	for (int digits = 15; digits <= 17; digits++) {
		double back = 0;

		snprintf(text, sizeof(text), "%.*e", digits - 1, v);
		s->digits[0] = text[0];
		memcpy(s->digits + 1, text + 2, (size_t)digits - 1);
		s->n = digits;
		s->point = (int)strtol(text + digits + 2, NULL, 10) + 1;
		text[1] = '.';
		num_parse_f64(str_from(text), &back);
		if (back == v)
			break;
	}
	drop_zeros(s);
}

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
	exponent = abs(exponent);
	if (exponent < 10)
		*at++ = '0';
	return at + num_format_i64(exponent, at);
}

/* Python's layout: an exponent below 1e-4 and from 1e16 on. */
static char *lay_out(const struct shortest *s, char *at)
{
	if (s->point <= -4 || s->point > 16) {
		at = put(at, s->digits, 1);
		if (s->n > 1)
			*at++ = '.';
		at = put(at, s->digits + 1, s->n - 1);
		return put_exponent(at, s->point - 1);
	}
	if (s->point <= 0) {
		at = put(at, "0.", 2);
		at = put_zeros(at, -s->point);
		return put(at, s->digits, s->n);
	}
	if (s->n <= s->point) {
		at = put(at, s->digits, s->n);
		at = put_zeros(at, s->point - s->n);
		return put(at, ".0", 2);
	}
	at = put(at, s->digits, s->point);
	*at++ = '.';
	return put(at, s->digits + s->point, s->n - s->point);
}

size_t num_format_f64(double v, char *out)
{
	struct shortest s;
	char *at = out;

	if (isnan(v))
		return (size_t)(stpcpy(out, "nan") - out);
	if (signbit(v)) {
		*at++ = '-';
		v = -v;
	}
	if (isinf(v))
		return (size_t)(stpcpy(at, "inf") - out);
	if (v == 0)
		return (size_t)(stpcpy(at, "0.0") - out);
	if (!shortest_scaled(v, &s))
		shortest_printed(v, &s);
	at = lay_out(&s, at);
	*at = '\0';
	return (size_t)(at - out);
}
