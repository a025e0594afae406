/* SPDX-License-Identifier: Apache-2.0 */
/* run_link_read.c - the datasets and logged models that runs are tied to, as
 * readers see them. */
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/logged_model.h"

static void fill(const struct cursor *q, struct dataset *ret)
{
	*ret = (struct dataset){
		.row = cursor_i64(q, 0),
		.name = cursor_str(q, 1),
		.digest = cursor_str(q, 2),
		.source_type = cursor_str(q, 3),
		.source = cursor_str(q, 4),
		.schema = cursor_str(q, 5),
		.profile = cursor_str(q, 6),
	};
}

int run_inputs(struct reader *rd, int64_t run_row,
	       int (*fn)(void *ctx, const struct dataset *d, struct err *e),
	       void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct dataset d;
	int rc;

	if (reader_sees_run(rd, run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_RUN_INPUT_EACH,
			BINDS(B(run_row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, &d);
		rc = fn(ctx, &d, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int run_input_tags(struct reader *rd, int64_t run_row, int64_t dataset_row,
		   key_value_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_run(rd, run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_RUN_INPUT_TAG_EACH,
			BINDS(B(run_row), B(dataset_row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), cursor_str(&q, 1), 0, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int run_models(struct reader *rd, int64_t run_row, enum model_role role,
	       int (*fn)(void *ctx, struct str model_id, int64_t step,
			 struct err *e),
	       void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_run(rd, run_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_RUN_MODEL_EACH,
			BINDS(B(run_row), B((int64_t)role)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), cursor_i64(&q, 1), e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int dataset_contexts(struct reader *rd, int64_t experiment_row,
		     int (*fn)(void *ctx, struct str name, struct str digest,
			       struct str context, struct err *e),
		     void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_experiment(rd, experiment_row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_DATASET_CONTEXTS,
			BINDS(B(experiment_row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), cursor_str(&q, 1),
			cursor_str(&q, 2), e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}
