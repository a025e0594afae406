/* SPDX-License-Identifier: Apache-2.0 */
/* drain_source.c - records of one journal into one command.
 *
 * The hard idea: records lie in the reader's window only until the next is
 * read, so names and points are copied into the command's arena at once;
 * the same name again, which is the usual case, costs nothing.
 */
#include "indexer/index/drain_source.h"

#include <stdlib.h>

#include "indexer/base/log.h"

struct source *source_open(const char *dir, const char *id, int64_t applied,
			   struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	char *path = NULL;

	if (!s || asprintf(&path, "%s/%s", dir, id) < 0)
		abort();
	s->r = journal_open(path, e);
	free(path);
	if (!s->r) {
		free(s);
		return NULL;
	}
	s->committed = applied;
	journal_commit(s->r, applied);
	return s;
}

void source_free(struct source *s)
{
	journal_reader_close(s->r);
	free(s);
}

int64_t batch_points(const struct cmd_journal *c)
{
	int64_t n = 0;

	for (size_t i = 0; i < c->nlines; i++)
		n += (int64_t)c->lines[i].count;
	return n;
}

/* --- a batch in the making ---------------------------------------------- */

struct batch {
	struct cmd_journal *c;
	struct journal_line *lines; /* DRAIN_LINES of them */
	size_t n, points;
};

/* A copy in the arena, or the copy that the line before has. */
static struct str keep(struct arena *a, struct str s, struct str before)
{
	if (before.p && str_eq(s, before))
		return before;
	return arena_str(a, s);
}

static int add(struct batch *b, const struct journal_record *rec, struct err *e)
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

/* Records after the last committed one, until there are no more or enough. */
static int fill(struct source *s, struct batch *b, struct err *e)
{
	int64_t seq = s->committed;
	struct journal_record rec;
	int got = 0;

	while (b->n < DRAIN_LINES && b->points < DRAIN_POINTS &&
	       (got = journal_next(s->r, seq, &rec, e)) > 0) {
		if (rec.seq != seq + 1)
			log_warn("records of a journal are gone: the index is "
				 "older than it",
				 "journal=%s from=%lld to=%lld",
				 journal_reader_id(s->r), (long long)seq + 1,
				 (long long)rec.seq - 1);
		if (add(b, &rec, e) < 0)
			return -1;
		seq = rec.seq;
	}
	return got < 0 ? -1 : 0;
}

/* Lines and ends of a batch of at least one record. */
static bool finish(struct source *s, struct batch *b, struct err *e)
{
	struct cmd_journal *c = b->c;
	struct journal_line *lines =
		arena_array(&c->c.arena, b->n, sizeof(*lines));
	struct str id = str_from(journal_reader_id(s->r));

	c->journal_id = arena_str(&c->c.arena, id);
	if (!lines || !c->journal_id.p) {
		arena_full(&c->c.arena, e);
		return false;
	}
	memcpy(lines, b->lines, b->n * sizeof(*lines));
	c->lines = lines;
	c->nlines = b->n;
	c->first_seq = lines[0].seq;
	c->last_seq = lines[b->n - 1].seq;
	c->c.lane = LANE_JOURNAL;
	c->c.who = principal_owner();
	return true;
}

/* What stands before a record that does not hold is still taken: that one is
 * met again. */
struct cmd_journal *source_batch(struct source *s, struct journal_line *scratch,
				 struct err *e)
{
	struct batch b = {.lines = scratch};
	bool good;

	err_clear(e);
	if (journal_reader_written(s->r) <= s->committed && !s->abandoned)
		return NULL;
	b.c = command_new(COMMAND_JOURNAL);
	good = fill(s, &b, e) == 0 || b.n;
	if (good)
		err_clear(e);
	good = good && b.n && finish(s, &b, e);
	if (good)
		return b.c;
	command_free(&b.c->c);
	return NULL;
}
