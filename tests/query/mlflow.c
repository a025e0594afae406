/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and orders: what is read from them, and what is said of bad ones. */
#include "indexer/query/mlflow.h"

#include "indexer/base/scope.h"
#include "tests/tap.h"

enum { ARENA = 16 << 20 };

static const char *const comparators[] = {
	"=",     "!=",    "<",  "<=",     ">",       ">=",         "like",
	"ilike", "rlike", "in", "not in", "is null", "is not null"};
static const char *const families[] = {
	"attr",     "param",       "tag",   "metric",
	"dataset",  "metadata",    "span",  "span attribute",
	"feedback", "expectation", "issue", "assessment"};

static void dump_value(struct buf *b, const struct expr_value *v)
{
	if (!v->is_number)
		buf_printf(b, " '%.*s'", STR_ARG(v->text));
	else if (v->is_integer)
		buf_printf(b, " %" PRId64, v->integer);
	else
		buf_printf(b, " %g", v->real);
}

static void dump(struct buf *b, const struct expr *x)
{
	static const char *const ops[] = {"and", "or", "not"};

	if (x->op == EXPR_LEAF) {
		buf_printf(b, "%s.%.*s %s", families[x->family],
			   STR_ARG(x->key), comparators[x->cmp]);
		for (size_t i = 0; i < x->nvalues; i++)
			dump_value(b, &x->values[i]);
		return;
	}
	buf_printf(b, "(%s ", ops[x->op]);
	dump(b, x->a);
	if (x->b) {
		buf_puts(b, ", ");
		dump(b, x->b);
	}
	buf_puts(b, ")");
}

struct row {
	const char *text, *want;
};

static const struct row good_runs[] = {
	{"", ""},
	{"metrics.loss < 1", "metric.loss < 1"},
	{"metric.loss<=-1.5e-3", "metric.loss <= -0.0015"},
	{"metrics.loss >= +2", "metric.loss >= 2"},
	{"metrics.loss > 1e+2", "metric.loss > 100"},
	{"metrics.loss = .5", "metric.loss = 0.5"},
	{"metrics.loss = NaN", "metric.loss = nan"},
	{"metrics.loss < inf", "metric.loss < inf"},
	{"metrics.`val/loss x` != 5", "metric.val/loss x != 5"},
	{"`metrics`.loss > 1", "metric.loss > 1"},
	{"`params`.`a b` = 'x'", "param.a b = 'x'"},
	{"metrics.\"val loss\" = 5", "metric.val loss = 5"},
	{"metrics.val/loss-2:a = 5", "metric.val/loss-2:a = 5"},
	{"metrics.a.b.c = 5", "metric.a.b.c = 5"},
	{"metrics.é = 5", "metric.é = 5"},
	{"params.lr = '0.1'", "param.lr = '0.1'"},
	{"param.lr='0.1'", "param.lr = '0.1'"},
	{"parameters.lr = \"0.1\"", "param.lr = '0.1'"},
	{"parameter.lr != ''", "param.lr != ''"},
	{"tags.mlflow.user LIKE 'a%'", "tag.mlflow.user like 'a%'"},
	{"tag.x ilike 'A_'", "tag.x ilike 'A_'"},
	{"tags.x rlike '^a+$'", "tag.x rlike '^a+$'"},
	{"tags.x = 'it''s'", "tag.x = 'it's'"},
	{"tags.x = \"a\"\"b'\"", "tag.x = 'a\"b''"},
	{"tags.x = 'a\\'", "tag.x = 'a\\'"},
	{"params.x is null", "param.x is null"},
	{"params.x IS  NOT\tNULL", "param.x is not null"},
	{"metrics.x IS NULL", "metric.x is null"},
	{"params.x IN ('a', 'b')", "param.x in 'a' 'b'"},
	{"params.x not in (\"a\")", "param.x not in 'a'"},
	{"metrics.x IN (1, 2.5)", "metric.x in 1 2.5"},
	{"status = 'FINISHED'", "attr.status = 'FINISHED'"},
	{"attributes.status != 'x'", "attr.status != 'x'"},
	{"attribute.status LIKE 'F%'", "attr.status like 'F%'"},
	{"attr.status IN ('A')", "attr.status in 'A'"},
	{"run.status = 'A'", "attr.status = 'A'"},
	{"run_id IN ('a','b')", "attr.run_id in 'a' 'b'"},
	{"run_id IN ('a',)", "attr.run_id in 'a'"},
	{"attributes.run_name = 'n'", "attr.run_name = 'n'"},
	{"`run name` = 'n'", "attr.run_name = 'n'"},
	{"\"Run Name\" = 'n'", "attr.run_name = 'n'"},
	{"attr.`Run name` = 'n'", "attr.run_name = 'n'"},
	{"created > 1600000000000", "attr.start_time > 1600000000000"},
	{"attribute.Created > 1", "attr.start_time > 1"},
	{"start_time <= 9223372036854775807",
	 "attr.start_time <= 9223372036854775807"},
	{"end_time is null", "attr.end_time is null"},
	{"user_id = 'u'", "attr.user_id = 'u'"},
	{"artifact_uri LIKE '%x'", "attr.artifact_uri like '%x'"},
	{"dataset.name = 'd'", "dataset.name = 'd'"},
	{"datasets.digest NOT IN ('d')", "dataset.digest not in 'd'"},
	{"datasets.context ILIKE 'd'", "dataset.context ilike 'd'"},
	{"params.a = '1' and params.b = '2' AND params.c = '3'",
	 "(and (and param.a = '1', param.b = '2'), param.c = '3')"},
	{"params.a = '1' OR params.b = '2' AND params.c = '3'",
	 "(or param.a = '1', (and param.b = '2', param.c = '3'))"},
	{"(params.a = '1' OR params.b = '2') AND params.c = '3'",
	 "(and (or param.a = '1', param.b = '2'), param.c = '3')"},
	{"not params.a = '1' and metrics.b = 2",
	 "(and (not param.a = '1'), metric.b = 2)"},
	{"NOT(NOT(params.a = '1'))", "(not (not param.a = '1'))"},
	{"params.and = 'or' and params.`not` = 'and'",
	 "(and param.and = 'or', param.not = 'and')"},
	{NULL, NULL},
};

