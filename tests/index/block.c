/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - what is packed comes back, in few bytes; what is not a block, or
 * no longer one, is an error.
 */
#include "indexer/index/block.h"

#include <math.h>

#include "indexer/base/clock.h"
#include "indexer/base/crc32c.h"
#include "indexer/index/tail.h"
#include "tests/index/made.h"
#include "tests/tap.h"

struct fixture {
	struct codec *codec;
	struct buf out;
	struct point back[BLOCK_POINTS];
	struct err e;
};

static bool returns(struct fixture *f, const struct point *p, size_t n)
{
	buf_reset(&f->out);
	if (block_pack(f->codec, p, n, &f->out, &f->e) ||
	    block_unpack(f->codec, buf_view(&f->out), f->back, n, &f->e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!point_same(&p[i], &f->back[i]))
			return false;
	return true;
}

static void round_trips(struct fixture *f)
{
	static struct point p[BLOCK_POINTS];
	static const size_t lengths[] = {1,   2,    3,    4,    5,    63,
					 100, 1000, 1023, 1024, 4095, 4096};

	for (size_t v = 0; v < MADE_VALUES; v++) {
		bool good = true;
		char what[80];

		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
			for (size_t t = 0; t < MADE_TIMES; t++) {
				struct made m = made_start(i + 1);

				for (size_t k = 0; k < lengths[i]; k++)
					p[k] = made_next(&m, v, t);
				good &= returns(f, p, lengths[i]);
			}
		snprintf(what, sizeof(what), "%s comes back, all lengths",
			 made_value_name(v));
		ok(good, what);
	}
}

static void odd_values(struct fixture *f)
{
	static const double odd[] = {0.0,
				     -0.0,
				     NAN,
				     INFINITY,
				     -INFINITY,
				     5e-324,
				     -5e-324,
				     2.2250738585072014e-308,
				     1.7976931348623157e308,
				     -1.7976931348623157e308,
				     1e22,
				     1e-22,
				     1e23,
				     0x1p51,
				     0x1p53,
				     -0x1p51,
				     9007199254740993.0,
				     0.1,
				     0.30000000000000004};
	static const int64_t ints[] = {
		0, 1, -1, INT64_MIN, INT64_MAX, INT64_MIN + 1, 1753000000000};
	size_t nodd = sizeof(odd) / sizeof(*odd);
	size_t nints = sizeof(ints) / sizeof(*ints);
	struct point p[400];
	uint64_t payload = 0x7ff4dead0000beef;
	size_t n = 0;

	for (size_t i = 0; i < nodd; i++)
		for (size_t k = 0; k < nints; k++, n++)
			p[n] = (struct point){ints[k], ints[nints - 1 - k],
					      odd[i]};
	ok(returns(f, p, n), "edges of integers and doubles");
	for (size_t i = 0; i < n; i++)
		if (!returns(f, &p[i], 1)) {
			ok(false, "each edge alone");
			return;
		}
	ok(true, "each edge alone");
	memcpy(&p[3].value, &payload, 8);
	ok(returns(f, p, 9), "the payload of a NaN");
}

static void random_bits(struct fixture *f)
{
	static struct point p[BLOCK_POINTS];
	struct made m = made_start(7);
	bool good = true;

	for (int round = 0; round < 40; round++) {
		size_t n = 1 + made_random(&m) % BLOCK_POINTS;

		for (size_t i = 0; i < n; i++) {
			uint64_t bits = made_random(&m);

			p[i].step = (int64_t)(made_random(&m) >> m.state % 64);
			p[i].time = (int64_t)made_random(&m) >> round;
			memcpy(&p[i].value, &bits, 8);
		}
		good &= returns(f, p, n);
	}
	ok(good, "random bits in all columns");
}

static void summaries(void)
{
	struct point p[3] = {
		{5, 100, 0.5}, {-2, 200, 1}, {9, 150, (double)NAN}};
	struct block_summary s;
	char text[POINT_TEXT_MAX];
	size_t bytes = 0;

	for (int i = 0; i < 3; i++)
		bytes += point_text(&p[i], text);
	block_summarize(p, 3, &s);
	is_i64(s.count, 3, "count");
	is_i64(s.text, 0, "text is not counted along");
	is_i64(block_text(p, 3), (int64_t)bytes, "bytes of text");
	is_i64(s.min_step, -2, "least step");
	is_i64(s.max_step, 9, "greatest step");
	is_i64(s.min_time, 100, "least time");
	is_i64(s.max_time, 200, "greatest time");
	ok(!s.sorted, "not sorted by time");
	block_summarize(p, 2, &s);
	ok(s.sorted, "sorted by time, whatever the steps");
}

static bool refused(struct fixture *f, struct str data, size_t n)
{
	err_clear(&f->e);
	return block_unpack(f->codec, data, f->back, n, &f->e) == -1 &&
	       f->e.kind == ERR_CORRUPT;
}

static void damage(struct fixture *f)
{
	struct point p[600];
	struct made m = made_start(3);
	struct str whole;
	bool good = true;

	for (size_t i = 0; i < 600; i++)
		p[i] = made_next(&m, 1, 0);
	ok(returns(f, p, 600), "600 points");
	whole = buf_view(&f->out);
	ok(refused(f, whole, 599), "one point less");
	ok(refused(f, whole, 601), "one point more");
	ok(refused(f, whole, 0), "no points");
	ok(refused(f, whole, BLOCK_POINTS + 1), "too many points");
	for (size_t n = 0; n < whole.n; n++)
		good &= refused(f, str_n(whole.p, n), 600);
	ok(good, "cut anywhere");
	for (size_t i = 0; i < whole.n * 8; i++) {
		f->out.p[i / 8] ^= (char)(1 << i % 8);
		good &= refused(f, whole, 600);
		f->out.p[i / 8] ^= (char)(1 << i % 8);
	}
	ok(good, "any bit turned over");
	ok(!refused(f, whole, 600), "whole again");
}

/* With a checksum that fits, so that what lies behind it is reached. */
static void hostile(struct fixture *f)
{
	struct made m = made_start(11);
	struct point p[64];
	unsigned char block[4096];
	int refusals = 0;

	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + made_random(&m) % 64;
		uint32_t crc;

		for (size_t i = 0; i < n; i++)
			p[i] = made_next(&m, (size_t)round % MADE_VALUES, 0);
		if (!returns(f, p, n) || f->out.n > sizeof(block))
			continue;
		memcpy(block, f->out.p, f->out.n);
		for (int k = 0; k < 3; k++)
			block[5 + made_random(&m) % (f->out.n - 5)] ^=
				(unsigned char)made_random(&m);
		crc = crc32c(0, block + 5, f->out.n - 5);
		for (int k = 0; k < 4; k++)
			block[1 + k] = (unsigned char)(crc >> 8 * k);
		refusals += refused(f, str_n((char *)block, f->out.n), n);
	}
	ok(refusals > 1000 && refusals < 20000,
	   "changed blocks with a right checksum: an error or other points");
}

