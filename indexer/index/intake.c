/* SPDX-License-Identifier: Apache-2.0 */
/* intake.c - which points of a batch are new.
 *
 * The hard idea: a point beyond the greatest step or the greatest time of its
 * series repeats none, and nearly all points are so: a group of only such is
 * taken without looking at anything. For the others the stored points are
 * walked once for the whole group, block by block where the ranges allow a
 * match, and held against the set of those sought; what points without a time
 * might collide with (all that is as late) is put into the same set.
 */
#include "indexer/index/intake.h"

#include <math.h>
#include <stdlib.h>

#include "indexer/base/log.h"
#include "indexer/base/scope.h"

#define NONE SIZE_MAX

void intake_init(struct intake *in, struct live *l, struct codec *c)
{
	*in = (struct intake){.live = l, .codec = c};
	known_init(&in->known);
}

void intake_fini(struct intake *in)
{
	free(in->incoming);
	free(in->groups);
	known_fini(&in->known);
}

void intake_begin(struct intake *in)
{
	in->batch++;
	in->n = 0;
	in->ngroups = 0;
}

static void *grown(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? 2 * *cap : 64;
	p = reallocarray(p, *cap, size);
	if (!p)
		abort();
	return p;
}

static struct intake_group *group_of(struct intake *in, struct live_run *r,
				     struct live_series *s)
{
	if (s->batch == in->batch)
		return &in->groups[s->group];
	in->groups = grown(in->groups, in->ngroups, &in->groups_cap,
			   sizeof(*in->groups));
	s->batch = in->batch;
	s->group = in->ngroups++;
	in->groups[s->group] = (struct intake_group){r, s, NONE, NONE, 0, true};
	return &in->groups[s->group];
}

void intake_add(struct intake *in, struct live_run *r, struct live_series *s,
		const struct journal_point *p, int64_t accepted)
{
	struct intake_group *g = group_of(in, r, s);
	size_t i = in->n;

	in->incoming = grown(in->incoming, i, &in->cap, sizeof(*in->incoming));
	in->incoming[i] = (struct incoming){*p, accepted, NONE};
	if (isnan(p->p.value))
		in->incoming[i].p.p.value = (double)NAN;
	if (g->n++)
		in->incoming[g->last].next = i;
	else
		g->first = i;
	g->last = i;
	in->n++;
}

/* --- is anything there that could repeat? -------------------------------- */

/* So much of a series as tells where the next point stands. */
struct edge {
	bool any;
	int64_t last_step, max_step, max_time;
};

static struct edge edge_of(const struct live_series *s)
{
	return (struct edge){s->count > 0, s->last_step, s->max_step,
			     s->max_time};
}

static struct point resolve(const struct incoming *x, const struct edge *edge)
{
	struct point p = x->p.p;

	if (!x->p.has_step)
		p.step = !edge->any                     ? 0
			 : edge->last_step == INT64_MAX ? INT64_MAX
							: edge->last_step + 1;
	if (!x->p.has_time)
		p.time = x->accepted;
	return p;
}

static bool beyond(const struct edge *edge, const struct point *p)
{
	return !edge->any || p->step > edge->max_step ||
	       p->time > edge->max_time;
}

static void advance(struct edge *edge, const struct point *p)
{
	if (!edge->any || p->step > edge->max_step)
		edge->max_step = p->step;
	if (!edge->any || p->time > edge->max_time)
		edge->max_time = p->time;
	edge->last_step = p->step;
	edge->any = true;
}

static bool plain(const struct intake *in, const struct intake_group *g)
{
	struct edge edge = edge_of(g->series);

	for (size_t i = g->first; i != NONE; i = in->incoming[i].next) {
		struct point p = resolve(&in->incoming[i], &edge);

		if (!beyond(&edge, &p))
			return false;
		advance(&edge, &p);
	}
	return true;
}

/* --- looking for what is stored already ---------------------------------- */

/* Where points may lie that the group could repeat: those sought exactly in a
 * box, and all from a time on where points without one are to be placed. */
struct sought {
	const struct live_series *series;
	int64_t min_step, max_step, min_time, max_time;
	int64_t from; /* INT64_MAX: none without a time */
};

static void seek(struct intake *in, const struct intake_group *g,
		 struct sought *ret)
{
	*ret = (struct sought){g->series, INT64_MAX, INT64_MIN,
			       INT64_MAX, INT64_MIN, INT64_MAX};
	for (size_t i = g->first; i != NONE; i = in->incoming[i].next) {
		const struct incoming *x = &in->incoming[i];
		const struct point *p = &x->p.p;

		if (!x->p.has_time) {
			if (x->accepted < ret->from)
				ret->from = x->accepted;
			continue;
		}
		known_put(&in->known, g->series, p);
		if (p->step < ret->min_step)
			ret->min_step = p->step;
		if (p->step > ret->max_step)
			ret->max_step = p->step;
		if (p->time < ret->min_time)
			ret->min_time = p->time;
		if (p->time > ret->max_time)
			ret->max_time = p->time;
	}
}