static const struct row bad_runs[] = {
	{"   ", "Invalid filter"},
	{"metric.acc >= 0.94; metrics.rmse < 1",
	 "Search filter contained multiple expressions"},
	{"m.acc >= 0.94", "Invalid entity type 'm'. Valid values are ["},
	{"attri.x != 1", "Invalid entity type 'attri'"},
	{"`metrics.A` > 1", "Invalid entity type '`metrics'"},
	{"acc >= 0.94", "Invalid attribute key 'acc' specified. Valid keys "
			"are '{'run_id', "},
	{"attribute.experiment_id != '1'",
	 "Invalid attribute key 'experiment_id' specified."},
	{"dataset.size = '1'", "Invalid dataset key 'size' specified."},
	{"metrics.A > 0.1 NAND params.B = 'LR'",
	 "Invalid clause(s) in filter string: 'NAND'"},
	{"metrics.A > 0.1 or", "Invalid clause(s) in filter string"},
	{"metrics.A > 0.1 AND", "Invalid clause(s) in filter string"},
	{"AND metrics.A > 0.1", "Invalid clause(s) in filter string: 'AND'"},
	{"`metrics.A > 0.1", "Invalid clause(s) in filter string"},
	{"param`.A > 0.1", "Invalid clause(s) in filter string"},
	{"params.'acc = LR", "Invalid clause(s) in filter string"},
	{"params.acc = 'LR", "Invalid clause(s) in filter string: ''LR'. "},
	{"params.acc = LR'", "Invalid clause(s) in filter string"},
	{"params.acc = \"LR'", "Invalid clause(s) in filter string"},
	{"tags.acc = = 'LR'", "Invalid clause(s) in filter string: '='"},
	{"attribute.status IS 'RUNNING'", "Invalid clause(s) in filter string"},
	{"params.acc LR !=", "Invalid clause(s) in filter string: 'LR'. "
			     "Expected a comparator at position 12"},
	{"metric.acc !=", "Invalid clause(s) in filter string: 'metric.acc "
			  "!='. Expected a value at position 14"},
	{"(params.a = '1'", "Invalid clause(s) in filter string"},
	{"params.a = '1')", "Invalid clause(s) in filter string: ')'"},
	{"()", "Invalid clause(s) in filter string"},
	{"params.a NOT LIKE 'x'", "Invalid clause(s) in filter string: "
				  "'LIKE'. Expected IN after NOT"},
	{"run_id IN 'a'", "Invalid clause(s) in filter string"},
	{"run_id IN ()", "Invalid clause(s) in filter string"},
	{"run_id IN (,)", "Invalid clause(s) in filter string"},
	{"run_id IN ('a',,)", "Invalid clause(s) in filter string"},
	{"run_id IN ('a',,'b')", "Invalid clause(s) in filter string"},
	{"run_id IN ('a' 'b')", "Invalid clause(s) in filter string"},
	{"run_id IN ('a'", "Invalid clause(s) in filter string"},
	{"params.a = '1' params.b = '2'", "Invalid clause(s) in filter string"},
	{"metrics.a > 1 -- x", "Invalid clause(s) in filter string"},
	{"metrics.a > 1 # x", "Invalid clause(s) in filter string: '#'"},
	{"1.0 > metrics.acc",
	 "Invalid comparison clause. Expected 'Identifier' found '1.0'"},
	{"'a' = params.x", "Invalid comparison clause. Expected 'Identifier'"},
	{"metric.model = 'LR'",
	 "Expected numeric value type for metric. Found 'LR'"},
	{"metrics.acc != metrics.acc",
	 "Expected numeric value type for metric. Found metrics.acc"},
	{"metrics.a > 1e999", "Expected numeric value type for metric"},
	{"metrics.a > 0x10", "Expected numeric value type for metric"},
	{"metrics.a IN (1, 'b')",
	 "Expected numeric value type for metric. Found 'b'"},
	{"start_time > 'x'",
	 "Expected numeric value type for numeric attribute: start_time"},
	{"params.acc = 5", "Expected a quoted string value for parameter"},
	{"tags.acc = 5", "Expected a quoted string value for tag"},
	{"attribute.status = 1", "Expected a quoted string value for "
				 "attributes"},
	{"params.acc = LR", "Parameter value is either not quoted or "
			    "unidentified quote types used for string value "
			    "LR. Use either single or double quotes."},
	{"params.acc = `LR`", "Parameter value is either not quoted"},
	{"metrics.acc ~ 1", "Invalid comparator '~' not one of ['=', '!=',"},
	{"metrics.acc == 1", "Invalid comparator '==' not one of"},
	{"metrics.acc LIKE 'x'", "Invalid comparator 'LIKE' not one of"},
	{"params.acc > '1'", "Invalid comparator '>' not one of"},
	{"status >= 'A'", "Invalid comparator '>=' not one of"},
	{"start_time LIKE '1'", "Invalid comparator 'LIKE' not one of"},
	{"metrics. > 1", "Invalid identifier 'metrics.'"},
	{"metrics.`` > 1", "Invalid identifier 'metrics.``'"},
	{"params.a.\"b\" = 'x'", "Invalid identifier"},
	{"tags.a RLIKE '('", "Invalid regular expression '(': '(' without "
			     "')' (position 2)"},
	{"tags.a RLIKE '\\1'", "Invalid regular expression"},
	{"tags.a = '\xff'", "Invalid filter: not text in UTF-8"},
	{NULL, NULL},
};

