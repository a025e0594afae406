/* SPDX-License-Identifier: Apache-2.0 */
/* points_check.c - are the points what their rows say?
 *
 * Each series is told again from its points, block by block and then the
 * tail, and held against its row. One finding does not stop the others.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/block.h"
#include "indexer/index/points.h"
#include "indexer/index/tail.h"

/* What is known of a series, from its row or from its points. */
enum figure {
	COUNT,
	TEXT,
	BLOCK_COUNT,
	BLOCK_TEXT,
	FOLDED,
	LATEST_STEP,
	LATEST_TIME,
	LATEST_BITS,
	LAST_STEP,
	LAST_TIME,
	MIN_STEP,
	MAX_STEP,
	MIN_TIME,
	MAX_TIME,
	FIGURES
};

static const char *const figure_names[FIGURES] = {"points",
						  "bytes of text",
						  "points in blocks",
						  "bytes in blocks",
						  "folded",
						  "step of the latest",
						  "time of the latest",
						  "latest value",
						  "step of the last",
						  "time of the last",
						  "least step",
						  "greatest step",
						  "least time",
						  "greatest time"};

struct check {
	struct db *db;
	void (*report)(void *ctx, const char *what, const char *detail);
	void *ctx;
	struct codec *codec;
	struct point points[BLOCK_POINTS];

	/* of the series under way */
	int64_t run, series;
	char key[300];
	int64_t row[FIGURES], told[FIGURES];
	struct point latest;
	bool unreadable; /* some of it: no use in comparing the sums */
};

static void found(struct check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void found(struct check *c, const char *fmt, ...)
{
	char why[300], detail[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(detail, sizeof(detail),
		 "run row %" PRId64 ", metric '%s' (series %" PRId64 "): %s",
		 c->run, c->key, c->series, why);
	c->report(c->ctx, "points", detail);
}

/* --- telling a series again --------------------------------------------------
 */

static void tell(struct check *c, const struct point *p, size_t n)
{
	struct block_summary s;
	int64_t *told = c->told;
	bool first = !told[COUNT];

	if (!n)
		return;
	block_summarize(p, n, &s);
	told[COUNT] += s.count;
	told[TEXT] += block_text(p, n);
	told[MIN_STEP] = first || s.min_step < told[MIN_STEP] ? s.min_step
							      : told[MIN_STEP];
	told[MAX_STEP] = first || s.max_step > told[MAX_STEP] ? s.max_step
							      : told[MAX_STEP];
	told[MIN_TIME] = first || s.min_time < told[MIN_TIME] ? s.min_time
							      : told[MIN_TIME];
	told[MAX_TIME] = first || s.max_time > told[MAX_TIME] ? s.max_time
							      : told[MAX_TIME];
	told[LAST_STEP] = p[n - 1].step;
	told[LAST_TIME] = p[n - 1].time;
	for (size_t i = 0; i < n; i++)
		if ((first && !i) || point_later(&p[i], &c->latest))
			c->latest = p[i];
}

static void compare_block(struct check *c, const struct cursor *q,
			  const struct point *p, size_t n)
{
	struct block_summary s;
	int64_t text = block_text(p, n);

	block_summarize(p, n, &s);
	if (cursor_i64(q, 3) != text)
		found(c,
		      "block at %" PRId64 " is %" PRId64
		      " bytes of text, and says %" PRId64,
		      cursor_i64(q, 0), text, cursor_i64(q, 3));
	if (cursor_i64(q, 4) != s.min_step || cursor_i64(q, 5) != s.max_step ||
	    cursor_i64(q, 6) != s.min_time || cursor_i64(q, 7) != s.max_time ||
	    cursor_i64(q, 8) != s.sorted)
		found(c, "block at %" PRId64 " is not as its summary says",
		      cursor_i64(q, 0));
}

static int check_blocks(struct check *c, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, c->db, STMT_CHECK_BLOCKS, BINDS(B(c->series)), e) <
	    0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		int64_t n = cursor_i64(&q, 2);
		struct err why;

		if (!c->unreadable && (cursor_i64(&q, 0) != c->told[TEXT] ||
				       cursor_i64(&q, 1) != c->told[COUNT]))
			found(c,
			      "block at %" PRId64 " does not follow the one "
			      "before",
			      cursor_i64(&q, 0));
		if (n < 1 || n > BLOCK_POINTS ||
		    block_unpack(c->codec, cursor_str(&q, 9), c->points,
				 (size_t)n, &why)) {
			found(c, "block at %" PRId64 " cannot be read",
			      cursor_i64(&q, 0));
			c->unreadable = true;
			continue;
		}
		compare_block(c, &q, c->points, (size_t)n);
		tell(c, c->points, (size_t)n);
	}
	c->told[BLOCK_COUNT] = c->told[COUNT];
	c->told[BLOCK_TEXT] = c->told[TEXT];
	return rc;
}

