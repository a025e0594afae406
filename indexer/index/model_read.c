/* SPDX-License-Identifier: Apache-2.0 */
/* model_read.c - registered models and aliases as readers see them. */
#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/index/model.h"
#include "indexer/index/names.h"

/* The strings live as long as the row. */
static void fill(const struct cursor *q, struct registered_model *ret)
{
	*ret = (struct registered_model){
		.row = cursor_i64(q, 0),
		.project = cursor_i64(q, 1),
		.change = cursor_i64(q, 2),
		.name = cursor_str(q, 3),
		.dir = cursor_str(q, 4),
		.description = cursor_str(q, 5),
		.last_version = cursor_i64(q, 6),
		.created = cursor_i64(q, 7),
		.updated = cursor_i64(q, 8),
		.modified = cursor_i64(q, 9),
		.prompt = cursor_i64(q, 10) != 0,
	};
}

int model_find(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
	       struct arena *a, struct registered_model *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, id, b, n, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	fill(&q, ret);
	if (cursor_copy(&q, 3, a, &ret->name, e) < 0 ||
	    cursor_copy(&q, 4, a, &ret->dir, e) < 0 ||
	    cursor_copy(&q, 5, a, &ret->description, e) < 0)
		return -1;
	return 1;
}

int registered_model_by_name(struct reader *rd, struct str name,
			     struct arena *a, struct registered_model *ret,
			     struct err *e)
{
	int rc;

	if (model_check_name(&reader_db(rd)->who, name, e) < 0)
		return -1;
	rc = model_find(reader_db(rd), STMT_MODEL_BY_NAME, BINDS(B(name)), a,
			ret, e);
	if (rc == 0)
		return model_not_found(name, e);
	return rc < 0 ? -1 : 0;
}

int registered_model_by_dir(struct reader *rd, struct str dir, struct arena *a,
			    struct registered_model *ret, struct err *e)
{
	int rc = model_find(reader_db(rd), STMT_MODEL_BY_DIR, BINDS(B(dir)), a,
			    ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "no registered model '%.*s'",
			       STR_ARG(dir));
	return rc < 0 ? -1 : 0;
}

int registered_model_by_row(struct reader *rd, int64_t row, struct arena *a,
			    struct registered_model *ret, struct err *e)
{
	int rc = model_find(reader_db(rd), STMT_MODEL_BY_ROW, BINDS(B(row)), a,
			    ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Registered Model not found");
	return rc < 0 ? -1 : 0;
}

int registered_model_each(struct reader *rd, int64_t after,
			  registered_model_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct registered_model m;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_MODEL_EACH, BINDS(B(after)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, &m);
		rc = fn(ctx, &m, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

/* --- tags ---------------------------------------------------------------- */

static int each_tag(struct reader *rd, enum stmt_id id, int64_t row,
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

int registered_model_tags(struct reader *rd, int64_t model_row,
			  key_value_fn *fn, void *ctx, struct err *e)
{
	return each_tag(rd, STMT_MODEL_TAG_EACH, model_row, fn, ctx, e);
}

int model_version_tags(struct reader *rd, int64_t version_row, key_value_fn *fn,
		       void *ctx, struct err *e)
{
	return each_tag(rd, STMT_VERSION_TAG_EACH, version_row, fn, ctx, e);
}

/* --- aliases ------------------------------------------------------------- */

static void fill_alias(const struct cursor *q, struct model_alias *ret)
{
	*ret = (struct model_alias){
		.model_row = cursor_i64(q, 0),
		.version_row = cursor_i64(q, 1),
		.number = cursor_i64(q, 2),
		.change = cursor_i64(q, 3),
		.modified = cursor_i64(q, 4),
		.alias = cursor_str(q, 5),
		.version = cursor_str(q, 6),
	};
}

static int each_alias(struct reader *rd, enum stmt_id id, int64_t row,
		      model_alias_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct model_alias x;
	int rc;

	if (cursor_open(&q, reader_db(rd), id, BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill_alias(&q, &x);
		rc = fn(ctx, &x, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int model_alias_each(struct reader *rd, int64_t model_row, model_alias_fn *fn,
		     void *ctx, struct err *e)
{
	return each_alias(rd, STMT_ALIAS_EACH, model_row, fn, ctx, e);
}

int model_alias_of_version(struct reader *rd, int64_t version_row,
			   model_alias_fn *fn, void *ctx, struct err *e)
{
	return each_alias(rd, STMT_ALIAS_OF_VERSION, version_row, fn, ctx, e);
}

int model_alias_by_name(struct reader *rd, int64_t model_row, struct str alias,
			struct arena *a, struct model_alias *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_ALIAS_BY_NAME,
			BINDS(B(model_row), B(alias)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "Registered model alias %.*s not found.",
			       STR_ARG(alias));
	fill_alias(&q, ret);
	if (cursor_copy(&q, 5, a, &ret->alias, e) < 0)
		return -1;
	return cursor_copy(&q, 6, a, &ret->version, e);
}
