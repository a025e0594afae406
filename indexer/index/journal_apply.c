/* SPDX-License-Identifier: Apache-2.0 */
/* journal_apply.c - lines of a journal become points, once.
 *
 * Journals are read again from wherever their daemon thinks, so what counts
 * is the number in the index, written along with the points: records up to it
 * are passed over. A line that its principal may not write, or whose run
 * takes no points, becomes a row of "refused" and harms no other. No byte of
 * a journal is believed: not its keys, not its times.
 */
#include "indexer/base/log.h"
#include "indexer/base/text.h"
#include "indexer/index/names.h"
#include "indexer/index/points_internal.h"

enum { SHOWN = 256 }; /* bytes of a refused name that are kept */

/* A name as it was given, cut short, with '?' for what is no UTF-8. */
static struct str shown(struct str s, char out[SHOWN])
{
	size_t n = 0;

	while (s.n && n + 4 <= SHOWN) {
		size_t len = utf8_sequence(s);
		bool good = len && *s.p;

		memcpy(out + n, good ? s.p : "?", good ? len : 1);
		n += good ? len : 1;
		len = len ? len : 1;
		s = str_n(s.p + len, s.n - len);
	}
	return str_n(out, n);
}

static int refuse(struct writer *w, const struct cmd_journal *c,
		  const struct journal_line *line, const struct err *why,
		  struct err *e)
{
	char run[SHOWN], key[SHOWN];
	struct run_ref ref = {0};
	struct err ignored;

	if (writer_run(w, line->run_id, &ref, &ignored) < 0)
		ref.project = 0;
	writer_changes(w);
	if (db_exec(&w->db, STMT_REFUSED_ADD,
		    BINDS(B(w->now), B(shown(line->run_id, run)),
			  B(shown(line->key, key)), B(str_from(why->msg)),
			  B(c->journal_id), B(ref.project)),
		    e) < 0)
		return -1;
	return db_exec(&w->db, STMT_REFUSED_PRUNE,
		       BINDS(B(db_last_id(&w->db) - LIMIT_REFUSED)), e);
}

/* Was it the line's fault, and not ours or the disk's? */
static bool is_refusal(const struct err *e)
{
	switch ((int)e->kind) {
	case ERR_INVALID:
	case ERR_NOT_FOUND:
	case ERR_STATE:
	case ERR_DENIED:
	case ERR_TOO_LONG:
		return true;
	default:
		return false;
	}
}

static int check(struct writer *w, const struct cmd_journal *c,
		 const struct journal_line *line, struct run_ref *ret,
		 struct err *e)
{
	if (name_check_key(line->key, "key", e) ||
	    writer_run_active(w, &c->c.who, line->run_id, ret, e))
		return -1;
	for (size_t i = 0; i < line->count; i++)
		if (line->points[i].has_time && line->points[i].p.time < 0)
			return err_set(e, ERR_INVALID, "negative timestamp");
	return 0;
}

/* Into the intake; a clock ahead of ours does not make points of the
 * future. */
static int collect(struct writer *w, const struct journal_line *line,
		   int64_t run_row, struct err *e)
{
	struct points *p = w->points;
	struct live_run *r = live_run(&p->live, w, run_row, e);
	struct live_series *s;
	int64_t accepted = line->accepted;

	if (!r)
		return -1;
	if (accepted < 0 || accepted > w->now)
		accepted = w->now;
	s = live_series(&p->live, r, line->key);
	for (size_t i = 0; i < line->count; i++)
		intake_add(&p->intake, r, s, &line->points[i], accepted);
	return 0;
}

static int apply_line(struct writer *w, const struct cmd_journal *c,
		      const struct journal_line *line, struct err *e)
{
	struct run_ref run;
	struct err why;

	if (!line->count)
		return 0;
	if (check(w, c, line, &run, e) == 0)
		return collect(w, line, run.row, e);
	if (!is_refusal(e))
		return -1;
	why = *e;
	err_clear(e);
	return refuse(w, c, line, &why, e);
}

/* How far it is applied. A journal that is new here, but another's already,
 * stays that one's (shipped.h): its lines would count twice. */
static int find_applied(struct writer *w, const struct cmd_journal *c,
			int64_t *ret, struct err *e)
{
	struct str id = str_n(c->journal_id.p, str_find(c->journal_id, '@'));
	int64_t ignored;
	int got = db_find(&w->db, STMT_JOURNAL_APPLIED, BINDS(B(c->journal_id)),
			  ret, e);

	if (got)
		return got < 0 ? -1 : 0;
	got = db_find(&w->db, STMT_JOURNAL_OF_ANOTHER,
		      BINDS(B(id), B(c->journal_id)), &ignored, e);
	if (got > 0)
		return err_set(e, ERR_DENIED,
			       "journal %.*s was begun by somebody else",
			       STR_ARG(id));
	return got;
}

int journal_apply(struct writer *w, struct command *command, struct err *e)
{
	struct cmd_journal *c = (struct cmd_journal *)command;
	int64_t applied = 0;

	if (find_applied(w, c, &applied, e) < 0)
		return -1;
	c->ret_applied = applied;
	if (c->last_seq <= applied || c->after > applied)
		return 0;
	intake_begin(&w->points->intake);
	for (size_t i = 0; i < c->nlines; i++)
		if (c->lines[i].seq > applied &&
		    apply_line(w, c, &c->lines[i], e))
			return -1;
	if (db_exec(&w->db, STMT_JOURNAL_SET,
		    BINDS(B(c->journal_id), B(c->last_seq), B(w->now)), e) < 0)
		return -1;
	c->ret_applied = c->last_seq;
	return points_take(w, e);
}
