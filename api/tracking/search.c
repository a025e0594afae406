/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - MLflow's searches for experiments and runs, and for registered
 * models and versions. */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/page.h"
#include "api/tracking/tracking.h"
#include "indexer/index/limits.h"
#include "indexer/index/registry.h"
#include "indexer/query/mlflow.h"
#include "indexer/render/registry.h"
#include "indexer/render/render.h"

enum { SEARCH_RUNS_DEFAULT = 1000, SEARCH_MODELS_DEFAULT = 100 };

static const char *const view_names[] = {"", "ACTIVE_ONLY", "DELETED_ONLY",
					 "ALL", NULL};

/* What all searches take; the registry's have no view. */
struct search_text {
	struct page_text text;
	struct opt_i64 view_type, max_results;
};

struct experiment_search {
	struct search_text text;
};

struct run_search {
	struct search_text text;
	struct field_list experiment_ids;
};

#define TEXT_ROWS(of)                                                          \
	{.name = "filter",                                                     \
	 .type = FIELD_STR,                                                    \
	 .limit = LIMIT_FILTER,                                                \
	 .offset = offsetof(struct of, text.text.filter)},                     \
		{.name = "page_token",                                         \
		 .type = FIELD_STR,                                            \
		 .offset = offsetof(struct of, text.text.page_token)},         \
		{.name = "order_by",                                           \
		 .type = FIELD_STRS,                                           \
		 .offset = offsetof(struct of, text.text.order_by)},           \
	{                                                                      \
		.name = "max_results", .type = FIELD_I64,                      \
		.offset = offsetof(struct of, text.max_results)                \
	}
#define SEARCH_ROWS(of, view_name)                                             \
	TEXT_ROWS(of),                                                         \
	{                                                                      \
		.name = view_name, .type = FIELD_ENUM, .names = view_names,    \
		.offset = offsetof(struct of, text.view_type)                  \
	}

static const struct field experiment_rows[] = {
	SEARCH_ROWS(experiment_search, "view_type"),
};
static const struct field_set experiment_fields =
	FIELD_SET(experiment_rows, struct experiment_search);

static const struct field run_rows[] = {
	SEARCH_ROWS(run_search, "run_view_type"),
	ROW_STRS(run_search, experiment_ids),
};
static const struct field_set run_fields =
	FIELD_SET(run_rows, struct run_search);

struct registry_search {
	struct search_text text;
};

static const struct field registry_rows[] = {
	TEXT_ROWS(registry_search),
};
static const struct field_set registry_fields =
	FIELD_SET(registry_rows, struct registry_search);

static enum view view_of(struct opt_i64 view)
{
	static const enum view views[] = {VIEW_ACTIVE, VIEW_ACTIVE,
					  VIEW_DELETED, VIEW_ALL};

	return views[view.set ? view.v : 0];
}

static int search_parse(struct search *s, const struct search_text *q,
			const struct vocabulary *v, struct arena *a,
			struct err *e)
{
	s->view = view_of(q->view_type);
	return page_parse(s, &q->text, v, a, e);
}

static int put_experiment(struct reading *r, int64_t row, struct arena *a)
{
	struct experiment x;

	if (experiment_by_row(r->rd, row, a, &x, &r->e))
		return -1;
	return render_experiment(r->j, r->rd, &x, &r->e);
}

static int put_run(struct reading *r, int64_t row, struct arena *a)
{
	struct run run;

	if (run_by_row(r->rd, row, a, &run, &r->e))
		return -1;
	return render_found_run(r->j, r->rd, &run, &r->e);
}

static const struct page_kind experiment_kind = {
	"experiments", search_experiments, put_experiment};
static const struct page_kind run_kind = {"runs", search_runs, put_run};

static void experiments_search(struct call *c)
{
	const struct experiment_search *q = c->request;
	int64_t max = q->text.max_results.set ? q->text.max_results.v : 0;
	struct search s = {0};
	struct err e;

	if (page_max(&s, max, LIMIT_SEARCH_EXPERIMENTS, &e) ||
	    search_parse(&s, &q->text, &vocabulary_experiments, c->arena, &e))
		answer_error(c, &e);
	else
		page_answer(c, &experiment_kind, &s);
}

static void runs_search(struct call *c)
{
	const struct run_search *q = c->request;
	struct opt_i64 max = q->text.max_results;
	struct search s = {.experiment_ids = q->experiment_ids.items,
			   .nexperiment_ids = q->experiment_ids.n};
	struct err e;

	if (page_max(&s, max.set ? max.v : SEARCH_RUNS_DEFAULT,
		     LIMIT_SEARCH_RUNS, &e) ||
	    page_check_ids(&q->experiment_ids, &e) ||
	    search_parse(&s, &q->text, &vocabulary_runs, c->arena, &e))
		answer_error(c, &e);
	else if (!s.nexperiment_ids)
		page_answer_none(c);
	else
		page_answer(c, &run_kind, &s);
}

/* --- the registry -------------------------------------------------------- */

static int put_model(struct reading *r, int64_t row, struct arena *a)
{
	struct registered_model m;

	if (registered_model_by_row(r->rd, row, a, &m, &r->e))
		return -1;
	return render_registered_model(r->j, r->rd, &m, &r->e);
}

static int put_version(struct reading *r, int64_t row, struct arena *a)
{
	struct model_version v;

	if (model_version_by_row(r->rd, row, a, &v, &r->e))
		return -1;
	return render_model_version(r->j, r->rd, &v, &r->e);
}

struct registry_kind {
	struct page_kind page;
	const struct vocabulary *vocabulary;
	int64_t max_default, max;
};

static void registry_search(struct call *c, const struct registry_kind *kind)
{
	const struct registry_search *q = c->request;
	struct opt_i64 max = q->text.max_results;
	struct search s = {0};
	struct err e;

	if (page_max(&s, max.set ? max.v : kind->max_default, kind->max, &e) ||
	    search_parse(&s, &q->text, kind->vocabulary, c->arena, &e))
		answer_error(c, &e);
	else
		page_answer(c, &kind->page, &s);
}

static void models_search(struct call *c)
{
	static const struct registry_kind kind = {
		{"registered_models", search_registered_models, put_model},
		&vocabulary_models,
		SEARCH_MODELS_DEFAULT,
		LIMIT_SEARCH_MODELS};

	registry_search(c, &kind);
}

static void versions_search(struct call *c)
{
	static const struct registry_kind kind = {
		{"model_versions", search_model_versions, put_version},
		&vocabulary_versions,
		LIMIT_SEARCH_VERSIONS,
		LIMIT_SEARCH_VERSIONS};

	registry_search(c, &kind);
}

static const struct route routes[] = {
	{.methods = HTTP_GET | HTTP_POST,
	 .path = "/mlflow/experiments/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &experiment_fields,
	 .handle = experiments_search,
	 .summary = "Experiments that satisfy a filter, in order, by pages."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/runs/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &run_fields,
	 .handle = runs_search,
	 .summary = "Runs that satisfy a filter, in order, by pages."},
	{.methods = HTTP_GET | HTTP_POST,
	 .path = "/mlflow/registered-models/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &registry_fields,
	 .handle = models_search,
	 .summary = "Registered models that satisfy a filter, by pages."},
	{.methods = HTTP_GET | HTTP_POST,
	 .path = "/mlflow/model-versions/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &registry_fields,
	 .handle = versions_search,
	 .summary = "Versions that satisfy a filter, by pages."},
};

const struct route_group tracking_search =
	TRACKING_GROUP(tracking_prefixes, routes);
