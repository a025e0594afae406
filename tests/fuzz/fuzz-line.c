/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-line.c - any text as metric lines, and any bytes as packed points:
 * lines are taken all or none, what is packed is what the lines say, and
 * packed bytes are points or they are not, whoever asks.
 */
#include "indexer/journal/line.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool same(const struct journal_point *a, const struct journal_point *b)
{
	return a->has_step == b->has_step && a->has_time == b->has_time &&
	       point_same(&a->p, &b->p);
}

static struct journal_point *unpack(struct str packed, int64_t count)
{
	struct journal_point *p = malloc(((size_t)count + 1) * sizeof(*p));
	struct err e;

	if (!p || points_unpack(packed, p, (size_t)count, &e) < 0)
		abort();
	return p;
}

/* Line by line, the packed points are the lines' own. */
static void check_points(struct str full, struct str packed, size_t points)
{
	struct journal_point *p, one;
	struct err e;
	size_t n = 0;

	if (points_count(packed) != (int64_t)points)
		abort();
	p = unpack(packed, (int64_t)points);
	while (full.n) {
		int got = line_parse(str_cut(&full, '\n'), &one, &e);

		if (got < 0 || (got && (n == points || !same(&one, &p[n]))))
			abort();
		n += (size_t)got;
	}
	if (n != points)
		abort();
	free(p);
}

static void check_text(struct str text)
{
	size_t points, tail;
	struct buf out;
	struct err e;

	buf_init(&out, 16 << 20);
	buf_puts(&out, "#");
	if (lines_pack(text, &out, &points, &tail, &e) == 0) {
		if (tail > text.n || memchr(text.p + text.n - tail, '\n', tail))
			abort();
		check_points(str_n(text.p, text.n - tail),
			     str_n(out.p + 1, out.n - 1), points);
	} else if (e.kind != ERR_INVALID || out.n != 1 || !e.msg[0]) {
		abort();
	}
	buf_fini(&out);
}

static void check_packed(struct str packed)
{
	int64_t count = points_count(packed);
	struct journal_point *p, *again;
	struct buf out;

	if (count < 0)
		return;
	p = unpack(packed, count);
	buf_init(&out, 16 << 20);
	for (int64_t i = 0; i < count; i++)
		points_pack(&out, &p[i]);
	if (!buf_ok(&out) || out.n > packed.n ||
	    points_count(buf_view(&out)) != count)
		abort();
	again = unpack(buf_view(&out), count);
	for (int64_t i = 0; i < count; i++)
		if (!same(&p[i], &again[i]))
			abort();
	free(again);
	free(p);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str s = str_n((const char *)data, n);

	if (!n)
		return 0;
	check_text(s);
	check_packed(s);
	return 0;
}
