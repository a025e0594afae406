/* SPDX-License-Identifier: Apache-2.0 */
/* trace_metrics.c - figures of traces, spans and assessments, and how often
 * two filters hold together. */
#include "indexer/index/trace_metrics.h"

#include <math.h>

#include "indexer/query/mlflow.h"
#include "tests/index/tracing.h"

static struct fixture fx;
static struct columns *cols;
static const char *x_id;

/* --- asking ----------------------------------------------------------------
 */

struct question {
	int64_t view;
	const char *metric, *dimensions, *conditions; /* divided by ';' */
	struct metric_aggregate by[4];
	int64_t start, end, interval;
	size_t max;
};

static size_t split(const char *text, struct str *ret)
{
	struct str rest = str_from(text);
	size_t n = 0;

	while (rest.n)
		ret[n++] = str_cut(&rest, ';');
	return n;
}

static void write_point(struct buf *b, const struct metric_query *q,
			const struct metric_point *p)
{
	if (b->n)
		buf_puts(b, " | ");
	if (q->interval)
		buf_printf(b, "%lld:", (long long)p->bucket);
	for (size_t i = 0; i < q->ndimensions; i++)
		buf_printf(b, "%.*s ", STR_ARG(p->dimensions[i]));
	for (size_t i = 0; i < q->naggregates; i++)
		buf_printf(b, "%s%g", i ? "," : "", p->values[i]);
}

/* "a 1,2 | b 3,4", or "kind: message". */
static const char *ask(struct question of)
{
	SCOPED(buf_fini) struct buf b;
	struct str in = str_from(x_id);
	struct str dimensions[10], conditions[10];
	struct metric_point *p;
	size_t n;
	struct metric_query q = {.experiment_ids = &in,
				 .nexperiment_ids = 1,
				 .view = of.view,
				 .metric = str_from(of.metric),
				 .aggregates = of.by,
				 .dimensions = dimensions,
				 .conditions = conditions,
				 .start = {of.start, of.end != 0},
				 .end = {of.end, of.end != 0},
				 .interval = of.interval,
				 .max = of.max};
	int rc;

	while (q.naggregates < 4 && of.by[q.naggregates].type)
		q.naggregates++;
	q.ndimensions = split(of.dimensions, dimensions);
	q.nconditions = split(of.conditions, conditions);
	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	rc = trace_metrics(fx.rd, cols, &q, &fx.a, &p, &n, &fx.e);
	fx_finish(&fx);
	if (rc < 0)
		return arena_printf(&fx.a, "%s: %s", err_kind_name(fx.e.kind),
				    fx.e.msg);
	for (size_t i = 0; i < n; i++)
		write_point(&b, &q, &p[i]);
	return arena_strdup(&fx.a, buf_view(&b));
}

/* --- what there is ----------------------------------------------------------
 */

static void make_all(void)
{
	static const char *const names[] = {"a", "b"};

	for (int i = 0; i < 5; i++) {
		struct trace_of of = {
			.id = arena_printf(&fx.a, "tr-%d", i),
			.experiment = x_id,
			.time = 1000 * i,
			.duration = 10 * (i + 1),
			.state = i == 4 ? TRACE_ERROR : TRACE_OK,
			.tags = {kv("mlflow.traceName", names[i % 2])}};

		if (i < 3)
			of.metadata[0] =
				kv("mlflow.trace.tokenUsage",
				   arena_printf(&fx.a, "{\"input_tokens\": %d}",
						10 * i));
		works(fx_trace(&fx, of));
	}
	works(fx_trace(&fx, (struct trace_of){.id = "tr-open",
					      .experiment = x_id,
					      .time = 9000,
					      .state = TRACE_IN_PROGRESS}));
	works(fx_trace(&fx, (struct trace_of){.id = "tr-elsewhere",
					      .experiment = "0",
					      .time = 1,
					      .duration = 999}));
}

static void of_traces(void)
{
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "trace_count",
				     .by = {{METRIC_COUNT, 0}}}),
	       "6", "all of an experiment");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "trace_count",
				     .dimensions = "trace_status",
				     .by = {{METRIC_COUNT, 0}}}),
	       "ERROR 1 | IN_PROGRESS 1 | OK 4", "by state");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "latency",
				     .dimensions = "trace_name",
				     .by = {{METRIC_AVG, 0},
					    {METRIC_PERCENTILE, 50},
					    {METRIC_MIN, 0},
					    {METRIC_MAX, 0}}}),
	       "a 30,30,10,50 | b 30,30,20,40",
	       "latency by name; what has none is left out");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "latency",
				     .by = {{METRIC_PERCENTILE, 25},
					    {METRIC_PERCENTILE, 90}}}),
	       "20,46", "percentiles lie between values");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "latency",
				     .by = {{METRIC_SUM, 0}},
				     .start = 1000,
				     .end = 3000}),
	       "90", "within a time, both ends in it");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "trace_count",
				     .by = {{METRIC_COUNT, 0}},
				     .start = 0,
				     .end = 5000,
				     .interval = 2}),
	       "0:2 | 2000:2 | 4000:1", "by time");
	is_str(ask((struct question){
		       .view = METRIC_TRACES,
		       .metric = "input_tokens",
		       .by = {{METRIC_SUM, 0}, {METRIC_COUNT, 0}}}),
	       "30,3", "tokens of those that tell them");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "trace_count",
				     .conditions = "trace.status = 'OK';"
						   "trace.tag.mlflow.traceName"
						   " = 'a'",
				     .by = {{METRIC_COUNT, 0}}}),
	       "2", "by conditions");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "total_tokens",
				     .by = {{METRIC_SUM, 0}}}),
	       "", "nothing of nothing");
	is_str(ask((struct question){.view = METRIC_TRACES,
				     .metric = "trace_count",
				     .dimensions = "trace_status",
				     .max = 1,
				     .by = {{METRIC_COUNT, 0}}}),
	       "ERROR 1", "no more than asked for");
}

