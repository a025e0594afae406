/* SPDX-License-Identifier: Apache-2.0 */
/* trace_link.c - commands that tie traces to runs and prompts, and the one
 * that deletes traces.
 *
 * There is no trash of traces. To delete one is to move it into experiment -1
 * and to give its id free, one row, as gc does with what it takes away for
 * good; its rows go in slices while nobody waits.
 */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/experiment.h"
#include "indexer/index/trace_write.h"
#include "indexer/index/values.h"

/* --- links --------------------------------------------------------------- */

/* Clients send traces in their own time, so a link may come first: it waits
 * for a trace of that id, in the same project. One that may not be seen is as
 * good as not there. */

/* A link in the making; the trace will be of this project, or is. */
struct linking {
	enum trace_link kind;
	struct str target;
	int64_t project;
};

static int link_early(struct writer *w, const struct principal *who,
		      struct str id, const struct linking *l, struct err *e)
{
	if (trace_check_id(id, e) < 0)
		return -1;
	if (!principal_may(who, l->project, LEVEL_WRITE))
		return err_set(e, ERR_NOT_FOUND,
			       "Trace with ID '%.*s' not found.", STR_ARG(id));
	return db_exec(&w->db, STMT_TRACE_LINK_EARLY,
		       BINDS(B(id), B((int64_t)l->kind), B(l->target),
			     B(l->project), B(w->now)),
		       e);
}

static int link_trace(struct writer *w, const struct principal *who,
		      struct str id, const struct linking *l, struct err *e)
{
	struct trace_ref t;
	int rc;

