/* SPDX-License-Identifier: Apache-2.0 */
/* data.c - the index as data: what changed since when, and backups. */
#include "api/feed.h"
#include "api/ops.h"

enum { CHANGES_MAX = 10000 }; /* things of one answer */

struct changes_query {
	struct opt_i64 since;
};

struct backup_request {
	struct str file;
};

static const struct field changes_rows[] = {
	{.name = "since",
	 .type = FIELD_I64,
	 .offset = offsetof(struct changes_query, since)},
};
static const struct field_set changes_fields =
	FIELD_SET(changes_rows, struct changes_query);

static const struct field backup_rows[] = {
	{.name = "file",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED | FIELD_NO_NUL,
	 .limit = 4095,
	 .offset = offsetof(struct backup_request, file)},
};
static const struct field_set backup_fields =
	FIELD_SET(backup_rows, struct backup_request);

static const char *const thing_names[] = {
	[THING_EXPERIMENT] = "experiment",
	[THING_RUN] = "run",
	[THING_SERIES] = "metric",
	[THING_PARAM] = "param",
	[THING_TAG] = "tag",
	[THING_EXPERIMENT_TAG] = "experiment_tag",
	[THING_ARTIFACT] = "artifact",
	[THING_LOGGED_MODEL] = "logged_model",
	[THING_MODEL] = "model",
	[THING_VERSION] = "version",
	[THING_ALIAS] = "alias",
	[THING_TRACE] = "trace",
};
_Static_assert(sizeof(thing_names) / sizeof(thing_names[0]) == THINGS,
	       "every thing has a name");

struct changes_page {
	struct json_out *j;
	int64_t n;
	bool cut;
};

static int put_change(void *ctx, const struct changed *x, struct err *e)
{
	struct changes_page *p = ctx;

	(void)e;
	if (p->n == CHANGES_MAX) {
		p->cut = true;
		return 1;
	}
	p->n++;
	jo_object(p->j);
	jo_kstr(p->j, "thing", str_from(thing_names[x->thing]));
	jo_ki64(p->j, "row", x->row);
	jo_ki64(p->j, "parent", x->parent);
	if (x->thing == THING_ARTIFACT)
		jo_ki64(p->j, "parent_dir", x->parent_dir);
	jo_kstr(p->j, "name", x->name);
	if (x->removed)
		jo_kbool(p->j, "removed", true);
	if (x->created)
		jo_kbool(p->j, "created", true);
	jo_object_end(p->j);
	return 0;
}

/* {"change": the number to go on from, "changes": [...], "complete": false
 * where more changed than is listed: then everything may have}. */
static void changes_page(struct call *c, int64_t since)
{
	struct changes_page p = {0};
	struct reading r;

	if (reading_begin(&r, c) == 0) {
		p.j = r.j;
		jo_ki64(r.j, "change", reader_change(r.rd));
		jo_key(r.j, "changes");
		jo_array(r.j);
		changes_since(r.rd, since, put_change, &p, &r.e);
		jo_array_end(r.j);
		jo_kbool(r.j, "complete", !p.cut);
	}
	reading_end(&r);
}

static bool wants_events(const struct call *c)
{
	struct str accept = call_header(c, "Accept");

	return accept.n && memmem(accept.p, accept.n, "text/event-stream",
				  sizeof("text/event-stream") - 1);
}

static void changes(struct call *c)
{
	const struct changes_query *q = c->request;
	struct err e;

	if (q->since.set) {
		changes_page(c, q->since.v);
		return;
	}
	if (!wants_events(c))
		err_set(&e, ERR_INVALID,
			"Missing value for required parameter 'since'. (Accept "
			"text/event-stream to be told of changes as they are "
			"made.)");
	else if (feed_answer(call_app(c)->feed, c, &e) == 0)
		return;
	answer_error(c, &e);
}

static int write_backup(struct call *c, const char *file, struct err *e)
{
	if (!c->local)
		return err_set(e, ERR_DENIED,
			       "a backup is written on the daemon's host: ask "
			       "for it by the socket in its data directory");
	if (file[0] != '/')
		return err_set(e, ERR_INVALID,
			       "file '%s' must be an absolute path", file);
	return index_backup(call_app(c)->index, file, e);
}

static void backup(struct call *c)
{
	const struct backup_request *q = c->request;
	const char *file = arena_strdup(c->arena, q->file);
	struct json_out *j;
	struct err e;

	if (!file) {
		answer_full(c);
	} else if (write_backup(c, file, &e)) {
		answer_error(c, &e);
	} else {
		j = reply_json(c, 200);
		jo_object(j);
		jo_kstr(j, "file", q->file);
		jo_object_end(j);
		reply_json_end(c);
	}
}

void ops_error_body(struct json_out *j, const struct err *e)
{
	jo_object(j);
	jo_kstr(j, "error_code", str_from(err_mlflow_code(e->kind)));
	jo_kstr(j, "message", str_from(e->msg));
	jo_kstr(j, "kind", str_from(err_kind_name(e->kind)));
	jo_object_end(j);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/api/changes",
	 .need = LEVEL_READ,
	 .fields = &changes_fields,
	 .handle = changes,
	 .summary = "What changed after a given change of the index."},
	{.methods = HTTP_POST,
	 .path = "/api/backup",
	 .need = LEVEL_MAINTAIN,
	 .body = BODY_JSON,
	 .transfer = true,
	 .fields = &backup_fields,
	 .handle = backup,
	 .summary = "Write a copy of the index into a file beside it."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_data = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