/* --- spans ------------------------------------------------------------------
 */

static struct otlp_span costing(uint64_t id, const char *name, double cost,
				const char *model)
{
	struct otlp_pair *total = arena_array(&fx.a, 1, sizeof(*total));
	struct otlp_pair *more = arena_array(&fx.a, 1, sizeof(*more));

	total[0] = (struct otlp_pair){STR("total_cost"),
				      {.kind = OTLP_DOUBLE, .real = cost}};
	more[0] = (struct otlp_pair){STR("mlflow.llm.cost"),
				     {.kind = OTLP_PAIRS, .items = {total, 1}}};
	return span(&fx.a,
		    (struct span_of){.id = id,
				     .parent = 99,
				     .name = name,
				     .type = "LLM",
				     .status = OTLP_OK,
				     .start = 1000,
				     .end = 1000 + 10 * (int64_t)id,
				     .attributes = {{model ? "mlflow.llm.model"
							   : "other",
						     model}},
				     .more = more,
				     .nmore = 1});
}

static void of_spans(void)
{
	struct otlp_span s[] = {
		costing(1, "x", 0.5, "gpt"), costing(2, "x", 0.25, "gpt"),
		costing(3, "y", 1, "cl"),
		span(&fx.a, (struct span_of){.id = 4,
					     .parent = 99,
					     .name = "y",
					     .start = 2000,
					     .status = OTLP_ERROR})};

	works(fx_spans(&fx, x_id, "tr-0", s, 4));
	is_str(ask((struct question){.view = METRIC_SPANS,
				     .metric = "span_count",
				     .dimensions = "span_name;span_status",
				     .by = {{METRIC_COUNT, 0}}}),
	       "x OK 2 | y ERROR 1 | y OK 1", "spans by name and state");
	is_str(ask((struct question){.view = METRIC_SPANS,
				     .metric = "span_count",
				     .dimensions = "span_model_name",
				     .by = {{METRIC_COUNT, 0}}}),
	       "cl 1 | gpt 2", "by model, where there is one");
	is_str(ask((struct question){
		       .view = METRIC_SPANS,
		       .metric = "latency",
		       .by = {{METRIC_AVG, 0}, {METRIC_PERCENTILE, 100}}}),
	       "20,30", "latency of those that ended");
	is_str(ask((struct question){.view = METRIC_SPANS,
				     .metric = "total_cost",
				     .dimensions = "span_model_name",
				     .by = {{METRIC_SUM, 0}}}),
	       "cl 1 | gpt 0.75", "costs");
	is_str(ask((struct question){.view = METRIC_SPANS,
				     .metric = "span_count",
				     .conditions = "span.name = 'y';"
						   "span.status = 'OK'",
				     .by = {{METRIC_COUNT, 0}}}),
	       "1", "conditions of one span");
	is_str(ask((struct question){.view = METRIC_SPANS,
				     .metric = "span_count",
				     .conditions = "span.type = 'UNKNOWN'",
				     .by = {{METRIC_COUNT, 0}},
				     .start = 0,
				     .end = 9000,
				     .interval = 1}),
	       "2000:1", "by the time of the span");
}

/* --- assessments ------------------------------------------------------------
 */

static void assess(const char *trace, int kind, const char *name,
		   const char *value, int64_t time)
{
	struct cmd_assessment_create *x =
		command_new(COMMAND_ASSESSMENT_CREATE);

	x->trace_id = str_from(trace);
	x->assessment = (struct trace_assessment){.kind = {kind, true},
						  .name = str_from(name),
						  .value = str_from(value),
						  .source_type = STR("HUMAN"),
						  .created = {time, true}};
	works(fx_apply(&fx, &x->c));
}

