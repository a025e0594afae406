/* SPDX-License-Identifier: Apache-2.0 */
/* run_read.c - runs as readers see them.
 *
 * A run is deleted when it is so itself or its experiment is, and its
 * artifacts lie below its experiment's location: both are put together here.
 */
#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/limits.h"
#include "indexer/index/reader.h"

enum { URI_MAX = LIMIT_LOCATION + 512 };

/* Text of a row that is not in a column. */
struct made {
	char experiment[NUM_MAX], uri[URI_MAX];
};

static struct str make_uri(struct str location, struct str id, char *out)
{
	int n;

	while (location.n && location.p[location.n - 1] == '/')
		location.n--;
	n = snprintf(out, URI_MAX, "%.*s/%.*s/artifacts", STR_ARG(location),
		     STR_ARG(id));
	return str_n(out, n < URI_MAX ? (size_t)n : URI_MAX - 1);
}

static void fill(const struct cursor *q, struct made *made, struct run *ret)
{
	*ret = (struct run){
		.row = cursor_i64(q, 0),
		.change = cursor_i64(q, 1),
		.experiment_row = cursor_i64(q, 2),
		.project = cursor_i64(q, 3),
		.id = cursor_str(q, 4),
		.name = cursor_str(q, 5),
		.dir = cursor_str(q, 6),
		.user = cursor_str(q, 7),
		.status = (int)cursor_i64(q, 8),
		.lifecycle = cursor_i64(q, 9) ? LIFE_DELETED : LIFE_ACTIVE,
		.start_time = cursor_i64(q, 10),
		.end_time = cursor_null(q, 11) ? -1 : cursor_i64(q, 11),
		.modified = cursor_i64(q, 12),
		.nparams = -1,
		.ntags = -1,
		.nseries = -1,
	};
	ret->experiment_id =
		str_n(made->experiment,
		      num_format_i64(ret->experiment_row, made->experiment));
	ret->artifact_uri = make_uri(cursor_str(q, 13), ret->id, made->uri);
}

static int copy(struct run *r, struct arena *a, struct err *e)
{
	struct str *texts[] = {&r->id,   &r->name,          &r->dir,
			       &r->user, &r->experiment_id, &r->artifact_uri};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return arena_full(a, e);
	}
	return 0;
}

/* 1 with the row, 0 where there is none. */
static int find(struct reader *rd, enum stmt_id id, const struct bind *b,
		size_t n, struct arena *a, struct run *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct made made;
	struct run r;
	int rc;

	if (cursor_open(&q, reader_db(rd), id, b, n, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	fill(&q, &made, &r);
	if (copy(&r, a, e) < 0)
		return -1;
	*ret = r;
	return 1;
}

int run_counts(struct reader *rd, struct run *r, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;

	if (reader_sees_run(rd, r->row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_RUN_COUNTS, BINDS(B(r->row)),
			e) < 0 ||
	    cursor_next(&q, e) < 0)
		return -1;
	r->nparams = cursor_i64(&q, 0);
	r->ntags = cursor_i64(&q, 1);
	r->nseries = cursor_i64(&q, 2);
	return 0;
}

int run_by_id(struct reader *rd, struct str id, struct arena *a,
	      struct run *ret, struct err *e)
{
	int rc = find(rd, STMT_RUN_BY_ID, BINDS(B(id)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Run with id=%.*s not found",
			       STR_ARG(id));
	return rc < 0 ? -1 : 0;
}

int run_by_row(struct reader *rd, int64_t row, struct arena *a, struct run *ret,
	       struct err *e)
{
	int rc = find(rd, STMT_RUN_BY_ROW, BINDS(B(row)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Run not found");
	return rc < 0 ? -1 : 0;
}

int run_by_dir(struct reader *rd, int64_t experiment_row, enum lifecycle life,
	       struct str dir, struct arena *a, struct run *ret, struct err *e)
{
	int rc = find(rd, STMT_RUN_BY_DIR,
		      BINDS(B(experiment_row), B(dir), B((int64_t)life)), a,
		      ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "no run '%.*s'", STR_ARG(dir));
	return rc < 0 ? -1 : 0;
}

int run_each(struct reader *rd, int64_t experiment_row, enum lifecycle life,
	     int64_t after,
	     int (*fn)(void *ctx, const struct run *r, struct err *e),
	     void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct made made;
	struct run r;
	int rc;

	if (reader_sees_experiment(rd, experiment_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_RUN_EACH,
			BINDS(B(experiment_row), B((int64_t)life), B(after)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, &made, &r);
		rc = fn(ctx, &r, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}
