/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - dooming things and claiming objects: the small steps of gc.
 *
 * To doom is one change of one row, as a restore is, so the two cannot meet
 * half way.
 */
#include "indexer/index/gc.h"

#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/experiment.h"
#include "indexer/index/logged.h"
#include "indexer/index/run_cache.h"

enum { DOOM_BATCH = 50, TAG_BATCH = 500 };

/* --- doom --------------------------------------------------------------- */

static int doom_run(struct writer *w, int64_t row, int64_t project,
		    struct err *e)
{
	(void)project;
	if (db_exec(&w->db, STMT_REMOVED_RUN,
		    BINDS(B(row), B((int64_t)THING_RUN), B(writer_changes(w)),
			  B(w->now)),
		    e) < 0 ||
	    db_exec(&w->db, STMT_GC_RUN_DOOM, BINDS(B(row)), e) < 0)
		return -1;
	writer_touch_run(w, row);
	return 0;
}

static int doom_model(struct writer *w, int64_t row, int64_t project,
		      struct err *e)
{
	if (db_exec(&w->db, STMT_REMOVED_LOGGED,
		    BINDS(B(row), B((int64_t)THING_LOGGED_MODEL), B(project),
			  B(writer_changes(w)), B(w->now)),
		    e) < 0 ||
	    db_exec(&w->db, STMT_GC_MODEL_DOOM, BINDS(B(row)), e) < 0)
		return -1;
	return logged_touch(w, row, e);
}

static int doom_experiment(struct writer *w, int64_t row, int64_t project,
			   struct err *e)
{
	(void)project;
	if (db_exec(&w->db, STMT_REMOVED_EXPERIMENT,
		    BINDS(B(row), B((int64_t)THING_EXPERIMENT),
			  B(writer_changes(w)), B(w->now)),
		    e) < 0)
		return -1;
	w->totals.experiments--;
	return db_exec(&w->db, STMT_GC_EXPERIMENT_DOOM,
		       BINDS(B(row), B(w->change)), e);
}

/* The kinds of things that lie in the trash. */
static const struct doomed {
	enum stmt_id old; /* row, project of those deleted before a time */
	int (*doom)(struct writer *w, int64_t row, int64_t project,
		    struct err *e);
	size_t count; /* member of struct collect_counts */
} kinds[] = {
	{STMT_GC_OLD_RUNS, doom_run, offsetof(struct collect_counts, runs)},
	{STMT_GC_OLD_MODELS, doom_model,
	 offsetof(struct collect_counts, models)},
	{STMT_GC_OLD_EXPERIMENTS, doom_experiment,
	 offsetof(struct collect_counts, experiments)},
};

static void count_one(struct cmd_gc *x, const struct doomed *k)
{
	int64_t *n = (int64_t *)(void *)((char *)&x->ret_did + k->count);

	++*n;
}

struct found {
	int64_t row, project;
};

