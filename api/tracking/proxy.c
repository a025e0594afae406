/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - MLflow's artifact proxy: files by path, put, sent, listed. */
#include "api/app.h"
#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "api/tracking/upload.h"
#include "indexer/index/names.h"

struct proxy_list {
	struct str path;
};

static const struct field list_rows[] = {ROW_STR(proxy_list, path)};
static const struct field_set list_fields =
	FIELD_SET(list_rows, struct proxy_list);

/* --- putting -------------------------------------------------------------- */

static int find_target(struct call *c, struct artifact_ref *ret, struct err *e)
{
	if (name_check_artifact(c->params[0], false, e) ||
	    artifact_locate(c, c->params[0], ret, e))
		return -1;
	if (!ret->path.n)
		return err_set(e, ERR_INVALID,
			       "Invalid path: it names a directory");
	return 0;
}

static void artifact_put(struct call *c)
{
	struct upload u = {.c = c,
			   .wish = c->params[0],
			   .limit = call_app(c)->conf->artifact_limit};
	struct err e;

	if (find_target(c, &u.ref, &e))
		answer_error(c, &e);
	else if (artifact_is_spans(&u.ref))
		spans_file_put(c, u.ref.owner.trace_id);
	else if (upload_body(&u, &e))
		answer_error(c, &e);
	else
		upload_answer(&u);
}

/* --- the others ----------------------------------------------------------- */

static void artifact_get(struct call *c)
{
	struct artifact_ref ref;
	struct artifact x;
	struct err e;

	if (artifact_find(c, c->params[0], &ref, &x, &e))
		answer_error(c, &e);
	else if (artifact_is_spans(&ref))
		spans_file_send(c, ref.owner.trace_id);
	else
		artifact_send(c, &x);
}

static void delete_found(struct call *c, const struct artifact_ref *ref)
{
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);

	x->run_id = ref->owner.run_id;
	x->model_id = ref->owner.model_id;
	x->trace_id = ref->owner.trace_id;
	x->path = ref->path;
	x->recursive = (struct opt_bool){true, true};
	x->missing_ok = (struct opt_bool){true, true};
	write_command(c, x, NULL);
}

static void artifact_delete(struct call *c)
{
	struct artifact_ref ref = {0};
	struct err e;

	if (artifact_locate(c, c->params[0], &ref, &e) == 0)
		delete_found(c, &ref);
	else if (e.kind == ERR_NOT_FOUND)
		reply_bytes(c, 200, "application/json", STR("{}"));
	else
		answer_error(c, &e);
}

static void artifacts_list(struct call *c)
{
	const struct proxy_list *q = c->request;
	struct artifact_ref ref;
	struct reading r;

	if (reading_begin(&r, c) == 0) {
		if (artifact_resolve(r.rd, q->path, c->arena, &ref, &r.e) == 0)
			artifact_list(&r, ref.owner.row, ref.path, STR(""));
		else if (r.e.kind == ERR_NOT_FOUND)
			err_clear(&r.e);
	}
	reading_end(&r);
}

static const struct route routes[] = {
	{.methods = HTTP_PUT,
	 .path = "/mlflow-artifacts/artifacts/{path...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_STREAM,
	 .handle = artifact_put,
	 .summary = "Store the body as an artifact."},
	{.methods = HTTP_GET,
	 .path = "/mlflow-artifacts/artifacts/{path...}",
	 .need = LEVEL_READ,
	 .handle = artifact_get,
	 .summary = "The bytes of an artifact."},
	{.methods = HTTP_DELETE,
	 .path = "/mlflow-artifacts/artifacts/{path...}",
	 .need = LEVEL_WRITE,
	 .handle = artifact_delete,
	 .summary = "Remove an artifact, or a directory of them."},
	{.methods = HTTP_GET,
	 .path = "/mlflow-artifacts/artifacts",
	 .need = LEVEL_READ,
	 .fields = &list_fields,
	 .handle = artifacts_list,
	 .summary = "The artifacts in one directory."},
};

const struct route_group tracking_proxy =
	TRACKING_GROUP(tracking_proxy_prefixes, routes);
