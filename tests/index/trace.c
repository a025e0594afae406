/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - commands about traces: started before and after their spans,
 * replayed, ended, tagged, linked, assessed, deleted. */
#include "tests/index/tracing.h"

static struct fixture fx;
static const char *x_id;

/* --- a trace's own record ------------------------------------------------- */

static struct trace_of full(void)
{
	return (struct trace_of){
		.id = "tr-1",
		.experiment = x_id,
		.request = "ask",
		.response = "answer",
		.client = "c-1",
		.time = 1000,
		.duration = 30,
		.state = TRACE_OK,
		.tags = {kv("mlflow.traceName", "n"), kv("b", "2")},
		.metadata = {kv("m", "1")}};
}

static void start(void)
{
	struct trace_of of = full();
	struct trace t;
	int64_t change;

	works(fx_trace(&fx, of));
	t = fx_see_trace(&fx, "tr-1");
	is_i64(t.request_time, 1000, "its time");
	ok(t.duration.set && t.duration.v == 30, "its duration");
	is_i64(t.state, TRACE_OK, "its state");
	ok(str_is(t.request_preview, "ask") &&
		   str_is(t.response_preview, "answer"),
	   "its previews");
	ok(str_is(t.client_request_id, "c-1"), "its maker's id");
	ok(str_ends(t.artifact_uri, STR("/traces/tr-1/artifacts")),
	   "where its artifacts are");
	is_i64(t.spans, 0, "it has no spans");
	is_str(fx_see_values(&fx, "tr-1", false), "b=2 mlflow.traceName=n",
	       "its tags");
	is_str(fx_see_values(&fx, "tr-1", true),
	       "m=1 mlflow.trace.infoFinalized=true", "its metadata");
	change = index_change(fx.ix);
	works(fx_trace(&fx, of));
	is_i64(index_change(fx.ix), change, "a replay changes nothing");
}

static void start_again(void)
{
	struct trace_of of = {.id = "tr-1",
			      .experiment = x_id,
			      .time = 900,
			      .state = TRACE_ERROR,
			      .tags = {kv("b", "3")}};
	struct trace t;

	works(fx_trace(&fx, of));
	t = fx_see_trace(&fx, "tr-1");
	is_i64(t.request_time, 900, "said anew it counts");
	is_i64(t.state, TRACE_ERROR, "all of it");
	ok(t.duration.set && t.duration.v == 30,
	   "what is not said stays: a duration");
	ok(str_is(t.request_preview, "ask"), "and a preview");
	is_str(fx_see_values(&fx, "tr-1", false), "b=3 mlflow.traceName=n",
	       "and tags");
}

static void refused(void)
{
	struct trace_of of = {.id = "a/b", .experiment = x_id};

	fails(fx_trace(&fx, of), ERR_INVALID, "Invalid trace ID");
	of.id = "..";
	fails(fx_trace(&fx, of), ERR_INVALID, "Invalid trace ID");
	of.id = "tr-9";
	of.experiment = "77";
	fails(fx_trace(&fx, of), ERR_NOT_FOUND, "77");
	of.experiment = x_id;
	of.state = 9;
	fails(fx_trace(&fx, of), ERR_INVALID, "state");
	fx_begin(&fx);
	fails(trace_by_id(fx.rd, STR("tr-9"), &fx.a, &(struct trace){0}, &fx.e),
	      ERR_NOT_FOUND, "Trace with ID 'tr-9' not found.");
	fx_finish(&fx);
}

/* --- MLflow 2 ------------------------------------------------------------- */

static int end(const char *id, int64_t time, int64_t state)
{
	struct cmd_trace_end *x = command_new(COMMAND_TRACE_END);
	struct key_value tag = kv("b", "4");
	struct key_value meta = kv("m", "5");

	x->trace_id = str_from(id);
	x->end_time = (struct opt_i64){time, true};
	x->state = (struct opt_i64){state, true};
	x->tags = (struct field_list){&tag, 1};
	x->metadata = (struct field_list){&meta, 1};
	return fx_apply(&fx, &x->c);
}

