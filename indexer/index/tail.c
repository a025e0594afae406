/* SPDX-License-Identifier: Apache-2.0 */
/* tail.c - tail rows are written once per commit and read a few times before
 * they are folded, so their form is made for speed, not for size.
 */
#include "indexer/index/tail.h"

#include <string.h>

#include "indexer/base/varint.h"
#include "indexer/index/seal.h"

void tail_begin(struct tail_writer *w, struct buf *out)
{
	static const char room[SEAL];

	w->out = out;
	w->series = 0;
	w->base = (struct point){0, 0, 0};
	buf_reset(out);
	buf_add(out, room, sizeof(room));
}

bool tail_end(struct tail_writer *w)
{
	struct buf *out = w->out;

	if (out->failed || out->n == SEAL)
		return false;
	seal_put(out->p, out->n, TAIL_VERSION);
	return true;
}

/* Distances wrap, so any two integers have one. */
static unsigned char *put_distance(unsigned char *at, int64_t from, int64_t to)
{
	return varint_put(at, zigzag((int64_t)((uint64_t)to - (uint64_t)from)));
}

static const unsigned char *get_distance(const unsigned char *at,
					 const unsigned char *end, int64_t from,
					 int64_t *ret)
{
	uint64_t u;

	at = varint_get(at, end, &u);
	if (at)
		*ret = (int64_t)((uint64_t)from + (uint64_t)unzigzag(u));
	return at;
}

static unsigned char *put_point(unsigned char *at, const struct point *from,
				const struct point *p)
{
	at = put_distance(at, from->step, p->step);
	at = put_distance(at, from->time, p->time);
	memcpy(at, &p->value, 8);
	return at + 8;
}

static const unsigned char *get_point(const unsigned char *at,
				      const unsigned char *end,
				      const struct point *from,
				      struct point *ret)
{
	at = get_distance(at, end, from->step, &ret->step);
	if (at)
		at = get_distance(at, end, from->time, &ret->time);
	if (!at || end - at < 8)
		return NULL;
	memcpy(&ret->value, at, 8);
	return at + 8;
}

/* The points are laid down where they would stand behind the longest header,
 * then moved up to the one that there is. */
void tail_put(struct tail_writer *w, int64_t series, const struct point *p,
	      size_t n)
{
	size_t room = TAIL_CHUNK_MAX + n * TAIL_POINT_MAX;
	unsigned char *chunk = (unsigned char *)buf_room(w->out, room);
	unsigned char *points, *end, *at;

	if (!chunk)
		return;
	points = end = chunk + TAIL_CHUNK_MAX;
	for (size_t i = 0; i < n; i++)
		end = put_point(end, i ? &p[i - 1] : &w->base, &p[i]);
	at = put_distance(chunk, w->series, series);
	at = varint_put(at, (uint64_t)(end - points));
	memmove(at, points, (size_t)(end - points));
	buf_added(w->out, (size_t)(at - chunk) + (size_t)(end - points));
	w->series = series;
	w->base = p[0];
}

static int corrupt(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "tail of points: damaged row");
}

int tail_open(struct tail_reader *r, struct str row, struct err *e)
{
	if (row.n < SEAL || row.p[0] != TAIL_VERSION)
		return err_set(e, ERR_CORRUPT,
			       "tail of points: unknown version");
	if (!seal_holds(row.p, row.n))
		return corrupt(e);
	r->at = (const unsigned char *)row.p + SEAL;
	r->end = (const unsigned char *)row.p + row.n;
	r->series = 0;
	r->base = (struct point){0, 0, 0};
	return 0;
}

int tail_next(struct tail_reader *r, struct tail_chunk *ret, struct err *e)
{
	const unsigned char *at = r->at;
	struct point first;
	uint64_t bytes = 0;

	if (at == r->end)
		return 0;
	at = get_distance(at, r->end, r->series, &r->series);
	if (at)
		at = varint_get(at, r->end, &bytes);
	if (!at || bytes > (uint64_t)(r->end - at))
		return corrupt(e);
	ret->series = r->series;
	ret->at = at;
	ret->end = r->at = at + bytes;
	ret->base = r->base;
	ret->most = bytes / TAIL_POINT_MIN;
	if (!get_point(ret->at, ret->end, &r->base, &first))
		return corrupt(e);
	r->base = first;
	return 1;
}

int tail_points(const struct tail_chunk *c, struct point *out, size_t *ret_n,
		struct err *e)
{
	const unsigned char *at = c->at;
	size_t n = 0;

	while (at < c->end) {
		if (n == c->most)
			return corrupt(e);
		at = get_point(at, c->end, n ? &out[n - 1] : &c->base, &out[n]);
		if (!at)
			return corrupt(e);
		n++;
	}
	*ret_n = n;
	return 0;
}
