/* SPDX-License-Identifier: Apache-2.0 */
/* trace_metrics.c - see trace_metrics.h.
 *
 * A question is resolved by tables, the traces are found by a search, and
 * each of their items falls into a group, told by time and dimensions.
 */
#include "indexer/index/trace_metrics.h"

#include "indexer/base/scope.h"
#include "indexer/index/metric_groups.h"
#include "indexer/query/mlflow.h"

enum {
	WORK_ARENA = 256 << 20, /* traces found, names of groups */
	MS_PER_S = 1000,
	NAMES_TEXT = 400,
};

const char *const metric_view_names[] = {"", "TRACES", "SPANS", "ASSESSMENTS",
					 NULL};
const char *const metric_aggregation_names[] = {
	"", "COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX", NULL};

/* --- tables -------------------------------------------------------------- */

#define BIT(n) (1u << (n))
enum {
	COUNTS = BIT(METRIC_COUNT),
	VALUES = BIT(METRIC_COUNT) | BIT(METRIC_SUM) | BIT(METRIC_AVG) |
		 BIT(METRIC_PERCENTILE) | BIT(METRIC_MIN) | BIT(METRIC_MAX),
	BY_NAME = BIT(DIM_TRACE_NAME),
	BY_MODEL = BIT(DIM_SPAN_MODEL) | BIT(DIM_SPAN_PROVIDER),
	BY_ASSESSMENT = BIT(DIM_ASSESSMENT_NAME),
};

static const struct metric {
	enum metric_view view;
	const char *name;
	enum item_value value;
	int key;
	unsigned aggregations, dimensions;
} metrics[] = {
	{METRIC_TRACES, "trace_count", ITEM_ONE, 0, COUNTS,
	 BY_NAME | BIT(DIM_TRACE_STATUS)},
	{METRIC_TRACES, "latency", ITEM_LATENCY, 0, VALUES, BY_NAME},
	{METRIC_TRACES, "input_tokens", ITEM_TOKENS, 0, VALUES, BY_NAME},
	{METRIC_TRACES, "output_tokens", ITEM_TOKENS, 1, VALUES, BY_NAME},
	{METRIC_TRACES, "total_tokens", ITEM_TOKENS, 2, VALUES, BY_NAME},
	{METRIC_TRACES, "cache_read_input_tokens", ITEM_TOKENS, 3, VALUES,
	 BY_NAME},
	{METRIC_TRACES, "cache_creation_input_tokens", ITEM_TOKENS, 4, VALUES,
	 BY_NAME},
	{METRIC_SPANS, "span_count", ITEM_ONE, 0, COUNTS,
	 BY_MODEL | BIT(DIM_SPAN_NAME) | BIT(DIM_SPAN_TYPE) |
		 BIT(DIM_SPAN_STATUS)},
	{METRIC_SPANS, "latency", ITEM_LATENCY, 0, VALUES,
	 BIT(DIM_SPAN_NAME) | BIT(DIM_SPAN_STATUS)},
	{METRIC_SPANS, "input_cost", ITEM_COST, 0, VALUES, BY_MODEL},
	{METRIC_SPANS, "output_cost", ITEM_COST, 1, VALUES, BY_MODEL},
	{METRIC_SPANS, "total_cost", ITEM_COST, 2, VALUES, BY_MODEL},
	{METRIC_ASSESSMENTS, "assessment_count", ITEM_ONE, 0, COUNTS,
	 BY_ASSESSMENT | BIT(DIM_ASSESSMENT_VALUE)},
	{METRIC_ASSESSMENTS, "assessment_value", ITEM_SAID, 0, VALUES,
	 BY_ASSESSMENT},
};
enum { NMETRICS = sizeof(metrics) / sizeof(metrics[0]) };

static const char *const dimension_names[DIMENSIONS] = {
	"trace_name",          "trace_status",    "span_name",
	"span_type",           "span_status",     "span_model_name",
	"span_model_provider", "assessment_name", "assessment_value"};

/* --- the question -------------------------------------------------------- */

/* Names of a list in a message: 'a', 'b'. */
struct names {
	char text[NAMES_TEXT];
	size_t n;
};

static void names_add(struct names *l, const char *name)
{
	int n = snprintf(l->text + l->n, sizeof(l->text) - l->n, "%s'%s'",
			 l->n ? ", " : "", name);

	if (n > 0 && (size_t)n < sizeof(l->text) - l->n)
		l->n += (size_t)n;
}

/* A question resolved. */
struct asked {
	const struct metric_query *q;
	const struct metric *metric;
	enum item_dimension dimensions[METRIC_DIMENSIONS];
	const struct expr *filter;                    /* of traces */
	const struct expr *leaves[METRIC_CONDITIONS]; /* of items */
	size_t nleaves;
	struct arena *arena;
};