/* --- tails
 * -------------------------------------------------------------------- */

static int tell_chunk(struct check *c, const struct tail_chunk *chunk,
		      struct err *e)
{
	SCOPED_FREE struct point *p = calloc(chunk->most, sizeof(*p));
	size_t n;

	if (!p)
		abort();
	if (tail_points(chunk, p, &n, e))
		return -1;
	tell(c, p, n);
	return 0;
}

static int tell_row(struct check *c, struct str row, struct err *e)
{
	struct tail_reader t;
	struct tail_chunk chunk;
	int rc;

	if (tail_open(&t, row, e))
		return -1;
	while ((rc = tail_next(&t, &chunk, e)) > 0)
		if (chunk.series == c->series && tell_chunk(c, &chunk, e))
			return -1;
	return rc;
}

static int check_tail(struct check *c, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, c->db, STMT_TAIL_AFTER,
			BINDS(B(c->run), B(c->row[FOLDED])), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct err why;

		if (tell_row(c, cursor_str(&q, 0), &why)) {
			c->unreadable = true;
			found(c, "%s", why.msg);
		}
	}
	return rc;
}

/* --- all of it
 * ---------------------------------------------------------------- */

static void compare(struct check *c)
{
	c->told[FOLDED] = c->row[FOLDED];
	c->told[LATEST_STEP] = c->latest.step;
	c->told[LATEST_TIME] = c->latest.time;
	memcpy(&c->told[LATEST_BITS], &c->latest.value, sizeof(int64_t));
	for (int i = 0; i < FIGURES && !c->unreadable; i++)
		if (c->row[i] != c->told[i])
			found(c,
			      "%s: its row says %" PRId64
			      ", its points %" PRId64,
			      figure_names[i], c->row[i], c->told[i]);
}

/* The next series: 1, or 0 where there is none. */
static int load(struct check *c, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct str key;
	int rc;

	if (cursor_open(&q, c->db, STMT_CHECK_SERIES,
			BINDS(B(c->run), B(c->series)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	c->run = cursor_i64(&q, 0);
	c->series = cursor_i64(&q, 1);
	c->unreadable = false;
	key = cursor_str(&q, 2);
	snprintf(c->key, sizeof(c->key), "%.*s", STR_ARG(key));
	for (int i = 0; i < FIGURES; i++) {
		c->row[i] = cursor_i64(&q, 3 + i);
		c->told[i] = 0;
	}
	return 1;
}

static int check_series(struct check *c, struct err *e)
{
	int rc = load(c, e);

	if (rc <= 0)
		return rc;
	if (check_blocks(c, e) < 0 || check_tail(c, e) < 0)
		return -1;
	compare(c);
	return 1;
}

static int check_strays(struct check *c, enum stmt_id id, const char *what,
			struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, c->db, id, NO_BINDS, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		char detail[100];

		snprintf(detail, sizeof(detail), "%s %" PRId64, what,
			 cursor_i64(&q, 0));
		c->report(c->ctx, "points", detail);
	}
	return rc;
}

static int check_all(struct check *c, struct err *e)
{
	int rc;

	do {
		struct err ignored;

		if (db_exec(c->db, STMT_SNAPSHOT, NO_BINDS, e) < 0)
			return -1;
		rc = check_series(c, e);
		db_exec(c->db, STMT_ROLLBACK, NO_BINDS, &ignored);
	} while (rc > 0);
	if (rc < 0 || check_strays(c, STMT_CHECK_STRAY_BLOCKS,
				   "blocks of no series:", e) < 0)
		return -1;
	return check_strays(c, STMT_CHECK_STRAY_TAILS, "a tail of no run:", e);
}

int points_check(struct db *db,
		 void (*report)(void *ctx, const char *what,
				const char *detail),
		 void *ctx, struct err *e)
{
	struct check *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		abort();
	c->db = db;
	c->report = report;
	c->ctx = ctx;
	c->codec = codec_new();
	rc = check_all(c, e);
	codec_free(c->codec);
	free(c);
	return rc;
}
