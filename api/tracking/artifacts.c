/* SPDX-License-Identifier: Apache-2.0 */
/* artifacts.c - the calls that name artifacts by their run. */
#include "api/app.h"
#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/index/names.h"

struct artifact_query {
	struct str run_id, path, page_token;
};

static const struct field list_rows[] = {
	ROW_RUN_ID(artifact_query),
	ROW_STR(artifact_query, path),
	ROW_STR(artifact_query, page_token),
};
static const struct field_set list_fields =
	FIELD_SET(list_rows, struct artifact_query);

static const struct field get_rows[] = {
	ROW_RUN_ID(artifact_query),
	ROW_FILLED(artifact_query, path),
};
static const struct field_set get_fields =
	FIELD_SET(get_rows, struct artifact_query);

static void artifacts_list(struct call *c)
{
	const struct artifact_query *q = c->request;
	struct reading r;
	struct run run;

	if (reading_begin(&r, c) == 0 &&
	    name_check_artifact(q->path, true, &r.e) == 0 &&
	    run_by_id(r.rd, q->run_id, c->arena, &run, &r.e) == 0) {
		jo_kstr(r.j, "root_uri", run.artifact_uri);
		artifact_list(&r, run.row, q->path, q->path);
	}
	reading_end(&r);
}

static int find_file(struct call *c, const struct artifact_query *q,
		     struct artifact *ret, struct err *e)
{
	struct reader *rd;
	struct run run;
	int failed;

	if (name_check_artifact(q->path, false, e))
		return -1;
	rd = reading_raw(c, e);
	if (!rd)
		return -1;
	failed = run_by_id(rd, q->run_id, c->arena, &run, e) ||
		 artifact_by_path(rd, run.row, q->path, c->arena, ret, e);
	reader_end(rd);
	if (!failed && ret->is_dir)
		failed = err_set(e, ERR_IS_DIR, "'%.*s' is a directory",
				 STR_ARG(q->path));
	return failed ? -1 : 0;
}

static void get_artifact(struct call *c)
{
	struct artifact x;
	struct err e;

	if (find_file(c, c->request, &x, &e))
		answer_error(c, &e);
	else
		artifact_send(c, &x);
}

static const struct route list_routes[] = {
	{.methods = HTTP_GET,
	 .path = "/mlflow/artifacts/list",
	 .need = LEVEL_READ,
	 .fields = &list_fields,
	 .handle = artifacts_list,
	 .summary = "The artifacts of a run in one directory."},
};

static const struct route get_routes[] = {
	{.methods = HTTP_GET,
	 .path = "/get-artifact",
	 .need = LEVEL_READ,
	 .fields = &get_fields,
	 .handle = get_artifact,
	 .summary = "The bytes of one artifact of a run."},
};

const struct route_group tracking_artifacts =
	TRACKING_GROUP(tracking_prefixes, list_routes);
const struct route_group tracking_artifact_page =
	TRACKING_GROUP(tracking_top_prefixes, get_routes);