static void of_two(void)
{
	struct cmd_trace_start *x = command_new(COMMAND_TRACE_START);
	struct key_value tag = kv("a", "1");
	struct trace t;
	const char *id;

	x->experiment_id = str_from(x_id);
	x->request_time = (struct opt_i64){50, true};
	x->tags = (struct field_list){&tag, 1};
	works(index_apply(fx.ix, &x->c, &fx.e));
	id = arena_strdup(&fx.a, x->ret_trace_id);
	command_free(&x->c);
	ok(strncmp(id, "tr-", 3) == 0 && strlen(id) == 35, "an id is made");
	t = fx_see_trace(&fx, id);
	is_i64(t.state, TRACE_IN_PROGRESS, "it is in progress");
	ok(!t.duration.set, "for no one knows how long");
	is_str(fx_see_values(&fx, id, true), "", "spans may still tell");
	works(end(id, 80, TRACE_OK));
	t = fx_see_trace(&fx, id);
	is_i64(t.duration.v, 30, "it took as long as to its end");
	is_i64(t.state, TRACE_OK, "and ended so");
	is_str(fx_see_values(&fx, id, false), "a=1 b=4", "tags are added");
	is_str(fx_see_values(&fx, id, true), "m=5", "metadata, too");
	fails(end("tr-none", 80, TRACE_OK), ERR_NOT_FOUND, "tr-none");
}

/* --- tags ----------------------------------------------------------------- */

static void tags(void)
{
	int64_t change;

	works(fx_trace_tag(&fx, COMMAND_TRACE_TAG, "tr-1", "t", "v"));
	change = index_change(fx.ix);
	works(fx_trace_tag(&fx, COMMAND_TRACE_TAG, "tr-1", "t", "v"));
	is_i64(index_change(fx.ix), change, "the same tag changes nothing");
	works(fx_trace_tag(&fx, COMMAND_TRACE_UNTAG, "tr-1", "t", NULL));
	fails(fx_trace_tag(&fx, COMMAND_TRACE_UNTAG, "tr-1", "t", NULL),
	      ERR_NOT_FOUND,
	      "No trace tag with key 't' for trace with ID 'tr-1'");
	fails(fx_trace_tag(&fx, COMMAND_TRACE_TAG, "tr-1", "", "v"),
	      ERR_INVALID, "key");
	fails(fx_trace_tag(&fx, COMMAND_TRACE_TAG, "tr-x", "k", "v"),
	      ERR_NOT_FOUND, "tr-x");
}

/* --- spans ---------------------------------------------------------------- */

static void spans_first(void)
{
	struct otlp_span s[] = {
		span(&fx.a,
		     (struct span_of){
			     .id = 1,
			     .name = "root",
			     .type = "CHAIN",
			     .status = OTLP_OK,
			     .start = 100,
			     .end = 160,
			     .attributes = {{"mlflow.spanInputs", "in"},
					    {"session.id", "s1"},
					    {"user.id", "u1"}}}),
		span(&fx.a, (struct span_of){.id = 2,
					     .parent = 1,
					     .name = "child",
					     .start = 90,
					     .end = 120})};
	struct trace t;
	int64_t change;

	works(fx_spans(&fx, x_id, "tr-2", s, 2));
	t = fx_see_trace(&fx, "tr-2");
	is_i64(t.request_time, 90, "it began with the first");
	is_i64(t.duration.v, 70, "it ended with the last");
	is_i64(t.state, TRACE_OK, "its root says how");
	ok(str_is(t.request_preview, "\"in\""), "and what was asked");
	ok(!t.response_preview.p, "and nothing of the answer");
	is_i64(t.spans, 2, "it has both");
	is_str(fx_see_spans(&fx, "tr-2"), "root child", "as they came");
	is_str(fx_see_values(&fx, "tr-2", true),
	       "mlflow.trace.session=s1 mlflow.trace.user=u1",
	       "session and user are remembered");
	is_str(fx_see_values(&fx, "tr-2", false),
	       "mlflow.trace.spansLocation=TRACKING_STORE", "where they are");
	change = index_change(fx.ix);
	works(fx_spans(&fx, x_id, "tr-2", s, 2));
	is_i64(index_change(fx.ix), change, "a replay changes nothing");
}

