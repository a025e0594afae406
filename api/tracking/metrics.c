/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - MLflow's calls that read the history of metrics.
 *
 * Without max_results a history comes as a whole up to HISTORY_WHOLE points;
 * what is longer ends with a token, as a page does.
 */
#include <inttypes.h>

#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/history.h"
#include "api/tracking/tracking.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/render/render.h"

enum {
	HISTORY_WHOLE = 100000,
	HISTORY_BYTES = 16 << 20, /* of decoded points */
	HISTORY_RUNS = 100,       /* of one bulk request */
	SAMPLE_MAX = 2500,        /* points of a run, sampled */
	SAMPLE_BYTES = 64 << 20,  /* of the steps to choose from */
};

struct history {
	struct str run_id, metric_key, page_token;
	struct opt_i64 max_results;
};

struct history_bulk {
	struct field_list run_id;
	struct str metric_key;
	struct opt_i64 max_results;
};

struct history_sampled {
	struct field_list run_ids;
	struct str metric_key;
	struct opt_i64 start_step, end_step, max_results;
};

static const struct field history_rows[] = {
	ROW_RUN_ID(history),
	ROW_FILLED(history, metric_key),
	ROW_STR(history, page_token),
	ROW_I64(history, max_results),
};
static const struct field_set history_fields =
	FIELD_SET(history_rows, struct history);

static const struct field bulk_rows[] = {
	ROW_STRS(history_bulk, run_id),
	ROW_FILLED(history_bulk, metric_key),
	ROW_I64(history_bulk, max_results),
};
static const struct field_set bulk_fields =
	FIELD_SET(bulk_rows, struct history_bulk);

static const struct field sampled_rows[] = {
	ROW_STRS(history_sampled, run_ids),
	ROW_FILLED(history_sampled, metric_key),
	ROW_I64(history_sampled, start_step),
	ROW_I64(history_sampled, end_step),
	ROW_I64(history_sampled, max_results),
};
static const struct field_set sampled_fields =
	FIELD_SET(sampled_rows, struct history_sampled);

/* A metric of a run: 1 found, 0 the run or the metric is not there. */
static int find_series(struct reading *r, struct str run_id, struct str key,
		       bool run_needed, struct series *ret)
{
	struct arena *a = r->c->arena;
	struct run run;
	bool found;

	found = run_by_id(r->rd, run_id, a, &run, &r->e) == 0;
	if (!found && run_needed)
		return -1;
	if (found && series_by_key(r->rd, run.row, key, a, ret, &r->e) == 0)
		return 1;
	if (r->e.kind != ERR_NOT_FOUND)
		return -1;
	err_clear(&r->e);
	return 0;
}

