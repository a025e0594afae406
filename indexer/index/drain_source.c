/* SPDX-License-Identifier: Apache-2.0 */
/* drain_source.c - records of one journal into one command. */
#include "indexer/index/drain_source.h"

#include <stdlib.h>

#include "indexer/base/log.h"
#include "indexer/index/batch.h"

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

/* Records after the last committed one, until there are no more or enough. */
static int fill(struct source *s, struct batch *b, struct err *e)
{
	int64_t seq = s->committed;
	struct journal_record rec;
	int got = 0;

	while (batch_has_room(b) &&
	       (got = journal_next(s->r, seq, &rec, e)) > 0) {
		if (rec.seq != seq + 1)
			log_warn("records of a journal are gone: the index is "
				 "older than it",
				 "journal=%s from=%lld to=%lld",
				 journal_reader_id(s->r), (long long)seq + 1,
				 (long long)rec.seq - 1);
		if (batch_add(b, &rec, e) < 0)
			return -1;
		seq = rec.seq;
	}
	return got < 0 ? -1 : 0;
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
	good = good && b.n &&
	       batch_finish(&b, str_from(journal_reader_id(s->r)), e) == 0;
	if (good)
		return b.c;
	command_free(&b.c->c);
	return NULL;
}