static const struct row good_experiments[] = {
	{"name LIKE 'a%'", "attr.name like 'a%'"},
	{"attribute.name = 'x'", "attr.name = 'x'"},
	{"attr.name IN ('x','y')", "attr.name in 'x' 'y'"},
	{"creation_time > 5 AND last_update_time < 7",
	 "(and attr.creation_time > 5, attr.last_update_time < 7)"},
	{"tags.`mlflow.note` IS NOT NULL", "tag.mlflow.note is not null"},
	{"tag.team = 'x'", "tag.team = 'x'"},
	{"experiment_id = '1'", "attr.experiment_id = 1"},
	{"experiment_id > 1", "attr.experiment_id > 1"},
	{"attribute.experiment_id NOT IN ('1', '-2')",
	 "attr.experiment_id not in 1 -2"},
	{NULL, NULL},
};

static const struct row bad_experiments[] = {
	{"metrics.x > 1", "Invalid entity type 'metrics'"},
	{"experiment_id = 'x'", "Expected numeric value type for numeric "
				"attribute: experiment_id. Found 'x'"},
	{"experiment_id IN ('1', '1.5')",
	 "Expected numeric value type for numeric attribute: experiment_id. "
	 "Found '1.5'"},
	{"experiment_id LIKE '1'", "Invalid comparator 'LIKE'"},
	{"status = 'x'", "Invalid attribute key 'status' specified. Valid "
			 "keys are '{'name', 'creation_time', "
			 "'last_update_time', 'experiment_id'}'"},
	{NULL, NULL},
};

