/* SPDX-License-Identifier: Apache-2.0 */
/* replica.c - the index as rows, for mounts on other hosts that keep a copy of
 * it (indexer/index/replica.h). The numbers of a request are those that the
 * last page told. */
#include "api/ops.h"

#include "indexer/index/replica.h"

enum { OUT_MAX = REPLICA_PAGE_MAX + (1 << 20) };

#define NUMBER(of, text, member)                                               \
	{                                                                      \
		.name = (text), .type = FIELD_I64,                             \
		.offset = offsetof(struct of, member)                          \
	}

struct replica_query {
	struct opt_i64 epoch, view, base, refused, most;
	struct opt_i64 change, kind, row, part, after;
};

static const struct field replica_rows[] = {
	NUMBER(replica_query, "epoch", epoch),
	NUMBER(replica_query, "view", view),
	NUMBER(replica_query, "base", base),
	NUMBER(replica_query, "refused", refused),
	NUMBER(replica_query, "most", most),
	NUMBER(replica_query, "change", change),
	NUMBER(replica_query, "kind", kind),
	NUMBER(replica_query, "row", row),
	NUMBER(replica_query, "part", part),
	NUMBER(replica_query, "after", after),
};
static const struct field_set replica_fields =
	FIELD_SET(replica_rows, struct replica_query);

struct points_query {
	struct opt_i64 run, series, start;
	struct str kept;
};

static const struct field points_rows[] = {
	NUMBER(points_query, "run", run),
	NUMBER(points_query, "series", series),
	NUMBER(points_query, "start", start),
	{.name = "kept",
	 .type = FIELD_STR,
	 .offset = offsetof(struct points_query, kept)},
};
static const struct field_set points_fields =
	FIELD_SET(points_rows, struct points_query);

static void send_page(struct call *c, int rc, const struct buf *page,
		      const struct err *e)
{
	struct str body;

	if (rc) {
		answer_error(c, e);
		return;
	}
	body = arena_str(c->arena, buf_view(page));
	if (body.p)
		reply_bytes(c, 200, "application/octet-stream", body);
	else
		answer_full(c);
}

static void replica(struct call *c)
{
	const struct replica_query *q = c->request;
	const struct replica_ask ask = {
		.epoch = q->epoch.v,
		.view = q->view.v,
		.base = q->base.v,
		.refused = q->refused.v,
		.most = q->most.v,
		.at = {q->change.v, q->kind.v, q->row.v, q->part.v, q->after.v},
	};
	struct buf page;
	struct err e;
	struct reader *rd = reading_raw(c, &e);
	int rc = -1;

	buf_init(&page, OUT_MAX);
	if (rd) {
		rc = replica_page(rd, &ask, &page, &e);
		reader_end(rd);
	}
	send_page(c, rc, &page, &e);
	buf_fini(&page);
}

static void points(struct call *c)
{
	const struct points_query *q = c->request;
	struct replica_points_ask ask = {
		.run = q->run.v,
		.series = q->series.v,
		.start = q->start.set ? q->start.v : -1,
	};
	struct buf page;
	struct err e;
	struct reader *rd = NULL;
	int rc = -1;

	buf_init(&page, OUT_MAX);
	if (replica_kept_parse(q->kept, &ask, &e) == 0)
		rd = reading_raw(c, &e);
	if (rd) {
		rc = replica_points_page(rd, &ask, &page, &e);
		reader_end(rd);
	}
	send_page(c, rc, &page, &e);
	buf_fini(&page);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/api/replica",
	 .need = LEVEL_READ,
	 .fields = &replica_fields,
	 .handle = replica,
	 .summary = "What follows a place in the order of changes, as rows."},
	{.methods = HTTP_GET,
	 .path = "/api/replica/points",
	 .need = LEVEL_READ,
	 .fields = &points_fields,
	 .handle = points,
	 .summary = "The points of one run, packed."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_replica = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
