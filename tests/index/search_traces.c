/* SPDX-License-Identifier: Apache-2.0 */
/* search_traces.c - searches of traces: fields and their aliases, spans,
 * assessments, links, orders, pages, rights, figures. */
#include <math.h>

#include "indexer/index/search.h"
#include "indexer/query/mlflow.h"
#include "tests/index/tracing.h"

static struct fixture fx;
static struct columns *cols;
static const char *one, *two;

/* --- asking ----------------------------------------------------------------
 */

struct question {
	const char *filter, *order;
	size_t max;
	struct str token, next;
	const char *in; /* an experiment; NULL: both */
};

static int parse_order(const char *text, struct expr_order *orders, size_t *n)
{
	struct str items = str_from(text);

	while (items.n)
		if (mlflow_order_parse(str_cut(&items, ';'), &vocabulary_traces,
				       &fx.a, &orders[(*n)++], &fx.e) < 0)
			return -1;
	return 0;
}

static int run_search(struct question *q, struct search_page *page)
{
	const struct str in[] = {str_from(q->in ? q->in : one), str_from(two)};
	struct expr_order orders[8];
	struct search s = {.experiment_ids = in,
			   .nexperiment_ids = q->in ? 1 : 2,
			   .order = orders,
			   .max = q->max ? q->max : 100,
			   .token = q->token};
	struct expr *filter;

	s.bound = str_from(arena_printf(&fx.a, "%s\n%s", q->filter, q->order));
	if (mlflow_filter_parse(str_from(q->filter), &vocabulary_traces, &fx.a,
				&filter, &fx.e) < 0 ||
	    parse_order(q->order, orders, &s.norder) < 0)
		return -1;
	s.filter = filter;
	return search_traces(fx.rd, cols, &s, &fx.a, page, &fx.e);
}

static int name_rows(const struct search_page *page, struct buf *b)
{
	struct trace t;

	for (size_t i = 0; i < page->n; i++) {
		if (trace_by_row(fx.rd, page->rows[i], &fx.a, &t, &fx.e) < 0)
			return -1;
		buf_printf(b, "%s%.*s", i ? " " : "", STR_ARG(t.id));
	}
	return 0;
}

/* Ids, or "kind: message". */
static const char *ask_for(struct question *q)
{
	SCOPED(buf_fini) struct buf b;
	struct search_page page = {0};
	int rc;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	rc = run_search(q, &page);
	if (rc == 0)
		rc = name_rows(&page, &b);
	fx_finish(&fx);
	q->next = page.next_token;
	if (rc < 0)
		return arena_printf(&fx.a, "%s: %s", err_kind_name(fx.e.kind),
				    fx.e.msg);
	return arena_strdup(&fx.a, buf_view(&b));
}

static const char *ask(const char *filter, const char *order)
{
	struct question q = {.filter = filter, .order = order};

	return ask_for(&q);
}

#define FINDS(filter, want)   is_str(ask(filter, ""), want, filter)
#define ORDERS(order, want)   is_str(ask("", order), want, "by " order)
#define REFUSES(filter, text) ok(strstr(ask(filter, ""), text), filter)

/* --- what there is: as in MLflow's own tests -------------------------------
 */

