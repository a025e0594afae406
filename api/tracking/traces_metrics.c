/* SPDX-License-Identifier: Apache-2.0 */
/* traces_metrics.c - MLflow 3's calls for figures of traces (trace_metrics.h):
 * counts, sums and percentiles by groups and time, and how two filters go
 * together.
 */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/page.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/index/limits.h"
#include "indexer/index/trace_metrics.h"
#include "indexer/query/mlflow.h"

#include <math.h>

enum { EXPERIMENTS_MAX = 1000, LABEL_MAX = NUM_MAX + 8 };

struct figure {
	struct opt_i64 type;
	struct opt_f64 percentile;
};

struct figures {
	struct field_list experiment_ids, aggregations, dimensions, filters;
	struct str metric_name, page_token;
	struct opt_i64 view_type, interval, start_time_ms, end_time_ms;
	struct opt_i64 max_results;
};

static const struct field figure_rows[] = {
	{.name = "aggregation_type",
	 .type = FIELD_ENUM,
	 .flags = FIELD_REQUIRED,
	 .names = metric_aggregation_names,
	 .offset = offsetof(struct figure, type)},
	{.name = "percentile_value",
	 .type = FIELD_F64,
	 .offset = offsetof(struct figure, percentile)},
};
static const struct field_set figure_fields =
	FIELD_SET(figure_rows, struct figure);

#define ROW_TEXTS(member, how, most)                                           \
	{                                                                      \
		.name = #member, .type = FIELD_STRS, .flags = (how),           \
		.limit = (most), .offset = offsetof(struct figures, member)    \
	}

static const struct field figures_rows[] = {
	ROW_TEXTS(experiment_ids, FIELD_FILLED, EXPERIMENTS_MAX),
	{.name = "view_type",
	 .type = FIELD_ENUM,
	 .flags = FIELD_REQUIRED,
	 .names = metric_view_names,
	 .offset = offsetof(struct figures, view_type)},
	ROW_FILLED(figures, metric_name),
	{.name = "aggregations",
	 .type = FIELD_LIST,
	 .flags = FIELD_FILLED,
	 .limit = METRIC_AGGREGATIONS,
	 .sub = &figure_fields,
	 .offset = offsetof(struct figures, aggregations)},
	ROW_TEXTS(dimensions, 0, METRIC_DIMENSIONS),
	ROW_TEXTS(filters, 0, METRIC_CONDITIONS),
	{.name = "time_interval_seconds",
	 .type = FIELD_I64,
	 .offset = offsetof(struct figures, interval)},
	ROW_I64(figures, start_time_ms),
	ROW_I64(figures, end_time_ms),
	ROW_I64(figures, max_results),
	ROW_STR(figures, page_token),
};
static const struct field_set figures_fields =
	FIELD_SET(figures_rows, struct figures);

/* --- the question --------------------------------------------------------- */

static int take_aggregates(const struct field_list *given,
			   struct metric_query *ret, struct arena *a,
			   struct err *e)
{
	const struct figure *f = given->items;
	struct metric_aggregate *x = arena_array(a, given->n + 1, sizeof(*x));

	if (!x)
		return arena_full(a, e);
	for (size_t i = 0; i < given->n; i++) {
		if (f[i].percentile.set != (f[i].type.v == METRIC_PERCENTILE))
			return err_set(e, ERR_INVALID,
				       "Aggregation %zu: percentile_value "
				       "belongs to PERCENTILE, and to it alone",
				       i);
		x[i] = (struct metric_aggregate){f[i].type.v,
						 f[i].percentile.v};
	}
	ret->aggregates = x;
	ret->naggregates = given->n;
	return 0;
}

static int check_times(const struct figures *q, struct err *e)
{
	if (q->interval.v < 0)
		return err_set(e, ERR_INVALID,
			       "time_interval_seconds must be positive");
	if (q->interval.v && (!q->start_time_ms.set || !q->end_time_ms.set))
		return err_set(e, ERR_INVALID,
			       "start_time_ms and end_time_ms are required if "
			       "time_interval_seconds is set");
	if (q->max_results.set &&
	    (q->max_results.v < 1 || q->max_results.v > METRIC_POINTS))
		return err_set(e, ERR_INVALID,
			       "max_results must be from 1 to %d",
			       METRIC_POINTS);
	return 0;
}

static int take_query(const struct figures *q, struct metric_query *ret,
		      struct arena *a, struct err *e)
{
	*ret = (struct metric_query){
		.experiment_ids = q->experiment_ids.items,
		.nexperiment_ids = q->experiment_ids.n,
		.view = q->view_type.v,
		.metric = q->metric_name,
		.dimensions = q->dimensions.items,
		.ndimensions = q->dimensions.n,
		.conditions = q->filters.items,
		.nconditions = q->filters.n,
		.start = q->start_time_ms,
		.end = q->end_time_ms,
		.interval = q->interval.v,
		.max = (size_t)q->max_results.v,
	};
	return page_check_ids(&q->experiment_ids, e) < 0 ||
			       check_times(q, e) < 0
		       ? -1
		       : take_aggregates(&q->aggregations, ret, a, e);
}

/* --- the answer ----------------------------------------------------------- */

/* "2026-01-02T03:04:05+00:00", as Python writes a time of whole seconds. */
static void put_bucket(struct json_out *j, int64_t ms)
{
	char text[CLOCK_TEXT + 8];
	size_t n = clock_rfc3339(ms, text) - STR(".000Z").n;

	snprintf(text + n, sizeof(text) - n, "+00:00");
	jo_kstr(j, "time_bucket", str_from(text));
}

