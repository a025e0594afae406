/* SPDX-License-Identifier: Apache-2.0 */
/* mount_journal.c - lines of mounts on other hosts: records as they lie in the
 * mount's journal.
 *
 * Request: ?id=JOURNAL&from=SEQUENCE, and records that follow that one.
 * Answer: {"change": 17, "applied": 42}: how far the journal is in the index
 * now, durably. Where that is less than "from" nothing was taken, and the
 * mount goes on from there; what came before is passed over. So whatever is
 * repeated, lost or cut on the way, each record counts once.
 */
#include "api/ops.h"
#include "indexer/index/shipped.h"
#include "indexer/journal/record.h"

struct journal_query {
	struct str id;
	struct opt_i64 from;
};

static const struct field journal_rows[] = {
	{.name = "id",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct journal_query, id)},
	{.name = "from",
	 .type = FIELD_I64,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct journal_query, from)},
};
static const struct field_set journal_fields =
	FIELD_SET(journal_rows, struct journal_query);

static void put_applied(struct json_out *j, const struct command *x)
{
	const struct cmd_journal *c = (const void *)x;

	jo_ki64(j, "change", x->change);
	jo_ki64(j, "applied", c->ret_applied);
}

static void journal_post(struct call *c)
{
	const struct journal_query *q = c->request;
	struct cmd_journal *x;
	struct err e;

	x = shipped_batch(q->id, q->from.v, c->body, &c->who, &e);
	if (x)
		write_command(c, x, put_applied);
	else
		answer_error(c, &e);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/api/mount/journal",
	 .need = LEVEL_WRITE,
	 .body = BODY_BUFFER,
	 .limit = JOURNAL_BODY_MAX,
	 .fields = &journal_fields,
	 .handle = journal_post,
	 .summary = "Take lines of metrics from a mount's journal."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_mount_journal = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