static const struct row good_models[] = {
	{"name ILIKE 'a%' AND tags.k = 'v'",
	 "(and attr.name ilike 'a%', tag.k = 'v')"},
	{"tags.k IS NULL", "tag.k is null"},
	{NULL, NULL},
};

static const struct row bad_models[] = {
	{"last_updated_timestamp > 5",
	 "Invalid attribute key 'last_updated_timestamp' specified. Valid keys "
	 "are '{'name'}'"},
	{"params.x = '1'", "Invalid entity type 'params'"},
	{NULL, NULL},
};

static const struct row good_versions[] = {
	{"name = 'm' AND version_number >= 2",
	 "(and attr.name = 'm', attr.version_number >= 2)"},
	{"run_id IN ('a', 'b')", "attr.run_id in 'a' 'b'"},
	{"source_path LIKE 's3://%'", "attr.source_path like 's3://%'"},
	{"tag.k != 'v'", "tag.k != 'v'"},
	{NULL, NULL},
};

static const struct row bad_versions[] = {
	{"current_stage = 'None'", "Invalid attribute key 'current_stage'"},
	{"version_number = '2nd'",
	 "Expected numeric value type for numeric attribute: version_number. "
	 "Found '2nd'"},
	{"run_id IN ()", "Invalid clause(s) in filter string"},
	{NULL, NULL},
};

static const struct row good_logged[] = {
	{"name = 'm' AND metrics.acc > 0.9 AND params.p = '1'",
	 "(and (and attr.name = 'm', metric.acc > 0.9), param.p = '1')"},
	{"attributes.creation_time > 5", "attr.creation_timestamp > 5"},
	{"last_updated_time < 5", "attr.last_updated_timestamp < 5"},
	{"model_type IN ('a') OR status NOT IN ('READY')",
	 "(or attr.model_type in 'a', attr.status not in 'READY')"},
	{"source_run_id LIKE 'a%'", "attr.source_run_id like 'a%'"},
	{NULL, NULL},
};

static const struct row bad_logged[] = {
	{"foo = '1'", "Invalid attribute key 'foo' specified. Valid keys are "
		      "'{'name', 'model_id', 'model_type', 'status', "
		      "'source_run_id', 'creation_timestamp', "
		      "'last_updated_timestamp'}'"},
	{NULL, NULL},
};

static const struct row good_traces[] = {
	{"request_id = 'a' OR trace.trace_id = 'b'",
	 "(or attr.trace_id = 'a', attr.trace_id = 'b')"},
	{"`timestamp` > 5 AND attributes.execution_time < 2",
	 "(and attr.timestamp_ms > 5, attr.execution_time_ms < 2)"},
	{"metadata.a.b = 'x'", "metadata.a.b = 'x'"},
	{"request_metadata.`a b` IS NULL", "metadata.a b is null"},
	{"span.name = 'n' AND span.attributes.x.y LIKE 'z%'",
	 "(and span.name = 'n', span attribute.x.y like 'z%')"},
	{"span.attributes.`a b` = 'c'", "span attribute.a b = 'c'"},
	{"trace.text ILIKE '%a%'", "attr.text ilike '%a%'"},
	{"feedback.f = 'true'", "feedback.f = 'true'"},
	{"expectation.`e f` != '1'", "expectation.e f != '1'"},
	{"issue.id = 'i'", "issue.id = 'i'"},
	{"prompt = 'p/1'", "attr.prompt = 'p/1'"},
	{NULL, NULL},
};

static const struct row bad_traces[] = {
	{"span.duration = '1'", "Invalid span attribute 'duration'"},
	{"span.attributes. = '1'", "Invalid identifier"},
	{"attributes.x = '1'", "Invalid attribute key 'x'"},
	{"metrics.x = 1", "Invalid entity type 'metrics'"},
	{"prompt != 'p/1'", "Invalid comparator '!=' for prompts filter"},
	{"prompt = 'p'", "Invalid prompts filter value 'p'"},
	{"experiment_id = '1'", "Invalid attribute key 'experiment_id'"},
	{"issue.name = 'x'", "Invalid issue key 'name'"},
	{NULL, NULL},
};

static const struct row good_trace_orders[] = {
	{"timestamp DESC", "attr.timestamp_ms desc"},
	{"experiment_id", "attr.experiment_id asc"},
	{"tag.a", "tag.a asc"},
	{"metadata.`b c` DESC", "metadata.b c desc"},
	{NULL, NULL},
};