/* The record comes after the spans: what it says stands. */
static void record_after(void)
{
	struct trace_of of = {.id = "tr-2",
			      .experiment = x_id,
			      .time = 95,
			      .duration = 60,
			      .state = TRACE_ERROR};
	struct otlp_span late =
		span(&fx.a,
		     (struct span_of){.id = 3,
				      .name = "late",
				      .start = 10,
				      .end = 500,
				      .attributes = {{"session.id", "other"}}});
	struct trace t;

	works(fx_trace(&fx, of));
	works(fx_spans(&fx, x_id, "tr-2", &late, 1));
	t = fx_see_trace(&fx, "tr-2");
	is_i64(t.request_time, 95, "the record's time stands");
	is_i64(t.duration.v, 60, "and its duration");
	is_i64(t.state, TRACE_ERROR, "and its state");
	ok(str_is(t.request_preview, "\"in\""),
	   "a preview that it did not say was kept");
	is_i64(t.spans, 3, "the late one is there");
}

static void replaced(void)
{
	struct otlp_span s[] = {span(&fx.a, (struct span_of){.id = 2,
							     .parent = 1,
							     .name = "CHILD",
							     .start = 90,
							     .end = 121}),
				span(&fx.a, (struct span_of){.id = 4,
							     .parent = 1,
							     .name = "twice",
							     .start = 90}),
				span(&fx.a, (struct span_of){.id = 4,
							     .parent = 1,
							     .name = "last",
							     .start = 90,
							     .end = 91})};

	works(fx_spans(&fx, x_id, "tr-2", s, 3));
	is_str(fx_see_spans(&fx, "tr-2"), "root CHILD late last",
	       "the same id replaces, in its place");
	is_i64(fx_see_trace(&fx, "tr-2").spans, 4, "and is counted once");
	is_sound(&fx, "all of it is sound");
}

static void bad_spans(void)
{
	struct otlp_span s =
		span(&fx.a, (struct span_of){.id = 9, .name = "x", .start = 1});

	s.span_id.n = 7;
	fails(fx_spans(&fx, x_id, "tr-3", &s, 1), ERR_INVALID, "8 bytes");
	s.span_id.n = 8;
	s.status.code = 3;
	fails(fx_spans(&fx, x_id, "tr-3", &s, 1), ERR_INVALID, "status");
	s.status.code = 0;
	fails(fx_spans(&fx, "77", "tr-3", &s, 1), ERR_NOT_FOUND, "77");
	fails(fx_spans(&fx, x_id, "tr 3", &s, 1), ERR_INVALID,
	      "Invalid trace ID");
	ok(!fx_see_trace(&fx, "tr-3").row, "nothing was made");
}

/* Token counts add up over batches, and a replaced span counts once. */
static struct otlp_span counted(uint64_t id, int64_t in, int64_t out)
{
	struct otlp_pair *p = arena_array(&fx.a, 2, sizeof(*p));
	struct otlp_pair *more = arena_array(&fx.a, 1, sizeof(*more));

	p[0] = (struct otlp_pair){STR("input_tokens"),
				  {.kind = OTLP_INT, .integer = in}};
	p[1] = (struct otlp_pair){STR("output_tokens"),
				  {.kind = OTLP_INT, .integer = out}};
	more[0] = (struct otlp_pair){STR("mlflow.chat.tokenUsage"),
				     {.kind = OTLP_PAIRS, .items = {p, 2}}};
	return span(&fx.a, (struct span_of){.id = id,
					    .parent = 77,
					    .name = "llm",
					    .start = 5,
					    .end = 6,
					    .more = more,
					    .nmore = 1});
}

