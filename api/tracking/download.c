/* SPDX-License-Identifier: Apache-2.0 */
/* download.c - MLflow's ranged downloads, by links to ourselves.
 *
 * A link names the object and not the artifact, so that all ranges are of the
 * same bytes, whatever becomes of the artifact meanwhile. Where the object
 * store says that clients reach it, the link leads there.
 */
#include <inttypes.h>

#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/link.h"
#include "api/tracking/tracking.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"

enum { LASTS_MS = 3600 * 1000, TARGET_MAX = 32 << 10 };

struct object_query {
	struct opt_i64 size, mtime;
	struct str sha256, name;
	struct link_end end;
};

static const struct field object_rows[] = {
	ROW_I64(object_query, size),   ROW_I64(object_query, mtime),
	ROW_STR(object_query, sha256), ROW_STR(object_query, name),
	LINK_ROWS(object_query, end),
};
static const struct field_set object_fields =
	FIELD_SET(object_rows, struct object_query);

static int object_target(struct buf *b, const struct artifact *x, struct err *e)
{
	buf_puts(b, "/mlflow-artifacts/signed/");
	pct_encode(b, x->key, "/");
	buf_printf(b, "?size=%" PRId64 "&mtime=%" PRId64 "&sha256=%.*s&name=",
		   x->size, x->mtime, STR_ARG(x->sha256));
	pct_encode(b, x->name, "");
	return buf_ok(b) ? 0
			 : err_set(e, ERR_TOO_LONG,
				   "the link would be too "
				   "long");
}

/* An empty file may have no object, and the spans of a trace have none: their
 * place is as good as any. */
static const char *download_url(struct call *c, const struct artifact *x,
				struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	int rc;

	buf_init(&b, TARGET_MAX);
	rc = x->key.n ? object_link(call_app(c)->objects, x->key,
				    LASTS_MS / 1000, &b, e)
		      : 0;
	if (rc)
		return rc < 0 ? NULL : arena_strdup(c->arena, buf_view(&b));
	if (!x->key.n) {
		buf_puts(&b, "/mlflow-artifacts/artifacts/");
		pct_encode(&b, c->params[0], "/");
	} else if (object_target(&b, x, e) < 0) {
		return NULL;
	}
	return link_make(c, "GET", buf_view(&b), LASTS_MS, e);
}

static void presigned(struct call *c)
{
	struct json_out *j;
	struct artifact_ref ref;
	struct artifact x;
	struct err e;
	const char *url = artifact_find(c, c->params[0], &ref, &x, &e) < 0
				  ? NULL
				  : download_url(c, &x, &e);

	if (!url) {
		answer_error(c, &e);
		return;
	}
	j = reply_json(c, 200);
	jo_object(j);
	jo_kstr(j, "url", str_from(url));
	jo_key(j, "headers");
	jo_object(j);
	jo_object_end(j);
	jo_ki64(j, "file_size", x.size);
	jo_object_end(j);
	reply_json_end(c);
}

static int check_download(struct call *c, const struct artifact *x,
			  struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	const struct object_query *q = c->request;

	buf_init(&b, TARGET_MAX);
	if (object_target(&b, x, e) < 0)
		return -1;
	return link_check(c, "GET", buf_view(&b), &q->end, e);
}

static void signed_get(struct call *c)
{
	const struct object_query *q = c->request;
	struct artifact x = {.name = q->name,
			     .key = c->params[0],
			     .sha256 = q->sha256,
			     .size = q->size.v,
			     .mtime = q->mtime.v};
	struct err e;

	if (check_download(c, &x, &e) < 0)
		answer_error(c, &e);
	else
		artifact_send(c, &x);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/mlflow-artifacts/presigned/{path...}",
	 .need = LEVEL_READ,
	 .handle = presigned,
	 .summary = "A link by which an artifact is had in ranges."},
	{.methods = HTTP_GET,
	 .path = "/mlflow-artifacts/signed/{key...}",
	 .need = LEVEL_NONE,
	 .fields = &object_fields,
	 .handle = signed_get,
	 .summary = "The bytes of an artifact, by a link to them."},
};

const struct route_group tracking_download =
	TRACKING_GROUP(tracking_proxy_prefixes, routes);