static int find_metric(struct asked *a, struct err *e)
{
	struct names l = {.n = 0};

	if (a->q->view < METRIC_TRACES || a->q->view > METRIC_ASSESSMENTS)
		return err_set(e, ERR_INVALID,
			       "view_type must be one of ['TRACES', 'SPANS', "
			       "'ASSESSMENTS']");
	for (size_t i = 0; i < NMETRICS; i++) {
		if ((int64_t)metrics[i].view != a->q->view)
			continue;
		names_add(&l, metrics[i].name);
		if (str_is(a->q->metric, metrics[i].name))
			a->metric = &metrics[i];
	}
	if (a->metric)
		return 0;
	return err_set(e, ERR_INVALID,
		       "metric_name must be one of [%s], got '%.*s'", l.text,
		       a->q->metric.n < 100 ? (int)a->q->metric.n : 100,
		       a->q->metric.n ? a->q->metric.p : "");
}

static int bad_aggregation(const struct asked *a, int64_t type, struct err *e)
{
	struct names l = {.n = 0};

	for (int i = METRIC_COUNT; i <= METRIC_MAX; i++)
		if (a->metric->aggregations & BIT(i))
			names_add(&l, metric_aggregation_names[i]);
	return err_set(e, ERR_INVALID,
		       "Found invalid aggregation_type(s): ['%s']. Supported "
		       "aggregation types: [%s]",
		       type >= METRIC_COUNT && type <= METRIC_MAX
			       ? metric_aggregation_names[type]
			       : "",
		       l.text);
}

static int check_aggregates(const struct asked *a, struct err *e)
{
	const struct metric_query *q = a->q;

	if (!q->naggregates || q->naggregates > METRIC_AGGREGATIONS)
		return err_set(e, ERR_INVALID,
			       "'aggregations' has 1 to %d elements",
			       METRIC_AGGREGATIONS);
	for (size_t i = 0; i < q->naggregates; i++) {
		int64_t type = q->aggregates[i].type;
		double p = q->aggregates[i].percentile;

		if (type < METRIC_COUNT || type > METRIC_MAX ||
		    !(a->metric->aggregations & BIT(type)))
			return bad_aggregation(a, type, e);
		if (type == METRIC_PERCENTILE && !(p >= 0 && p <= 100))
			return err_set(e, ERR_INVALID,
				       "Percentile value must be between 0 "
				       "and 100");
	}
	return 0;
}

static int bad_dimension(const struct asked *a, struct str name, struct err *e)
{
	struct names l = {.n = 0};

	for (int i = 0; i < DIMENSIONS; i++)
		if (a->metric->dimensions & BIT(i))
			names_add(&l, dimension_names[i]);
	return err_set(e, ERR_INVALID,
		       "Found invalid dimension(s): ['%.*s']. Supported "
		       "dimensions: [%s]",
		       name.n < 100 ? (int)name.n : 100, name.n ? name.p : "",
		       l.text);
}

static int find_dimensions(struct asked *a, struct err *e)
{
	if (a->q->ndimensions > METRIC_DIMENSIONS)
		return err_set(e, ERR_INVALID,
			       "'dimensions' has at most %d elements",
			       METRIC_DIMENSIONS);
	for (size_t i = 0; i < a->q->ndimensions; i++) {
		int d = 0;

		while (d < DIMENSIONS &&
		       !str_is(a->q->dimensions[i], dimension_names[d]))
			d++;
		if (d == DIMENSIONS || !(a->metric->dimensions & BIT(d)))
			return bad_dimension(a, a->q->dimensions[i], e);
		a->dimensions[i] = (enum item_dimension)d;
	}
	return 0;
}

/* --- conditions ---------------------------------------------------------- */

static int require(struct asked *a, const struct expr *x, struct err *e)
{
	struct expr *both;

	if (!a->filter) {
		a->filter = x;
		return 0;
	}
	both = arena_alloc(a->arena, sizeof(*both));
	if (!both)
		return arena_full(a->arena, e);
	*both = (struct expr){.op = EXPR_AND,
			      .a = (struct expr *)(uintptr_t)a->filter,
			      .b = (struct expr *)(uintptr_t)x};
	a->filter = both;
	return 0;
}

static int require_time(struct asked *a, enum expr_cmp cmp, struct opt_i64 time,
			struct err *e)
{
	struct expr *x = arena_alloc(a->arena, sizeof(*x));
	struct expr_value *v = arena_alloc(a->arena, sizeof(*v));