static void tokens(void)
{
	struct otlp_span one = counted(1, 10, 5);
	struct otlp_span two = counted(2, 3, 4);
	struct otlp_span again = counted(1, 20, 5);

	works(fx_spans(&fx, x_id, "tr-4", &one, 1));
	works(fx_spans(&fx, x_id, "tr-4", &two, 1));
	is_str(fx_see_values(&fx, "tr-4", true),
	       "mlflow.trace.tokenUsage={\"input_tokens\": 13, "
	       "\"output_tokens\": 9}",
	       "tokens add up");
	works(fx_spans(&fx, x_id, "tr-4", &two, 1));
	works(fx_spans(&fx, x_id, "tr-4", &again, 1));
	is_str(fx_see_values(&fx, "tr-4", true),
	       "mlflow.trace.tokenUsage={\"input_tokens\": 23, "
	       "\"output_tokens\": 9}",
	       "once for each span");
	is_i64(fx_see_trace(&fx, "tr-4").state, TRACE_IN_PROGRESS,
	       "without a root it goes on");
}

static void otel_ids(void)
{
	struct otlp_span s =
		span(&fx.a, (struct span_of){.id = 1, .name = "x", .start = 1});
	char bytes[16] = "0123456789abcdef";

	s.trace_id = str_n(bytes, 16);
	works(fx_spans(&fx, x_id, "tr-30313233343536373839616263646566", &s,
		       1));
	is_i64((int64_t)fx_see_trace(&fx, "tr-30313233343536373839616263646566")
		       .otel_id.n,
	       0, "an id that the public one says is not kept");
	works(fx_spans(&fx, x_id, "tr-5", &s, 1));
	ok(str_eq(fx_see_trace(&fx, "tr-5").otel_id, s.trace_id),
	   "another one is");
}

static int write_whole(const char *id, const struct otlp_span *s, size_t n)
{
	struct cmd_trace_spans *x = command_new(COMMAND_TRACE_SPANS);
	struct trace_spans one = {str_from(id), s, n};

	x->traces = &one;
	x->ntraces = 1;
	x->whole = true;
	return fx_apply(&fx, &x->c);
}

/* A file written anew: other spans go. */
static void whole(void)
{
	struct otlp_span s[] = {
		span(&fx.a,
		     (struct span_of){.id = 8, .name = "new", .start = 1}),
		span(&fx.a,
		     (struct span_of){.id = 2, .name = "kept", .start = 1})};
	int64_t change;

	works(write_whole("tr-2", s, 2));
	is_str(fx_see_spans(&fx, "tr-2"), "kept new", "the others went");
	change = index_change(fx.ix);
	works(write_whole("tr-2", s, 2));
	is_i64(index_change(fx.ix), change, "the same file changes nothing");
	works(write_whole("tr-2", s, 1));
	is_str(fx_see_spans(&fx, "tr-2"), "new", "one went");
	works(write_whole("tr-2", s, 0));
	is_str(fx_see_spans(&fx, "tr-2"), "", "all went");
	works(write_whole("tr-2", s + 1, 1));
	is_str(fx_see_spans(&fx, "tr-2"), "kept", "one is back");
	fails(write_whole("tr-none", s, 1), ERR_NOT_FOUND, "tr-none");
	is_sound(&fx, "sound again");
}

