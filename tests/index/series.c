/* SPDX-License-Identifier: Apache-2.0 */
/* series.c - series as readers see them: rows, points from anywhere on, any
 * piece of the text, and pages of history.
 */
#include <math.h>

#include "indexer/index/block.h"
#include "tests/index/desk.h"
#include "tests/index/made.h"
#include "tests/tap.h"

/* A series of n points: some in blocks, some in the tail. With order 0 time
 * grows; else times and steps jump about. */
static struct point *make(struct desk *d, struct str run, const char *key,
			  size_t n, int order)
{
	struct point *p = calloc(n, sizeof(*p));
	struct made m = made_start(n);
	size_t part = n < 7000 ? n / 7 + 1 : 1000;

	for (size_t i = 0; i < n; i++) {
		p[i] = made_next(&m, i / 100 % MADE_VALUES, 0);
		if (order)
			p[i].time = 1000 + (int64_t)(made_random(&m) % n);
		if (order > 1)
			p[i].step = (int64_t)(made_random(&m) % n);
	}
	for (size_t i = 0; i < n; i += part) {
		if (desk_log(d, run, key, p + i, n - i < part ? n - i : part))
			desk_die(d, key);
		if (i / part % 9 == 4)
			desk_fold(d, run);
	}
	return p;
}

static char *text_of(const struct point *p, size_t n, size_t *ret_bytes)
{
	char *text = malloc(n * POINT_TEXT_MAX + 1);
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		at += point_text(&p[i], text + at);
	*ret_bytes = at;
	return text;
}

static bool piece(struct desk *d, const struct series *s, const char *text,
		  size_t bytes, size_t off, size_t n)
{
	char got[70000];
	size_t want = off >= bytes ? 0 : bytes - off < n ? bytes - off : n;
	int64_t rc = series_read_text(d->rd, s, (int64_t)off, got, n, &d->e);

	return rc == (int64_t)want &&
	       (!want || memcmp(got, text + off, want) == 0);
}

static void text(struct desk *d)
{
	enum { N = 700 };
	struct str run = desk_run(d);
	struct point *p = make(d, run, "small", N, 1);
	struct series s;
	size_t bytes;
	char *whole = text_of(p, N, &bytes), c;
	bool good = true;

	desk_begin(d);
	s = desk_series(d, run, "small");
	is_i64(s.text, (int64_t)bytes, "bytes of text are known");
	ok(desk_count(d, "SELECT count(*) FROM block") > 0 &&
		   desk_count(d, "SELECT count(*) FROM tail") > 0,
	   "it lies in blocks and in tails");
	for (size_t off = 0; off <= bytes + 3; off++)
		good &= piece(d, &s, whole, bytes, off, 1 + off % 90);
	ok(good, "pieces from each offset on");
	for (size_t off = bytes; off-- > 0;)
		good &= piece(d, &s, whole, bytes, off, 4000);
	ok(good, "and backwards");
	ok(piece(d, &s, whole, bytes, 0, 65536), "all at once");
	is_i64(series_read_text(d->rd, &s, (int64_t)bytes, &c, 1, &d->e), 0,
	       "the end");
	is_i64(series_read_text(d->rd, &s, 5, &c, 0, &d->e), 0, "no bytes");
	is_i64(series_read_text(d->rd, &s, -1, &c, 1, &d->e), -1,
	       "a negative offset is an error");
	reader_end(d->rd);
	free(whole);
	free(p);
}

/* What a reader has rendered before serves it while the series grows and is
 * folded. */
static void growing(struct desk *d)
{
	enum { N = 9000 };
	struct str run = desk_run(d);
	struct point *p = calloc(N, sizeof(*p));
	struct made m = made_start(8);
	size_t bytes, at = 0, n = 0, added;
	bool good = true;
	char *whole;

	for (size_t i = 0; i < N; i++)
		p[i] = made_next(&m, 3, 0);
	whole = text_of(p, N, &bytes);
	for (; n < N; n += added) {
		struct series s;

		added = 1 + made_random(&m) % 400;
		added = added < N - n ? added : N - n;
		desk_log(d, run, "g", p + n, added);
		if (made_random(&m) % 8 == 0)
			desk_fold(d, run);
		desk_begin(d);
		s = desk_series(d, run, "g");
		good &= piece(d, &s, whole, (size_t)s.text, at, 65536);
		good &= piece(d, &s, whole, (size_t)s.text,
			      made_random(&m) % (size_t)s.text, 3000);
		at = (size_t)s.text;
		reader_end(d->rd);
	}
	ok(good, "a reader follows a growing series");
	free(whole);
	free(p);
}

