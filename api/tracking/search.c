/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - MLflow's searches for experiments and runs.
 *
 * A search yields rows in order; each is then rendered within the same
 * snapshot. A page that grows beyond SEARCH_PAGE_BYTES ends early, with a
 * token for what follows it: clients go on as with any other page.
 */
#include <inttypes.h>

#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/query/mlflow.h"
#include "indexer/render/render.h"

enum {
	SEARCH_PAGE_BYTES = 8 << 20,
	SEARCH_RUNS_DEFAULT = 1000,
	ENTITY_BYTES = 1 << 20, /* the strings of one experiment or run */
};

static const char *const view_names[] = {"", "ACTIVE_ONLY", "DELETED_ONLY",
					 "ALL", NULL};

/* What both searches take. */
struct search_text {
	struct str filter, page_token;
	struct field_list order_by;
	struct opt_i64 view_type, max_results;
};

struct experiment_search {
	struct search_text text;
};

struct run_search {
	struct search_text text;
	struct field_list experiment_ids;
};

#define SEARCH_ROWS(of, view_name)                                             \
	{.name = "filter",                                                     \
	 .type = FIELD_STR,                                                    \
	 .limit = LIMIT_FILTER,                                                \
	 .offset = offsetof(struct of, text.filter)},                          \
		{.name = "page_token",                                         \
		 .type = FIELD_STR,                                            \
		 .offset = offsetof(struct of, text.page_token)},              \
		{.name = "order_by",                                           \
		 .type = FIELD_STRS,                                           \
		 .offset = offsetof(struct of, text.order_by)},                \
		{.name = view_name,                                            \
		 .type = FIELD_ENUM,                                           \
		 .names = view_names,                                          \
		 .offset = offsetof(struct of, text.view_type)},               \
	{                                                                      \
		.name = "max_results", .type = FIELD_I64,                      \
		.offset = offsetof(struct of, text.max_results)                \
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

static int set_max(struct search *s, int64_t max, int64_t limit, struct err *e)
{
	if (max < 1)
		return err_set(e, ERR_INVALID,
			       "Invalid value %" PRId64 " for parameter "
			       "'max_results' supplied. It must be a positive "
			       "integer",
			       max);
	if (max > limit)
		return err_set(e, ERR_INVALID,
			       "Invalid value %" PRId64 " for parameter "
			       "'max_results' supplied. It must be at most "
			       "%" PRId64,
			       max, limit);
	s->max = (size_t)max;
	return 0;
}

static enum view view_of(struct opt_i64 view)
{
	static const enum view views[] = {VIEW_ACTIVE, VIEW_ACTIVE,
					  VIEW_DELETED, VIEW_ALL};

	return views[view.set ? view.v : 0];
}

/* The text that a page token is bound to. */
static int set_bound(struct search *s, const struct search_text *q,
		     struct arena *a, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	const struct str *order = q->order_by.items;

	buf_init(&b, a->ceiling);
	buf_str(&b, q->filter);
	for (size_t i = 0; i < q->order_by.n; i++) {
		buf_putc(&b, '\n');
		buf_str(&b, order[i]);
	}
	s->bound = arena_str(a, buf_view(&b));
	return buf_ok(&b) && (s->bound.p || !b.n) ? 0 : arena_full(a, e);
}

static int set_order(struct search *s, const struct field_list *items,
		     const struct vocabulary *v, struct arena *a, struct err *e)
{
	const struct str *text = items->items;
	struct expr_order *order =
		arena_array(a, items->n ? items->n : 1, sizeof(*order));

	if (!order)
		return arena_full(a, e);
	for (size_t i = 0; i < items->n; i++)
		if (mlflow_order_parse(text[i], v, a, &order[i], e))
			return -1;
	s->order = order;
	s->norder = items->n;
	return 0;
}

static int search_parse(struct search *s, const struct search_text *q,
			const struct vocabulary *v, struct arena *a,
			struct err *e)
{
	struct expr *filter = NULL;

	if (mlflow_filter_parse(q->filter, v, a, &filter, e) ||
	    set_order(s, &q->order_by, v, a, e) || set_bound(s, q, a, e))
		return -1;
	s->filter = filter;
	s->view = view_of(q->view_type);
	s->token = q->page_token;
	return 0;
}

/* A search of one kind of thing: how it is run, and one row rendered. */
struct search_kind {
	const char *name;
	int (*run)(struct reader *rd, struct columns *cols,
		   const struct search *s, struct arena *a,
		   struct search_page *ret, struct err *e);
	int (*put)(struct reading *r, int64_t row, struct arena *a);
};

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
	return render_run(r->j, r->rd, &run, &r->e);
}