/* Many spans, one after the other and at once, in many blocks. */
static void many(void)
{
	enum { N = 1000 };
	struct otlp_span *s = arena_array(&fx.a, N, sizeof(*s));
	int64_t change;

	for (size_t i = 0; i < N; i++)
		s[i] = span(&fx.a,
			    (struct span_of){.id = i + 1,
					     .parent = i ? 1 : 0,
					     .name = i % 3 ? "step" : "leap",
					     .start = (int64_t)i,
					     .end = (int64_t)i + 1});
	for (size_t i = 0; i < 300; i++)
		if (fx_spans(&fx, x_id, "tr-6", s + i, 1) < 0)
			break;
	works(fx_spans(&fx, x_id, "tr-6", s + 200, N - 200));
	is_i64(fx_see_trace(&fx, "tr-6").spans, N, "each is counted once");
	is_i64(fx_see_trace(&fx, "tr-6").duration.v, N, "times reach over all");
	change = index_change(fx.ix);
	works(fx_spans(&fx, x_id, "tr-6", s, N));
	is_i64(index_change(fx.ix), change, "a replay of all changes nothing");
	is_sound(&fx, "many are sound");
}

/* --- links ---------------------------------------------------------------- */

static int link_run(struct str *ids, size_t n, const char *run)
{
	struct cmd_trace_link_run *x = command_new(COMMAND_TRACE_LINK_RUN);

	x->trace_ids = (struct field_list){ids, n};
	x->run_id = str_from(run);
	return fx_apply(&fx, &x->c);
}

static int link_prompt(const char *id, const char *name, const char *version)
{
	struct cmd_trace_link_prompts *x =
		command_new(COMMAND_TRACE_LINK_PROMPTS);
	struct prompt_version p = {str_from(name), str_from(version)};

	x->trace_id = str_from(id);
	x->prompts = (struct field_list){&p, 1};
	return fx_apply(&fx, &x->c);
}

static int join(void *ctx, struct str target, struct err *e)
{
	struct buf *b = ctx;

	(void)e;
	buf_printf(b, "%.*s;", STR_ARG(target));
	return 0;
}

static const char *see_links(const char *id, enum trace_link kind)
{
	SCOPED(buf_fini) struct buf b;
	struct trace t = fx_see_trace(&fx, id);

	buf_init(&b, 1 << 16);
	buf_puts(&b, "");
	fx_begin(&fx);
	trace_links(fx.rd, t.row, kind, join, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static void links(void)
{
	const char *run = fx_run(&fx, x_id, "r");
	struct str ids[] = {STR("tr-1"), STR("tr-2")};
	struct str bad[] = {STR("tr-4"), STR("tr/none")};
	struct str early[] = {STR("tr-early")};
	int64_t change;

	works(link_run(ids, 2, run));
	change = index_change(fx.ix);
	works(link_run(ids, 2, run));
	is_i64(index_change(fx.ix), change, "links are there once");
	is_str(see_links("tr-2", LINK_RUN), arena_printf(&fx.a, "%s;", run),
	       "a run is linked");
	fails(link_run(ids, 101, run), ERR_INVALID, "more than 100 traces");
	fails(link_run(ids, 1, "nope"), ERR_NOT_FOUND, "nope");
	fails(link_run(bad, 2, run), ERR_INVALID, "tr/none");
	is_str(see_links("tr-4", LINK_RUN), "", "all or nothing");
	works(link_prompt("tr-1", "p", "3"));
	works(link_prompt("tr-1", "p", "3"));
	is_str(see_links("tr-1", LINK_PROMPT), "p/3;", "a prompt is linked");
	works(link_run(early, 1, run));
	works(link_run(early, 1, run));
	works(link_prompt("tr-early", "p", "4"));
	works(fx_trace(&fx, (struct trace_of){.id = "tr-early",
					      .experiment = x_id,
					      .time = 1}));
	is_str(see_links("tr-early", LINK_RUN), arena_printf(&fx.a, "%s;", run),
	       "a trace that comes later finds its links");
	is_str(see_links("tr-early", LINK_PROMPT), "p/4;", "of both kinds");
}

int main(void)
{
	fx_start(&fx);
	x_id = fx_experiment(&fx, "x");
	start();
	start_again();
	refused();
	of_two();
	tags();
	spans_first();
	record_after();
	replaced();
	bad_spans();
	tokens();
	otel_ids();
	whole();
	many();
	links();
	is_sound(&fx, "at the end all is sound");
	fx_end(&fx);
	return tap_done();
}
