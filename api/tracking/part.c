/* SPDX-License-Identifier: Apache-2.0 */
/* part.c - a part of an upload comes by its link, without credentials: from
 * the socket into the upload's directory, in constant memory. */
#include "api/tracking/part.h"

#include <inttypes.h>

#include "api/tracking/link.h"
#include "api/tracking/tracking.h"
#include "api/tracking/upload.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/objects/staging.h"

enum { PUMP_BYTES = 256 << 10 };

struct part_query {
	struct link_end end;
};

static const struct field put_rows[] = {LINK_ROWS(part_query, end)};
static const struct field_set put_fields =
	FIELD_SET(put_rows, struct part_query);

const char *part_target(struct arena *a, struct str upload, int64_t number)
{
	return arena_printf(a, "/mlflow-artifacts/mpu/part/%.*s/%" PRId64,
			    STR_ARG(upload), number);
}

struct part_put {
	struct call *c;
	struct staging *staging;
	struct claim claim;
	int64_t number;
	struct object_digest digest;
};

static int check_part(struct part_put *p, struct err *e)
{
	struct call *c = p->c;
	const struct part_query *q = c->request;
	const char *target;

	if (!num_parse_i64(c->params[1], &p->number) || p->number < 1 ||
	    p->number > STAGING_PARTS)
		return err_set(e, ERR_INVALID, "parts have numbers 1 to %d",
			       STAGING_PARTS);
	target = part_target(c->arena, c->params[0], p->number);
	if (!target)
		return arena_full(c->arena, e);
	if (link_check(c, "PUT", str_from(target), &q->end, e) < 0)
		return -1;
	return upload_fits(call_app(c)->conf->artifact_limit,
			   call_body_length(c), e);
}

static int pump(struct part_put *p, struct staging_put *to, struct err *e)
{
	SCOPED_FREE char *chunk = malloc(PUMP_BYTES);
	int64_t limit = call_app(p->c)->conf->artifact_limit, n, sum = 0;

	if (!chunk)
		return err_set(e, ERR_BUSY, "out of memory");
	while ((n = call_read(p->c, chunk, PUMP_BYTES, e)) > 0) {
		sum += n;
		if (upload_fits(limit, sum, e) ||
		    claim_add(&p->claim, chunk, (size_t)n, e) ||
		    staging_put_write(to, chunk, (size_t)n, e))
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int check_claim(void *ctx, const struct object_digest *d, struct err *e)
{
	struct part_put *p = ctx;

	return claim_check(&p->claim, d, e);
}

static int store_part(struct part_put *p, struct err *e)
{
	struct staging_put *to;

	if (staging_ended(p->staging))
		return err_set(e, ERR_STATE, "the upload is complete");
	to = staging_put_begin(p->staging, (int)p->number, e);
	if (!to)
		return -1;
	if (pump(p, to, e) ||
	    staging_put_finish(to, check_claim, p, &p->digest, e)) {
		staging_put_abort(to);
		return -1;
	}
	return 0;
}

static int take_part(struct part_put *p, struct err *e)
{
	int failed;

	if (check_part(p, e) < 0)
		return -1;
	p->staging = staging_open(call_app(p->c)->objects, p->c->params[0],
				  false, e);
	if (!p->staging)
		return -1;
	failed = upload_claim(p->c, &p->claim, e) || store_part(p, e);
	claim_fini(&p->claim);
	staging_close(p->staging);
	return failed ? -1 : 0;
}

static void part_put(struct call *c)
{
	struct part_put p = {.c = c};
	struct err e;

	if (take_part(&p, &e) < 0) {
		answer_error(c, &e);
		return;
	}
	reply_header(c, "ETag",
		     artifact_etag(c->arena, str_from(p.digest.sha256)));
	reply_bytes(c, 200, "application/json", STR("{}"));
}

static const struct route routes[] = {
	{.methods = HTTP_PUT,
	 .path = "/mlflow-artifacts/mpu/part/{upload}/{number}",
	 .need = LEVEL_NONE,
	 .body = BODY_STREAM,
	 .fields = &put_fields,
	 .handle = part_put,
	 .summary = "Store the body as a part of an upload, by its link."},
};

const struct route_group tracking_part =
	TRACKING_GROUP(tracking_proxy_prefixes, routes);