static const struct row bad_trace_orders[] = {
	{"text", "Invalid attribute key 'text'"},
	{"client_request_id", "Invalid attribute key 'client_request_id'"},
	{"span.name", "Invalid entity type 'span'"},
	{NULL, NULL},
};

static const struct row good_run_orders[] = {
	{"metrics.loss DESC", "metric.loss desc"},
	{"metric.`a b` asc", "metric.a b asc"},
	{" params.x ", "param.x asc"},
	{"tags.mlflow.user desc", "tag.mlflow.user desc"},
	{"start_time", "attr.start_time asc"},
	{"attributes.Created DESC", "attr.start_time desc"},
	{"`Run Name` DESC", "attr.run_name desc"},
	{"status", "attr.status asc"},
	{"run_id", "attr.run_id asc"},
	{"metrics.val/loss DESC", "metric.val/loss desc"},
	{NULL, NULL},
};

static const struct row bad_run_orders[] = {
	{"", "Invalid order_by clause ''"},
	{"m.acc", "Invalid entity type"},
	{"acc", "Invalid attribute key 'acc'"},
	{"`metrics.A", "Invalid order_by clause '`metrics.A'"},
	{"`metrics.A`", "Invalid entity type"},
	{"attribute.experiment_id", "Invalid attribute key"},
	{"metrics.A != 1", "Invalid order_by clause"},
	{"5 DESC", "Invalid order_by clause"},
	{"attribute.run_id ACS",
	 "Invalid ordering key in order_by clause 'attribute.run_id ACS'"},
	{"metrics.a DESC NULLS FIRST", "Invalid order_by clause"},
	{"metrics.a, metrics.b", "Invalid order_by clause"},
	{"dataset.name", "Invalid entity type 'dataset'"},
	{NULL, NULL},
};

static const struct row good_model_orders[] = {
	{"name DESC", "attr.name desc"},
	{"timestamp", "attr.last_updated_timestamp asc"},
	{"last_updated_timestamp DESC", "attr.last_updated_timestamp desc"},
	{NULL, NULL},
};

static const struct row bad_model_orders[] = {
	{"creation_timestamp", "Invalid attribute key 'creation_timestamp'"},
	{"tags.x", "Invalid entity type 'tags'"},
	{NULL, NULL},
};

static const struct row good_version_orders[] = {
	{"version_number DESC", "attr.version_number desc"},
	{"creation_timestamp", "attr.creation_timestamp asc"},
	{NULL, NULL},
};

static const struct row bad_version_orders[] = {
	{"run_id", "Invalid attribute key 'run_id'"},
	{NULL, NULL},
};

static const struct row good_logged_orders[] = {
	{"metrics.acc DESC", "metric.acc desc"},
	{"name", "attr.name asc"},
	{"creation_time", "attr.creation_timestamp asc"},
	{NULL, NULL},
};

static const struct row bad_logged_orders[] = {
	{"attributes.name", "Invalid entity type 'attributes'"},
	{"params.x", "Invalid entity type 'params'"},
	{NULL, NULL},
};

static const struct {
	const struct vocabulary *v;
	const struct row *good, *bad, *good_orders, *bad_orders;
} kinds[] = {
	{&vocabulary_runs, good_runs, bad_runs, good_run_orders,
	 bad_run_orders},
	{&vocabulary_experiments, good_experiments, bad_experiments, NULL,
	 NULL},
	{&vocabulary_models, good_models, bad_models, good_model_orders,
	 bad_model_orders},
	{&vocabulary_versions, good_versions, bad_versions, good_version_orders,
	 bad_version_orders},
	{&vocabulary_logged_models, good_logged, bad_logged, good_logged_orders,
	 bad_logged_orders},
	{&vocabulary_traces, good_traces, bad_traces, good_trace_orders,
	 bad_trace_orders},
};

static void check_good(const struct row *row, const struct vocabulary *v)
{
	for (; row->text; row++) {
		SCOPED(arena_fini) struct arena a;
		SCOPED(buf_fini) struct buf b;
		struct expr *x = NULL;
		struct err e = {0};

		arena_init(&a, ARENA);
		buf_init(&b, ARENA);
		buf_puts(&b, "");
		if (mlflow_filter_parse(str_from(row->text), v, &a, &x, &e) < 0)
			buf_puts(&b, e.msg);
		else if (x)
			dump(&b, x);
		is_str(b.p, row->want, row->text);
	}
}

