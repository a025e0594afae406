/* SPDX-License-Identifier: Apache-2.0 */
/* shipped.c - see shipped.h. */
#include "indexer/index/shipped.h"

#include <inttypes.h>
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/batch.h"
#include "indexer/journal/record.h"

/* By which the index knows it. */
static struct str name_of(struct arena *a, struct str id,
			  const struct principal *who)
{
	if (who->owner)
		return id;
	return str_from(
		arena_printf(a, "%.*s@%.*s", STR_ARG(id), STR_ARG(who->name)));
}

static int out_of_order(int64_t seq, int64_t before, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "record %" PRId64 " does not follow record %" PRId64,
		       seq, before);
}

static int fill(struct batch *b, const char *id, int64_t after, struct str body,
		struct err *e)
{
	struct journal_record rec;
	int64_t seq = after;
	int got = 0;

	while (batch_has_room(b) &&
	       (got = journal_record_take(id, &body, &rec, e)) > 0) {
		if (rec.seq <= seq || (b->n && rec.seq != seq + 1))
			return out_of_order(rec.seq, seq, e);
		if (batch_add(b, &rec, e) < 0)
			return -1;
		seq = rec.seq;
	}
	return got < 0 ? -1 : 0;
}

static int check(struct str id, int64_t after, struct err *e)
{
	if (!journal_id_valid(id))
		return err_set(e, ERR_INVALID,
			       "the id of a journal is %d hex digits in lower "
			       "case",
			       JOURNAL_ID);
	if (after < 0)
		return err_set(e, ERR_INVALID,
			       "'from' is the number of a record, or 0");
	return 0;
}

static int build(struct batch *b, struct str id, int64_t after, struct str body,
		 struct err *e)
{
	struct cmd_journal *c = b->c;
	char text[JOURNAL_ID + 1];

	memcpy(text, id.p, JOURNAL_ID);
	text[JOURNAL_ID] = '\0';
	if (fill(b, text, after, body, e) < 0)
		return -1;
	c->after = after;
	c->c.lane = LANE_JOURNAL;
	return b->n ? batch_finish(b, c->journal_id, e) : 0;
}

struct cmd_journal *shipped_batch(struct str id, int64_t after, struct str body,
				  const struct principal *who, struct err *e)
{
	SCOPED_FREE struct journal_line *lines = NULL;
	struct batch b = {0};

	if (check(id, after, e) < 0)
		return NULL;
	lines = calloc(DRAIN_LINES, sizeof(*lines));
	if (!lines)
		abort();
	b.lines = lines;
	b.c = command_new(COMMAND_JOURNAL);
	b.c->journal_id = name_of(&b.c->c.arena, id, who);
	if (!b.c->journal_id.p)
		arena_full(&b.c->c.arena, e);
	else if (build(&b, id, after, body, e) == 0)
		return b.c;
	if (e->kind == ERR_CORRUPT)
		e->kind = ERR_INVALID;
	command_free(&b.c->c);
	return NULL;
}
