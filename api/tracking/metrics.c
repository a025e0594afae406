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
	ROW_STR(history_bulk, metric_key),
	ROW_I64(history_bulk, max_results),
};
static const struct field_set bulk_fields =
	FIELD_SET(bulk_rows, struct history_bulk);

static const struct field sampled_rows[] = {
	ROW_SOME(history_sampled, run_ids),
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

static int check_bulk(const struct history_bulk *q, struct err *e)
{
	const char *must = "GetMetricHistoryBulk request must specify";

	if (!q->run_id.n)
		return err_set(e, ERR_INVALID, "%s at least one run_id.", must);
	if (q->run_id.n > HISTORY_RUNS)
		return err_set(e, ERR_INVALID,
			       "GetMetricHistoryBulk request cannot specify "
			       "more than %d run_ids. Received %zu run_ids.",
			       HISTORY_RUNS, q->run_id.n);
	if (!q->metric_key.n)
		return err_set(e, ERR_INVALID, "%s a metric_key.", must);
	return check_max(q->max_results, INT32_MAX, e);
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
	int found;

	arena_init(&a, HISTORY_BYTES);
	found = find_series(r, run_id, key, false, &s);
	if (found <= 0)
		return found;
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

	if (check_bulk(q, &e)) {
		answer_error(c, &e);
		return;
	}
	if (reading_begin(&r, c) == 0)
		put_bulk(&r, q);
	reading_end(&r);
}

/* Which steps of several runs are sent: those chosen from all that the runs
 * have, and the first and last of each run. */
struct sample {
	struct step_range range;
	struct buf run;    /* int64_t: the steps of the run at hand */
	struct buf all;    /* int64_t: of all runs, distinct and in order */
	struct buf ends;   /* int64_t: the first and last of each run */
	struct buf points; /* struct point: of the run at hand, chosen */
};

static void sample_init(struct sample *s, const struct history_sampled *q)
{
	*s = (struct sample){
		.range = {q->start_step.set ? q->start_step.v : INT64_MIN,
			  q->end_step.set ? q->end_step.v : INT64_MAX}};
	buf_init(&s->run, SAMPLE_BYTES);
	buf_init(&s->all, SAMPLE_BYTES);
	buf_init(&s->ends, SAMPLE_BYTES);
	buf_init(&s->points, SAMPLE_BYTES);
}

static void sample_fini(struct sample *s)
{
	buf_fini(&s->run);
	buf_fini(&s->all);
	buf_fini(&s->ends);
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
		if (p[i].step >= s->range.from && p[i].step <= s->range.to)
			buf_add(&s->run, &p[i].step, sizeof(p[i].step));
	return buf_ok(&s->run) ? 0 : too_many(e);
}

static int collect_points(void *ctx, const struct point *p, size_t n,
			  struct err *e)
{
	struct sample *s = ctx;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		if (history_has((void *)s->all.p, s->all.n / sizeof(int64_t),
				p[i].step, &at))
			buf_add(&s->points, &p[i], sizeof(p[i]));
	return buf_ok(&s->points) ? 0 : too_many(e);
}

/* Sorted, and each step once. */
static void tidy(struct buf *steps)
{
	steps->n =
		sizeof(int64_t) *
		history_distinct((void *)steps->p, steps->n / sizeof(int64_t));
}

static int gather_run(struct reading *r, const struct series *series,
		      struct sample *s)
{
	buf_reset(&s->run);
	if (series_points_within(r->rd, series, s->range, collect_steps, s,
				 &r->e) < 0)
		return -1;
	if (!s->run.n)
		return 0;
	tidy(&s->run);
	buf_add(&s->ends, s->run.p, sizeof(int64_t));
	buf_add(&s->ends, s->run.p + s->run.n - sizeof(int64_t),
		sizeof(int64_t));
	buf_add(&s->all, s->run.p, s->run.n);
	if (!buf_ok(&s->all) || !buf_ok(&s->ends))
		return too_many(&r->e);
	tidy(&s->all);
	return 0;
}

static int choose(struct reading *r, struct sample *s, size_t max)
{
	s->all.n = sizeof(int64_t) * history_sample((void *)s->all.p,
						    s->all.n / sizeof(int64_t),
						    max);
	buf_add(&s->all, s->ends.p, s->ends.n);
	if (!buf_ok(&s->all))
		return too_many(&r->e);
	tidy(&s->all);
	return 0;
}

static int by_step(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	return point_compare_history(x, y);
}

static int put_sampled(struct reading *r, struct sample *s,
		       const struct series *series, struct render_list *list,
		       struct str run_id)
{
	const struct point *points;
	size_t n;

	buf_reset(&s->points);
	if (series_points_within(r->rd, series, s->range, collect_points, s,
				 &r->e) < 0)
		return -1;
	points = (const void *)s->points.p;
	n = s->points.n / sizeof(*points);
	if (n)
		qsort(s->points.p, n, sizeof(*points), by_step);
	for (size_t i = 0; i < n; i++) {
		render_list_next(list);
		render_metric(r->j, series->key, &points[i], run_id);
	}
	return 0;
}

static int sample_runs(struct reading *r, const struct history_sampled *q)
{
	SCOPED(sample_fini) struct sample s;
	struct render_list list = {r->j, "metrics", false};
	const struct str *runs = q->run_ids.items;
	size_t max = q->max_results.set ? (size_t)q->max_results.v : SAMPLE_MAX;
	struct series series[HISTORY_RUNS];
	int found[HISTORY_RUNS];

	sample_init(&s, q);
	for (size_t i = 0; i < q->run_ids.n; i++) {
		found[i] = find_series(r, runs[i], q->metric_key, false,
				       &series[i]);
		if (found[i] < 0 || (found[i] && gather_run(r, &series[i], &s)))
			return -1;
	}
	if (choose(r, &s, max))
		return -1;
	for (size_t i = 0; i < q->run_ids.n; i++)
		if (found[i] && put_sampled(r, &s, &series[i], &list, runs[i]))
			return -1;
	render_list_end(&list);
	return 0;
}

static int check_sampled(const struct history_sampled *q, struct err *e)
{
	if (q->run_ids.n > HISTORY_RUNS)
		return err_set(e, ERR_INVALID,
			       "GetMetricHistoryBulkInterval request must "
			       "specify at most %d run_ids. Received %zu "
			       "run_ids.",
			       HISTORY_RUNS, q->run_ids.n);
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
	struct reading r;
	struct err e;

	if (check_sampled(q, &e)) {
		answer_error(c, &e);
		return;
	}
	if (reading_begin(&r, c) == 0)
		sample_runs(&r, q);
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
