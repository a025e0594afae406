/* SPDX-License-Identifier: Apache-2.0 */
/* num.c - text to numbers.
 *
 * Up to 19 digits go to num_compose as one integer. What it leaves goes to
 * strtod as digits and an exponent without a radix character, which no locale
 * can change, and so short that a text of any length needs a bounded copy:
 * 767 digits decide between two doubles.
 */
#include "indexer/base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/base/num_scan.h"

enum { KEPT_DIGITS = 800, EXPONENT_MOST = 1000000, DIGITS_FIT = 19 };

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
	for (size_t i = 0; i < d->n && d->n <= DIGITS_FIT; i++)
		small = small * 10 + (uint64_t)(d->digits[i] - '0');
	if (d->n <= DIGITS_FIT && num_compose(small, d->exponent, ret))
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
