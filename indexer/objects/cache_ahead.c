/* SPDX-License-Identifier: Apache-2.0 */
/* cache_ahead.c - what a reader will want next is fetched before it asks.
 *
 * Only of one that reads in sequence, small steps back and forth allowed; how
 * far ahead grows with each range it used up. One whose ranges take long to
 * come has a thin line, on which more at one time would only delay the next.
 */
#include "indexer/base/clock.h"
#include "indexer/objects/cache_own.h"

static bool in_sequence(const struct reader *s, int64_t off)
{
	return s->turn && off >= s->expect - CACHE_BACK &&
	       off <= s->expect + CACHE_FORTH;
}

static void set_window(struct cache_object *o, struct reader *s, size_t window)
{
	if (!s->window != !window)
		atomic_fetch_add(&o->c->streams, window ? 1 : -1);
	s->window = window;
}

void ahead_end(struct cached *h)
{
	for (int i = 0; i < CACHE_READERS; i++)
		set_window(h->o, &h->readers[i], 0);
}

/* Who goes on there, or who was not heard of for longest. */
static struct reader *reader_at(struct cached *h, int64_t off)
{
	struct reader *oldest = &h->readers[0];

	for (struct reader *s = oldest; s < h->readers + CACHE_READERS; s++) {
		if (in_sequence(s, off))
			return s;
		if (s->turn < oldest->turn)
			oldest = s;
	}
	return oldest;
}

struct reader *ahead_note(struct cached *h, int64_t off, size_t n)
{
	struct reader *s = reader_at(h, off);
	int64_t end = off + (int64_t)n;

	if (!in_sequence(s, off)) {
		set_window(h->o, s, 0);
		s->expect = end;
	} else if (!s->window) {
		set_window(h->o, s, (size_t)2 * CACHE_LEAST);
	}
	if (end > s->expect)
		s->expect = end;
	s->turn = ++h->turn;
	return s;
}

/* A range was read to its end. */
void ahead_grow(struct reader *s, const struct range *r)
{
	size_t most = cache_share(r->o->c);

	if (!s->window)
		return;
	if (r->used - r->began > CACHE_SLOW_MS)
		most = (size_t)4 * CACHE_LEAST;
	s->window = 2 * s->window < most ? 2 * s->window : most;
}

/* So much is fetched at once that a few are under way. */
static int64_t piece(const struct cache_object *o, const struct reader *s)
{
	int64_t n = (int64_t)s->window / 4, block = o->check.block;

	if (n < CACHE_LEAST)
		n = CACHE_LEAST;
	if (n > CACHE_RANGE)
		n = CACHE_RANGE;
	return (n + block - 1) / block * block;
}

static bool is_near(const struct cache_object *o, int64_t block)
{
	const struct disk_file *f = &o->file;

	if (f->fd < 0)
		return false;
	return f->state != DISK_PART || disk_good(f, block) ||
	       disk_has(f->fd, &o->check, block);
}

/* The first byte from at on that nobody has; how many follow, at most n. */
static int64_t missing(struct cache_object *o, int64_t *at, int64_t end,
		       int64_t n)
{
	int64_t block = o->check.block, found = 0;

	*at -= *at % block;
	while (*at < end && *at + found < o->check.size && found < n) {
		struct range *r = range_at(o, *at + found);

		if (!r && !is_near(o, (*at + found) / block)) {
			found += block;
			continue;
		}
		if (found)
			break;
		*at = r ? r->off + (int64_t)r->n : *at + block;
	}
	if (*at + found > o->check.size)
		found = o->check.size - *at;
	return found;
}

void ahead_fill(struct cache_object *o, struct reader *s, int64_t pos)
{
	int64_t end = pos + (int64_t)s->window, at = pos, want = piece(o, s);

	if (!s->window || !o->store)
		return;
	if (end > o->check.size)
		end = o->check.size;
	while (at < end && o->held < cache_share(o->c) + CACHE_RANGE) {
		int64_t n = missing(o, &at, end, want);

		if (n <= 0 || at >= end ||
		    (at + n > end && end < o->check.size) ||
		    !range_start(o, at, (size_t)n, true))
			return;
		at += n;
	}
}
