/* SPDX-License-Identifier: Apache-2.0 */
/* experiment_read.c - experiments as readers see them. */
#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/experiment.h"
#include "indexer/index/reader.h"

/* The strings live as long as the row. */
static void fill(const struct cursor *q, char id[NUM_MAX],
		 struct experiment *ret)
{
	*ret = (struct experiment){
		.row = cursor_i64(q, 0),
		.project = cursor_i64(q, 1),
		.change = cursor_i64(q, 2),
		.name = cursor_str(q, 3),
		.dir = cursor_str(q, 4),
		.artifact_location = cursor_str(q, 5),
		.lifecycle = cursor_i64(q, 6) ? LIFE_DELETED : LIFE_ACTIVE,
		.created = cursor_i64(q, 7),
		.updated = cursor_i64(q, 8),
	};
	ret->id = str_n(id, num_format_i64(ret->row, id));
}

static int copy(struct experiment *x, struct arena *a, struct err *e)
{
	x->id = arena_str(a, x->id);
	x->name = arena_str(a, x->name);
	x->dir = arena_str(a, x->dir);
	x->artifact_location = arena_str(a, x->artifact_location);
	if (!x->id.p || !x->name.p || !x->dir.p || !x->artifact_location.p)
		return arena_full(a, e);
	return 0;
}

/* 1 with the row, 0 where there is none. */
static int find(struct reader *rd, enum stmt_id id, const struct bind *b,
		size_t n, struct arena *a, struct experiment *ret,
		struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct experiment x;
	char number[NUM_MAX];
	int rc;

	if (cursor_open(&q, reader_db(rd), id, b, n, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	fill(&q, number, &x);
	if (copy(&x, a, e) < 0)
		return -1;
	*ret = x;
	return 1;
}

int experiment_by_row(struct reader *rd, int64_t row, struct arena *a,
		      struct experiment *ret, struct err *e)
{
	int rc = find(rd, STMT_EXPERIMENT_BY_ROW, BINDS(B(row)), a, ret, e);

	if (rc == 0)
		return experiment_not_found(row, e);
	return rc < 0 ? -1 : 0;
}

int experiment_by_id(struct reader *rd, struct str id, struct arena *a,
		     struct experiment *ret, struct err *e)
{
	int64_t row;

	if (experiment_row(reader_db(rd), id, &row, e) < 0)
		return -1;
	return experiment_by_row(rd, row, a, ret, e);
}

int experiment_by_name(struct reader *rd, struct str name, struct arena *a,
		       struct experiment *ret, struct err *e)
{
	int rc = find(rd, STMT_EXPERIMENT_BY_NAME, BINDS(B(name)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "Could not find experiment with name '%.*s'",
			       STR_ARG(name));
	return rc < 0 ? -1 : 0;
}

int experiment_by_dir(struct reader *rd, enum lifecycle life, struct str dir,
		      struct arena *a, struct experiment *ret, struct err *e)
{
	int rc = find(rd, STMT_EXPERIMENT_BY_DIR,
		      BINDS(B((int64_t)life), B(dir)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "no experiment '%.*s'",
			       STR_ARG(dir));
	return rc < 0 ? -1 : 0;
}

int experiment_each(struct reader *rd, enum lifecycle life, int64_t after,
		    int (*fn)(void *ctx, const struct experiment *x,
			      struct err *e),
		    void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct experiment x;
	char number[NUM_MAX];
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_EXPERIMENT_EACH,
			BINDS(B((int64_t)life), B(after)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, number, &x);
		rc = fn(ctx, &x, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}
