/* SPDX-License-Identifier: Apache-2.0 */
/* num.c - numbers against the C library's long arithmetic: known hard cases,
 * every power of two, and a few million random bit patterns.
 */
#include "indexer/base/num.h"

#include <float.h>
#include <math.h>

#include "indexer/base/num_pow10.h"
#include "tests/tap.h"

enum { RANDOM_ROUNDS = 2 * 1000 * 1000 };

static void test_integers(void)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"+5", true, 5},
		{"007", true, 7},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"99999999999999999999999", false, 0},
		{"", false, 0},
		{"-", false, 0},
		{"1 ", false, 0},
		{" 1", false, 0},
		{"1.0", false, 0},
		{"0x1", false, 0},
		{"--1", false, 0},
	};
	char out[NUM_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t v = 0;

		ok(num_parse_i64(str_from(rows[i].text), &v) == rows[i].good &&
			   v == rows[i].value,
		   rows[i].text);
	}
	is_i64((int64_t)num_format_i64(INT64_MIN, out), 20, "length");
	is_str(out, "-9223372036854775808", "least");
	num_format_i64(INT64_MAX, out);
	is_str(out, "9223372036854775807", "most");
	num_format_i64(0, out);
	is_str(out, "0", "zero");
	num_format_i64(-10, out);
	is_str(out, "-10", "minus ten");
}

static void test_format(void)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{0.0, "0.0"},
		{-0.0, "-0.0"},
		{5, "5.0"},
		{0.1, "0.1"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1e-7, "1e-07"},
		{1e-5, "1e-05"},
		{0.0001, "0.0001"},
		{123456.789, "123456.789"},
		{1e15, "1000000000000000.0"},
		{1e16, "1e+16"},
		{9007199254740993.0, "9007199254740992.0"},
		{123456789012345680.0, "1.2345678901234568e+17"},
		{1e22, "1e+22"},
		{1e23, "1e+23"},
		{9.5e22, "9.5e+22"},
		{5e-324, "5e-324"},
		{1.5e-323, "1.5e-323"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{-DBL_MAX, "-1.7976931348623157e+308"},
		{5.9604644775390625e-08, "5.960464477539063e-08"},
		{2e-323, "2e-323"},
		{9007199254740991.0, "9007199254740991.0"},
		{(double)INFINITY, "inf"},
		{-(double)INFINITY, "-inf"},
		{(double)NAN, "nan"},
		{-(double)NAN, "nan"},
	};
	char out[NUM_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = num_format_f64(rows[i].v, out);

		is_str(out, rows[i].text, "shortest text");
		is_i64((int64_t)n, (int64_t)strlen(out), "its length");
	}
}

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static double of_bits(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static void test_parse(void)
{
	static const char *const good[] = {
		"0",
		"-0",
		"1",
		"+1",
		"1.",
		".5",
		"-.5e1",
		"1e5",
		"1E+5",
		"1e-5",
		"0.0000",
		"00012",
		"1e-999",
		"0e999999999999",
		"0.000000000000000000000000000000000001e36",
		"1234567890123456789012345678901234567890",
		"9007199254740993",
		"9007199254740993.00000000000000000000000000000000000001",
		"2.2250738585072011e-308",
		"2.2250738585072014e-308",
		"4.9406564584124654e-324",
		"2.4703282292062327e-324",
		"2.4703282292062328e-324",
		"1.7976931348623157e308",
		"1.7976931348623158e308",
		"7.2057594037927933e16",
		"9.5367431640625e-7",
		"6.62607015e-34",
		"8.5e-324",
		"1e23",
		"3.4028234663852886e38",
		"179769313486231580793728971405303415079934132710037826936173"
		"778980444968292764750946649017977587207096330286416692887910"
		"946555547851940402630657488671505820681908902000708383676273"
		"854845817711531764475730270069855571366959622842914819860834"
		"936475292719074168444365510704342711559699508093042880e0",
	};
	static const char *const bad[] = {
		"",    "-",     ".",      "e5",      "1e",
		"1e+", "1.5.2", "0x10",   "1_0",     " 1",
		"1 ",  "1e999", "-1e999", "nano",    "in",
		"+-1", "1,5",   "1e5x",   "infinit", "1.7976931348623159e308",
	};
	double v = 1;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(num_parse_f64(str_from(good[i]), &v) &&
			   bits_of(v) == bits_of(strtod(good[i], NULL)),
		   good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!num_parse_f64(str_from(bad[i]), &v), bad[i]);
	ok(num_parse_f64(STR("-Infinity"), &v) && isinf(v) && v < 0, "-inf");
	ok(num_parse_f64(STR("INF"), &v) && isinf(v) && v > 0, "INF");
	ok(num_parse_f64(STR("NaN"), &v) && isnan(v), "NaN");
}

/* Digits that run on for thousands of bytes decide only at their end. */
static void test_long_text(void)
{
	enum { LONG = 5000 };
	char *text = malloc(LONG + 32);
	double v = 0;

	memset(text, '0', LONG);
	text[0] = '1';
	text[1] = '.';
	text[LONG] = '\0';
	ok(num_parse_f64(str_n(text, LONG), &v) && v == 1, "1.000...");
	memcpy(text, "9007199254740993.0", 18);
	ok(num_parse_f64(str_n(text, LONG), &v) && v == 9007199254740992.0,
	   "a half goes to the even side");
	text[LONG - 1] = '1';
	ok(num_parse_f64(str_n(text, LONG), &v) && v == 9007199254740994.0,
	   "a half and a little more goes up");
	memset(text, '0', LONG);
	text[LONG - 1] = '7';
	ok(num_parse_f64(str_n(text, LONG), &v) && v == 7, "leading zeros");
	memset(text, '1', LONG);
	memcpy(text + LONG, "e-4999", 7);
	ok(num_parse_f64(str_from(text), &v) &&
		   v == strtod("1.1111111111111111111", NULL),
	   "digits and exponent meet");
	free(text);
}

/* v, by us, reads back as itself, by us and by the C library. */
static bool round_trips(double v)
{
	char text[NUM_MAX];
	double back = 0;
	size_t n = num_format_f64(v, text);

	if (n != strlen(text) || n >= NUM_MAX)
		return false;
	if (bits_of(strtod(text, NULL)) != bits_of(v))
		return false;
	return num_parse_f64(str_n(text, n), &back) &&
	       bits_of(back) == bits_of(v);
}

static int significant_digits(const char *text)
{
	int n = 0, zeros = 0;
	bool started = false;

	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9')
			continue;
		started = started || *text != '0';
		zeros = *text == '0' ? zeros + 1 : 0;
		n += started;
	}
	return n - (started ? zeros : 0);
}

