/* SPDX-License-Identifier: Apache-2.0 */
/* logged_read.c - logged models as readers see them. */
#include "indexer/index/logged_model.h"

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/limits.h"

enum { URI_MAX = LIMIT_LOCATION + 512 };

const char *const logged_status_names[] = {
	"LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING",
	"LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", NULL};

/* Text of a row that is not in a column. */
struct made {
	char experiment[NUM_MAX], uri[URI_MAX];
};

static struct str make_uri(struct str location, struct str id, char *out)
{
	int n;

	while (location.n && location.p[location.n - 1] == '/')
		location.n--;
	n = snprintf(out, URI_MAX, "%.*s/models/%.*s/artifacts",
		     STR_ARG(location), STR_ARG(id));
	return str_n(out, n < URI_MAX ? (size_t)n : URI_MAX - 1);
}

static void fill(const struct cursor *q, struct made *made,
		 struct logged_model *ret)
{
	*ret = (struct logged_model){
		.row = cursor_i64(q, 0),
		.change = cursor_i64(q, 1),
		.experiment_row = cursor_i64(q, 2),
		.project = cursor_i64(q, 3),
		.id = cursor_str(q, 4),
		.name = cursor_str(q, 5),
		.model_type = cursor_str(q, 6),
		.source_run_id = cursor_str(q, 7),
		.status = (int)cursor_i64(q, 8),
		.lifecycle = cursor_i64(q, 9) ? LIFE_DELETED : LIFE_ACTIVE,
		.created = cursor_i64(q, 10),
		.updated = cursor_i64(q, 11),
		.modified = cursor_i64(q, 12),
		.crowded = cursor_i64(q, 14) != 0,
	};
	ret->experiment_id =
		str_n(made->experiment,
		      num_format_i64(ret->experiment_row, made->experiment));
	ret->artifact_uri = make_uri(cursor_str(q, 13), ret->id, made->uri);
}

static int copy(struct logged_model *m, struct arena *a, struct err *e)
{
	struct str *texts[] = {&m->id,           &m->experiment_id,
			       &m->name,         &m->model_type,
			       &m->artifact_uri, &m->source_run_id};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return arena_full(a, e);
	}
	return 0;
}

/* 1 with the row, 0 where there is none. */
static int find(struct reader *rd, enum stmt_id id, const struct bind *by,
		size_t n, struct arena *a, struct logged_model *ret,
		struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct made made;
	struct logged_model m;
	int rc;

	if (cursor_open(&q, reader_db(rd), id, by, n, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	fill(&q, &made, &m);
	if (copy(&m, a, e) < 0)
		return -1;
	*ret = m;
	return 1;
}

int logged_model_by_id(struct reader *rd, struct str id, struct arena *a,
		       struct logged_model *ret, struct err *e)
{
	int rc = find(rd, STMT_LOGGED_BY_ID, BINDS(B(id)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "Logged model with ID '%.*s' not found.",
			       STR_ARG(id));
	return rc < 0 ? -1 : 0;
}

int logged_model_by_row(struct reader *rd, int64_t row, struct arena *a,
			struct logged_model *ret, struct err *e)
{
	int rc = find(rd, STMT_LOGGED_BY_ROW, BINDS(B(row)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Logged model not found.");
	return rc < 0 ? -1 : 0;
}

static int found(int rc, struct err *e)
{
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Logged model not found.");
	return rc < 0 ? -1 : 0;
}

int logged_model_by_prefix(struct reader *rd, struct str prefix,
			   struct arena *a, struct logged_model *ret,
			   struct err *e)
{
	return found(
		find(rd, STMT_LOGGED_BY_PREFIX, BINDS(B(prefix)), a, ret, e),
		e);
}

int logged_model_newest_named(struct reader *rd, int64_t experiment_row,
			      struct str name, struct arena *a,
			      struct logged_model *ret, struct err *e)
{
	return found(find(rd, STMT_LOGGED_NEWEST_NAMED,
			  BINDS(B(experiment_row), B(name)), a, ret, e),
		     e);
}

static int each(struct reader *rd, enum stmt_id id, const struct bind *by,
		size_t n, logged_model_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct logged_model m;
	struct made made;
	int rc;

	if (cursor_open(&q, reader_db(rd), id, by, n, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, &made, &m);
		rc = fn(ctx, &m, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int logged_model_each(struct reader *rd, int64_t experiment_row, int64_t after,
		      logged_model_fn *fn, void *ctx, struct err *e)
{
	return each(rd, STMT_LOGGED_EACH, BINDS(B(experiment_row), B(after)),
		    fn, ctx, e);
}

int logged_model_of_run(struct reader *rd, int64_t run_row, logged_model_fn *fn,
			void *ctx, struct err *e)
{
	if (reader_sees_run(rd, run_row, e) < 0)
		return -1;
	return each(rd, STMT_LOGGED_OF_RUN, BINDS(B(run_row)), fn, ctx, e);
}

/* --- what hangs on one -------------------------------------------------- */

static int each_value(struct reader *rd, enum stmt_id id, int64_t row,
		      key_value_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_model(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), id, BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), cursor_str(&q, 1),
			cursor_i64(&q, 2), e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int logged_model_params(struct reader *rd, int64_t row, key_value_fn *fn,
			void *ctx, struct err *e)
{
	return each_value(rd, STMT_LOGGED_PARAM_EACH, row, fn, ctx, e);
}

int logged_model_tags(struct reader *rd, int64_t row, key_value_fn *fn,
		      void *ctx, struct err *e)
{
	return each_value(rd, STMT_LOGGED_TAG_EACH, row, fn, ctx, e);
}

static void fill_metric(const struct cursor *q, struct logged_metric *ret)
{
	int64_t bits = cursor_i64(q, 6);

	*ret = (struct logged_metric){
		.key = cursor_str(q, 0),
		.p.time = cursor_i64(q, 1),
		.p.step = cursor_i64(q, 2),
		.run_id = cursor_str(q, 3),
		.dataset_name = cursor_str(q, 4),
		.dataset_digest = cursor_str(q, 5),
	};
	memcpy(&ret->p.value, &bits, sizeof(bits));
}

int logged_model_metrics(struct reader *rd, int64_t row,
			 int (*fn)(void *ctx, const struct logged_metric *m,
				   struct err *e),
			 void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct logged_metric m;
	int rc;

	if (reader_sees_model(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_LOGGED_METRIC_EACH,
			BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill_metric(&q, &m);
		rc = fn(ctx, &m, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}
