/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - the grammar of metric lines, and packed points of any bytes. */
#include <math.h>

#include "indexer/base/num.h"
#include "indexer/journal/line.h"
#include "tests/tap.h"

/* Bits, so that nan and -0 are told apart. */
static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static const struct {
	const char *line;
	int64_t step, time;
	double value;
	int fields; /* 0: blank, -1: refused */
} lines[] = {
	{"0.5", 0, 0, 0.5, 1},
	{"1", 0, 0, 1, 1},
	{"-0", 0, 0, -0.0, 1},
	{"+3.25", 0, 0, 3.25, 1},
	{"1e-3", 0, 0, 1e-3, 1},
	{"1E+3", 0, 0, 1e3, 1},
	{"5e-324", 0, 0, 5e-324, 1},
	{"1.7976931348623157e+308", 0, 0, 1.7976931348623157e308, 1},
	{"0.1234567890123456789", 0, 0, 0.1234567890123456789, 1},
	{"3.141592653589793", 0, 0, 3.141592653589793, 1},
	{"00000000000000000000000000000001.5", 0, 0, 1.5, 1},
	{"99999999999999999999", 0, 0, 99999999999999999999.0, 1},
	{"inf", 0, 0, (double)INFINITY, 1},
	{"-Infinity", 0, 0, -(double)INFINITY, 1},
	{"0", 0, 0, 0, 1},
	{"7 0.5", 7, 0, 0.5, 2},
	{"-7\t0.5", -7, 0, 0.5, 2},
	{"+7 0.5", 7, 0, 0.5, 2},
	{"9223372036854775807 1", INT64_MAX, 0, 1, 2},
	{"-9223372036854775808 1", INT64_MIN, 0, 1, 2},
	{" \t 7 \t 0.5 \t ", 7, 0, 0.5, 2},
	{"7 0.5 1700000000000", 7, 1700000000000, 0.5, 3},
	{"0 0 0", 0, 0, 0, 3},
	{"1 2 9223372036854775807", 1, INT64_MAX, 2, 3},
	{"", 0, 0, 0, 0},
	{" \t ", 0, 0, 0, 0},
	{"x", 0, 0, 0, -1},
	{"0x10", 0, 0, 0, -1},
	{"1e999", 0, 0, 0, -1},
	{"-1e999", 0, 0, 0, -1},
	{"1e", 0, 0, 0, -1},
	{"1e+", 0, 0, 0, -1},
	{"1.2.3", 0, 0, 0, -1},
	{"--1", 0, 0, 0, -1},
	{"+-1", 0, 0, 0, -1},
	{"+", 0, 0, 0, -1},
	{".", 0, 0, 0, -1},
	{"1,5", 0, 0, 0, -1},
	{"1_000", 0, 0, 0, -1},
	{"nano", 0, 0, 0, -1},
	{"0.5\r", 0, 0, 0, -1},
	{"1.0 0.5", 0, 0, 0, -1},
	{"1e3 0.5", 0, 0, 0, -1},
	{"9223372036854775808 1", 0, 0, 0, -1},
	{"-9223372036854775809 1", 0, 0, 0, -1},
	{"1 x", 0, 0, 0, -1},
	{"1 2 -1", 0, 0, 0, -1},
	{"1 2 1.5", 0, 0, 0, -1},
	{"1 2 9223372036854775808", 0, 0, 0, -1},
	{"1 2 3 4", 0, 0, 0, -1},
	{"{\"step\":1}", 0, 0, 0, -1},
};

static void grammar(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct journal_point p = {.has_step = false};
		struct err e = {.kind = ERR_NONE};
		int want = lines[i].fields > 0 ? 1 : lines[i].fields;
		int got = line_parse(str_from(lines[i].line), &p, &e);
		bool good = got == want;

		if (good && got > 0)
			good = p.has_step == (lines[i].fields > 1) &&
			       p.has_time == (lines[i].fields > 2) &&
			       p.p.step == lines[i].step &&
			       p.p.time == lines[i].time &&
			       same(p.p.value, lines[i].value);
		if (good && got < 0)
			good = e.kind == ERR_INVALID && e.msg[0];
		ok(good, lines[i].line);
	}
}

static void odd_lines(void)
{
	struct journal_point p;
	struct err e;
	char longest[LINE_MAX_BYTES + 1];

	ok(line_parse(STR("nan"), &p, &e) == 1 && isnan(p.p.value), "nan");
	ok(line_parse(STR("1\0002"), &p, &e) < 0, "NUL is no blank");
	memset(longest, ' ', sizeof(longest));
	longest[0] = '3';
	ok(line_parse(str_n(longest, LINE_MAX_BYTES), &p, &e) == 1,
	   "the longest line");
	ok(line_parse(str_n(longest, LINE_MAX_BYTES + 1), &p, &e) < 0 &&
		   e.kind == ERR_INVALID,
	   "one byte more");
	ok(line_parse(STR("\xff\xfe\"evil\""), &p, &e) < 0 &&
		   strstr(e.msg, "\"???evil?\""),
	   "a message shows ASCII only");
}