static int put_history(struct reading *r, const struct history *q,
		       const struct series *s, const struct point *after)
{
	SCOPED(arena_fini) struct arena a;
	struct render_list list = {r->j, "metrics", false};
	size_t max =
		q->max_results.set ? (size_t)q->max_results.v : HISTORY_WHOLE;
	char token[HISTORY_TOKEN + 1];
	struct point *points;
	bool more;
	size_t n;

	if (q->max_results.set && max > LIMIT_HISTORY_PAGE)
		max = LIMIT_HISTORY_PAGE;
	arena_init(&a, HISTORY_BYTES);
	if (series_history(r->rd, s, after, max, &a, &points, &n, &more, &r->e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		render_list_next(&list);
		render_metric(r->j, s->key, &points[i], STR_NONE);
	}
	render_list_end(&list);
	if (more && n) {
		history_token(q->run_id, q->metric_key, &points[n - 1], token);
		jo_kstr(r->j, "next_page_token", str_from(token));
	}
	return 0;
}

static int check_max(struct opt_i64 max, int64_t most, struct err *e)
{
	if (!max.set || (max.v >= 1 && max.v <= most))
		return 0;
	return err_set(e, ERR_INVALID,
		       "max_results must be between 1 and %" PRId64
		       ". See the API docs for more information about "
		       "request parameters.",
		       most);
}

static void get_history(struct call *c)
{
	const struct history *q = c->request;
	struct point after;
	struct series s;
	struct reading r;
	struct err e;

	if (check_max(q->max_results, INT32_MAX, &e) ||
	    (q->page_token.n &&
	     history_token_parse(q->page_token, q->run_id, q->metric_key,
				 &after, &e))) {
		answer_error(c, &e);
		return;
	}
	if (reading_begin(&r, c) == 0 &&
	    find_series(&r, q->run_id, q->metric_key, true, &s) > 0)
		put_history(&r, q, &s, q->page_token.n ? &after : NULL);
	reading_end(&r);
}

static int check_runs(const struct field_list *runs, const char *what,
		      struct err *e)
{
	if (!runs->n)
		return err_set(e, ERR_INVALID,
			       "%s request must specify at least one run_id.",
			       what);
	if (runs->n > HISTORY_RUNS)
		return err_set(e, ERR_INVALID,
			       "%s request cannot specify more than %d "
			       "run_ids. Received %zu run_ids.",
			       what, HISTORY_RUNS, runs->n);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The first max points of one run's history; returns how many. */
static int64_t put_whole(struct reading *r, struct render_list *list,
			 struct str run_id, struct str key, size_t max)
{
	SCOPED(arena_fini) struct arena a;
	struct point *points;
	struct series s;
	bool more;
	size_t n;
	int found = find_series(r, run_id, key, false, &s);

	if (found <= 0)
		return found;
	arena_init(&a, HISTORY_BYTES);
	if (series_history(r->rd, &s, NULL, max, &a, &points, &n, &more, &r->e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		render_list_next(list);
		render_metric(r->j, key, &points[i], run_id);
	}
	return (int64_t)n;
}

static void put_bulk(struct reading *r, const struct history_bulk *q)
{
	struct render_list list = {r->j, "metrics", false};
	struct str *runs = q->run_id.items;
	int64_t left = LIMIT_HISTORY_PAGE, n = 0;

	if (q->max_results.set && q->max_results.v < left)
		left = q->max_results.v;
	qsort(runs, q->run_id.n, sizeof(*runs), by_id);
	for (size_t i = 0; i < q->run_id.n && left > 0 && n >= 0; i++) {
		n = put_whole(r, &list, runs[i], q->metric_key, (size_t)left);
		left -= n;
	}
	render_list_end(&list);
}

static void get_history_bulk(struct call *c)
{
	const struct history_bulk *q = c->request;
	struct reading r;
	struct err e;

	if (check_runs(&q->run_id, "GetMetricHistoryBulk", &e) ||
	    check_max(q->max_results, INT32_MAX, &e)) {
		answer_error(c, &e);
		return;
	}
	if (reading_begin(&r, c) == 0)
		put_bulk(&r, q);
	reading_end(&r);
}

/* A walk over one series: the steps in range, then the chosen points. */
struct sample {
	int64_t from, to;
	struct buf steps;  /* of int64_t */
	struct buf points; /* of struct point */
	size_t chosen;
};

static void sample_fini(struct sample *s)
{
	buf_fini(&s->steps);
	buf_fini(&s->points);
}

static int too_many(struct err *e)
{
	return err_set(e, ERR_TOO_LARGE,
		       "too many points in this range of steps; at most %zu",
		       SAMPLE_BYTES / sizeof(int64_t));
}

static int collect_steps(void *ctx, const struct point *p, size_t n,
			 struct err *e)
{
	struct sample *s = ctx;

	for (size_t i = 0; i < n; i++)
		if (p[i].step >= s->from && p[i].step <= s->to)
			buf_add(&s->steps, &p[i].step, sizeof(p[i].step));
	return buf_ok(&s->steps) ? 0 : too_many(e);
}

static int compare_steps(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int collect_points(void *ctx, const struct point *p, size_t n,
			  struct err *e)
{
	struct sample *s = ctx;

	for (size_t i = 0; i < n; i++)
		if (bsearch(&p[i].step, s->steps.p, s->chosen,
			    sizeof(p[i].step), compare_steps))
			buf_add(&s->points, &p[i], sizeof(p[i]));
	return buf_ok(&s->points) ? 0 : too_many(e);
}

static int by_history(const void *a, const void *b)
{
	return point_compare_history(a, b);
}

static int sample_series(struct reading *r, const struct series *series,
			 struct sample *s, size_t max)
{
	if (series_points(r->rd, series, 0, collect_steps, s, &r->e) < 0)
		return -1;
	if (!s->steps.n)
		return 0;
	s->chosen = history_sample((void *)s->steps.p,
				   s->steps.n / sizeof(int64_t), max);
	if (series_points(r->rd, series, 0, collect_points, s, &r->e) < 0)
		return -1;
	qsort(s->points.p, s->points.n / sizeof(struct point),
	      sizeof(struct point), by_history);
	return 0;
}

static int put_sampled(struct reading *r, const struct history_sampled *q,
		       struct render_list *list, struct str run_id)
{
	SCOPED(sample_fini)
	struct sample s = {.from = q->start_step.set ? q->start_step.v
						     : INT64_MIN,
			   .to = q->end_step.set ? q->end_step.v : INT64_MAX};
	const struct point *points;
	struct series series;
	int found = find_series(r, run_id, q->metric_key, false, &series);

	buf_init(&s.steps, SAMPLE_BYTES);
	buf_init(&s.points, SAMPLE_BYTES);
	if (found <= 0)
		return found;
	if (sample_series(r, &series, &s,
			  q->max_results.set ? (size_t)q->max_results.v
					     : SAMPLE_MAX))
		return -1;
	points = (const void *)s.points.p;
	for (size_t i = 0; i < s.points.n / sizeof(*points); i++) {
		render_list_next(list);
		render_metric(r->j, q->metric_key, &points[i], run_id);
	}
	return 0;
}

static int check_range(const struct history_sampled *q, struct err *e)
{
	if (q->start_step.set != q->end_step.set)
		return err_set(e, ERR_INVALID,
			       "If either start step or end step are "
			       "specified, both must be specified.");
	if (q->start_step.set && q->start_step.v > q->end_step.v)
		return err_set(e, ERR_INVALID,
			       "end_step must be greater than start_step. "
			       "Found start_step=%" PRId64 " and "
			       "end_step=%" PRId64 ".",
			       q->start_step.v, q->end_step.v);
	return check_max(q->max_results, SAMPLE_MAX, e);
}

static void get_history_sampled(struct call *c)
{
	const struct history_sampled *q = c->request;
	const struct str *runs = q->run_ids.items;
	struct render_list list = {.name = "metrics"};
	struct reading r;
	struct err e;
	int failed;

	if (check_runs(&q->run_ids, "GetMetricHistoryBulkInterval", &e) ||
	    check_range(q, &e)) {
		answer_error(c, &e);
		return;
	}
	failed = reading_begin(&r, c);
	list.j = r.j;
	for (size_t i = 0; i < q->run_ids.n && !failed; i++)
		failed = put_sampled(&r, q, &list, runs[i]);
	if (r.j)
		render_list_end(&list);
	reading_end(&r);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/mlflow/metrics/get-history",
	 .need = LEVEL_READ,
	 .fields = &history_fields,
	 .handle = get_history,
	 .summary = "All points of a metric by time, step and value."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/metrics/get-history-bulk",
	 .need = LEVEL_READ,
	 .fields = &bulk_fields,
	 .handle = get_history_bulk,
	 .summary = "The points of one metric of several runs."},
	{.methods = HTTP_GET,
	 .path = "/mlflow/metrics/get-history-bulk-interval",
	 .need = LEVEL_READ,
	 .fields = &sampled_fields,
	 .handle = get_history_sampled,
	 .summary = "One metric of several runs, evenly sampled by step."},
};

const struct route_group tracking_metrics =
	TRACKING_GROUP(tracking_prefixes, routes);