/* "COUNT", "P99.0" */
static void put_label(struct json_out *j, const struct metric_aggregate *x)
{
	char label[LABEL_MAX] = "P";

	if (x->type == METRIC_PERCENTILE) {
		size_t n = num_format_f64(x->percentile, label + 1);

		jo_key_str(j, str_n(label, 1 + n));
	} else {
		jo_key(j, metric_aggregation_names[x->type]);
	}
}

static void put_point(struct json_out *j, const struct metric_query *q,
		      const struct metric_point *p)
{
	jo_object(j);
	jo_kstr(j, "metric_name", q->metric);
	jo_key(j, "dimensions");
	jo_object(j);
	if (q->interval)
		put_bucket(j, p->bucket);
	for (size_t i = 0; i < q->ndimensions; i++) {
		jo_key_str(j, q->dimensions[i]);
		jo_str(j, p->dimensions[i]);
	}
	jo_object_end(j);
	jo_key(j, "values");
	jo_object(j);
	for (size_t i = 0; i < q->naggregates; i++) {
		if (isnan(p->values[i]))
			continue;
		put_label(j, &q->aggregates[i]);
		jo_f64(j, p->values[i]);
	}
	jo_object_end(j);
	jo_object_end(j);
}

static int answer(struct reading *r, const struct metric_query *q)
{
	struct metric_point *p;
	size_t n;

	if (trace_metrics(r->rd, call_app(r->c)->columns, q, r->c->arena, &p,
			  &n, &r->e) < 0)
		return -1;
	jo_key(r->j, "data_points");
	jo_array(r->j);
	for (size_t i = 0; i < n; i++)
		put_point(r->j, q, &p[i]);
	jo_array_end(r->j);
	return 0;
}

static void traces_metrics(struct call *c)
{
	struct metric_query q;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    take_query(c->request, &q, c->arena, &r.e) == 0)
		answer(&r, &q);
	reading_end(&r);
}

/* --- two filters ---------------------------------------------------------- */

struct correlation {
	struct field_list experiment_ids;
	struct str filter_string1, filter_string2, base_filter;
};

#define ROW_FILTER(member, how)                                                \
	{                                                                      \
		.name = #member, .type = FIELD_STR, .flags = (how),            \
		.limit = LIMIT_FILTER,                                         \
		.offset = offsetof(struct correlation, member)                 \
	}

static const struct field correlation_rows[] = {
	{.name = "experiment_ids",
	 .type = FIELD_STRS,
	 .flags = FIELD_FILLED,
	 .limit = EXPERIMENTS_MAX,
	 .offset = offsetof(struct correlation, experiment_ids)},
	ROW_FILTER(filter_string1, FIELD_FILLED),
	ROW_FILTER(filter_string2, FIELD_FILLED),
	ROW_FILTER(base_filter, 0),
};
static const struct field_set correlation_fields =
	FIELD_SET(correlation_rows, struct correlation);

/* Without smoothing filters that never hold together are as far apart as can
 * be. */
enum { UNSMOOTHED, SMOOTHED };
static const double smoothing[] = {[UNSMOOTHED] = 0, [SMOOTHED] = 0.5};

static void put_overlap(struct json_out *j, const struct trace_overlap *o)
{
	jo_kf64(j, "npmi", trace_npmi(o, smoothing[UNSMOOTHED]));
	jo_kf64(j, "npmi_smoothed", trace_npmi(o, smoothing[SMOOTHED]));
	jo_ki64(j, "filter1_count", o->first);
	jo_ki64(j, "filter2_count", o->second);
	jo_ki64(j, "joint_count", o->both);
	jo_ki64(j, "total_count", o->total);
}

static int parse_filters(const struct correlation *q,
			 struct trace_overlap_query *ret, struct arena *a,
			 struct err *e)
{
	struct expr *base = NULL, *first = NULL, *second = NULL;

	if (page_check_ids(&q->experiment_ids, e) < 0 ||
	    mlflow_filter_parse(q->base_filter, &vocabulary_traces, a, &base,
				e) < 0 ||
	    mlflow_filter_parse(q->filter_string1, &vocabulary_traces, a,
				&first, e) < 0 ||
	    mlflow_filter_parse(q->filter_string2, &vocabulary_traces, a,
				&second, e) < 0)
		return -1;
	*ret = (struct trace_overlap_query){q->experiment_ids.items,
					    q->experiment_ids.n, base, first,
					    second};
	return 0;
}

static void correlate(struct call *c)
{
	struct trace_overlap_query query;
	struct trace_overlap o;
	struct reading r;

	if (reading_begin(&r, c) == 0 &&
	    parse_filters(c->request, &query, c->arena, &r.e) == 0 &&
	    trace_overlap(r.rd, call_app(c)->columns, &query, &o, &r.e) == 0)
		put_overlap(r.j, &o);
	reading_end(&r);
}

/* --- routes --------------------------------------------------------------- */

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/metrics",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &figures_fields,
	 .handle = traces_metrics,
	 .summary = "Figures of traces, spans and assessments by groups."},
	{.methods = HTTP_POST,
	 .path = "/mlflow/traces/calculate-filter-correlation",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &correlation_fields,
	 .handle = correlate,
	 .summary = "How often two filters hold for the same traces."},
};

const struct route_group tracking_traces_metrics =
	TRACKING_GROUP(tracking_v3_prefixes, routes);