/* Random values in the forms that Python and C print: each is read back. */
static void round_trips(void)
{
	uint64_t x = 88172645463325252u;
	int wrong = 0;

	for (int i = 0; i < 40000; i++) {
		struct journal_point p;
		struct err e;
		char text[64];
		double v;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v = (double)(int64_t)x * (i % 2 ? 1e-18 : 1e-30);
		if (i % 3 == 0)
			snprintf(text, sizeof(text), "%.17g", v);
		else if (i % 3 == 1)
			snprintf(text, sizeof(text), "%.9e", v);
		else
			snprintf(text, sizeof(text), "%g", v);
		if (line_parse(str_from(text), &p, &e) != 1 ||
		    !same(p.p.value, strtod(text, NULL)))
			wrong++;
	}
	is_i64(wrong, 0, "values as strtod reads them");
}

static void packing(void)
{
	struct str text = STR("1\n\n 2 3 \n4 5 6\n-1 -2.5 0\n7 8");
	struct journal_point p[4];
	size_t points, tail;
	struct buf b;
	struct err e;

	buf_init(&b, 1000);
	buf_puts(&b, "!");
	ok(lines_pack(text, &b, &points, &tail, &e) == 0, "lines are packed");
	is_i64((int64_t)points, 4, "four points");
	is_i64((int64_t)tail, 3, "and a tail of three bytes");
	ok(b.p[0] == '!', "behind what was there");
	buf_drop(&b, 1);
	is_i64(points_count(buf_view(&b)), 4, "four are counted");
	ok(points_unpack(buf_view(&b), p, 4, &e) == 0, "and unpacked");
	ok(!p[0].has_step && same(p[0].p.value, 1), "a value alone");
	ok(p[1].has_step && p[1].p.step == 2 && !p[1].has_time, "with a step");
	ok(p[2].has_time && p[2].p.time == 6, "with a time");
	ok(p[3].has_time && p[3].p.step == -1 && p[3].p.time == 0,
	   "below zero, and at zero");
	ok(points_unpack(buf_view(&b), p, 3, &e) < 0, "too few asked for");
	ok(points_unpack(str_n(b.p, b.n - 1), p, 4, &e) < 0, "cut short");
	buf_fini(&b);
}

static void bad_line(void)
{
	size_t points, tail;
	struct buf b;
	struct err e;

	buf_init(&b, 1000);
	buf_puts(&b, "before");
	ok(lines_pack(STR("1\n2\nthree\n4\n"), &b, &points, &tail, &e) < 0,
	   "a bad line refuses all");
	ok(e.kind == ERR_INVALID && strstr(e.msg, "line 3"), "and is named");
	ok(str_eq(buf_view(&b), STR("before")), "out is as it was");
	ok(lines_pack(STR("bad tail"), &b, &points, &tail, &e) == 0 &&
		   tail == 8 && points == 0,
	   "a tail is not looked at");
	ok(lines_pack(STR_NONE, &b, &points, &tail, &e) == 0 && tail == 0,
	   "nothing is nothing");
	buf_fini(&b);
	buf_init(&b, 9);
	ok(lines_pack(STR("1\n"), &b, &points, &tail, &e) == 0,
	   "a ceiling is used to its end");
	ok(lines_pack(STR("1\n"), &b, &points, &tail, &e) < 0 &&
		   e.kind == ERR_TOO_LARGE,
	   "and not beyond");
	buf_fini(&b);
}

static void hostile_points(void)
{
	static const struct {
		struct str packed;
		int64_t count;
	} rows[] = {
		{{NULL, 0}, 0},
		{{"\0abcdefgh", 9}, 1},
		{{"\0abcdefg", 8}, -1},
		{{"\4abcdefgh", 9}, -1},
		{{"\1\5abcdefgh", 10}, 1},
		{{"\1", 1}, -1},
		{{"\1\x80", 2}, -1},
		{{"\2\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
		  "abcdefgh",
		  18},
		 1},
		{{"\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"
		  "abcdefgh",
		  19},
		 -1},
		{{"\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"
		  "abcdefgh",
		  19},
		 -1},
		{{"\0abcdefgh\xff", 10}, -1},
	};
	struct journal_point p[2];
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_i64(points_count(rows[i].packed), rows[i].count,
		       "packed bytes");
		if (rows[i].count < 0)
			ok(points_unpack(rows[i].packed, p, 1, &e) < 0 &&
				   e.kind == ERR_CORRUPT,
			   "are not unpacked either");
	}
}

int main(void)
{
	grammar();
	odd_lines();
	round_trips();
	packing();
	bad_line();
	hostile_points();
	return tap_done();
}
