/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - MLflow's multipart uploads, by links to ourselves.
 *
 * Where MLflow sends its clients to a cloud store for each part, we send them
 * to us (part.c). Parts wait in the object store's temporary area (staging.h);
 * completing an upload is an ordinary upload from there.
 */
#include <inttypes.h>

#include "api/tracking/fields.h"
#include "api/tracking/link.h"
#include "api/tracking/part.h"
#include "api/tracking/tracking.h"
#include "api/tracking/upload.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/names.h"
#include "indexer/objects/staging.h"

/* So long an upload may lie about, too. */
enum { PART_MS = 24 * 3600 * 1000 };

/* --- what is asked ------------------------------------------------------ */

struct part {
	struct opt_i64 part_number;
	struct str etag, url;
};

struct parts_request {
	struct str path, upload_id;
	struct opt_i64 num_parts;
	struct field_list parts; /* of struct part */
};

static const struct field part_rows[] = {
	{.name = "part_number",
	 .type = FIELD_I64,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct part, part_number)},
	ROW_FILLED(part, etag),
	ROW_STR(part, url),
};
static const struct field_set part_fields = FIELD_SET(part_rows, struct part);

static const struct field create_rows[] = {
	ROW_FILLED(parts_request, path),
	ROW_I64(parts_request, num_parts),
};
static const struct field_set create_fields =
	FIELD_SET(create_rows, struct parts_request);

static const struct field complete_rows[] = {
	ROW_FILLED(parts_request, path),
	ROW_FILLED(parts_request, upload_id),
	ROW_LIST(parts_request, parts, part_fields),
};
static const struct field_set complete_fields =
	FIELD_SET(complete_rows, struct parts_request);

static const struct field abort_rows[] = {
	ROW_FILLED(parts_request, path),
	ROW_FILLED(parts_request, upload_id),
};
static const struct field_set abort_fields =
	FIELD_SET(abort_rows, struct parts_request);

/* --- uploads: whose, and where to -------------------------------------- */

/* The file name that a client gives is a path on its host. */
static struct str base_name(struct str path)
{
	size_t at = path.n;

	while (at && path.p[at - 1] != '/' && path.p[at - 1] != '\\')
		at--;
	return str_n(path.p + at, path.n - at);
}

/* The artifact that the call is about: <directory of the URL>/<file name>. */
static int find_target(struct call *c, struct str path, struct upload *u,
		       struct err *e)
{
	struct str name = base_name(path);
	const char *wish = arena_printf(c->arena, "%.*s/%.*s",
					STR_ARG(c->params[0]), STR_ARG(name));
	struct reader *rd;
	int failed;

	if (!wish)
		return arena_full(c->arena, e);
	u->c = c;
	u->wish = str_from(wish);
	u->limit = call_app(c)->conf->artifact_limit;
	if (name_check_artifact(u->wish, false, e))
		return -1;
	rd = reading_raw(c, e);
	if (!rd)
		return -1;
	failed = artifact_resolve(rd, u->wish, c->arena, &u->ref, e);
	reader_end(rd);
	return failed ? -1 : upload_may(c, &u->ref, e);
}

/* Its note says how many parts it has, and which artifact it will be. */
static int read_note(struct staging *s, struct str wish, int64_t *ret_parts,
		     struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct str rest;

	buf_init(&b, STAGING_NOTE + 1);
	if (staging_note(s, &b, e) < 0)
		return -1;
	rest = buf_view(&b);
	if (num_parse_i64(str_cut(&rest, '\n'), ret_parts) &&
	    str_eq(rest, wish))
		return 0;
	return err_set(e, ERR_INVALID, "the upload is not one of '%.*s'",
		       STR_ARG(wish));
}

/* --- create ------------------------------------------------------------ */

static int put_credential(struct call *c, struct json_out *j, struct str upload,
			  int64_t number, struct err *e)
{
	const char *target = part_target(c->arena, upload, number);
	const char *url;

	if (!target)
		return arena_full(c->arena, e);
	url = link_make(c, "PUT", str_from(target), PART_MS, e);
	if (!url)
		return -1;
	jo_object(j);
	jo_kstr(j, "url", str_from(url));
	jo_ki64(j, "part_number", number);
	jo_key(j, "headers");
	jo_object(j);
	jo_object_end(j);
	jo_object_end(j);
	return 0;
}

static void answer_created(struct call *c, struct str upload, int64_t parts)
{
	struct json_out *j = reply_json(c, 200);
	int failed = 0;
	struct err e;

	jo_object(j);
	jo_kstr(j, "upload_id", upload);
	jo_key(j, "credentials");
	jo_array(j);
	for (int64_t i = 1; i <= parts && !failed; i++)
		failed = put_credential(c, j, upload, i, &e);
	jo_array_end(j);
	jo_object_end(j);
	if (failed)
		answer_error(c, &e);
	else
		reply_json_end(c);
}

static int begin_upload(struct call *c, const struct parts_request *q,
			int64_t parts, char id[STAGING_ID], struct err *e)
{
	struct upload u = {0};
	const char *note;

	if (parts < 1 || parts > STAGING_PARTS)
		return err_set(e, ERR_INVALID,
			       "'num_parts' is %" PRId64
			       "; an upload has 1 to %d parts",
			       parts, STAGING_PARTS);
	if (find_target(c, q->path, &u, e) < 0)
		return -1;
	note = arena_printf(c->arena, "%" PRId64 "\n%.*s", parts,
			    STR_ARG(u.wish));
	if (!note)
		return arena_full(c->arena, e);
	return staging_create(call_app(c)->objects, str_from(note), id, e);
}

