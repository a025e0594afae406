/* SPDX-License-Identifier: Apache-2.0 */
/* traces_search.c - MLflow's searches for traces. */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/page.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "indexer/index/limits.h"
#include "indexer/query/mlflow.h"
#include "indexer/render/trace.h"

enum { TRACES_DEFAULT = 100, EXPERIMENTS_MAX = 1000, ORDER_MAX = 20 };

/* MLflow 3 names experiments by a list of places. */
struct search_experiment {
	struct str experiment_id;
};
struct search_location {
	struct str type;
	struct search_experiment experiment;
};

struct traces_search {
	struct field_list experiment_ids, locations;
	struct page_text text;
	struct opt_i64 max_results;
};

static const struct field experiment_rows[] = {
	ROW_FILLED(search_experiment, experiment_id),
};
static const struct field_set experiment_fields =
	FIELD_SET(experiment_rows, struct search_experiment);

static const struct field location_rows[] = {
	ROW_STR(search_location, type),
	{.name = "mlflow_experiment",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .sub = &experiment_fields,
	 .offset = offsetof(struct search_location, experiment)},
};
static const struct field_set location_fields =
	FIELD_SET(location_rows, struct search_location);

#define SEARCH_ROWS                                                            \
	{.name = "filter",                                                     \
	 .type = FIELD_STR,                                                    \
	 .limit = LIMIT_FILTER,                                                \
	 .offset = offsetof(struct traces_search, text.filter)},               \
		ROW_I64(traces_search, max_results),                           \
		{.name = "order_by",                                           \
		 .type = FIELD_STRS,                                           \
		 .limit = ORDER_MAX,                                           \
		 .offset = offsetof(struct traces_search, text.order_by)},     \
	{                                                                      \
		.name = "page_token", .type = FIELD_STR,                       \
		.offset = offsetof(struct traces_search, text.page_token)      \
	}

static const struct field search_rows[] = {
	{.name = "locations",
	 .type = FIELD_LIST,
	 .flags = FIELD_REQUIRED,
	 .limit = EXPERIMENTS_MAX,
	 .sub = &location_fields,
	 .offset = offsetof(struct traces_search, locations)},
	SEARCH_ROWS,
};
static const struct field_set search_fields =
	FIELD_SET(search_rows, struct traces_search);

static const struct field search_2_rows[] = {
	{.name = "experiment_ids",
	 .type = FIELD_STRS,
	 .flags = FIELD_FILLED,
	 .limit = EXPERIMENTS_MAX,
	 .offset = offsetof(struct traces_search, experiment_ids)},
	SEARCH_ROWS,
};
const struct field_set traces_search_2_fields =
	FIELD_SET(search_2_rows, struct traces_search);

/* --- searching ------------------------------------------------------------ */

static int set_experiments(struct search *s, struct traces_search *q,
			   struct arena *a, struct err *e)
{
	const struct search_location *l = q->locations.items;
	struct str *ids;

	if (l) {
		ids = arena_array(a, q->locations.n + 1, sizeof(*ids));
		if (!ids)
			return arena_full(a, e);
		for (size_t i = 0; i < q->locations.n; i++)
			ids[i] = l[i].experiment.experiment_id;
		q->experiment_ids = (struct field_list){ids, q->locations.n};
	}
	s->experiment_ids = q->experiment_ids.items;
	s->nexperiment_ids = q->experiment_ids.n;
	return page_check_ids(&q->experiment_ids, e);
}

static int prepare(struct search *s, struct traces_search *q, struct arena *a,
		   struct err *e)
{
	int64_t max = q->max_results.set ? q->max_results.v : TRACES_DEFAULT;

	return page_max(s, max, LIMIT_SEARCH_TRACES, e) < 0 ||
			       set_experiments(s, q, a, e) < 0
		       ? -1
		       : page_parse(s, &q->text, &vocabulary_traces, a, e);
}

static int put_info(struct reading *r, int64_t row, struct arena *a)
{
	struct trace t;

	if (trace_by_row(r->rd, row, a, &t, &r->e) < 0)
		return -1;
	return render_trace_info(r->j, r->rd, &t, &r->e);
}

static int put_info_2(struct reading *r, int64_t row, struct arena *a)
{
	struct trace t;

	if (trace_by_row(r->rd, row, a, &t, &r->e) < 0)
		return -1;
	return render_trace_info_2(r->j, r->rd, &t, &r->e);
}

static void answer_search(struct call *c, const struct page_kind *kind)
{
	struct search s = {0};
	struct err e;

	if (prepare(&s, c->request, c->arena, &e) < 0)
		answer_error(c, &e);
	else if (!s.nexperiment_ids)
		page_answer_none(c);
	else
		page_answer(c, kind, &s);
}

static void traces_search(struct call *c)
{
	static const struct page_kind kind = {"traces", search_traces,
					      put_info};

	answer_search(c, &kind);
}

void traces_search_2(struct call *c)
{
	static const struct page_kind kind = {"traces", search_traces,
					      put_info_2};

	answer_search(c, &kind);
}

/* --- routes --------------------------------------------------------------- */

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &search_fields,
	 .handle = traces_search,
	 .summary = "Traces that satisfy a filter, in order, by pages."},
};

const struct route_group tracking_traces_search =
	TRACKING_GROUP(tracking_v3_prefixes, routes);