	if (l->target.n > LIMIT_LINK_TARGET)
		return err_set(e, ERR_INVALID,
			       "a prompt's name and version have at most %d "
			       "bytes",
			       LIMIT_LINK_TARGET);
	if (check_text(l->target, "name", e) < 0)
		return -1;
	rc = writer_trace_find(w, who, id, &t, e);
	if (rc == 0)
		return link_early(w, who, id, l, e);
	if (rc < 0 || writer_trace(w, who, id, &t, e) < 0 ||
	    db_exec(&w->db, STMT_TRACE_LINK_ADD,
		    BINDS(B(t.row), B((int64_t)l->kind), B(l->target),
			  B(w->change)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) ? trace_touch(w, t.row, e) : 0;
}

int apply_trace_link_run(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_link_run *x = (struct cmd_trace_link_run *)c;
	const struct str *ids = x->trace_ids.items;
	struct linking l = {.kind = LINK_RUN, .target = x->run_id};
	struct run_ref run;

	if (x->trace_ids.n > LIMIT_TRACE_LINKS)
		return err_set(e, ERR_INVALID,
			       "Cannot link more than %d traces to a run in a "
			       "single request. Provided %zu traces.",
			       LIMIT_TRACE_LINKS, x->trace_ids.n);
	if (writer_run_any(w, &c->who, x->run_id, &run, e) < 0)
		return -1;
	l.project = run.project;
	for (size_t i = 0; i < x->trace_ids.n; i++)
		if (link_trace(w, &c->who, ids[i], &l, e) < 0)
			return -1;
	return 0;
}

/* Prompts of registered models are of no project. */
int apply_trace_link_prompts(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_link_prompts *x = (struct cmd_trace_link_prompts *)c;
	const struct prompt_version *p = x->prompts.items;
	struct linking l = {.kind = LINK_PROMPT};

	if (x->prompts.n > LIMIT_TRACE_LINKS)
		return err_set(e, ERR_INVALID,
			       "a trace may be linked to at most %d prompts in "
			       "one call",
			       LIMIT_TRACE_LINKS);
	for (size_t i = 0; i < x->prompts.n; i++) {
		char *target =
			arena_printf(&c->arena, "%.*s/%.*s", STR_ARG(p[i].name),
				     STR_ARG(p[i].version));

		if (!target)
			return arena_full(&c->arena, e);
		l.target = str_from(target);
		if (link_trace(w, &c->who, x->trace_id, &l, e) < 0)
			return -1;
	}
	return 0;
}

/* --- delete -------------------------------------------------------------- */

struct doomed {
	int64_t row, time;
};

static int by_time(const void *pa, const void *pb)
{
	const struct doomed *a = pa;
	const struct doomed *b = pb;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

/* Those named that are still there, oldest first. */
static int find_named(struct writer *w, const struct cmd_trace_delete *x,
		      int64_t experiment, struct doomed *found, size_t *ret_n,
		      struct err *e)
{
	const struct str *ids = x->trace_ids.items;
	size_t n = 0;

	for (size_t i = 0; i < x->trace_ids.n; i++) {
		struct trace_ref t;
		int rc = writer_trace_find(w, &x->c.who, ids[i], &t, e);

		if (rc < 0)
			return -1;
		if (rc > 0 && t.experiment == experiment &&
		    (!x->max_time.set || t.time <= x->max_time.v))
			found[n++] = (struct doomed){t.row, t.time};
	}
	if (n)
		qsort(found, n, sizeof(*found), by_time);
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) /* named twice: once */
		if (!*ret_n || found[i].row != found[*ret_n - 1].row)
			found[(*ret_n)++] = found[i];
	return 0;
}

/* The oldest of the experiment. */
static int find_oldest(struct writer *w, const struct cmd_trace_delete *x,
		       int64_t experiment, struct doomed *found, size_t max,
		       size_t *ret_n, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t until = x->max_time.set ? x->max_time.v : INT64_MAX;
	size_t n = 0;
	int rc;

	if (cursor_open(&q, &w->db, STMT_TRACE_OLDEST,
			BINDS(B(experiment), B(until), B((int64_t)max)), e) < 0)
		return -1;
	while (n < max && (rc = cursor_next(&q, e)) != 0) {
		if (rc < 0)
			return -1;
		found[n++] = (struct doomed){.row = cursor_i64(&q, 0)};
	}
	*ret_n = n;
	return 0;
}

static int doom(struct writer *w, int64_t row, int64_t project, struct err *e)
{
	if (db_exec(&w->db, STMT_REMOVED_TRACE,
		    BINDS(B(row), B((int64_t)THING_TRACE), B(project),
			  B(writer_changes(w)), B(w->now)),
		    e) < 0)
		return -1;
	w->reap = true;
	return db_exec(&w->db, STMT_TRACE_DOOM, BINDS(B(row), B(w->change)), e);
}

static int check_delete(const struct cmd_trace_delete *x, struct err *e)
{
	if (x->max_traces.set && x->max_traces.v < 0)
		return err_set(e, ERR_INVALID,
			       "`max_traces` must be a positive integer, "
			       "received %lld",
			       (long long)x->max_traces.v);
	if (x->trace_ids.n > LIMIT_DELETE_TRACE_IDS)
		return err_set(e, ERR_INVALID,
			       "at most %d traces can be named in one call",
			       LIMIT_DELETE_TRACE_IDS);
	if (!x->trace_ids.n && !x->max_time.set && !x->max_traces.v)
		return err_set(e, ERR_INVALID,
			       "Either `max_timestamp_millis` or `trace_ids` "
			       "must be specified.");
	return 0;
}

/* One more than may go at once, so that it is seen whether more are left. */
static int find(struct writer *w, const struct cmd_trace_delete *x,
		int64_t experiment, struct doomed **ret, size_t *ret_n,
		struct err *e)
{
	size_t room = x->trace_ids.n ? x->trace_ids.n : LIMIT_DELETE_TRACES + 1;
	struct doomed *found = calloc(room, sizeof(*found));

	if (!found)
		abort();
	*ret = found;
	if (x->trace_ids.n)
		return find_named(w, x, experiment, found, ret_n, e);
	return find_oldest(w, x, experiment, found, room, ret_n, e);
}

int apply_trace_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_delete *x = (struct cmd_trace_delete *)c;
	SCOPED_FREE struct doomed *found = NULL;
	struct experiment_ref in;
	size_t n = 0;
	size_t most = LIMIT_DELETE_TRACES;

	if (check_delete(x, e) < 0 ||
	    writer_experiment(w, &c->who, x->experiment_id, &in, e) < 0 ||
	    find(w, x, in.row, &found, &n, e) < 0)
		return -1;
	if (x->max_traces.v > 0 && (uint64_t)x->max_traces.v < n)
		n = (size_t)x->max_traces.v;
	x->ret_more = (struct opt_bool){n > most, true};
	if (n > most)
		n = most;
	for (size_t i = 0; i < n; i++)
		if (doom(w, found[i].row, in.project, e) < 0)
			return -1;
	x->ret_deleted = (struct opt_i64){(int64_t)n, true};
	return 0;
}