static void check_message(int rc, const struct err *e, const struct row *row)
{
	ok(rc < 0 && e->kind == ERR_INVALID, row->text);
	if (!ok(strncmp(e->msg, row->want, strlen(row->want)) == 0, row->want))
		printf("# got \"%s\"\n", e->msg);
}

static void check_bad(const struct row *row, const struct vocabulary *v)
{
	for (; row->text; row++) {
		SCOPED(arena_fini) struct arena a;
		struct expr *x;
		struct err e = {0};

		arena_init(&a, ARENA);
		check_message(
			mlflow_filter_parse(str_from(row->text), v, &a, &x, &e),
			&e, row);
	}
}

static void check_good_orders(const struct row *row, const struct vocabulary *v)
{
	for (; row && row->text; row++) {
		struct expr_order o;
		struct err e = {0};
		char got[100];

		if (mlflow_order_parse(str_from(row->text), v, NULL, &o, &e) <
		    0)
			snprintf(got, sizeof(got), "%.99s", e.msg);
		else
			snprintf(got, sizeof(got), "%s.%.*s %s",
				 families[o.family], STR_ARG(o.key),
				 o.descending ? "desc" : "asc");
		is_str(got, row->want, row->text);
	}
}

static void check_bad_orders(const struct row *row, const struct vocabulary *v)
{
	for (; row && row->text; row++) {
		struct expr_order o;
		struct err e = {0};

		check_message(mlflow_order_parse(str_from(row->text), v, NULL,
						 &o, &e),
			      &e, row);
	}
}

/* prefix, then n times part, then suffix. */
static int parse_repeated(const char *prefix, const char *part, int n,
			  const char *suffix, size_t ceiling, struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	SCOPED(buf_fini) struct buf b;
	struct expr *x;

	arena_init(&a, ceiling);
	buf_init(&b, 1 << 20);
	buf_puts(&b, prefix);
	for (int i = 0; i < n; i++)
		buf_puts(&b, part);
	buf_puts(&b, suffix);
	return mlflow_filter_parse(buf_view(&b), &vocabulary_runs, &a, &x, e);
}

static void check_limits(void)
{
	struct err e = {0};
	const char *leaf = "metrics.a=1";

	is_i64(parse_repeated(leaf, " and metrics.a=1", FILTER_LEAVES_MAX - 1,
			      "", ARENA, &e),
	       0, "as many comparisons as allowed");
	ok(parse_repeated(leaf, " and metrics.a=1", FILTER_LEAVES_MAX, "",
			  ARENA, &e) < 0,
	   "one more");
	is_i64(parse_repeated("", "not ", FILTER_DEPTH_MAX, leaf, ARENA, &e), 0,
	       "as deep as allowed");
	ok(parse_repeated("", "not ", FILTER_DEPTH_MAX + 1, leaf, ARENA, &e) <
		   0,
	   "one deeper");
	is_str(e.msg, "Invalid filter: nested deeper than 64", "says so");
	ok(parse_repeated("", "(", 60000, "", ARENA, &e) < 0, "hostile depth");
	ok(parse_repeated(leaf, " ", 70000, "", ARENA, &e) < 0, "too long");
	is_str(e.msg,
	       "Invalid filter: it has 70011 bytes, at most 65536 are "
	       "allowed",
	       "says how long");
	is_i64(parse_repeated("metrics.a in (1", ",1", FILTER_LIST_MAX - 1, ")",
			      ARENA, &e),
	       0, "as long a list as allowed");
	ok(parse_repeated("metrics.a in (1", ",1", FILTER_LIST_MAX, ")", ARENA,
			  &e) < 0,
	   "one more value");
	ok(parse_repeated("tags.a LIKE '", "%", 1025, "'", ARENA, &e) < 0,
	   "a long LIKE pattern");
	ok(parse_repeated("metrics.a in (1", ",1", 5000, ")", 20000, &e) < 0 &&
		   e.kind == ERR_TOO_LARGE,
	   "more than the arena holds");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		check_good(kinds[i].good, kinds[i].v);
		check_bad(kinds[i].bad, kinds[i].v);
		check_good_orders(kinds[i].good_orders, kinds[i].v);
		check_bad_orders(kinds[i].bad_orders, kinds[i].v);
	}
	check_limits();
	return tap_done();
}