/* No decimal of fewer digits, the nearest of its length, reads back. */
static bool is_shortest(double v)
{
	char text[NUM_MAX], other[64];
	int digits;

	num_format_f64(v, text);
	digits = significant_digits(text);
	if (digits <= 1)
		return true;
	snprintf(other, sizeof(other), "%.*e", digits > 18 ? 16 : digits - 2,
		 v);
	return strtod(other, NULL) != v;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Bit patterns, fractions, decimals: the i-th of a mixed sequence. */
static double mixed(uint64_t r, int i)
{
	double v = of_bits(r & ~(UINT64_C(1) << 63));

	if (i % 3 == 1)
		return (double)(r >> 11) / 9007199254740992.0;
	if (i % 3 == 2)
		return (double)(r >> 44) / 1000.0;
	return isfinite(v) ? v : 1;
}

static void test_random(void)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	int wrong = 0, longer = 0;

	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		double v = mixed(next_random(&state), i);

		wrong += !round_trips(v);
		longer += i % 16 == 0 && !is_shortest(v);
	}
	is_i64(wrong, 0, "random doubles read back as the same bits");
	is_i64(longer, 0, "and no shorter text does");
}

/* Every power of two and its neighbours: where the interval is uneven. */
static void test_powers_of_two(void)
{
	int wrong = 0, longer = 0;

	for (uint64_t e = 0; e < 2047; e++) {
		for (uint64_t d = 0; d < 3; d++) {
			double v = of_bits((e << 52) + d - 1);

			if (!isfinite(v) || v == 0)
				continue;
			wrong += !round_trips(v);
			longer += !is_shortest(v);
		}
	}
	is_i64(wrong, 0, "powers of two and neighbours read back");
	is_i64(longer, 0, "in their shortest form");
}

/* Random digits and exponents, read by us and by the C library; half of them
 * longer than a machine word holds. */
static void test_random_text(void)
{
	uint64_t state = 88172645463325252;
	int wrong = 0;

	for (int i = 0; i < RANDOM_ROUNDS / 4; i++) {
		uint64_t r = next_random(&state);
		int exponent = (int)(r % 700) - 360;
		char text[80];
		double v = 0, want;
		int n = snprintf(
			text, sizeof(text), "%llu%se%d",
			(unsigned long long)(next_random(&state) >> r % 60),
			i % 2 ? "" : "5000000000000001", exponent);
		bool good = num_parse_f64(str_n(text, (size_t)n), &v);

		want = strtod(text, NULL);
		wrong += isinf(want) ? good : bits_of(v) != bits_of(want);
	}
	is_i64(wrong, 0, "random texts read as the C library reads them");
}

/* The 128 bits of 10^k, from a number of 2000 bits that is multiplied or
 * divided by ten, in words, least first. */
struct big {
	uint32_t words[64];
};

static void big_times(struct big *b, uint32_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < 64; i++) {
		carry += (uint64_t)b->words[i] * factor;
		b->words[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

static void big_over(struct big *b, uint32_t divisor)
{
	uint64_t rest = 0;

	for (int i = 64; i-- > 0;) {
		rest = rest << 32 | b->words[i];
		b->words[i] = (uint32_t)(rest / divisor);
		rest %= divisor;
	}
}

static bool big_bit(const struct big *b, int i)
{
	return i >= 0 && (b->words[i / 32] >> (i % 32) & 1);
}

static struct pow10 big_top(const struct big *b)
{
	struct pow10 p = {0, 0};
	int top = 64 * 32 - 1;

	while (!big_bit(b, top))
		top--;
	for (int i = 0; i < 64; i++) {
		p.high = p.high << 1 | big_bit(b, top - i);
		p.low = p.low << 1 | big_bit(b, top - 64 - i);
	}
	return p;
}

static bool same_power(int k, const struct big *b)
{
	struct pow10 got = pow10_floor(k), want = big_top(b);

	return got.high == want.high && got.low == want.low;
}

static void test_table(void)
{
	struct big b = {{1}};
	int wrong = 0;

	for (int k = 0; k <= POW10_MOST; k++) {
		wrong += !same_power(k, &b);
		big_times(&b, 10);
	}
	is_i64(wrong, 0, "128 bits of the powers from 1 on");
	memset(&b, 0, sizeof(b));
	b.words[63] = 1u << 31;
	wrong = 0;
	for (int k = -1; k >= POW10_LEAST; k--) {
		/* Dividing by 5 keeps the places that dividing by 10 loses. */
		big_over(&b, 5);
		wrong += !same_power(k, &b);
	}
	is_i64(wrong, 0, "and of those below 1");
}

int main(void)
{
	test_integers();
	test_format();
	test_parse();
	test_long_text();
	test_powers_of_two();
	test_random();
	test_random_text();
	test_table();
	return tap_done();
}