static void of_assessments(void)
{
	assess("tr-0", ASSESSMENT_FEEDBACK, "good", "true", 1000);
	assess("tr-1", ASSESSMENT_FEEDBACK, "good", "\"no\"", 1000);
	assess("tr-1", ASSESSMENT_FEEDBACK, "good", "\"perhaps\"", 3000);
	assess("tr-1", ASSESSMENT_EXPECTATION, "score", "4.5", 3000);
	is_str(ask((struct question){.view = METRIC_ASSESSMENTS,
				     .metric = "assessment_count",
				     .dimensions = "assessment_name",
				     .by = {{METRIC_COUNT, 0}}}),
	       "good 3 | score 1", "assessments by name");
	is_str(ask((struct question){.view = METRIC_ASSESSMENTS,
				     .metric = "assessment_count",
				     .dimensions = "assessment_value",
				     .conditions = "assessment.name = 'good'",
				     .by = {{METRIC_COUNT, 0}}}),
	       "\"no\" 1 | \"perhaps\" 1 | true 1", "by value");
	is_str(ask((struct question){.view = METRIC_ASSESSMENTS,
				     .metric = "assessment_value",
				     .dimensions = "assessment_name",
				     .by = {{METRIC_AVG, 0}}}),
	       "good 0.5 | score 4.5", "truths and numbers count");
	is_str(ask((struct question){.view = METRIC_ASSESSMENTS,
				     .metric = "assessment_count",
				     .conditions =
					     "assessment.type = 'expectation'",
				     .by = {{METRIC_COUNT, 0}},
				     .start = 0,
				     .end = 9000,
				     .interval = 2}),
	       "2000:1", "by the time of their making");
}

/* --- refused ----------------------------------------------------------------
 */

static void wrong(struct question q, const char *text)
{
	const char *got = ask(q);

	if (!ok(strstr(got, text) != NULL, text))
		printf("# %s\n", got);
}

static void refused(void)
{
	struct question q = {.view = METRIC_TRACES,
			     .metric = "trace_count",
			     .by = {{METRIC_COUNT, 0}}};

	q.view = 0;
	wrong(q, "view_type must be one of");
	q.view = METRIC_TRACES;
	q.metric = "span_count";
	wrong(q, "metric_name must be one of ['trace_count'");
	q.metric = "trace_count";
	q.by[0].type = METRIC_SUM;
	wrong(q, "Found invalid aggregation_type(s): ['SUM']");
	q.by[0].type = METRIC_COUNT;
	q.dimensions = "span_name";
	wrong(q, "Found invalid dimension(s): ['span_name']. Supported "
		 "dimensions: ['trace_name', 'trace_status']");
	q.dimensions = NULL;
	q.conditions = "span.name = 'x'";
	wrong(q, "only supported for SPANS view type, got TRACES");
	q.conditions = "trace.status = 'OK' AND trace.status = 'OK'";
	wrong(q, "Expected one filter clause");
	q.conditions = "nothing.status = 'OK'";
	wrong(q, "Invalid entity type 'nothing'");
	q.conditions = NULL;
	q.interval = 5;
	wrong(q, "start_time_ms and end_time_ms are required");
	q.interval = 0;
	q.metric = "latency";
	q.by[0] = (struct metric_aggregate){METRIC_PERCENTILE, 101};
	wrong(q, "between 0 and 100");
}

/* --- overlap ----------------------------------------------------------------
 */

static const struct expr *parsed(const char *filter)
{
	struct expr *x;

	works(mlflow_filter_parse(str_from(filter), &vocabulary_traces, &fx.a,
				  &x, &fx.e));
	return x;
}

static void overlap(void)
{
	struct str in = str_from(x_id);
	struct trace_overlap_query q = {
		.experiment_ids = &in,
		.nexperiment_ids = 1,
		.first = parsed("name = 'a'"),
		.second = parsed("timestamp < 2500"),
	};
	struct trace_overlap o;
	double want = log(2.0 / 6 / (3.0 / 6 * 3.0 / 6)) / -log(2.0 / 6);

	fx_begin(&fx);
	works(trace_overlap(fx.rd, cols, &q, &o, &fx.e));
	ok(o.total == 6 && o.first == 3 && o.second == 3 && o.both == 2,
	   "two filters of all traces");
	ok(fabs(trace_npmi(&o, 0) - want) < 1e-12, "their correlation");
	q.base = parsed("status = 'ERROR'");
	works(trace_overlap(fx.rd, cols, &q, &o, &fx.e));
	ok(o.total == 1 && o.first == 1 && o.second == 0 && o.both == 0,
	   "and of some");
	ok(isnan(trace_npmi(&o, 0)), "nothing is said of what never is");
	fx_finish(&fx);
	o = (struct trace_overlap){10, 5, 5, 5};
	is_i64((int64_t)trace_npmi(&o, 0), 1, "always together");
	o = (struct trace_overlap){10, 5, 5, 0};
	is_i64((int64_t)trace_npmi(&o, 0), -1, "never together");
	ok(trace_npmi(&o, 0.5) > -1 && trace_npmi(&o, 0.5) < 0,
	   "smoothed, hardly ever");
}

int main(void)
{
	fx_start(&fx);
	cols = columns_new();
	x_id = fx_experiment(&fx, "x");
	make_all();
	of_traces();
	of_spans();
	of_assessments();
	refused();
	overlap();
	columns_free(cols);
	fx_end(&fx);
	return tap_done();
}
