/* SPDX-License-Identifier: Apache-2.0 */
/* assessment.c - what is said about traces: made, changed, overridden, taken
 * back; with a trace and by itself. */
#include "tests/index/tracing.h"

static struct fixture fx;
static const char *x_id;

/* --- doing ------------------------------------------------------------------
 */

static const char *create(struct trace_assessment a)
{
	struct cmd_assessment_create *x =
		command_new(COMMAND_ASSESSMENT_CREATE);
	const char *id = "";

	x->trace_id = STR("tr-1");
	x->assessment = a;
	err_clear(&fx.e);
	if (index_apply(fx.ix, &x->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, x->ret_assessment_id);
	command_free(&x->c);
	return id;
}

static int update(const char *id, struct cmd_assessment_update u)
{
	struct cmd_assessment_update *x =
		command_new(COMMAND_ASSESSMENT_UPDATE);

	x->trace_id = STR("tr-1");
	x->assessment_id = str_from(id);
	x->kind = u.kind;
	x->name = u.name;
	x->value = u.value;
	x->error = u.error;
	x->rationale = u.rationale;
	x->metadata = u.metadata;
	return fx_apply(&fx, &x->c);
}

static int delete_one(const char *id)
{
	struct cmd_assessment_update *x =
		command_new(COMMAND_ASSESSMENT_DELETE);

	x->trace_id = STR("tr-1");
	x->assessment_id = str_from(id);
	return fx_apply(&fx, &x->c);
}

/* All zero where there is none. */
static struct assessment see(const char *id)
{
	struct trace t = fx_see_trace(&fx, "tr-1");
	struct assessment x = {0};

	fx_begin(&fx);
	assessment_by_id(fx.rd, &t, str_from(id), &fx.a, &x, &fx.e);
	fx_finish(&fx);
	return x;
}

static int join(void *ctx, const struct assessment *x, struct err *e)
{
	struct buf *b = ctx;

	(void)e;
	buf_printf(b, "%s%s %.*s=%.*s", b->n ? ", " : "",
		   assessment_kind_names[x->kind], STR_ARG(x->name),
		   STR_ARG(x->value));
	return 0;
}

static const char *see_all(const char *trace)
{
	SCOPED(buf_fini) struct buf b;
	struct trace t = fx_see_trace(&fx, trace);

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(&fx);
	trace_assessments(fx.rd, t.row, join, &b, &fx.e);
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static struct trace_assessment feedback(const char *name, const char *value)
{
	return (struct trace_assessment){.kind = {ASSESSMENT_FEEDBACK, true},
					 .name = str_from(name),
					 .value = str_from(value),
					 .source_type = STR("HUMAN"),
					 .source_id = STR("me@x")};
}

/* --- made -------------------------------------------------------------------
 */

static void made(void)
{
	struct trace_assessment a = feedback("good", "true");
	struct assessment x;
	const char *id;

	a.span_id = STR("00ff");
	a.rationale = STR("since");
	a.error = STR("{\"error_code\":\"E\"}");
	a.metadata = STR("{\"k\":\"v\"}");
	id = create(a);
	ok(strncmp(id, "a-", 2) == 0, "an id is made");
	x = see(id);
	ok(str_is(x.name, "good") && str_is(x.value, "true") && x.valid,
	   "what was said");
	ok(str_is(x.source_id, "me@x") && str_is(x.span_id, "00ff") &&
		   str_is(x.rationale, "since"),
	   "by whom, of what, and why");
	ok(str_is(x.metadata, "{\"k\":\"v\"}") && x.created > 0 &&
		   x.updated == x.created,
	   "and when");
	ok(!x.overrides.p && !x.run_id.p, "what was not given is not there");
	a.kind.set = false;
	is_str(create(a), "", "of no kind");
	ok(strstr(fx.e.msg, "Assessment must have either feedback"),
	   "it is refused");
	a = feedback("", "1");
	is_str(create(a), "", "and without a name");
	is_str(see_all("tr-1"), "feedback good=true", "that is all");
}

/* --- changed ----------------------------------------------------------------
 */

static void changed(void)
{
	const char *id = create(feedback("tone", "\"rude\""));
	struct trace_assessment e = feedback("answer", "42");
	const char *other;
	struct assessment x;

	works(update(id,
		     (struct cmd_assessment_update){
			     .name = STR("manner"),
			     .kind = {ASSESSMENT_FEEDBACK, true},
			     .value = STR("\"fine\""),
			     .error = STR("{\"error_code\":\"X\"}"),
			     .metadata = STR("{\"a\":\"1\",\"b\":\"2\"}")}));
	works(update(id,
		     (struct cmd_assessment_update){
			     .rationale = STR("well"),
			     .metadata = STR("{\"b\":\"3\",\"c\":\"4\"}")}));
	x = see(id);
	ok(str_is(x.name, "manner") && str_is(x.value, "\"fine\"") &&
		   str_is(x.rationale, "well"),
	   "what is given changes, what is not stays");
	ok(str_is(x.error, "{\"error_code\":\"X\"}"), "an error, too");
	is_str(x.metadata.p, "{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}",
	       "metadata are merged");
	works(update(id,
		     (struct cmd_assessment_update){.value = STR("\"ok\"")}));
	ok(!see(id).error.p, "a value without an error has none");
	e.kind.v = ASSESSMENT_EXPECTATION;
	other = create(e);
	fails(update(other,
		     (struct cmd_assessment_update){
			     .kind = {ASSESSMENT_FEEDBACK, true},
			     .value = STR("1")}),
	      ERR_INVALID,
	      "Cannot update feedback value on an Expectation assessment.");
	fails(update(id,
		     (struct cmd_assessment_update){
			     .kind = {ASSESSMENT_EXPECTATION, true},
			     .value = STR("1")}),
	      ERR_INVALID,
	      "Cannot update expectation value on a Feedback assessment.");
	fails(update(id,
		     (struct cmd_assessment_update){.metadata = STR("[1]")}),
	      ERR_INVALID, "object");
	fails(update("a-none",
		     (struct cmd_assessment_update){.name = STR("n")}),
	      ERR_NOT_FOUND,
	      "Assessment with ID 'a-none' not found for trace 'tr-1'");
	works(delete_one(id));
	works(delete_one(other));
	is_str(see_all("tr-1"), "feedback good=true", "both are gone again");
}

/* --- overridden -------------------------------------------------------------
 */

static void overridden(void)
{
	const char *old = create(feedback("score", "1"));
	struct trace_assessment a = feedback("score", "2");
	const char *id;

	a.overrides = str_from(old);
	id = create(a);
	ok(!see(old).valid && see(id).valid, "one stands for the other");
	works(delete_one(id));
	ok(see(old).valid, "for as long as it is there");
	works(delete_one(id));
	works(delete_one(old));
	a.overrides = STR("a-none");
	is_str(create(a), "", "what is not there");
	ok(strstr(fx.e.msg, "Assessment with ID 'a-none' not found"),
	   "cannot be overridden");
	is_str(see_all("tr-1"), "feedback good=true",
	       "and nothing was said then");
}

/* --- with a trace -----------------------------------------------------------
 */

static int start(const char *id, struct trace_assessment *a, size_t n)
{
	struct cmd_trace_start *x = command_new(COMMAND_TRACE_START);

	x->trace_id = str_from(id);
	x->experiment_id = str_from(x_id);
	x->request_time = (struct opt_i64){1, true};
	x->assessments = (struct field_list){a, n};
	return fx_apply(&fx, &x->c);
}

static void with_a_trace(void)
{
	struct trace_assessment a[] = {feedback("good", "true"),
				       feedback("good", "false")};
	int64_t change;

	a[1].assessment_id = STR("a-given");
	works(start("tr-2", a, 2));
	is_str(see_all("tr-2"), "feedback good=true, feedback good=false",
	       "a trace comes with them");
	change = index_change(fx.ix);
	works(start("tr-2", a, 2));
	is_i64(index_change(fx.ix), change, "a replay adds none");
	a[0].value = STR("null");
	works(start("tr-2", a, 1));
	is_str(see_all("tr-2"),
	       "feedback good=true, feedback good=false, feedback good=null",
	       "what is new is added");
	a[0].name = STR("");
	fails(start("tr-3", a, 1), ERR_INVALID, "name");
	ok(!fx_see_trace(&fx, "tr-3").row, "all or nothing");
}

int main(void)
{
	fx_start(&fx);
	x_id = fx_experiment(&fx, "x");
	works(fx_trace(&fx, (struct trace_of){.id = "tr-1",
					      .experiment = x_id,
					      .time = 1,
					      .state = TRACE_OK}));
	made();
	changed();
	overridden();
	with_a_trace();
	is_sound(&fx, "all is sound");
	fx_end(&fx);
	return tap_done();
}