static void compare(struct intake *in, const struct sought *x,
		    const struct point *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct known *k = NULL;

		if (p[i].time >= x->from)
			k = known_put(&in->known, x->series, &p[i]);
		else if (p[i].time >= x->min_time && p[i].time <= x->max_time &&
			 p[i].step >= x->min_step && p[i].step <= x->max_step)
			k = known_find(&in->known, x->series, &p[i]);
		if (k)
			k->seen = true;
	}
}

static int compare_block(struct intake *in, const struct sought *x,
			 const struct cursor *q, struct err *e)
{
	size_t n = (size_t)cursor_i64(q, 0);

	if (block_unpack(in->codec, cursor_str(q, 1), in->block, n, e)) {
		/* one bad block must not stop its series for good */
		log_error("points cannot be compared", "series=%lld why=\"%s\"",
			  (long long)x->series->row, e->msg);
		err_clear(e);
		return 0;
	}
	compare(in, x, in->block, n);
	return 0;
}

static int compare_blocks(struct intake *in, struct writer *w,
			  const struct sought *x, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_BLOCKS_WITHIN,
			BINDS(B(x->series->row), B(x->min_step), B(x->max_step),
			      B(x->min_time), B(x->max_time), B(x->from)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		if (compare_block(in, x, &q, e))
			return -1;
	return rc;
}

static int look(struct intake *in, struct writer *w, struct intake_group *g,
		struct err *e)
{
	const struct live_series *s = g->series;
	struct sought x;

	g->plain = plain(in, g);
	if (g->plain)
		return 0;
	seek(in, g, &x);
	compare(in, &x, s->tail, s->ntail + s->pending);
	if (!s->block_count)
		return 0;
	return compare_blocks(in, w, &x, e);
}

/* --- taking --------------------------------------------------------------- */

static void widen(int64_t v, int64_t *min, int64_t *max)
{
	if (v < *min)
		*min = v;
	if (v > *max)
		*max = v;
}

static void append(struct live_series *s, const struct point *p)
{
	size_t at = s->ntail + s->pending++, bytes = point_text_length(p);

	s->tail[at] = *p;
	s->lengths[at] = (unsigned char)bytes;
	s->text += (int64_t)bytes;
	if (!s->count++) {
		s->min_step = s->max_step = p->step;
		s->min_time = s->max_time = p->time;
		s->latest = *p;
	}
	widen(p->step, &s->min_step, &s->max_step);
	widen(p->time, &s->min_time, &s->max_time);
	if (point_later(p, &s->latest))
		s->latest = *p;
	s->last_step = p->step;
	s->last_time = p->time;
}

/* The point moves on in time until it repeats none. Where it went is kept
 * with its first place, so that a crowd of the same does not queue there. */
static struct known *move_on(struct intake *in, const struct live_series *s,
			     struct point *p)
{
	struct point first = *p;
	struct known *k = known_put(&in->known, s, p);

	if (!k->seen)
		return k;
	if (k->moved)
		p->time = k->moved;
	do
		p->time++;
	while ((k = known_put(&in->known, s, p))->seen);
	known_find(&in->known, s, &first)->moved = p->time;
	return k;
}

/* Whether x is a new point, and which. */
static bool is_new(struct intake *in, const struct intake_group *g,
		   const struct incoming *x, struct point *ret)
{
	struct edge edge = edge_of(g->series);
	struct known *k;

	*ret = resolve(x, &edge);
	if (g->plain)
		return true;
	if (x->p.has_time)
		k = known_put(&in->known, g->series, ret);
	else
		k = move_on(in, g->series, ret);
	if (k->seen)
		return false;
	k->seen = true;
	return true;
}

static bool take(struct intake *in, const struct intake_group *g)
{
	struct live_series *s = g->series;
	size_t before = s->pending;

	for (size_t i = g->first; i != NONE; i = in->incoming[i].next) {
		struct point p;

		if (is_new(in, g, &in->incoming[i], &p))
			append(s, &p);
	}
	return s->pending > before;
}

int intake_take(struct intake *in, struct writer *w,
		void (*fresh)(struct writer *w, struct live_run *r,
			      struct live_series *s),
		struct err *e)
{
	known_clear(&in->known);
	for (size_t i = 0; i < in->ngroups; i++) {
		struct intake_group *g = &in->groups[i];

		if (look(in, w, g, e))
			return -1;
		live_reserve(in->live, g->run, g->series, g->n);
	}
	for (size_t i = 0; i < in->ngroups; i++)
		if (take(in, &in->groups[i]))
			fresh(w, in->groups[i].run, in->groups[i].series);
	return 0;
}
