/* SPDX-License-Identifier: Apache-2.0 */
/* set.c - the small ones: bit sets, points, varints, checksums. */
#include <math.h>

#include "indexer/base/bitset.h"
#include "indexer/base/crc32c.h"
#include "indexer/base/point.h"
#include "indexer/base/varint.h"
#include "tests/tap.h"

static void test_bits(void)
{
	struct bitset a, b;

	bitset_init(&a, 130);
	bitset_init(&b, 130);
	ok(bitset_count(&a) == 0 && bitset_next(&a, 0) == -1, "empty");
	bitset_add(&a, 0);
	bitset_add(&a, 63);
	bitset_add(&a, 64);
	bitset_add(&a, 130);
	bitset_add(&a, 131);
	bitset_add(&a, -1);
	bitset_add(&a, INT64_MAX);
	is_i64(bitset_count(&a), 4, "ids beyond the maximum are not taken");
	ok(bitset_has(&a, 130) && !bitset_has(&a, 131) && !bitset_has(&a, -1) &&
		   !bitset_has(&a, 1),
	   "membership");
	is_i64(bitset_next(&a, 1), 63, "next");
	is_i64(bitset_next(&a, 64), 64, "next is at or behind");
	is_i64(bitset_next(&a, 65), 130, "across words");
	is_i64(bitset_next(&a, 131), -1, "none left");
	is_i64(bitset_next(&a, -5), 0, "from below");
	bitset_fill(&b);
	is_i64(bitset_count(&b), 131, "filled to the maximum");
	bitset_and(&b, &a);
	is_i64(bitset_count(&b), 4, "and");
	bitset_not(&b);
	is_i64(bitset_count(&b), 127, "not");
	ok(!bitset_has(&b, 131), "not has nothing beyond the maximum");
	bitset_or(&b, &a);
	is_i64(bitset_count(&b), 131, "or");
	bitset_and_not(&b, &a);
	is_i64(bitset_count(&b), 127, "and not");
	bitset_fini(&a);
	bitset_fini(&b);
	bitset_init(&a, -1);
	bitset_fill(&a);
	bitset_not(&a);
	ok(bitset_count(&a) == 0 && bitset_next(&a, 0) == -1, "room for none");
	bitset_fini(&a);
}

static void test_point_order(void)
{
	const double nan = (double)NAN;
	struct point a = {1, 10, 5}, b = {1, 10, 9}, n = {1, 10, nan};
	struct point late = {0, 99, 5}, minus = {1, 10, -1};
	struct point zero = {1, 10, 0.0}, other_zero = {1, 10, -0.0};

	ok(point_later(&b, &a) && !point_later(&a, &b), "greater value");
	ok(!point_later(&a, &a), "strictly");
	ok(point_later(&a, &late), "step before time");
	ok(point_later(&n, &minus) && point_later(&a, &n), "NaN counts as 0");
	ok(!point_later(&n, &zero) && !point_later(&zero, &n), "even to 0");
	ok(point_compare_history(&a, &late) < 0, "history goes by time");
	ok(point_compare_history(&a, &b) < 0 &&
		   point_compare_history(&b, &a) > 0 &&
		   point_compare_history(&a, &a) == 0,
	   "then by value");
	ok(point_compare_history(&n, &b) > 0 &&
		   point_compare_history(&b, &n) < 0 &&
		   point_compare_history(&n, &n) == 0,
	   "NaN last");
	ok(point_same(&n, &n) && !point_same(&zero, &other_zero) &&
		   !point_same(&a, &b),
	   "same bits");
}

static void test_point_text(void)
{
	char out[POINT_TEXT_MAX];
	struct point p = {3, 1700000000000, 0.1};
	struct point widest = {INT64_MIN, INT64_MIN, -2.2250738585072014e-308};

	point_text(&p, out);
	is_str(out, "3\t0.1\t1700000000000\n", "a line");
	is_i64((int64_t)point_text_length(&p), (int64_t)strlen(out), "length");
	point_text(&widest, out);
	is_i64((int64_t)point_text_length(&widest), 67, "the longest line");
	p.value = (double)NAN;
	point_text(&p, out);
	is_str(out, "3\tnan\t1700000000000\n", "NaN");
	p.value = -(double)INFINITY;
	point_text(&p, out);
	is_str(out, "3\t-inf\t1700000000000\n", "minus infinity");
}

static void test_varint(void)
{
	static const uint64_t values[] = {
		0,     1,          127,        128,       16383,
		16384, UINT32_MAX, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63};
	unsigned char out[VARINT_MAX];
	uint64_t v = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		unsigned char *end = varint_put(out, values[i]);

		ok(end - out <= VARINT_MAX && varint_get(out, end, &v) == end &&
			   v == values[i],
		   "round trip");
		ok(!varint_get(out, end - 1, &v), "cut short");
	}
	memset(out, 0xff, sizeof(out));
	ok(!varint_get(out, out + VARINT_MAX, &v), "beyond 64 bits");
	out[9] = 2;
	ok(!varint_get(out, out + VARINT_MAX, &v), "a bit beyond");
	ok(zigzag(0) == 0 && zigzag(-1) == 1 && zigzag(1) == 2, "zigzag");
	ok(unzigzag(zigzag(INT64_MIN)) == INT64_MIN &&
		   unzigzag(zigzag(INT64_MAX)) == INT64_MAX,
	   "its ends");
}

/* The definition, a bit at a time. */
static uint32_t slow_crc(const unsigned char *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void test_crc(void)
{
	unsigned char data[100];
	int wrong = 0, parted = 0;

	is_i64(crc32c(0, "123456789", 9), 0xe3069283, "the known check value");
	is_i64(crc32c(0, "", 0), 0, "nothing");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n < sizeof(data); n++) {
		uint32_t whole = crc32c(0, data, n);

		wrong += whole != slow_crc(data, n);
		parted += crc32c(crc32c(0, data, n / 3), data + n / 3,
				 n - n / 3) != whole;
	}
	is_i64(wrong, 0, "every length as defined");
	is_i64(parted, 0, "and in parts");
}

int main(void)
{
	test_bits();
	test_point_order();
	test_point_text();
	test_varint();
	test_crc();
	return tap_done();
}