static void parts_create(struct call *c)
{
	const struct parts_request *q = c->request;
	int64_t parts = q->num_parts.set ? q->num_parts.v : 1;
	char id[STAGING_ID];
	struct err e;

	if (begin_upload(c, q, parts, id, &e) < 0)
		answer_error(c, &e);
	else
		answer_created(c, str_from(id), parts);
}

/* --- complete, abort --------------------------------------------------- */

/* What an upload is made of, while it is being completed. */
struct joining {
	struct staging *staging;
	struct staging_part *parts;
	size_t n;
};

/* "abc", W/"abc", abc */
static struct str bare_etag(struct str etag)
{
	if (str_starts(etag, STR("W/")))
		etag = str_n(etag.p + 2, etag.n - 2);
	if (etag.n >= 2 && etag.p[0] == '"' && etag.p[etag.n - 1] == '"')
		etag = str_n(etag.p + 1, etag.n - 2);
	return etag;
}

static const struct part *part_named(const struct field_list *parts,
				     int64_t number)
{
	const struct part *p = parts->items;

	for (size_t i = 0; i < parts->n; i++)
		if (p[i].part_number.v == number)
			return &p[i];
	return NULL;
}

/* All parts are there, and are those that the client knows of. Clients list
 * them in order, so that each is found at once. */
static int check_parts(const struct parts_request *q, const struct joining *j,
		       int64_t wanted, struct err *e)
{
	if ((int64_t)q->parts.n != wanted)
		return err_set(e, ERR_INVALID,
			       "the upload has %" PRId64 " parts; %zu are "
			       "listed",
			       wanted, q->parts.n);
	for (int64_t i = 1; i <= wanted; i++) {
		const struct part *list = q->parts.items;
		const struct part *p = list[i - 1].part_number.v == i
					       ? &list[i - 1]
					       : part_named(&q->parts, i);

		if (!p)
			return err_set(e, ERR_INVALID,
				       "part %" PRId64 " is not listed", i);
		if ((int64_t)j->n < i || j->parts[i - 1].number != i)
			return err_set(e, ERR_INVALID,
				       "part %" PRId64 " was not uploaded", i);
		if (!str_eq(bare_etag(p->etag),
			    str_from(j->parts[i - 1].digest.sha256)))
			return err_set(e, ERR_INVALID,
				       "part %" PRId64 " has the entity tag "
				       "\"%s\", not %.*s",
				       i, j->parts[i - 1].digest.sha256,
				       (int)(p->etag.n < 100 ? p->etag.n : 100),
				       p->etag.p);
	}
	return 0;
}

static int check_sum(const struct upload *u, const struct joining *j,
		     struct err *e)
{
	int64_t sum = 0;

	for (size_t i = 0; i < j->n; i++)
		if (__builtin_add_overflow(sum, j->parts[i].digest.size, &sum))
			sum = INT64_MAX;
	return upload_fits(u->limit, sum, e);
}

static int fill(struct upload *u, struct object_put *put, struct err *e)
{
	struct joining *j = u->from;

	return staging_join(j->staging, j->parts, j->n, put, e);
}

static int join(struct upload *u, const struct parts_request *q,
		struct joining *j, int64_t wanted, struct err *e)
{
	if (staging_parts(j->staging, &j->parts, &j->n, e) < 0)
		return -1;
	u->from = j;
	if (check_parts(q, j, wanted, e) || check_sum(u, j, e) ||
	    upload_from(u, fill, e))
		return -1;
	return staging_end(j->staging, e);
}

/* Told once more, an upload that ended well has ended well. */
static int complete(struct upload *u, const struct parts_request *q,
		    struct staging *s, struct err *e)
{
	struct joining j = {.staging = s};
	int64_t wanted;
	int rc = read_note(s, u->wish, &wanted, e);

	if (rc < 0 || staging_ended(s))
		return rc;
	rc = join(u, q, &j, wanted, e);
	free(j.parts);
	return rc;
}

/* Alone with the upload that the request names, and that is one of this
 * artifact. */
static struct staging *open_alone(struct call *c, const struct parts_request *q,
				  struct upload *u, struct err *e)
{
	if (find_target(c, q->path, u, e) < 0)
		return NULL;
	return staging_open(call_app(c)->objects, q->upload_id, true, e);
}

static void answer_empty(struct call *c, int failed, const struct err *e)
{
	if (failed)
		answer_error(c, e);
	else
		reply_bytes(c, 200, "application/json", STR("{}"));
}

static void parts_complete(struct call *c)
{
	struct upload u = {0};
	struct err e;
	struct staging *s = open_alone(c, c->request, &u, &e);
	int failed = !s || complete(&u, c->request, s, &e);

	staging_close(s);
	answer_empty(c, failed, &e);
}

static void parts_abort(struct call *c)
{
	struct upload u = {0};
	int64_t parts;
	struct err e;
	struct staging *s = open_alone(c, c->request, &u, &e);
	int failed = !s || read_note(s, u.wish, &parts, &e) ||
		     (!staging_ended(s) && staging_remove(s, &e));

	staging_close(s);
	answer_empty(c, failed, &e);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow-artifacts/mpu/create/{path...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &create_fields,
	 .handle = parts_create,
	 .summary = "Begin an upload in parts: a link for each."},
	{.methods = HTTP_POST,
	 .path = "/mlflow-artifacts/mpu/complete/{path...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .transfer = true,
	 .fields = &complete_fields,
	 .handle = parts_complete,
	 .summary = "Make one artifact of the parts of an upload."},
	{.methods = HTTP_POST,
	 .path = "/mlflow-artifacts/mpu/abort/{path...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .transfer = true,
	 .fields = &abort_fields,
	 .handle = parts_abort,
	 .summary = "Give up an upload in parts."},
};

const struct route_group tracking_parts =
	TRACKING_GROUP(tracking_proxy_prefixes, routes);