static void cost(struct fixture *f, size_t values, size_t times, double most)
{
	static struct point p[BLOCK_POINTS];
	struct made m = made_start(5);
	size_t bytes = 0, blocks = 100;
	int64_t unpacked = 0;
	char what[512];

	for (size_t b = 0; b < blocks; b++) {
		for (size_t i = 0; i < BLOCK_POINTS; i++)
			p[i] = made_next(&m, values, times);
		buf_reset(&f->out);
		block_pack(f->codec, p, BLOCK_POINTS, &f->out, &f->e);
		bytes += f->out.n;
		unpacked -= clock_mono_us();
		block_unpack(f->codec, buf_view(&f->out), f->back, BLOCK_POINTS,
			     &f->e);
		unpacked += clock_mono_us();
	}
	printf("# %s, %s: %.2f bytes a point, unpacked in %.1f us a block\n",
	       made_value_name(values), made_time_name(times),
	       (double)bytes / (double)(blocks * BLOCK_POINTS),
	       (double)unpacked / (double)blocks);
	snprintf(what, sizeof(what), "%s, %s: at most %.1f bytes a point",
		 made_value_name(values), made_time_name(times), most);
	ok((double)bytes <= most * (double)(blocks * BLOCK_POINTS), what);
}

static void costs(struct fixture *f)
{
	for (size_t v = 0; v < MADE_VALUES; v++)
		for (size_t t = 0; t < MADE_TIMES; t++)
			cost(f, v, t, made_value_bytes(v) + 1.5);
}

/* --- tail rows ---------------------------------------------------------- */

enum { TAIL_SERIES = 40 };

/* Series k has k + 1 points, of extreme numbers for some k. */
static struct point tail_point(size_t k, size_t i)
{
	static const int64_t ints[] = {0, INT64_MAX, INT64_MIN, -1, 1, 1 << 20};

	return (struct point){ints[(k + i) % 6], ints[(k * i) % 6],
			      (double)i / 7};
}

static bool tail_is_whole(struct str row)
{
	struct tail_reader t;
	struct tail_chunk c;
	struct point p[TAIL_SERIES + 10];
	struct err e;
	size_t k = 0, n;

	if (tail_open(&t, row, &e))
		return false;
	for (; tail_next(&t, &c, &e) > 0; k++) {
		if (c.series != tail_point(k, 1).step || c.most < k + 1 ||
		    c.most > 4 * k + 10 || tail_points(&c, p, &n, &e) ||
		    n != k + 1)
			return false;
		for (size_t i = 0; i < n; i++) {
			struct point want = tail_point(k, i);

			if (!point_same(&p[i], &want))
				return false;
		}
	}
	return k == TAIL_SERIES;
}

static void tails(struct fixture *f)
{
	struct point p[TAIL_SERIES];
	struct tail_writer w;
	bool good = true;
	struct str row;

	tail_begin(&w, &f->out);
	ok(!tail_end(&w), "a row of nothing is none");
	for (size_t k = 0; k < TAIL_SERIES; k++) {
		for (size_t i = 0; i <= k; i++)
			p[i] = tail_point(k, i);
		tail_put(&w, tail_point(k, 1).step, p, k + 1);
	}
	ok(tail_end(&w), "it is sealed");
	row = buf_view(&f->out);
	ok(tail_is_whole(row), "a tail row of 40 series");
	for (size_t n = 0; n < row.n; n++)
		good &= !tail_is_whole(str_n(row.p, n));
	ok(good, "cut anywhere it is not whole");
	for (size_t n = 0; n < row.n; n++) {
		f->out.p[n] ^= (char)(1 << n % 8);
		good &= !tail_is_whole(row);
		f->out.p[n] ^= (char)(1 << n % 8);
	}
	ok(good, "nor with any bit changed");
	f->out.p[0]++;
	ok(!tail_is_whole(row), "of another version");
}

int main(void)
{
	static struct fixture f;

	f.codec = codec_new();
	buf_init(&f.out, 1 << 20);
	round_trips(&f);
	odd_values(&f);
	random_bits(&f);
	summaries();
	damage(&f);
	hostile(&f);
	tails(&f);
	costs(&f);
	buf_fini(&f.out);
	codec_free(f.codec);
	return tap_done();
}
