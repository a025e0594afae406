/* SPDX-License-Identifier: Apache-2.0 */
/* gc_rows.c - rows of what is doomed go, a slice per command.
 *
 * Everything doomed hangs on an experiment of a project below zero: on one
 * that is doomed itself, or, runs, logged models and traces for themselves, on
 * experiment -1, which stays. What hangs on a row goes before the row, so no
 * reference is ever broken; that some of it is missing is seen by nobody but
 * "check", which passes over the doomed.
 *
 * Of a run, tails go before series: what remembers the run's points (live.h)
 * can then fold none of them into blocks of a series that is gone.
 */
#include "indexer/index/gc.h"

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/artifact.h"
#include "indexer/index/logged_model.h"
#include "indexer/index/points.h"
#include "indexer/index/trace_write.h"

enum { LIMBO = -1, ARTIFACT_ROWS = 2 };

/* A command at work. Functions that take rows away return 1 when there are no
 * more of theirs, 0 when the command has done enough, -1 on failure. */
struct slice {
	struct writer *w;
	int64_t rows, until_us;
};

static bool enough(const struct slice *s)
{
	return s->rows >= LIMIT_GC_ROWS || clock_mono_us() > s->until_us;
}

struct part {
	int (*take)(struct slice *s, int64_t row, const struct part *p,
		    struct err *e);
	enum stmt_id id; /* deletes some rows of ?1, at most ?2 */
	int64_t batch;
	/* Of take_each: takes one of those that id finds. */
	int (*one)(struct slice *s, int64_t row, struct err *e);
};

static int take_all(struct slice *s, int64_t row, const struct part *p,
		    struct err *e)
{
	int64_t n = 0;

	do {
		if (enough(s))
			return 0;
		if (db_exec(&s->w->db, p->id, BINDS(B(row), B(p->batch)), e) <
		    0)
			return -1;
		n = db_changes(&s->w->db);
		s->rows += n;
	} while (n == p->batch);
	return 1;
}

static int take_parts(struct slice *s, int64_t row, const struct part *parts,
		      size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int rc = parts[i].take(s, row, &parts[i], e);

		if (rc <= 0)
			return rc;
	}
	return 1;
}

/* A row itself, when nothing hangs on it any more. */
static int take_row(struct slice *s, enum stmt_id id, int64_t row,
		    struct err *e)
{
	s->rows++;
	return db_exec(&s->w->db, id, BINDS(B(row)), e) < 0 ? -1 : 1;
}

/* --- series, inputs, artifacts ------------------------------------------ */

/* The points of a series that has count of them, and then it. */
static int take_one_series(struct slice *s, int64_t run, int64_t series,
			   int64_t count, struct err *e)
{
	static const struct part blocks = {take_all, STMT_GC_BLOCKS, 8, NULL};
	int rc = take_all(s, series, &blocks, e);

	if (rc <= 0)
		return rc;
	if (db_exec(&s->w->db, STMT_GC_SERIES, BINDS(B(run), B(series)), e) < 0)
		return -1;
	s->rows++;
	s->w->totals.series--;
	s->w->totals.points -= count;
	return 1;
}

