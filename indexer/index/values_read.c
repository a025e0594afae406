/* SPDX-License-Identifier: Apache-2.0 */
/* values_read.c - params and tags as readers see them. */
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/reader.h"

/* Who owns the values. */
enum owner { OF_RUN, OF_EXPERIMENT };

static int sees(struct reader *rd, enum owner owner, int64_t row, struct err *e)
{
	if (owner == OF_RUN)
		return reader_sees_run(rd, row, e);
	return reader_sees_experiment(rd, row, e);
}

static int each(struct reader *rd, enum stmt_id id, int64_t row,
		key_value_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), id, BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), cursor_str(&q, 1),
			cursor_i64(&q, 2), e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int run_params(struct reader *rd, int64_t run_row, key_value_fn *fn, void *ctx,
	       struct err *e)
{
	if (sees(rd, OF_RUN, run_row, e) < 0)
		return -1;
	return each(rd, STMT_PARAM_EACH, run_row, fn, ctx, e);
}

int run_tags(struct reader *rd, int64_t run_row, key_value_fn *fn, void *ctx,
	     struct err *e)
{
	if (sees(rd, OF_RUN, run_row, e) < 0)
		return -1;
	return each(rd, STMT_TAG_EACH, run_row, fn, ctx, e);
}

int experiment_tags(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		    struct err *e)
{
	if (sees(rd, OF_EXPERIMENT, row, e) < 0)
		return -1;
	return each(rd, STMT_EXPERIMENT_TAG_EACH, row, fn, ctx, e);
}

/* One value: what the three below have in common. */
struct wanted {
	enum stmt_id id;
	const char *what;
	int64_t row;
	struct str key;
};

static int get(struct reader *rd, const struct wanted *x, struct arena *a,
	       struct str *ret, int64_t *ret_modified, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), x->id, BINDS(B(x->row), B(x->key)),
			e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "No %s with name: %.*s",
			       x->what, STR_ARG(x->key));
	*ret_modified = cursor_i64(&q, 1);
	return cursor_copy(&q, 0, a, ret, e);
}

int run_param(struct reader *rd, int64_t run_row, struct str key,
	      struct arena *a, struct str *ret, int64_t *ret_modified,
	      struct err *e)
{
	const struct wanted x = {STMT_PARAM_GET, "param", run_row, key};

	if (sees(rd, OF_RUN, run_row, e) < 0)
		return -1;
	return get(rd, &x, a, ret, ret_modified, e);
}

int run_tag(struct reader *rd, int64_t run_row, struct str key, struct arena *a,
	    struct str *ret, int64_t *ret_modified, struct err *e)
{
	const struct wanted x = {STMT_TAG_GET, "tag", run_row, key};

	if (sees(rd, OF_RUN, run_row, e) < 0)
		return -1;
	return get(rd, &x, a, ret, ret_modified, e);
}

int experiment_tag(struct reader *rd, int64_t row, struct str key,
		   struct arena *a, struct str *ret, int64_t *ret_modified,
		   struct err *e)
{
	const struct wanted x = {STMT_EXPERIMENT_TAG_GET, "tag", row, key};

	if (sees(rd, OF_EXPERIMENT, row, e) < 0)
		return -1;
	return get(rd, &x, a, ret, ret_modified, e);
}