static void skipping(struct desk *d)
{
	enum { N = 6000 };
	struct str run = desk_run(d);
	struct point *p = make(d, run, "s", N, 1);
	struct series s;
	bool good = true;

	desk_begin(d);
	s = desk_series(d, run, "s");
	for (size_t skip = 0; skip <= N + 100; skip += 97) {
		struct desk_points got = {NULL, 0, 0};

		if (series_points(d->rd, &s, (int64_t)skip, desk_collect, &got,
				  &d->e))
			desk_die(d, "points");
		good &= skip < N ? desk_same(&got, p + skip, N - skip)
				 : got.n == 0;
		free(got.p);
	}
	ok(good, "points from the n-th on");
	reader_end(d->rd);
	free(p);
}

/* Keep those of the range; returns how many are left. */
static size_t keep_range(struct point *p, size_t n, struct step_range range)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i].step >= range.from && p[i].step <= range.to)
			p[kept++] = p[i];
	return kept;
}

static void within(struct desk *d, int order)
{
	enum { N = 30000, WIDTH = 500 };
	struct str run = desk_run(d);
	struct point *p = make(d, run, "w", N, order);
	struct point *want = calloc(N, sizeof(*want));
	size_t most = 0;
	struct series s;
	bool good = true;

	desk_begin(d);
	s = desk_series(d, run, "w");
	for (int64_t from = -1000; from < N + 1000; from += 999) {
		struct step_range range = {from, from + WIDTH};
		struct desk_points got = {NULL, 0, 0};

		memcpy(want, p, N * sizeof(*p));
		if (series_points_within(d->rd, &s, range, desk_collect, &got,
					 &d->e))
			desk_die(d, "points");
		most = got.n > most ? got.n : most;
		got.n = keep_range(got.p, got.n, range);
		good &= desk_same(&got, want, keep_range(want, N, range));
		free(got.p);
	}
	ok(good, "points of a range of steps");
	ok(order || most < N / 2, "of the blocks that have some");
	reader_end(d->rd);
	free(want);
	free(p);
}

static void ranges(struct desk *d)
{
	within(d, 0);
	within(d, 2);
}

static int compare(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int c = point_compare_history(x, y);

	return c || isnan(x->value)
		       ? c
		       : (signbit(y->value) != 0) - (signbit(x->value) != 0);
}

/* Pages of some size, one after the other, are the whole in order. */
static bool pages(struct desk *d, const struct series *s,
		  const struct point *sorted, size_t n, size_t size)
{
	const struct point *after = NULL;
	struct point last, *p;
	size_t at = 0, got;
	bool more = true;

	while (more) {
		struct arena a;
		bool good;

		arena_init(&a, 64 << 20);
		if (series_history(d->rd, s, after, size, &a, &p, &got, &more,
				   &d->e))
			desk_die(d, "history");
		good = got <= size && (got == size || !more) && got <= n - at;
		for (size_t i = 0; good && i < got; i++)
			good = point_same(&p[i], &sorted[at + i]);
		if (got) {
			last = p[got - 1];
			after = &last;
		}
		at += got;
		arena_fini(&a);
		if (!good)
			return false;
	}
	return at == n;
}

static void history(struct desk *d)
{
	enum { N = 20000 };
	static const char *const orders[] = {"in order", "times jump",
					     "times and steps jump"};
	char what[80];

	for (int order = 0; order < 3; order++) {
		struct str run = desk_run(d);
		struct point *p = make(d, run, "h", N, order);
		struct series s;

		desk_begin(d);
		s = desk_series(d, run, "h");
		qsort(p, N, sizeof(*p), compare);
		is_i64(s.count, N, "no two points are the same");
		snprintf(what, sizeof(what), "%s: pages of 1000",
			 orders[order]);
		ok(pages(d, &s, p, N, 1000), what);
		snprintf(what, sizeof(what), "%s: pages of 6999",
			 orders[order]);
		ok(pages(d, &s, p, N, 6999), what);
		snprintf(what, sizeof(what), "%s: all at once", orders[order]);
		ok(pages(d, &s, p, N, SIZE_MAX / 2), what);
		reader_end(d->rd);
		free(p);
	}
}

/* Points that come at one time, with values that compare as equal. */
static void ties(struct desk *d)
{
	struct str run = desk_run(d);
	struct point p[60], sorted[60];
	static const double values[] = {0.0, -0.0, (double)NAN,
					1,   -1,   (double)INFINITY};
	struct series s;
	bool good = true;

	for (int64_t i = 0; i < 60; i++)
		p[i] = (struct point){i % 10 / 2, 5 * (i / 30), values[i % 6]};
	desk_log(d, run, "t", p, 60);
	desk_begin(d);
	s = desk_series(d, run, "t");
	memcpy(sorted, p, sizeof(p));
	qsort(sorted, 60, sizeof(*p), compare);
	good = s.count == 60;
	for (size_t size = 1; size < 62; size++)
		good &= pages(d, &s, sorted, 60, size);
	ok(good, "ties and pages of all sizes");
	reader_end(d->rd);
}

