/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - what changed since, what was refused, how much there is.
 *
 * Indexes on change lead to experiments, runs, artifacts and removals; params,
 * tags and series are looked for below the runs that changed.
 */
#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/reader.h"

struct walk {
	struct reader *rd;
	int64_t since;
	int (*fn)(void *ctx, const struct changed *x, struct err *e);
	void *ctx;
};

/* Columns: thing, row, parent, parent_dir, name, born, removed. 1 when the
 * call-back wants no more. */
static int report(const struct walk *k, const struct cursor *q, struct err *e)
{
	struct changed x = {
		.thing = (enum thing)cursor_i64(q, 0),
		.row = cursor_i64(q, 1),
		.parent = cursor_i64(q, 2),
		.parent_dir = cursor_i64(q, 3),
		.name = cursor_str(q, 4),
		.created = cursor_i64(q, 5) > k->since,
		.removed = cursor_i64(q, 6) != 0,
	};

	return k->fn(k->ctx, &x, e);
}

static int below(const struct walk *k, enum stmt_id id, int64_t row,
		 struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(k->rd), id, BINDS(B(row), B(k->since)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = report(k, &q, e);
		if (rc)
			return rc;
	}
	return rc;
}

/* Each row of the statement, and then what the parts find below it. */
static int each(const struct walk *k, enum stmt_id id,
		const enum stmt_id *parts, size_t nparts, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(k->rd), id, BINDS(B(k->since)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = report(k, &q, e);
		for (size_t i = 0; rc == 0 && i < nparts; i++)
			rc = below(k, parts[i], cursor_i64(&q, 1), e);
		if (rc)
			return rc;
	}
	return rc;
}

int changes_since(struct reader *rd, int64_t change,
		  int (*fn)(void *ctx, const struct changed *x, struct err *e),
		  void *ctx, struct err *e)
{
	static const enum stmt_id of_experiment[] = {
		STMT_EXPERIMENT_TAG_CHANGED};
	static const enum stmt_id of_run[] = {
		STMT_PARAM_CHANGED, STMT_TAG_CHANGED, STMT_SERIES_CHANGED};
	static const enum stmt_id of_model[] = {STMT_VERSION_CHANGED,
						STMT_ALIAS_CHANGED};
	static const struct {
		enum stmt_id id;
		const enum stmt_id *parts;
		size_t n;
	} things[] = {{STMT_REMOVED_SINCE, NULL, 0},
		      {STMT_EXPERIMENT_CHANGED, of_experiment, 1},
		      {STMT_RUN_CHANGED, of_run, 3},
		      {STMT_LOGGED_CHANGED, NULL, 0},
		      {STMT_TRACE_CHANGED, NULL, 0},
		      {STMT_MODEL_CHANGED, of_model, 2},
		      {STMT_ARTIFACT_CHANGED, NULL, 0}};
	const struct walk k = {rd, change, fn, ctx};

	if (change < reader_forgotten(rd))
		return err_set(e, ERR_RANGE,
			       "changes since %" PRId64 " are no longer kept, "
			       "those since %" PRId64 " are",
			       change, reader_forgotten(rd));
	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
		int rc =
			each(&k, things[i].id, things[i].parts, things[i].n, e);

		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

int64_t journal_applied(struct reader *rd, struct str journal_id)
{
	int64_t seq = 0;
	struct err e;

	if (db_find(reader_db(rd), STMT_JOURNAL_APPLIED, BINDS(B(journal_id)),
		    &seq, &e) <= 0)
		return 0;
	return seq;
}

int refused_each(struct reader *rd, int64_t after,
		 int (*fn)(void *ctx, int64_t row, int64_t time,
			   struct str run_id, struct str key, struct str why,
			   struct err *e),
		 void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_REFUSED_EACH, BINDS(B(after)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_i64(&q, 0), cursor_i64(&q, 1),
			cursor_str(&q, 2), cursor_str(&q, 3), cursor_str(&q, 4),
			e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int index_totals(struct reader *rd, struct index_totals *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_STATE_READ, NO_BINDS, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? -1
			      : err_set(e, ERR_CORRUPT, "index: no state row");
	*ret = (struct index_totals){
		.experiments = cursor_i64(&q, 3),
		.runs = cursor_i64(&q, 4),
		.series = cursor_i64(&q, 5),
		.points = cursor_i64(&q, 6),
		.artifacts = cursor_i64(&q, 7),
		.artifact_bytes = cursor_i64(&q, 8),
		.traces = cursor_i64(&q, 9),
		.spans = cursor_i64(&q, 10),
	};
	return 0;
}
