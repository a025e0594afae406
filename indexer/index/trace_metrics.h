/* SPDX-License-Identifier: Apache-2.0 */
/* trace_metrics.h - figures of traces, their spans and their assessments:
 * counts, sums, means and percentiles, by groups and time.
 *
 * The metrics, and which aggregations and dimensions each has, are tables, as
 * in MLflow (its names are in trace_metrics.c); a question is checked against
 * them. Every value in scope is looked at: spans are unpacked for what the
 * blocks alone know. Percentiles are exact, between two values linear.
 *
 * Traces are told by a filter (search.h), times and experiments; "trace.",
 * "span." and "assessment." filters of MLflow's metrics ("span.status = 'OK'")
 * by the list of conditions, all of which must hold for the item counted.
 */
#ifndef ORRERY_INDEX_TRACE_METRICS_H
#define ORRERY_INDEX_TRACE_METRICS_H

#include "indexer/index/search.h"
#include "indexer/index/trace.h"

enum metric_view { METRIC_TRACES = 1, METRIC_SPANS, METRIC_ASSESSMENTS };
/* "TRACES", ... by number, "" first: also the FIELD_ENUM table. */
extern const char *const metric_view_names[];

enum metric_aggregation {
	METRIC_COUNT = 1,
	METRIC_SUM,
	METRIC_AVG,
	METRIC_PERCENTILE,
	METRIC_MIN,
	METRIC_MAX
};
extern const char *const metric_aggregation_names[];

enum {
	METRIC_DIMENSIONS = 5, /* of one question */
	METRIC_AGGREGATIONS = 16,
	METRIC_CONDITIONS = 100,
	METRIC_POINTS = 1000, /* groups of one answer, at most */
};

struct metric_aggregate {
	int64_t type;      /* enum metric_aggregation */
	double percentile; /* 0 to 100, of METRIC_PERCENTILE */
};

struct metric_query {
	const struct str *experiment_ids;
	size_t nexperiment_ids;
	int64_t view;      /* enum metric_view */
	struct str metric; /* "trace_count", "latency", "input_tokens", ... */
	const struct metric_aggregate *aggregates;
	size_t naggregates;
	const struct str *dimensions; /* "trace_name", "span_type", ... */
	size_t ndimensions;
	const struct str *conditions; /* "trace.status = 'OK'", ... */
	size_t nconditions;
	/* Of traces, ms, both ends in it. */
	struct opt_i64 start, end;
	/* Groups by time, too: of traces by their own, of spans by their
	 * start, of assessments by their making. 0: not. */
	int64_t interval; /* s */
	size_t max;       /* groups, METRIC_POINTS at most; 0: so many */
};

struct metric_point {
	int64_t bucket; /* ms; where it is grouped by time */
	struct str dimensions[METRIC_DIMENSIONS];
	double values[METRIC_AGGREGATIONS]; /* NAN: none */
};

/* Groups in order of time, then of their dimensions. Items without a value of
 * a dimension are left out, and so are groups without any value. */
int trace_metrics(struct reader *rd, struct columns *cols,
		  const struct metric_query *q, struct arena *a,
		  struct metric_point **ret, size_t *ret_n, struct err *e);

/* How often two filters hold together, of the traces of some experiments that
 * satisfy a base (NULL: all). Filters are parsed texts (search.h). */
struct trace_overlap {
	int64_t total, first, second, both;
};
struct trace_overlap_query {
	const struct str *experiment_ids;
	size_t nexperiment_ids;
	const struct expr *base, *first, *second;
};
int trace_overlap(struct reader *rd, struct columns *cols,
		  const struct trace_overlap_query *q,
		  struct trace_overlap *ret, struct err *e);
/* Normalized pointwise mutual information of these counts, -1 to 1; NAN where
 * there is none. smoothing is added to each cell: 0, or 0.5. */
double trace_npmi(const struct trace_overlap *o, double smoothing);

#endif