static void million(struct desk *d)
{
	enum { N = 1000000, BATCH = 50000 };
	struct str run = desk_run(d);
	struct point *p = calloc(N, sizeof(*p));
	struct made m = made_start(3);
	struct series s;
	int64_t bytes;

	for (size_t i = 0; i < N; i++)
		p[i] = made_next(&m, 0, 0);
	for (size_t i = 0; i < N; i += BATCH) {
		struct cmd_journal *x = command_new(COMMAND_JOURNAL);
		struct journal_point *jp =
			arena_array(&x->c.arena, BATCH, sizeof(*jp));
		struct journal_line line = {run, STR("m"), (int64_t)i + 1,
					    1,   jp,       BATCH};

		for (size_t k = 0; k < BATCH; k++)
			jp[k] = (struct journal_point){p[i + k], true, true};
		x->journal_id = STR("0123456789abcdef0123456789abcdef");
		x->last_seq = (int64_t)i + 1;
		x->lines = &line;
		x->nlines = 1;
		if (desk_apply(d, &x->c))
			desk_die(d, "journal");
		command_free(&x->c);
	}
	desk_fold(d, run);
	bytes = desk_count(d, "SELECT sum(pgsize) FROM dbstat WHERE name IN"
			      " ('block', 'tail', 'sqlite_autoindex_block_1')");
	printf("# a million points: %lld bytes, %.2f each\n", (long long)bytes,
	       (double)bytes / N);
	ok(bytes <= 4 * N, "a smooth point costs at most 4 bytes");
	desk_begin(d);
	s = desk_series(d, run, "m");
	ok(pages(d, &s, p, N, 250000), "a million points in four pages");
	reader_end(d->rd);
	free(p);
}

static int collect_keys(void *ctx, const struct series *s, struct err *e)
{
	struct buf *b = ctx;

	(void)e;
	buf_str(b, s->key);
	buf_putc(b, ' ');
	return str_is(s->key, "stop");
}

static void keys(struct desk *d)
{
	static const char *const names[] = {"b",      "a/x", "a",    "a/b/c",
					    "a/x/y/", "ab",  "stop", "z"};
	struct str run = desk_run(d), other = desk_run(d);
	struct point p = {7, 8, 9};
	struct buf b;
	struct series s;

	for (size_t i = 0; i < 8; i++) {
		if (i == 4)
			continue;
		desk_log(d, run, names[i], &p, 1);
		desk_log(d, other, names[i], &p, 1);
	}
	buf_init(&b, 1000);
	desk_begin(d);
	series_each(d->rd, desk_row(d, run), STR_NONE, collect_keys, &b, &d->e);
	is_str(b.p, "a a/b/c a/x ab b stop ", "keys in order, until it stops");
	buf_reset(&b);
	series_each(d->rd, desk_row(d, run), STR("a/"), collect_keys, &b,
		    &d->e);
	is_str(b.p, "a/b/c a/x ", "keys with a prefix");
	s = desk_series(d, run, "a/x");
	ok(s.count == 1 && s.latest.step == 7 && s.latest.time == 8 &&
		   s.latest.value == 9 && s.last_step == 7 &&
		   s.run_row == desk_row(d, run) && s.modified > 0 &&
		   s.change > 0,
	   "what is known of one");
	reader_end(d->rd);
	buf_fini(&b);
}

/* Who may not see the run sees no series of it, also by a row known before. */
static void rights(struct desk *d)
{
	struct principal nobody = {.name = STR("nobody")};
	struct str run = desk_run(d);
	struct point p = {1, 2, 3}, *got;
	struct desk_points none = {NULL, 0, 0};
	struct series s;
	size_t n;
	bool more;
	char c;

	desk_log(d, run, "a", &p, 1);
	s = desk_look(d, run, "a");
	if (reader_begin(d->rd, &nobody, &d->e))
		desk_die(d, "snapshot");
	ok(series_by_key(d->rd, desk_row(d, run), STR("a"), &d->a, &s, &d->e) ==
			   -1 &&
		   d->e.kind == ERR_NOT_FOUND,
	   "no series");
	ok(series_points(d->rd, &s, 0, desk_collect, &none, &d->e) == -1 &&
		   d->e.kind == ERR_NOT_FOUND && !none.n,
	   "no points");
	ok(series_read_text(d->rd, &s, 0, &c, 1, &d->e) == -1 &&
		   d->e.kind == ERR_NOT_FOUND,
	   "no text");
	ok(series_history(d->rd, &s, NULL, 1, &d->a, &got, &n, &more, &d->e) ==
			   -1 &&
		   d->e.kind == ERR_NOT_FOUND,
	   "no history");
	reader_end(d->rd);
}

int main(void)
{
	static void (*const tests[])(struct desk *) = {
		text, growing, skipping, ranges, history,
		ties, million, keys,     rights};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		struct desk d;

		desk_open(&d);
		tests[i](&d);
		desk_close(&d);
	}
	return tap_done();
}