static int next_two(struct slice *s, enum stmt_id id, int64_t row,
		    int64_t *ret_a, int64_t *ret_b, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &s->w->db, id, BINDS(B(row)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	*ret_a = cursor_i64(&q, 0);
	*ret_b = cursor_i64(&q, 1);
	return 1;
}

static int take_series(struct slice *s, int64_t run, const struct part *p,
		       struct err *e)
{
	int64_t series, count;
	int rc;

	while ((rc = next_two(s, p->id, run, &series, &count, e)) > 0) {
		if (enough(s))
			return 0;
		rc = take_one_series(s, run, series, count, e);
		if (rc <= 0)
			return rc;
	}
	return rc < 0 ? -1 : 1;
}

/* A dataset that no run names any more goes, too. */
static int take_input(struct slice *s, int64_t run, int64_t dataset,
		      struct err *e)
{
	struct db *db = &s->w->db;

	if (db_exec(db, STMT_GC_INPUT_TAGS, BINDS(B(run), B(dataset)), e) < 0)
		return -1;
	s->rows += db_changes(db) + 2;
	if (db_exec(db, STMT_GC_INPUT, BINDS(B(run), B(dataset)), e) < 0)
		return -1;
	return db_exec(db, STMT_GC_UNUSED_DATASET, BINDS(B(dataset)), e);
}

static int take_inputs(struct slice *s, int64_t run, const struct part *p,
		       struct err *e)
{
	int64_t dataset;
	int rc;

	while ((rc = db_find(&s->w->db, p->id, BINDS(B(run)), &dataset, e)) >
	       0) {
		if (enough(s))
			return 0;
		if (take_input(s, run, dataset, e) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 1;
}

static int take_artifacts(struct slice *s, int64_t owner, const struct part *p,
			  struct err *e)
{
	int64_t row, is_dir;
	int rc;

	while ((rc = next_two(s, p->id, owner, &row, &is_dir, e)) > 0) {
		if (enough(s))
			return 0;
		s->rows += ARTIFACT_ROWS;
		rc = is_dir ? db_exec(&s->w->db, STMT_NODE_DELETE,
				      BINDS(B(row)), e)
			    : node_delete_file(s->w, row, 0, e);
		if (rc < 0)
			return -1;
	}
	return rc < 0 ? -1 : 1;
}

static int take_model_artifacts(struct slice *s, int64_t model,
				const struct part *p, struct err *e)
{
	return take_artifacts(s, logged_model_owner(model), p, e);
}

static int take_trace_artifacts(struct slice *s, int64_t trace,
				const struct part *p, struct err *e)
{
	return take_artifacts(s, trace_owner(trace), p, e);
}

/* --- runs, logged models, traces, experiments --------------------------- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int take_run(struct slice *s, int64_t run, struct err *e)
{
	static const struct part parts[] = {
		{take_all, STMT_GC_TAILS, 8, NULL},
		{take_series, STMT_GC_SERIES_NEXT, 0, NULL},
		{take_all, STMT_GC_PARAMS, 100, NULL},
		{take_all, STMT_GC_TAGS, 100, NULL},
		{take_all, STMT_GC_TAG_TRASH, 100, NULL},
		{take_inputs, STMT_GC_INPUT_NEXT, 0, NULL},
		{take_all, STMT_GC_RUN_MODELS, 100, NULL},
		{take_all, STMT_GC_RUN_METRICS, 100, NULL},
		{take_artifacts, STMT_GC_ARTIFACT_NEXT, 0, NULL},
	};
	int rc;

	points_forget(s->w, run);
	rc = take_parts(s, run, parts, COUNT(parts), e);
	if (rc <= 0)
		return rc;
	s->w->totals.runs--;
	return take_row(s, STMT_GC_RUN, run, e);
}

static int take_model(struct slice *s, int64_t model, struct err *e)
{
	static const struct part parts[] = {
		{take_all, STMT_GC_MODEL_PARAMS, 100, NULL},
		{take_all, STMT_GC_MODEL_TAGS, 100, NULL},
		{take_all, STMT_GC_MODEL_METRICS, 100, NULL},
		{take_all, STMT_GC_MODEL_RUNS, 100, NULL},
		{take_model_artifacts, STMT_GC_ARTIFACT_NEXT, 0, NULL},
	};
	int rc = take_parts(s, model, parts, COUNT(parts), e);

	return rc <= 0 ? rc : take_row(s, STMT_GC_MODEL, model, e);
}

static int take_trace(struct slice *s, int64_t trace, struct err *e)
{
	static const struct part parts[] = {
		{take_all, STMT_GC_TRACE_BLOCKS, 8, NULL},
		{take_all, STMT_GC_TRACE_KINDS, 100, NULL},
		{take_all, STMT_GC_TRACE_TAGS, 100, NULL},
		{take_all, STMT_GC_TRACE_METADATA, 100, NULL},
		{take_all, STMT_GC_TRACE_LINKS, 100, NULL},
		{take_all, STMT_GC_TRACE_ASSESSMENTS, 100, NULL},
		{take_trace_artifacts, STMT_GC_ARTIFACT_NEXT, 0, NULL},
	};
	int64_t spans = 0;
	int rc = take_parts(s, trace, parts, COUNT(parts), e);

	if (rc <= 0)
		return rc;
	if (db_find(&s->w->db, STMT_GC_TRACE_SPANS, BINDS(B(trace)), &spans,
		    e) < 0)
		return -1;
	s->w->totals.traces--;
	s->w->totals.spans -= spans;
	return take_row(s, STMT_GC_TRACE, trace, e);
}

static int take_each(struct slice *s, int64_t experiment, const struct part *p,
		     struct err *e)
{
	int64_t row;
	int rc;

	while ((rc = db_find(&s->w->db, p->id, BINDS(B(experiment)), &row, e)) >
	       0) {
		if (enough(s))
			return 0;
		rc = p->one(s, row, e);
		if (rc <= 0)
			return rc;
	}
	return rc < 0 ? -1 : 1;
}

static const struct part traces_part = {take_each, STMT_GC_TRACE_NEXT, 0,
					take_trace};

static int take_experiment(struct slice *s, int64_t row, struct err *e)
{
	static const struct part parts[] = {
		{take_each, STMT_GC_RUN_NEXT, 0, take_run},
		{take_each, STMT_GC_MODEL_NEXT, 0, take_model},
		{take_each, STMT_GC_TRACE_NEXT, 0, take_trace},
		{take_all, STMT_GC_DATASETS, 4, NULL},
		{take_all, STMT_GC_EXPERIMENT_TAGS, 100, NULL},
	};
	int rc = take_parts(s, row, parts, COUNT(parts), e);

	if (rc <= 0 || row == LIMBO)
		return rc;
	return take_row(s, STMT_GC_EXPERIMENT, row, e);
}

int trace_reap(struct writer *w, int64_t budget_ms, struct err *e)
{
	struct slice s = {.w = w,
			  .until_us = clock_mono_us() + 1000L * budget_ms};
	int rc = take_each(&s, LIMBO, &traces_part, e);

	return rc < 0 ? -1 : rc == 0;
}

int gc_take_rows(struct writer *w, struct cmd_gc *x, struct err *e)
{
	struct slice s = {.w = w,
			  .until_us = clock_mono_us() + 1000L * LIMIT_GC_MS};
	int64_t row;
	int rc;

	while ((rc = db_find(&w->db, STMT_GC_EXPERIMENT_NEXT, NO_BINDS, &row,
			     e)) > 0) {
		rc = take_experiment(&s, row, e);
		x->ret_more = rc == 0;
		if (rc <= 0)
			break;
	}
	return rc < 0 ? -1 : 0;
}