static void make_traces(void)
{
	const struct trace_of all[] = {
		{.id = "tr-0",
		 .experiment = two,
		 .time = 0,
		 .duration = 6,
		 .state = TRACE_OK,
		 .tags = {kv("mlflow.traceName", "ddd")},
		 .metadata = {kv("mlflow.sourceRun", "run0")}},
		{.id = "tr-1",
		 .experiment = two,
		 .client = "client-one",
		 .time = 1,
		 .duration = 2,
		 .state = TRACE_ERROR,
		 .tags = {kv("mlflow.traceName", "aaa"), kv("fruit", "apple"),
			  kv("color", "red")},
		 .metadata = {kv("mlflow.sourceRun", "run1")}},
		{.id = "tr-2",
		 .experiment = one,
		 .client = "client-two",
		 .time = 2,
		 .duration = 4,
		 .state = TRACE_UNSPECIFIED,
		 .tags = {kv("mlflow.traceName", "bbb"), kv("fruit", "apple"),
			  kv("color", "green")}},
		{.id = "tr-3",
		 .experiment = one,
		 .time = 3,
		 .duration = 10,
		 .state = TRACE_OK,
		 .tags = {kv("mlflow.traceName", "ccc"), kv("fruit", "orange")},
		 .metadata = {kv("env", "production")}},
		{.id = "tr-4",
		 .experiment = one,
		 .time = 4,
		 .duration = 10,
		 .state = TRACE_OK,
		 .tags = {kv("mlflow.traceName", "ddd"), kv("color", "blue")}}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		works(fx_trace(&fx, all[i]));
}

static void by_attributes(void)
{
	FINDS("", "tr-4 tr-3 tr-2 tr-1 tr-0");
	FINDS("name = 'aaa'", "tr-1");
	FINDS("name != 'aaa'", "tr-4 tr-3 tr-2 tr-0");
	FINDS("status = 'OK'", "tr-4 tr-3 tr-0");
	FINDS("status != 'OK'", "tr-2 tr-1");
	FINDS("attributes.status = 'OK'", "tr-4 tr-3 tr-0");
	FINDS("trace.name != 'aaa'", "tr-4 tr-3 tr-2 tr-0");
	FINDS("status LIKE 'ERR%'", "tr-1");
	FINDS("status IN ('ERROR', 'STATE_UNSPECIFIED')", "tr-2 tr-1");
	FINDS("`timestamp` >= 1 AND execution_time < 10", "tr-2 tr-1");
	FINDS("timestamp_ms > 2", "tr-4 tr-3");
	FINDS("execution_time_ms = 10", "tr-4 tr-3");
	FINDS("end_time = 6", "tr-2 tr-0");
	FINDS("trace.end_time_ms > 6", "tr-4 tr-3");
	FINDS("request_id = 'tr-2'", "tr-2");
	FINDS("trace_id IN ('tr-2', 'tr-0')", "tr-2 tr-0");
	FINDS("client_request_id ILIKE 'CLIENT-%'", "tr-2 tr-1");
	FINDS("client_request_id IS NULL", "tr-4 tr-3 tr-0");
	FINDS("run_id = 'run0'", "tr-0");
	FINDS("name RLIKE '^[ab]'", "tr-2 tr-1");
	FINDS("name = 'aaa' OR NOT status = 'OK'", "tr-2 tr-1");
}

static void by_values(void)
{
	FINDS("tag.fruit = 'apple'", "tr-2 tr-1");
	FINDS("tags.fruit = 'apple' and tags.color != 'red'", "tr-2");
	FINDS("tags.color IS NULL", "tr-3 tr-0");
	FINDS("request_metadata.mlflow.sourceRun = 'run0'", "tr-0");
	FINDS("request_metadata.`mlflow.sourceRun` = 'run1'", "tr-1");
	FINDS("metadata.mlflow.sourceRun != 'run0'", "tr-1");
	FINDS("metadata.env LIKE 'prod%'", "tr-3");
	FINDS("metadata.env IS NULL AND tags.fruit IS NOT NULL", "tr-2 tr-1");
}

static void orders(void)
{
	ORDERS("timestamp", "tr-0 tr-1 tr-2 tr-3 tr-4");
	ORDERS("timestamp DESC", "tr-4 tr-3 tr-2 tr-1 tr-0");
	ORDERS("execution_time DESC;timestamp ASC", "tr-3 tr-4 tr-0 tr-2 tr-1");
	ORDERS("experiment_id", "tr-4 tr-3 tr-2 tr-1 tr-0");
	ORDERS("status", "tr-1 tr-4 tr-3 tr-0 tr-2");
	ORDERS("name", "tr-1 tr-2 tr-3 tr-4 tr-0");
	ORDERS("tag.fruit", "tr-2 tr-1 tr-3 tr-4 tr-0");
	ORDERS("tag.fruit;tag.color", "tr-2 tr-1 tr-3 tr-4 tr-0");
	ORDERS("tag.nonexistent", "tr-4 tr-3 tr-2 tr-1 tr-0");
	ORDERS("run_id", "tr-0 tr-1 tr-4 tr-3 tr-2");
	ORDERS("metadata.mlflow.sourceRun DESC", "tr-1 tr-0 tr-4 tr-3 tr-2");
	ORDERS("request_id", "tr-0 tr-1 tr-2 tr-3 tr-4");
	ORDERS("end_time", "tr-1 tr-2 tr-0 tr-3 tr-4");
}

static void refused(void)
{
	REFUSES("invalid", "Invalid clause(s) in filter string");
	REFUSES("foo.bar = 'baz'", "Invalid entity type 'foo'");
	REFUSES("invalid = 'foo'", "Invalid attribute key 'invalid'");
	REFUSES("trace.tags.foo = 'bar'", "Invalid attribute key 'tags.foo'");
	REFUSES("trace.status < 'OK'", "Invalid comparator '<'");
	REFUSES("span.duration = '1'",
		"Invalid span attribute 'duration'. Supported attributes: "
		"name, status, type, attributes.<attribute_name>.");
	REFUSES("span.attributes. = '1'", "Invalid");
	REFUSES("issue.name = '1'", "Invalid issue key 'name'");
	REFUSES("prompt LIKE '%a%'",
		"Invalid comparator 'LIKE' for prompts filter. Only '=' is "
		"supported with format: prompt = \"name/version\"");
	REFUSES("prompt = 'a'", "Invalid prompts filter value 'a'. Expected "
				"format: prompt = \"name/version\"");
	REFUSES("prompt = 'a/1/b'", "Invalid prompts filter value 'a/1/b'");
	REFUSES("timestamp = 'x'", "numeric");
	ok(strstr(ask("", "text"), "Invalid attribute key 'text'"),
	   "there is no order by text");
	ok(strstr(ask("", "span.name"), "Invalid entity type 'span'"),
	   "nor by spans");
}

static void pages(void)
{
	struct question q = {.filter = "", .order = "", .max = 2};
	struct question in = {.filter = "", .order = "", .in = two};

	is_str(ask_for(&q), "tr-4 tr-3", "a first page");
	q.token = q.next;
	is_str(ask_for(&q), "tr-2 tr-1", "a second one");
	q.token = q.next;
	is_str(ask_for(&q), "tr-0", "the last one");
	ok(!q.next.n, "has none behind it");
	is_str(ask_for(&in), "tr-1 tr-0", "of one experiment alone");
}

/* --- spans -----------------------------------------------------------------
 */

static void make_spans(void)
{
	struct otlp_pair doc = {STR("docs"), {.kind = OTLP_INT, .integer = 7}};
	struct otlp_pair inputs = {STR("mlflow.spanInputs"),
				   {.kind = OTLP_PAIRS, .items = {&doc, 1}}};
	struct otlp_span a[] = {
		span(&fx.a,
		     (struct span_of){.id = 1,
				      .name = "chat",
				      .type = "LLM",
				      .status = OTLP_OK,
				      .start = 1,
				      .end = 3,
				      .attributes = {{"model", "gpt-4"}}}),
		span(&fx.a, (struct span_of){.id = 2,
					     .parent = 1,
					     .name = "search_web",
					     .type = "TOOL",
					     .status = OTLP_ERROR,
					     .start = 1,
					     .end = 2,
					     .more = &inputs,
					     .nmore = 1})};
	struct otlp_span b[] = {
		span(&fx.a, (struct span_of){.id = 1,
					     .name = "search_web",
					     .status = OTLP_OK,
					     .start = 1,
					     .end = 2,
					     .attributes = {{"model", "claude"},
							    {"a.b c", "x"}}})};

	works(fx_spans(&fx, one, "tr-2", a, 2));
	works(fx_spans(&fx, one, "tr-3", b, 1));
}

static void by_spans(void)
{
	FINDS("span.name = 'search_web'", "tr-3 tr-2");
	FINDS("span.name = 'search_web' AND span.status = 'OK'", "tr-3");
	FINDS("(span.name = 'search_web') AND (span.status = 'OK')", "tr-3");
	FINDS("span.status = 'OK' AND name = 'bbb' AND span.type = 'LLM'",
	      "tr-2");
	FINDS("span.name LIKE 'search%'", "tr-3 tr-2");
	FINDS("span.type = 'UNKNOWN'", "tr-3");
	FINDS("span.type IN ('TOOL', 'LLM')", "tr-2");
	FINDS("span.name != 'search_web'", "tr-2");
	FINDS("NOT span.name = 'search_web'", "tr-4 tr-1 tr-0");
	FINDS("span.name IS NULL", "tr-4 tr-1 tr-0");
	FINDS("span.name IS NOT NULL", "tr-3 tr-2");
	FINDS("span.name = 'chat' OR status = 'ERROR'", "tr-2 tr-1");
	FINDS("span.name = 'nothing'", "");
	FINDS("span.attributes.model = 'gpt-4'", "tr-2");
	FINDS("span.attributes.model RLIKE '^(gpt|cl)'", "tr-3 tr-2");
	FINDS("span.attributes.model LIKE '%4' AND span.type = 'TOOL'", "");
	FINDS("span.attributes.`a.b c` = 'x'", "tr-3");
	FINDS("span.attributes.model IS NULL AND span.name IS NOT NULL", "");
	FINDS("span.content LIKE '%gpt-4%'", "tr-2");
	FINDS("span.content ILIKE '%SEARCH_web%'", "tr-3 tr-2");
	FINDS("trace.text LIKE '%claude%'", "tr-3");
	FINDS("text LIKE '%{\\\"docs\\\": 7}%'", "tr-2");
	FINDS("trace.text LIKE '%claude%' AND span.name = 'chat'", "");
}

/* --- assessments, links ----------------------------------------------------
 */

static const char *assess(const char *trace, int kind, const char *name,
			  const char *value, const char *metadata)
{
	struct cmd_assessment_create *x =
		command_new(COMMAND_ASSESSMENT_CREATE);
	const char *id;

	x->trace_id = str_from(trace);
	x->assessment =
		(struct trace_assessment){.kind = {kind, true},
					  .name = str_from(name),
					  .value = str_from(value),
					  .source_type = STR("HUMAN"),
					  .metadata = str_from(metadata)};
	works(index_apply(fx.ix, &x->c, &fx.e));
	id = arena_strdup(&fx.a, x->ret_assessment_id);
	command_free(&x->c);
	return id;
}

static void by_assessments(void)
{
	struct cmd_assessment_create *x =
		command_new(COMMAND_ASSESSMENT_CREATE);
	const char *old =
		assess("tr-4", ASSESSMENT_FEEDBACK, "tone", "\"rude\"", NULL);

	assess("tr-0", ASSESSMENT_FEEDBACK, "good", "true", NULL);
	assess("tr-1", ASSESSMENT_FEEDBACK, "good", "\"yes, indeed\"", NULL);
	assess("tr-2", ASSESSMENT_EXPECTATION, "good", "\"true\"", NULL);
	assess("tr-3", ASSESSMENT_FEEDBACK, "score", "5", NULL);
	assess("tr-3", ASSESSMENT_ISSUE, "iss-1", "{\"issue_name\":\"x\"}",
	       NULL);
	FINDS("feedback.good = 'true'", "tr-0");
	FINDS("feedback.good LIKE '%indeed%'", "tr-1");
	FINDS("feedback.good RLIKE '^yes'", "tr-1");
	FINDS("feedback.good != 'true'", "tr-1");
	FINDS("expectation.good = 'true'", "tr-2");
	FINDS("feedback.score = '5'", "tr-3");
	FINDS("feedback.good IS NOT NULL", "tr-1 tr-0");
	FINDS("feedback.good IS NULL", "tr-4 tr-3 tr-2");
	FINDS("issue.id = 'iss-1'", "tr-3");
	FINDS("feedback.tone = 'rude'", "tr-4");
	x->trace_id = STR("tr-4");
	x->assessment =
		(struct trace_assessment){.kind = {ASSESSMENT_FEEDBACK, true},
					  .name = STR("tone"),
					  .value = STR("\"fine\""),
					  .overrides = str_from(old)};
	works(fx_apply(&fx, &x->c));
	FINDS("feedback.tone = 'rude'", "");
	FINDS("feedback.tone = 'fine'", "tr-4");
}

static int set_session(const char *trace, const char *session)
{
	struct cmd_trace_end *x = command_new(COMMAND_TRACE_END);
	struct key_value meta = kv("mlflow.trace.session", session);

	x->trace_id = str_from(trace);
	x->metadata = (struct field_list){&meta, 1};
	return fx_apply(&fx, &x->c);
}

/* What was said of a session is said of all its traces. */
static void by_sessions(void)
{
	works(set_session("tr-0", "s"));
	works(set_session("tr-1", "s"));
	works(set_session("tr-2", "other"));
	assess("tr-0", ASSESSMENT_FEEDBACK, "session", "\"smooth\"",
	       "{\"mlflow.trace.session\":\"s\"}");
	FINDS("feedback.session = 'smooth'", "tr-1 tr-0");
	FINDS("feedback.session IS NULL", "tr-4 tr-3 tr-2");
}

static void by_links(void)
{
	struct cmd_trace_link_run *x = command_new(COMMAND_TRACE_LINK_RUN);
	struct cmd_trace_link_prompts *y =
		command_new(COMMAND_TRACE_LINK_PROMPTS);
	struct prompt_version p = {STR("qa"), STR("2")};
	struct str id = STR("tr-4");
	const char *run = fx_run(&fx, one, "r");

	x->trace_ids = (struct field_list){&id, 1};
	x->run_id = str_from(run);
	works(fx_apply(&fx, &x->c));
	y->trace_id = id;
	y->prompts = (struct field_list){&p, 1};
	works(fx_apply(&fx, &y->c));
	FINDS(arena_printf(&fx.a, "run_id = '%s'", run), "tr-4");
	FINDS(arena_printf(&fx.a, "metadata.mlflow.sourceRun = '%s'", run),
	      "tr-4");
	FINDS(arena_printf(&fx.a, "run_id IN ('%s', 'run1')", run),
	      "tr-4 tr-1");
	FINDS("prompt = 'qa/2'", "tr-4");
	FINDS("prompt = 'qa/1'", "");
	FINDS("prompt IS NULL AND status = 'ERROR'", "tr-1");
}

/* --- what goes, and who may see --------------------------------------------
 */

static void gone(void)
{
	struct cmd_trace_delete *x = command_new(COMMAND_TRACE_DELETE);
	struct str id = STR("tr-2");

	x->experiment_id = str_from(one);
	x->trace_ids = (struct field_list){&id, 1};
	works(fx_apply(&fx, &x->c));
	FINDS("", "tr-4 tr-3 tr-1 tr-0");
	FINDS("tags.fruit = 'apple'", "tr-1");
	FINDS("span.name = 'search_web'", "tr-3");
	works(fx_trace(&fx, (struct trace_of){.id = "tr-2",
					      .experiment = one,
					      .time = 9,
					      .state = TRACE_OK}));
	FINDS("", "tr-2 tr-4 tr-3 tr-1 tr-0");
	FINDS("tags.fruit = 'apple'", "tr-1");
}

/* The record may name another experiment than its spans came to. */
static void moved(void)
{
	struct question q = {.filter = "name = 'moved'", .order = ""};
	struct otlp_span s =
		span(&fx.a, (struct span_of){.id = 1, .name = "s", .start = 1});

	works(fx_spans(&fx, one, "tr-moved", &s, 1));
	q.in = one;
	is_str(ask_for(&q), "", "not yet named");
	works(fx_trace(&fx, (struct trace_of){.id = "tr-moved",
					      .experiment = two,
					      .time = 1,
					      .tags = {kv("mlflow.traceName",
							  "moved")}}));
	is_str(ask_for(&q), "", "no more in the one");
	q.in = two;
	is_str(ask_for(&q), "tr-moved", "but in the other");
}

static void rights(void)
{
	fx.who = (struct principal){.name = STR("someone")};
	FINDS("", "");
	fx.who = principal_owner();
}

/* Of the same time: by id, whatever came first. */
static void ties(void)
{
	static const char *const ids[] = {"tr-c", "tr-a", "zz", "aa", "tr-b"};

	for (size_t i = 0; i < 5; i++)
		works(fx_trace(&fx, (struct trace_of){.id = ids[i],
						      .experiment = one,
						      .time = 77,
						      .state = TRACE_OK}));
	FINDS("timestamp = 77", "aa tr-a tr-b tr-c zz");
}

int main(void)
{
	fx_start(&fx);
	cols = columns_new();
	one = fx_experiment(&fx, "one");
	two = fx_experiment(&fx, "two");
	make_traces();
	by_attributes();
	by_values();
	orders();
	refused();
	pages();
	make_spans();
	by_spans();
	by_assessments();
	by_sessions();
	by_links();
	gone();
	moved();
	rights();
	ties();
	is_sound(&fx, "at the end all is sound");
	columns_free(cols);
	fx_end(&fx);
	return tap_done();
}
