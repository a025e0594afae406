/* SPDX-License-Identifier: Apache-2.0 */
/* series_text.c - series as text, any piece of them.
 *
 * The hard idea: a block knows at which byte of the text it starts, so only
 * the blocks under a piece are decoded; and the text at an offset never
 * changes, so what was rendered for one read serves the next, and the tail's
 * text only has to be continued.
 */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/series_cache.h"

enum { STRETCH_CEILING = 4 << 20 };

/* --- stretches
 * ----------------------------------------------------------------- */

struct series_cache *series_cache(struct reader *rd)
{
	struct series_cache **at = reader_series(rd), *c = *at;

	if (c)
		return c;
	c = *at = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->codec = codec_new();
	for (size_t i = 0; i < STRETCHES; i++)
		buf_init(&c->stretches[i].text, STRETCH_CEILING);
	return c;
}

void series_cache_free(struct series_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < STRETCHES; i++)
		buf_fini(&c->stretches[i].text);
	codec_free(c->codec);
	free(c);
}

static bool is_of(const struct stretch *s, int64_t epoch, int64_t series)
{
	return s->series == series && s->epoch == epoch;
}

/* That holds the byte at off; NULL: there is none. */
static struct stretch *stretch_find(struct series_cache *c, int64_t epoch,
				    int64_t series, int64_t off)
{
	for (size_t i = 0; i < STRETCHES; i++) {
		struct stretch *s = &c->stretches[i];

		if (is_of(s, epoch, series) && off >= s->start &&
		    off < s->start + (int64_t)s->text.n)
			return s;
	}
	return NULL;
}

/* That begins at start; NULL: there is none. */
static struct stretch *stretch_from(struct series_cache *c, int64_t epoch,
				    int64_t series, int64_t start)
{
	for (size_t i = 0; i < STRETCHES; i++)
		if (is_of(&c->stretches[i], epoch, series) &&
		    c->stretches[i].start == start)
			return &c->stretches[i];
	return NULL;
}

/* An empty one in place of another. */
static struct stretch *stretch_new(struct series_cache *c, int64_t epoch,
				   int64_t series, int64_t start)
{
	struct stretch *s = &c->stretches[c->next++ % STRETCHES];

	s->epoch = epoch;
	s->series = series;
	s->start = start;
	s->points = 0;
	buf_reset(&s->text);
	return s;
}

/* Add points; ERR_TOO_LARGE where it would grow beyond all blocks. */
static int stretch_add(struct stretch *s, const struct point *p, size_t n,
		       struct err *e)
{
	char *at = buf_room(&s->text, n * POINT_TEXT_MAX);
	size_t bytes = 0;

	if (!at) {
		s->series = 0;
		return err_set(e, ERR_TOO_LARGE, "metric: tail too large");
	}
	for (size_t i = 0; i < n; i++)
		bytes += point_text(&p[i], at + bytes);
	buf_added(&s->text, bytes);
	s->points += (int64_t)n;
	return 0;
}

/* --- reading
 * -------------------------------------------------------------------- */

struct reading {
	struct reader *rd;
	struct series_cache *cache;
	const struct series *series;
	struct series_place place;
	int64_t off; /* what comes next */
	char *out;
	size_t left;
};

/* What s has of what is left to read; false where it has nothing. */
static bool copy(struct reading *r, const struct stretch *s)
{
	int64_t end = s->start + (int64_t)s->text.n;
	size_t n;

	if (r->off < s->start || r->off >= end)
		return false;
	n = (size_t)(end - r->off) < r->left ? (size_t)(end - r->off) : r->left;
	memcpy(r->out, s->text.p + (r->off - s->start), n);
	r->off += (int64_t)n;
	r->out += n;
	r->left -= n;
	return true;
}

static int wrong_length(const struct reading *r, struct err *e)
{
	return err_set(e, ERR_CORRUPT,
		       "metric %.*s: its text is not as long as it should be",
		       STR_ARG(r->series->key));
}

static int read_block(struct reading *r, const struct cursor *q,
		      struct point *p, struct err *e)
{
	size_t n = (size_t)cursor_i64(q, 1);
	struct stretch *s;

	if (block_unpack(r->cache->codec, cursor_str(q, 3), p, n, e))
		return -1;
	s = stretch_new(r->cache, reader_epoch(r->rd), r->series->row,
			cursor_i64(q, 0));
	if (stretch_add(s, p, n, e))
		return -1;
	if ((int64_t)s->text.n == cursor_i64(q, 2) && copy(r, s))
		return 0;
	s->series = 0;
	return wrong_length(r, e);
}

/* From the block under r->off to the last one that is wanted. */
static int read_blocks(struct reading *r, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	SCOPED_FREE struct point *p = series_room();
	int rc = 1;

	if (cursor_open(&q, reader_db(r->rd), STMT_BLOCKS_AT,
			BINDS(B(r->series->row), B(r->off)), e) < 0)
		return -1;
	while (r->left && r->off < r->place.block_text) {
		rc = cursor_next(&q, e);
		if (rc < 0)
			return -1;
		if (!rc)
			return wrong_length(r, e);
		if (read_block(r, &q, p, e))
			return -1;
	}
	return 0;
}

/* Adds the points of the tail that the stretch does not have yet. */
struct tail_text {
	struct stretch *stretch;
	int64_t passed;
};

static int add_tail(void *ctx, const struct point *p, size_t n, struct err *e)
{
	struct tail_text *t = ctx;
	int64_t have = t->stretch->points - t->passed;
	size_t skip = have < 0 ? 0 : have < (int64_t)n ? (size_t)have : n;

	t->passed += (int64_t)n;
	return skip == n ? 0 : stretch_add(t->stretch, p + skip, n - skip, e);
}

static int read_tail(struct reading *r, struct err *e)
{
	int64_t start = r->place.block_text, epoch = reader_epoch(r->rd);
	struct tail_text t = {
		stretch_from(r->cache, epoch, r->series->row, start), 0};

	if (!t.stretch)
		t.stretch = stretch_new(r->cache, epoch, r->series->row, start);
	if (series_tail(r->rd, r->series, &r->place, add_tail, &t, e) < 0)
		return -1;
	if (start + (int64_t)t.stretch->text.n >= r->place.text &&
	    copy(r, t.stretch))
		return 0;
	t.stretch->series = 0;
	return wrong_length(r, e);
}

int64_t series_read_text(struct reader *rd, const struct series *s, int64_t off,
			 char *out, size_t n, struct err *e)
{
	struct reading r = {rd, series_cache(rd), s, {0}, off, out, n};
	const struct stretch *known;

	if (off < 0)
		return err_set(e, ERR_INVALID, "negative offset");
	if (series_place(rd, s, &r.place, e))
		return -1;
	if (off >= r.place.text)
		return 0;
	if ((uint64_t)(r.place.text - off) < n)
		r.left = (size_t)(r.place.text - off);
	n = r.left;
	known = stretch_find(r.cache, reader_epoch(rd), s->row, off);
	if (known)
		copy(&r, known);
	if (r.left && r.off < r.place.block_text && read_blocks(&r, e))
		return -1;
	if (r.left && read_tail(&r, e))
		return -1;
	return (int64_t)n;
}