	if (!x || !v)
		return arena_full(a->arena, e);
	if (!time.set)
		return 0;
	*v = (struct expr_value){.integer = time.v,
				 .real = (double)time.v,
				 .is_number = true,
				 .is_integer = true};
	*x = (struct expr){.op = EXPR_LEAF,
			   .family = FAMILY_ATTRIBUTE,
			   .key = STR("timestamp_ms"),
			   .cmp = cmp,
			   .values = v,
			   .nvalues = 1};
	return require(a, x, e);
}

/* Of which items a condition can speak. */
static int check_view(const struct asked *a, const struct expr *leaf,
		      struct err *e)
{
	bool spans = leaf->family == FAMILY_SPAN;
	enum metric_view view = spans ? METRIC_SPANS : METRIC_ASSESSMENTS;

	if (a->metric->view == view)
		return 0;
	return err_set(e, ERR_INVALID,
		       "Filtering by %s is only supported for %s view type, "
		       "got %s",
		       spans ? "span" : "assessment", metric_view_names[view],
		       metric_view_names[a->metric->view]);
}

static int add_condition(struct asked *a, struct str text, struct err *e)
{
	struct expr *x;

	if (mlflow_filter_parse(text, &vocabulary_trace_metrics, a->arena, &x,
				e) < 0)
		return -1;
	if (!x || x->op != EXPR_LEAF)
		return err_set(e, ERR_INVALID,
			       "Invalid filter: '%.*s'. Expected one filter "
			       "clause.",
			       text.n < 100 ? (int)text.n : 100,
			       text.n ? text.p : "");
	if (x->family != FAMILY_SPAN && x->family != FAMILY_ASSESSMENT)
		return require(a, x, e);
	if (check_view(a, x, e) < 0)
		return -1;
	a->leaves[a->nleaves++] = x;
	return 0;
}

static int find_conditions(struct asked *a, struct err *e)
{
	if (a->q->nconditions > METRIC_CONDITIONS)
		return err_set(e, ERR_INVALID,
			       "'filters' has at most %d elements",
			       METRIC_CONDITIONS);
	for (size_t i = 0; i < a->q->nconditions; i++)
		if (add_condition(a, a->q->conditions[i], e) < 0)
			return -1;
	if (require_time(a, CMP_GE, a->q->start, e) < 0)
		return -1;
	return require_time(a, CMP_LE, a->q->end, e);
}

static int resolve(struct asked *a, struct err *e)
{
	if (a->q->interval < 0 || a->q->interval > INT64_MAX / MS_PER_S)
		return err_set(e, ERR_INVALID,
			       "time_interval_seconds must be positive");
	if (a->q->interval && (!a->q->start.set || !a->q->end.set))
		return err_set(e, ERR_INVALID,
			       "start_time_ms and end_time_ms are required if "
			       "time_interval_seconds is set");
	if (find_metric(a, e) < 0 || check_aggregates(a, e) < 0 ||
	    find_dimensions(a, e) < 0)
		return -1;
	return find_conditions(a, e);
}

/* --- all ----------------------------------------------------------------- */

static int gather(const struct asked *a, struct groups *g, struct reader *rd,
		  struct columns *cols, struct err *e)
{
	const struct metric_query *q = a->q;
	const struct search s = {.filter = a->filter,
				 .max = SIZE_MAX,
				 .experiment_ids = q->experiment_ids,
				 .nexperiment_ids = q->nexperiment_ids};
	const struct items of = {.rd = rd,
				 .view = a->metric->view,
				 .value = a->metric->value,
				 .key = a->metric->key,
				 .dimensions = a->dimensions,
				 .ndimensions = q->ndimensions,
				 .leaves = a->leaves,
				 .nleaves = a->nleaves,
				 .fn = groups_add,
				 .ctx = g};
	struct search_page found;

	for (size_t i = 0; i < q->naggregates; i++)
		g->percentiles |= q->aggregates[i].type == METRIC_PERCENTILE;
	if (search_traces(rd, cols, &s, a->arena, &found, e) < 0)
		return -1;
	return items_each(&of, found.rows, found.n, e);
}

int trace_metrics(struct reader *rd, struct columns *cols,
		  const struct metric_query *q, struct arena *a,
		  struct metric_point **ret, size_t *ret_n, struct err *e)
{
	SCOPED(arena_fini) struct arena work;
	struct asked asked = {.q = q, .arena = &work};
	SCOPED(groups_fini) struct groups g = {.q = q, .arena = &work};

	arena_init(&work, WORK_ARENA);
	if (resolve(&asked, e) < 0 || gather(&asked, &g, rd, cols, e) < 0)
		return -1;
	return groups_points(&g, a, ret, ret_n, e);
}
