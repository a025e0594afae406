/* SPDX-License-Identifier: Apache-2.0 */
/* artifacts.c - the calls that name artifacts by their run. */
#include "api/app.h"
#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "api/tracking/upload.h"
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

struct artifact_upload {
	struct str run_uuid, path;
};

static const struct field upload_rows[] = {
	{.name = "run_uuid",
	 .alias = "run_id",
	 .type = FIELD_STR,
	 .offset = offsetof(struct artifact_upload, run_uuid)},
	ROW_STR(artifact_upload, path),
};
static const struct field_set upload_fields =
	FIELD_SET(upload_rows, struct artifact_upload);

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

static int check_upload(struct call *c, const struct artifact_upload *q,
			struct err *e)
{
	const char *what = !q->run_uuid.n ? "run_uuid" : "path";

	if (!q->run_uuid.n || !q->path.n)
		return err_set(e, ERR_INVALID, "Request must specify %s.",
			       what);
	if (name_check_artifact(q->path, false, e))
		return -1;
	if (call_body_length(c) == 0)
		return err_set(e, ERR_INVALID, "Request must specify data.");
	return 0;
}

static int find_place(struct call *c, const struct artifact_upload *q,
		      struct upload *u, struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	const char *wish;
	int failed;

	if (!rd)
		return -1;
	failed =
		artifact_of_run(rd, q->run_uuid, q->path, c->arena, &u->ref, e);
	reader_end(rd);
	if (failed)
		return -1;
	wish = arena_printf(c->arena, "%.*s/%.*s", STR_ARG(u->ref.root),
			    STR_ARG(q->path));
	if (!wish)
		return arena_full(c->arena, e);
	u->wish = str_from(wish);
	return 0;
}

static void upload_artifact(struct call *c)
{
	struct upload u = {.c = c, .limit = call_app(c)->conf->artifact_limit};
	struct err e;

	if (check_upload(c, c->request, &e) ||
	    find_place(c, c->request, &u, &e) || upload_body(&u, &e))
		answer_error(c, &e);
	else
		upload_answer(&u);
}

static const struct route list_routes[] = {
	{.methods = HTTP_GET,
	 .path = "/mlflow/artifacts/list",
	 .need = LEVEL_READ,
	 .fields = &list_fields,
	 .handle = artifacts_list,
	 .summary = "The artifacts of a run in one directory."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/upload-artifact",
	 .need = LEVEL_WRITE,
	 .body = BODY_STREAM,
	 .fields = &upload_fields,
	 .handle = upload_artifact,
	 .summary = "Store the body as an artifact of a run."},
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