/* Some of a kind; how many. */
static int find_old(struct writer *w, const struct doomed *k, int64_t before,
		    struct found found[DOOM_BATCH], struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int n = 0;
	int rc;

	if (cursor_open(&q, &w->db, k->old,
			BINDS(B(before), B((int64_t)DOOM_BATCH)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		found[n++] =
			(struct found){cursor_i64(&q, 0), cursor_i64(&q, 1)};
	return rc < 0 ? -1 : n;
}

static int doom_old(struct writer *w, struct cmd_gc *x, struct err *e)
{
	struct found found[DOOM_BATCH];

	if (!principal_sees_all(&x->c.who))
		return err_set(e, ERR_DENIED,
			       "only the owner may collect "
			       "all that is deleted");
	run_cache_clear(w->runs);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int n = find_old(w, &kinds[i], x->before, found, e);

		if (n < 0)
			return -1;
		for (int j = 0; j < n; j++) {
			if (kinds[i].doom(w, found[j].row, found[j].project,
					  e) < 0)
				return -1;
			count_one(x, &kinds[i]);
		}
		x->ret_more |= n == DOOM_BATCH;
	}
	return 0;
}

/* --- doom by name ------------------------------------------------------- */

static int check_named(const struct cmd_gc *x, int64_t project, bool deleted,
		       const char *what, struct str id, struct err *e)
{
	if (!principal_may(&x->c.who, project, LEVEL_MAINTAIN))
		return err_set(e, ERR_DENIED,
			       "removing %s %.*s for good takes the right to "
			       "maintain its project",
			       what, STR_ARG(id));
	if (!deleted)
		return err_set(e, ERR_STATE,
			       "The %s %.*s must be in the 'deleted' state. "
			       "Current state is active.",
			       what, STR_ARG(id));
	return 0;
}

static int doom_run_named(struct writer *w, struct cmd_gc *x, struct str id,
			  struct err *e)
{
	struct run_ref run;

	if (writer_run_any(w, &x->c.who, id, &run, e) < 0 ||
	    check_named(x, run.project, run.deleted, "run", id, e) < 0)
		return -1;
	run_cache_clear(w->runs);
	x->ret_did.runs++;
	return doom_run(w, run.row, run.project, e);
}

static int doom_model_named(struct writer *w, struct cmd_gc *x, struct str id,
			    struct err *e)
{
	struct logged_ref model;

	if (writer_logged(w, &x->c.who, id, &model, e) < 0 ||
	    check_named(x, model.project, model.deleted, "logged model", id,
			e) < 0)
		return -1;
	x->ret_did.models++;
	return doom_model(w, model.row, model.project, e);
}

static int doom_experiment_named(struct writer *w, struct cmd_gc *x,
				 struct str id, struct err *e)
{
	struct experiment_ref ref;

	if (writer_experiment(w, &x->c.who, id, &ref, e) < 0 ||
	    check_named(x, ref.project, ref.deleted, "experiment", id, e) < 0)
		return -1;
	if (ref.row == 0)
		return err_set(e, ERR_STATE,
			       "experiment 0 is always there: it cannot be "
			       "removed for good");
	run_cache_clear(w->runs);
	x->ret_did.experiments++;
	return doom_experiment(w, ref.row, ref.project, e);
}

static int doom_named(struct writer *w, struct cmd_gc *x, struct err *e)
{
	const struct {
		struct field_list ids;
		int (*doom)(struct writer *w, struct cmd_gc *x, struct str id,
			    struct err *e);
	} lists[] = {{x->names.runs, doom_run_named},
		     {x->names.models, doom_model_named},
		     {x->names.experiments, doom_experiment_named}};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct str *ids = lists[i].ids.items;

		for (size_t j = 0; j < lists[i].ids.n; j++)
			if (lists[i].doom(w, x, ids[j], e) < 0)
				return -1;
	}
	return 0;
}

/* --- tags, objects ------------------------------------------------------ */

static int take_tags(struct writer *w, struct cmd_gc *x, struct err *e)
{
	if (db_exec(&w->db, STMT_GC_OLD_TAGS,
		    BINDS(B(x->before), B((int64_t)TAG_BATCH)), e) < 0)
		return -1;
	x->ret_did.tags = db_changes(&w->db);
	x->ret_more = x->ret_did.tags == TAG_BATCH;
	return 0;
}

static int read_garbage(struct writer *w, struct cmd_gc *x, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	x->nobjects = 0;
	if (cursor_open(&q, &w->db, STMT_GC_GARBAGE,
			BINDS(B(x->before), B((int64_t)GC_OBJECTS)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct gc_object *o = &x->objects[x->nobjects++];

		o->size = cursor_i64(&q, 1);
		if (cursor_copy(&q, 0, &x->c.arena, &o->key, e) < 0)
			return -1;
	}
	return rc;
}

static int claim_garbage(struct writer *w, struct cmd_gc *x, struct err *e)
{
	if (read_garbage(w, x, e) < 0)
		return -1;
	for (size_t i = 0; i < x->nobjects; i++)
		if (db_exec(&w->db, STMT_GC_CLAIM, BINDS(B(x->objects[i].key)),
			    e) < 0)
			return -1;
	x->ret_more = x->nobjects == GC_OBJECTS;
	return 0;
}

/* Keys of which an artifact has come to be named meanwhile stay out. */
static int claim_orphans(struct writer *w, struct cmd_gc *x, struct err *e)
{
	size_t claimed = 0;

	for (size_t i = 0; i < x->nobjects; i++) {
		const struct gc_object *o = &x->objects[i];

		if (db_exec(&w->db, STMT_GC_CLAIM_ORPHAN,
			    BINDS(B(o->key), B(o->size)), e) < 0)
			return -1;
		if (db_changes(&w->db))
			x->objects[claimed++] = *o;
	}
	x->nobjects = claimed;
	return 0;
}

static int forget_freed(struct writer *w, struct cmd_gc *x, struct err *e)
{
	for (size_t i = 0; i < x->nobjects; i++)
		if (db_exec(&w->db, STMT_GC_FREED, BINDS(B(x->objects[i].key)),
			    e) < 0 ||
		    db_exec(&w->db, STMT_SUMS_DROP, BINDS(B(x->objects[i].key)),
			    e) < 0)
			return -1;
	return 0;
}

int apply_gc(struct writer *w, struct command *c, struct err *e)
{
	static int (*const steps[GC_STEPS])(
		struct writer * w, struct cmd_gc * x, struct err * e) = {
		[GC_DOOM_OLD] = doom_old,
		[GC_DOOM_NAMED] = doom_named,
		[GC_TAKE_ROWS] = gc_take_rows,
		[GC_TAKE_TAGS] = take_tags,
		[GC_CLAIM_GARBAGE] = claim_garbage,
		[GC_CLAIM_ORPHANS] = claim_orphans,
		[GC_FREED] = forget_freed,
	};
	struct cmd_gc *x = (struct cmd_gc *)c;

	x->ret_did = (struct collect_counts){0};
	x->ret_more = false;
	return steps[x->step](w, x, e);
}
