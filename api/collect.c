/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - garbage collection by HTTP: all that is old enough, or things
 * that are named.
 *
 * An answer comes after a minute at the latest; "complete": false says that
 * there is more to do: the same request goes on where it stopped.
 */
#include "api/keeper.h"
#include "api/ops.h"
#include "indexer/base/clock.h"

enum { ROUND_MS = 60 * 1000, NAMES_MAX = 1000 };

#define DEFAULT_AGE "30d"

struct collect_request {
	struct str older_than;
	struct opt_bool dry_run;
	struct field_list run_ids, experiment_ids, model_ids;
};

#define IDS(member)                                                            \
	{                                                                      \
		.name = #member, .type = FIELD_STRS, .limit = NAMES_MAX,       \
		.offset = offsetof(struct collect_request, member)             \
	}

static const struct field rows[] = {
	{.name = "older_than",
	 .type = FIELD_STR,
	 .offset = offsetof(struct collect_request, older_than)},
	{.name = "dry_run",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct collect_request, dry_run)},
	IDS(run_ids),
	IDS(experiment_ids),
	IDS(model_ids),
};
static const struct field_set fields = FIELD_SET(rows, struct collect_request);

static const struct {
	const char *name;
	size_t offset;
} figures[] = {
	{"runs", offsetof(struct collect_counts, runs)},
	{"experiments", offsetof(struct collect_counts, experiments)},
	{"logged_models", offsetof(struct collect_counts, models)},
	{"tags", offsetof(struct collect_counts, tags)},
	{"objects", offsetof(struct collect_counts, objects)},
	{"bytes", offsetof(struct collect_counts, bytes)},
	{"orphans", offsetof(struct collect_counts, orphans)},
	{"orphan_bytes", offsetof(struct collect_counts, orphan_bytes)},
	{"uploads", offsetof(struct collect_counts, uploads)},
};

/* What is asked for. */
static int plan(const struct collect_request *q, struct collect *g,
		struct err *e)
{
	struct str age = q->older_than.n ? q->older_than : STR(DEFAULT_AGE);

	g->names = (struct collect_names){q->run_ids, q->experiment_ids,
					  q->model_ids};
	if (!q->run_ids.n && !q->experiment_ids.n && !q->model_ids.n)
		return clock_duration_parse(age, &g->age_ms, e);
	g->what = COLLECT_NAMED;
	if (q->older_than.n || q->dry_run.v)
		return err_set(e, ERR_INVALID,
			       "what is named goes whatever its age: "
			       "'older_than' and 'dry_run' are for all that "
			       "lies in the trash");
	return 0;
}

static void answer(struct call *c, const struct collect *g, bool dry_run)
{
	struct json_out *j = reply_json(c, 200);

	jo_object(j);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const char *at = (const char *)&g->did + figures[i].offset;
		int64_t n;

		memcpy(&n, at, sizeof(n));
		jo_ki64(j, figures[i].name, n);
	}
	jo_kbool(j, "dry_run", dry_run);
	jo_kbool(j, "complete", g->complete);
	jo_object_end(j);
	reply_json_end(c);
}

static void collect_post(struct call *c)
{
	const struct collect_request *q = c->request;
	const struct worker *w = c->worker;
	struct collect g = {.who = c->who, .until = clock_mono_ms() + ROUND_MS};
	struct err e;

	if (plan(q, &g, &e) < 0 ||
	    keeper_collect(call_app(c)->keeper, &g,
			   q->dry_run.v ? w->reader : NULL, &e) < 0)
		answer_error(c, &e);
	else
		answer(c, &g, q->dry_run.v);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/api/gc",
	 .need = LEVEL_MAINTAIN,
	 .body = BODY_JSON,
	 .transfer = true,
	 .fields = &fields,
	 .handle = collect_post,
	 .summary = "Remove for good what was deleted."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_collect = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