static const struct search_kind experiment_kind = {
	"experiments", search_experiments, put_experiment};
static const struct search_kind run_kind = {"runs", search_runs, put_run};

/* How many rows of the page were written, -1 on an error. */
static int64_t put_rows(struct reading *r, const struct search_kind *kind,
			const struct search_page *page)
{
	SCOPED(arena_fini) struct arena a;
	struct render_list list = {r->j, kind->name, false};
	size_t i;
	int failed = 0;

	arena_init(&a, ENTITY_BYTES);
	for (i = 0; i < page->n && r->j->b->n < SEARCH_PAGE_BYTES; i++) {
		render_list_next(&list);
		arena_reset(&a);
		failed = kind->put(r, page->rows[i], &a);
		if (failed)
			break;
	}
	render_list_end(&list);
	return failed ? -1 : (int64_t)i;
}

static int put_page(struct reading *r, const struct search_kind *kind,
		    struct search *s)
{
	struct columns *columns = call_app(r->c)->columns;
	struct arena *a = r->c->arena;
	struct search_page page;
	int64_t put;

	if (kind->run(r->rd, columns, s, a, &page, &r->e))
		return -1;
	put = put_rows(r, kind, &page);
	if (put < 0)
		return -1;
	s->max = (size_t)put;
	if (s->max < page.n && kind->run(r->rd, columns, s, a, &page, &r->e))
		return -1;
	if (page.next_token.n)
		jo_kstr(r->j, "next_page_token", page.next_token);
	return 0;
}

static void answer_search(struct call *c, const struct search_kind *kind,
			  struct search *s)
{
	struct reading r;

	if (reading_begin(&r, c) == 0)
		put_page(&r, kind, s);
	reading_end(&r);
}

static void experiments_search(struct call *c)
{
	const struct experiment_search *q = c->request;
	int64_t max = q->text.max_results.set ? q->text.max_results.v : 0;
	struct search s = {0};
	struct err e;

	if (set_max(&s, max, LIMIT_SEARCH_EXPERIMENTS, &e) ||
	    search_parse(&s, &q->text, &vocabulary_experiments, c->arena, &e))
		answer_error(c, &e);
	else
		answer_search(c, &experiment_kind, &s);
}

static int check_ids(const struct field_list *ids, struct err *e)
{
	const struct str *id = ids->items;
	int64_t number;

	for (size_t i = 0; i < ids->n; i++)
		if (!num_parse_i64(id[i], &number))
			return err_set(e, ERR_INVALID,
				       "Invalid experiment ID '%.*s'. "
				       "Experiment ID must be a valid integer.",
				       (int)(id[i].n < 100 ? id[i].n : 100),
				       id[i].n ? id[i].p : "");
	return 0;
}

/* No experiments: nothing can be found, whatever the filter says. */
static void answer_nothing(struct call *c)
{
	reply_bytes(c, 200, "application/json", STR("{}"));
}

static void runs_search(struct call *c)
{
	const struct run_search *q = c->request;
	struct opt_i64 max = q->text.max_results;
	struct search s = {.experiment_ids = q->experiment_ids.items,
			   .nexperiment_ids = q->experiment_ids.n};
	struct err e;

	if (set_max(&s, max.set ? max.v : SEARCH_RUNS_DEFAULT,
		    LIMIT_SEARCH_RUNS, &e) ||
	    check_ids(&q->experiment_ids, &e) ||
	    search_parse(&s, &q->text, &vocabulary_runs, c->arena, &e))
		answer_error(c, &e);
	else if (!s.nexperiment_ids)
		answer_nothing(c);
	else
		answer_search(c, &run_kind, &s);
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
};

const struct route_group tracking_search =
	TRACKING_GROUP(tracking_prefixes, routes);
