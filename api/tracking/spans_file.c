/* SPDX-License-Identifier: Apache-2.0 */
/* spans_file.c - traces.json, which is no file here: what is put becomes the
 * trace's spans, and what is sent is made of them.
 */
#include "indexer/formats/trace_file.h"

#include "api/tracking/artifact.h"
#include "api/tracking/fields.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "api/tracking/upload.h"
#include "indexer/base/scope.h"
#include "indexer/index/names.h"
#include "indexer/objects/digest.h"
#include "indexer/render/trace.h"

enum {
	FILE_MAX = 64 << 20,    /* bytes of a traces.json that is put */
	FILE_FIRST = 64 << 10,  /* room for one of unknown length */
	ANSWER_MAX = 256 << 20, /* of one that is sent */
};

/* --- put ------------------------------------------------------------------ */

/* The whole body, in the arena. On a transfer thread. */
static int read_all(struct call *c, struct str *ret, struct err *e)
{
	int64_t length = call_body_length(c), n;
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, FILE_MAX + 1);
	if (length > FILE_MAX)
		b.failed = true;
	while (buf_ok(&b)) {
		char *room = buf_room(&b, FILE_FIRST);

		n = room ? call_read(c, room, FILE_FIRST, e) : 0;
		if (n < 0)
			return -1;
		if (!n)
			break;
		buf_added(&b, (size_t)n);
	}
	if (!buf_ok(&b))
		return err_set(e, ERR_TOO_LARGE,
			       "a traces.json may have at most %d bytes",
			       FILE_MAX);
	*ret = arena_str(c->arena, buf_view(&b));
	return ret->p || !b.n ? 0 : arena_full(c->arena, e);
}

static int check_claim(struct claim *claim, struct str body, struct err *e)
{
	struct object_digest d;
	struct digest *sum;
	int failed;

	if (!claim->md5_ctx && !claim->sha256_set)
		return 0;
	sum = digest_new(e);
	failed = !sum || digest_add(sum, body.p, body.n, e) ||
		 claim_add(claim, body.p, body.n, e) ||
		 digest_finish(sum, &d, e) || claim_check(claim, &d, e);
	digest_free(sum);
	return failed ? -1 : 0;
}

/* The body, where it is what its sender says. */
static int read_claimed(struct call *c, struct str *ret, struct err *e)
{
	struct claim claim;
	int failed = upload_claim(c, &claim, e) || read_all(c, ret, e) ||
		     check_claim(&claim, *ret, e);

	claim_fini(&claim);
	return failed ? -1 : 0;
}

static int put(struct call *c, struct str trace_id, struct err *e)
{
	struct cmd_trace_spans *x;
	struct trace_spans t = {.trace_id = trace_id};
	struct field_list spans;
	struct str json;
	int failed;

	if (read_claimed(c, &json, e) < 0)
		return -1;
	if (trace_file_read(json, c->arena, &spans, e) < 0)
		return err_wrap(e, "traces.json");
	t.spans = spans.items;
	t.n = spans.n;
	x = command_new(COMMAND_TRACE_SPANS);
	x->c.who = c->who;
	x->traces = &t;
	x->ntraces = 1;
	x->location = STR(SPANS_HERE);
	x->whole = true;
	failed = index_apply(call_app(c)->index, &x->c, e);
	command_free(&x->c);
	return failed;
}

void spans_file_put(struct call *c, struct str trace_id)
{
	struct err e;

	if (put(c, trace_id, &e) < 0)
		answer_error(c, &e);
	else
		reply_bytes(c, 200, "application/json", STR("{}"));
}

/* --- sent ----------------------------------------------------------------- */

static int make(struct call *c, struct str trace_id, struct buf *b,
		struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	struct field_list spans;
	struct json_out j;
	struct trace t;
	int failed;

	if (!rd)
		return -1;
	failed = trace_by_id(rd, trace_id, c->arena, &t, e) < 0 ||
		 render_load_spans(rd, &t, c->arena, &spans, e) < 0;
	reader_end(rd);
	if (failed)
		return -1;
	if (!spans.n)
		return err_set(e, ERR_NOT_FOUND,
			       "Trace with ID '%.*s' has no spans yet.",
			       STR_ARG(trace_id));
	jo_init(&j, b, 0);
	if (trace_file_write(&j, &spans, t.id, c->arena, e) < 0)
		return -1;
	return buf_ok(b) ? 0
			 : err_set(e, ERR_TOO_LARGE,
				   "the traces.json of this trace would be "
				   "larger than %d bytes",
				   ANSWER_MAX);
}

void spans_file_send(struct call *c, struct str trace_id)
{
	SCOPED(buf_fini) struct buf b;
	struct str body;
	struct err e;

	buf_init(&b, ANSWER_MAX);
	if (make(c, trace_id, &b, &e) < 0) {
		answer_error(c, &e);
		return;
	}
	body = arena_str(c->arena, buf_view(&b));
	if (!body.p) {
		answer_full(c);
		return;
	}
	reply_header(c, "Content-Disposition",
		     STR("attachment; filename=traces.json"));
	reply_bytes(c, 200, "application/octet-stream", body);
}

/* --- by the trace's id ---------------------------------------------------- */

struct trace_artifact {
	struct str request_id, path;
};

static const struct field artifact_rows[] = {
	{.name = "request_id",
	 .alias = "trace_id",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct trace_artifact, request_id)},
	ROW_STR(trace_artifact, path),
};
static const struct field_set artifact_fields =
	FIELD_SET(artifact_rows, struct trace_artifact);

/* An attachment, by its name alone. */
static int find_attachment(struct call *c, const struct trace_artifact *q,
			   struct artifact *ret, struct err *e)
{
	const char *path =
		arena_printf(c->arena, "attachments/%.*s", STR_ARG(q->path));
	struct reader *rd;
	struct trace t;
	int failed;

	if (!path)
		return arena_full(c->arena, e);
	if (name_check_artifact(q->path, false, e))
		return -1;
	rd = reading_raw(c, e);
	if (!rd)
		return -1;
	failed = trace_by_id(rd, q->request_id, c->arena, &t, e) < 0 ||
		 artifact_by_path(rd, trace_owner(t.row), str_from(path),
				  c->arena, ret, e) < 0;
	reader_end(rd);
	if (!failed && ret->is_dir)
		failed = err_set(e, ERR_IS_DIR, "'%.*s' is a directory",
				 STR_ARG(q->path));
	return failed ? -1 : 0;
}

static void get_trace_artifact(struct call *c)
{
	const struct trace_artifact *q = c->request;
	struct artifact x;
	struct err e;

	if (!q->path.n || str_is(q->path, TRACE_FILE))
		spans_file_send(c, q->request_id);
	else if (find_attachment(c, q, &x, &e) < 0)
		answer_error(c, &e);
	else
		artifact_send(c, &x);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/mlflow/get-trace-artifact",
	 .need = LEVEL_READ,
	 .fields = &artifact_fields,
	 .handle = get_trace_artifact,
	 .summary = "The spans of a trace as a file, or an attachment."},
};

const struct route_group tracking_trace_file =
	TRACKING_GROUP(tracking_prefixes, routes);
