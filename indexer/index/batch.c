/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c - see batch.h.
 *
 * The hard idea: records lie in their buffer only until the next is read, so
 * names and points are copied into the command's arena at once; the same name
 * again, which is the usual case, costs nothing.
 */
#include "indexer/index/batch.h"

int64_t batch_points(const struct cmd_journal *c)
{
	int64_t n = 0;

	for (size_t i = 0; i < c->nlines; i++)
		n += (int64_t)c->lines[i].count;
	return n;
}

bool batch_has_room(const struct batch *b)
{
	return b->n < DRAIN_LINES && b->points < DRAIN_POINTS;
}

/* A copy in the arena, or the copy that the line before has. */
static struct str keep(struct arena *a, struct str s, struct str before)
{
	if (before.p && str_eq(s, before))
		return before;
	return arena_str(a, s);
}

int batch_add(struct batch *b, const struct journal_record *rec, struct err *e)
{
	static const struct journal_line none;
	const struct journal_line *before = b->n ? &b->lines[b->n - 1] : &none;
	struct journal_line *line = &b->lines[b->n];
	struct arena *a = &b->c->c.arena;
	int64_t count = points_count(rec->packed);
	struct journal_point *points;

	if (count < 0)
		return err_set(e, ERR_CORRUPT,
			       "the points of record %lld do not hold",
			       (long long)rec->seq);
	points = arena_array(a, (size_t)count, sizeof(*points));
	*line = (struct journal_line){
		.run_id = keep(a, rec->run_id, before->run_id),
		.key = keep(a, rec->key, before->key),
		.seq = rec->seq,
		.accepted = rec->accepted,
		.points = points,
		.count = (size_t)count,
	};
	if (!points || !line->run_id.p || !line->key.p)
		return arena_full(a, e);
	if (points_unpack(rec->packed, points, line->count, e) < 0)
		return -1;
	b->points += line->count;
	b->n++;
	return 0;
}

int batch_finish(struct batch *b, struct str journal_id, struct err *e)
{
	struct cmd_journal *c = b->c;
	struct journal_line *lines =
		arena_array(&c->c.arena, b->n, sizeof(*lines));

	c->journal_id = arena_str(&c->c.arena, journal_id);
	if (!lines || !c->journal_id.p)
		return arena_full(&c->c.arena, e);
	memcpy(lines, b->lines, b->n * sizeof(*lines));
	c->lines = lines;
	c->nlines = b->n;
	c->first_seq = lines[0].seq;
	c->last_seq = lines[b->n - 1].seq;
	c->c.lane = LANE_JOURNAL;
	c->c.who = principal_owner();
	return 0;
}
