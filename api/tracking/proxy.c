/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - MLflow's artifact proxy: files by path, put, sent, listed.
 *
 * A body goes from the socket into the object store in constant memory, on a
 * transfer thread; only when its bytes are on disk does the index learn of
 * them, in one command. Whatever ends early leaves nothing that anyone sees.
 */
#include <inttypes.h>

#include "api/app.h"
#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/names.h"

enum { PUMP_BYTES = 256 << 10 };

struct proxy_list {
	struct str path;
};

static const struct field list_rows[] = {ROW_STR(proxy_list, path)};
static const struct field_set list_fields =
	FIELD_SET(list_rows, struct proxy_list);

/* --- putting -------------------------------------------------------------- */

/* A body on its way: whose it is, and where it went. */
struct upload {
	struct call *c;
	struct artifact_ref ref;
	struct object_put *put;
	int64_t limit; /* bytes, 0: none */
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
};

static int check_size(const struct upload *u, int64_t size, struct err *e)
{
	if (!u->limit || size <= u->limit)
		return 0;
	return err_set(e, ERR_TOO_LARGE,
		       "an artifact may have at most %" PRId64 " bytes here",
		       u->limit);
}

static int check_owner(const struct call *c, const struct artifact_owner *o,
		       struct err *e)
{
	const char *what = o->run_id.n ? "run" : "logged model";
	struct str id = o->run_id.n ? o->run_id : o->model_id;

	if (!principal_may(&c->who, o->project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED, "no right to write to %s '%.*s'",
			       what, STR_ARG(id));
	if (o->deleted)
		return err_set(e, ERR_INVALID,
			       "The %s %.*s must be in the 'active' state. "
			       "Current state is deleted.",
			       what, STR_ARG(id));
	return 0;
}

/* Whose the path of the call is. */
static int resolve(struct call *c, struct artifact_ref *ret, struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	int failed;

	if (!rd)
		return -1;
	failed = artifact_resolve(rd, c->params[0], c->arena, ret, e);
	reader_end(rd);
	return failed;
}

static int find_target(struct upload *u, struct err *e)
{
	struct call *c = u->c;

	if (name_check_artifact(c->params[0], false, e) ||
	    resolve(c, &u->ref, e))
		return -1;
	if (!u->ref.path.n)
		return err_set(e, ERR_INVALID,
			       "Invalid path: it names a directory");
	return check_owner(c, &u->ref.owner, e);
}

static int pump(struct upload *u, struct err *e)
{
	SCOPED_FREE char *chunk = malloc(PUMP_BYTES);
	int64_t n, sum = 0;

	if (!chunk)
		return err_set(e, ERR_BUSY, "out of memory");
	while ((n = call_read(u->c, chunk, PUMP_BYTES, e)) > 0) {
		sum += n;
		if (check_size(u, sum, e) ||
		    object_put_write(u->put, chunk, (size_t)n, e))
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int store(struct upload *u, struct err *e)
{
	struct app *app = call_app(u->c);
	char fallback[OBJECT_KEY_MAX];

	snprintf(fallback, sizeof(fallback), "%.*s/generations/",
		 STR_ARG(u->ref.owner.home));
	u->put = object_put_begin(app->objects, u->c->params[0],
				  str_from(fallback), e);
	if (!u->put)
		return -1;
	if (pump(u, e) || object_put_finish(u->put, u->key, &u->digest, e)) {
		object_put_abort(u->put);
		return -1;
	}
	return 0;
}

static int enter(struct upload *u, struct err *e)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);
	struct app *app = call_app(u->c);
	int failed;

	x->c.who = u->c->who;
	x->run_id = u->ref.owner.run_id;
	x->model_id = u->ref.owner.model_id;
	x->path = u->ref.path;
	x->key = str_from(u->key);
	x->size = (struct opt_i64){u->digest.size, true};
	x->sha256 = str_from(u->digest.sha256);
	x->crc32c = str_from(u->digest.crc32c);
	x->mtime = (struct opt_i64){clock_ms(), true};
	failed = index_apply(app->index, &x->c, e);
	command_free(&x->c);
	return failed;
}

/* Bytes that the index did not take are nobody's. What comes between here and
 * a crash is for the object store's own sweep. */
static void discard(struct upload *u)
{
	struct err ignored;

	object_delete(call_app(u->c)->objects, str_from(u->key), &ignored);
}

static int upload(struct upload *u, struct err *e)
{
	int64_t declared = call_body_length(u->c);

	if (find_target(u, e) || check_size(u, declared, e) || store(u, e))
		return -1;
	if (enter(u, e)) {
		discard(u);
		return -1;
	}
	return 0;
}

static void artifact_put(struct call *c)
{
	struct upload u = {.c = c, .limit = call_app(c)->conf->artifact_limit};
	struct err e;

	if (upload(&u, &e)) {
		answer_error(c, &e);
		return;
	}
	if (u.digest.size)
		reply_header(
			c, "ETag",
			artifact_etag(c->arena, str_from(u.digest.sha256)));
	reply_bytes(c, 200, "application/json", STR("{}"));
}

/* --- the others ----------------------------------------------------------- */

static int find_artifact(struct call *c, struct artifact *ret, struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	struct artifact_ref ref;
	int failed;

	if (!rd)
		return -1;
	failed =
		artifact_resolve(rd, c->params[0], c->arena, &ref, e) ||
		artifact_by_path(rd, ref.owner.row, ref.path, c->arena, ret, e);
	reader_end(rd);
	if (!failed && ret->is_dir)
		failed = err_set(e, ERR_IS_DIR, "'%.*s' is a directory",
				 STR_ARG(c->params[0]));
	return failed ? -1 : 0;
}

static void artifact_get(struct call *c)
{
	struct artifact x;
	struct err e;

	if (find_artifact(c, &x, &e))
		answer_error(c, &e);
	else
		artifact_send(c, &x);
}

static void delete_found(struct call *c, const struct artifact_ref *ref)
{
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);

	x->run_id = ref->owner.run_id;
	x->model_id = ref->owner.model_id;
	x->path = ref->path;
	x->recursive = (struct opt_bool){true, true};
	x->missing_ok = (struct opt_bool){true, true};
	write_command(c, x, NULL);
}

static void artifact_delete(struct call *c)
{
	struct artifact_ref ref = {0};
	struct err e;

	if (resolve(c, &ref, &e) == 0)
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

/* Clients fall back to whole files where they read these sentences. */
static void multipart_upload(struct call *c)
{
	struct err e;

	err_set(&e, ERR_UNSUPPORTED,
		"Multipart upload is not supported for the current artifact "
		"repository");
	answer_error(c, &e);
}

static void multipart_download(struct call *c)
{
	struct err e;

	err_set(&e, ERR_UNSUPPORTED,
		"Multipart download is not supported for the current artifact "
		"repository");
	answer_error(c, &e);
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
	{.methods = HTTP_POST,
	 .path = "/mlflow-artifacts/mpu/{what}/{path...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_BUFFER,
	 .handle = multipart_upload,
	 .summary = "Upload in parts: clients are told to upload whole."},
	{.methods = HTTP_GET,
	 .path = "/mlflow-artifacts/presigned/{path...}",
	 .need = LEVEL_READ,
	 .handle = multipart_download,
	 .summary = "Download in parts: clients are told to download whole."},
};

const struct route_group tracking_proxy =
	TRACKING_GROUP(tracking_proxy_prefixes, routes);
