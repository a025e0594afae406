/* SPDX-License-Identifier: Apache-2.0 */
/* version_read.c - versions of registered models as readers see them. */
#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/artifact_uri.h"
#include "indexer/index/model.h"
#include "indexer/index/names.h"

/* The strings live as long as the row. */
static void fill(const struct cursor *q, char number[NUM_MAX],
		 struct model_version *ret)
{
	*ret = (struct model_version){
		.row = cursor_i64(q, 0),
		.model_row = cursor_i64(q, 1),
		.project = cursor_i64(q, 2),
		.change = cursor_i64(q, 3),
		.model = cursor_str(q, 4),
		.number = cursor_i64(q, 5),
		.stage = (enum model_stage)cursor_i64(q, 6),
		.description = cursor_str(q, 7),
		.source = cursor_str(q, 8),
		.location = cursor_str(q, 9),
		.run_id = cursor_str(q, 10),
		.run_link = cursor_str(q, 11),
		.model_id = cursor_str(q, 12),
		.created = cursor_i64(q, 13),
		.updated = cursor_i64(q, 14),
		.modified = cursor_i64(q, 15),
	};
	ret->version = str_n(number, num_format_i64(ret->number, number));
}

static int copy(struct model_version *v, struct arena *a, struct err *e)
{
	struct str *texts[] = {&v->model,    &v->version,  &v->description,
			       &v->source,   &v->location, &v->run_id,
			       &v->run_link, &v->model_id};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return arena_full(a, e);
	}
	return 0;
}

int version_find(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
		 struct arena *a, struct model_version *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	char number[NUM_MAX];
	int rc;

	if (cursor_open(&q, db, id, b, n, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	fill(&q, number, ret);
	return copy(ret, a, e) < 0 ? -1 : 1;
}

int model_version_by_name(struct reader *rd, struct str name,
			  struct str version, struct arena *a,
			  struct model_version *ret, struct err *e)
{
	int64_t number;
	int rc;

	if (model_check_name(&reader_db(rd)->who, name, e) < 0 ||
	    version_parse(version, &number, e) < 0)
		return -1;
	rc = version_find(reader_db(rd), STMT_VERSION_BY_NAME,
			  BINDS(B(name), B(number)), a, ret, e);
	if (rc == 0)
		return version_not_found(name, version, e);
	return rc < 0 ? -1 : 0;
}

static int not_found(int64_t number, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "Model Version (version=%" PRId64 ") not found", number);
}

int model_version_by_number(struct reader *rd, int64_t model_row,
			    int64_t number, struct arena *a,
			    struct model_version *ret, struct err *e)
{
	int rc = version_find(reader_db(rd), STMT_VERSION_BY_NUMBER,
			      BINDS(B(model_row), B(number)), a, ret, e);

	return rc ? rc < 0 ? -1 : 0 : not_found(number, e);
}

int model_version_by_row(struct reader *rd, int64_t row, struct arena *a,
			 struct model_version *ret, struct err *e)
{
	int rc = version_find(reader_db(rd), STMT_VERSION_BY_ROW, BINDS(B(row)),
			      a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Model Version not found");
	return rc < 0 ? -1 : 0;
}

int model_version_newest(struct reader *rd, int64_t model_row, struct arena *a,
			 struct model_version *ret, struct err *e)
{
	int rc = version_find(reader_db(rd), STMT_VERSION_NEWEST,
			      BINDS(B(model_row)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "the model has no version");
	return rc < 0 ? -1 : 0;
}

static int newest(struct reader *rd, const struct registered_model *m,
		  struct arena *a, struct model_version *ret, struct err *e)
{
	int rc = version_find(reader_db(rd), STMT_VERSION_NEWEST,
			      BINDS(B(m->row)), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "Latest version not found for model %.*s.",
			       STR_ARG(m->name));
	return rc < 0 ? -1 : 0;
}

int model_version_by_alias(struct reader *rd, struct str name, struct str alias,
			   struct arena *a, struct model_version *ret,
			   struct err *e)
{
	struct registered_model m;
	int rc;

	if (name_check_alias(alias, e) < 0 ||
	    registered_model_by_name(rd, name, a, &m, e) < 0)
		return -1;
	if (str_eq_nocase(alias, STR("latest")))
		return newest(rd, &m, a, ret, e);
	rc = version_find(reader_db(rd), STMT_VERSION_BY_ALIAS,
			  BINDS(B(m.row), B(alias)), a, ret, e);
	if (rc == 0)
		return err_set(e, ERR_INVALID,
			       "Registered model alias %.*s not found.",
			       STR_ARG(alias));
	return rc < 0 ? -1 : 0;
}

static int each(struct reader *rd, enum stmt_id id, const struct bind *b,
		size_t n, model_version_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct model_version v;
	char number[NUM_MAX];
	int rc;

	if (cursor_open(&q, reader_db(rd), id, b, n, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, number, &v);
		rc = fn(ctx, &v, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int model_version_newest_each(struct reader *rd, int64_t model_row,
			      model_version_fn *fn, void *ctx, struct err *e)
{
	return each(rd, STMT_VERSION_NEWEST_EACH, BINDS(B(model_row)), fn, ctx,
		    e);
}

int model_version_each(struct reader *rd, int64_t model_row, int64_t after,
		       model_version_fn *fn, void *ctx, struct err *e)
{
	return each(rd, STMT_VERSION_EACH, BINDS(B(model_row), B(after)), fn,
		    ctx, e);
}

int model_version_files(struct reader *rd, const struct model_version *v,
			struct arena *a, int64_t *ret_owner_row,
			struct str *ret_path, struct err *e)
{
	int rc = artifact_location_find(reader_db(rd), v->location, a,
					ret_owner_row, ret_path, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "the files of version %.*s of %.*s are not here",
			       STR_ARG(v->version), STR_ARG(v->model));
	return rc < 0 ? -1 : 0;
}
