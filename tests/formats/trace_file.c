/* SPDX-License-Identifier: Apache-2.0 */
/* trace_file.c - traces.json of both schemas, read and written. */
#include "indexer/formats/trace_file.h"

#include "tests/tap.h"

#define ID16 "yxx725XUGG4y4OWTgeTmSw=="
#define ID8  "6otDr0M0spI="

static struct arena arena;
static struct buf out;

/* The file after reading and writing, or the reason why it was refused. */
static const char *through(const char *json)
{
	struct field_list spans;
	struct json_out j;
	static struct err e;

	arena_reset(&arena);
	buf_reset(&out);
	if (trace_file_read(str_from(json), &arena, &spans, &e) < 0)
		return e.msg;
	jo_init(&j, &out, 0);
	if (trace_file_write(&j, &spans, STR("tr-x"), &arena, &e) < 0)
		return e.msg;
	return out.p;
}

static const char third[] =
	"{\"spans\": [{\"trace_id\": \"" ID16 "\", \"span_id\": \"" ID8
	"\", \"parent_span_id\": null, \"name\": \"a\\n\", "
	"\"start_time_unix_nano\": 1796081604201325012, "
	"\"end_time_unix_nano\": 1796081604208243684, \"events\": "
	"[{\"name\": \"x\", \"time_unix_nano\": 7, \"attributes\": "
	"{\"k\": \"v\", \"n\": [1, 2.5, null, true]}}], \"status\": "
	"{\"code\": \"STATUS_CODE_ERROR\", \"message\": \"no\"}, "
	"\"attributes\": {\"mlflow.traceRequestId\": \"\\\"tr-1\\\"\", "
	"\"mlflow.spanInputs\": \"{\\\"a\\\": [1, {\\\"\\u00e9\\\": "
	"NaN}]}\", \"raw\": \"not JSON\", \"big\": "
	"\"123456789012345678901234567890\", \"tight\": "
	"\"{\\\"a\\\":1}\", \"number\": 5, \"none\": null, \"list\": [1, "
	"\"x\"], \"twice\": \"\\\"\\\\\\\"\\\"\", \"empty\": \"\"}}, "
	"{\"trace_id\": \"" ID16 "\", \"span_id\": \"AAAAAAAAAAE=\", "
	"\"parent_span_id\": \"" ID8 "\", \"name\": \"b\", "
	"\"start_time_unix_nano\": 1, \"end_time_unix_nano\": null, "
	"\"events\": [], \"status\": {\"code\": \"STATUS_CODE_UNSET\", "
	"\"message\": \"\"}, \"attributes\": {}, \"links\": [{\"trace_id\": "
	"\"tr-cb1c7bdb95d4186e32e0e59381e4e64b\", \"span_id\": "
	"\"deda06c110dd0020\", \"attributes\": null}]}]}";

static const char second[] =
	"{\"spans\": [{\"name\": \"bad\", \"context\": {\"span_id\": "
	"\"deda06c110dd0020\", \"trace_id\": "
	"\"f17483b982c183a890699065772f6f9d\"}, \"parent_id\": null, "
	"\"start_time\": 1796081610589466124, \"end_time\": "
	"1796081610592069243, \"status_code\": \"ERROR\", "
	"\"status_message\": \"ValueError: no\", \"attributes\": "
	"{\"mlflow.traceRequestId\": \"\\\"tr-f5\\\"\", "
	"\"mlflow.spanInputs\": \"{\\\"x\\\":1}\", \"mlflow.spanOutputs\": "
	"\"[1, 2]\"}, \"events\": [{\"name\": \"e\", \"timestamp\": "
	"1796081610592005408, \"attributes\": {\"k\": \"v\"}}]}], "
	"\"request\": \"{\\\"x\\\":1}\", \"response\": \"[1, 2]\"}";

/* Escapes of what is beyond ASCII become the characters. */
static void test_same(void)
{
	char want[sizeof(third)];
	char *at;

	memcpy(want, third, sizeof(third));
	at = strstr(want, "\\u00e9");
	memcpy(at, "\xc3\xa9", 2);
	memmove(at + 2, at + 6, strlen(at + 6) + 1);
	is_str(through(third), want, "MLflow 3's file comes back");
	is_str(through(second), second, "MLflow 2's file comes back");
	is_str(through("{\"spans\":[]}"), "{\"spans\": []}", "no spans");
}

static const struct otlp_value *attribute(const struct otlp_span *s,
					  const char *key)
{
	return otlp_find(&s->attributes, key);
}

static void test_meaning(void)
{
	struct field_list spans;
	struct otlp_span *s;
	struct err e;
	struct buf b;

	arena_reset(&arena);
	is_i64(trace_file_read(str_from(third), &arena, &spans, &e), 0, "read");
	s = spans.items;
	is_i64((int64_t)spans.n, 2, "two spans");
	is_i64(s[0].form, 3, "of MLflow 3");
	is_i64((int64_t)s[0].trace_id.n, 16, "an id in bytes");
	ok(s[0].status.code == OTLP_ERROR && !s[1].end && s[1].links.n == 1,
	   "status, end, links");
	ok(attribute(s, "raw")->kind == OTLP_VERBATIM &&
		   attribute(s, "tight")->kind == OTLP_VERBATIM &&
		   attribute(s, "mlflow.spanInputs")->kind == OTLP_PAIRS,
	   "values where they come back");
	buf_init(&b, 4096);
	otlp_value_text(&b, attribute(s, "raw"));
	buf_putc(&b, '|');
	otlp_value_text(&b, attribute(s, "tight"));
	buf_putc(&b, '|');
	otlp_value_text(&b, attribute(s, "number"));
	is_str(b.p, "not JSON|{\"a\":1}|5", "what verbatim ones mean");
	buf_fini(&b);
	is_i64(trace_span_complete(s, STR("tr-2"), &arena, &e), 0, "completed");
	ok(attribute(s, "tight")->kind == OTLP_PAIRS &&
		   attribute(s, "raw")->kind == OTLP_STRING &&
		   attribute(s, "none")->kind == OTLP_NONE &&
		   attribute(s, "number")->integer == 5,
	   "plain values");
	ok(str_is(attribute(s, SPAN_TRACE_ID)->text, "tr-2") &&
		   s->attributes.n == 10,
	   "whose it is");
}

#define SPAN(members) "{\"spans\":[{" members "}]}"
#define IDS           "\"trace_id\":\"" ID16 "\",\"span_id\":\"" ID8 "\","
#define REST          "\"name\":\"a\",\"start_time_unix_nano\":1"

static void test_older(void)
{
	/* 3.5.0 had ids and states as its objects have them. */
	const char *got = through(
		SPAN("\"trace_id\":\"tr-cb1c7bdb95d4186e32e0e59381e4e64b\","
		     "\"span_id\":\"ea8b43af4334b292\",\"parent_span_id\":\"\","
		     "\"status\":{\"code\":\"OK\"}," REST));

	ok(strstr(got, "\"" ID16 "\"") && strstr(got, "\"" ID8 "\"") &&
		   strstr(got, "STATUS_CODE_OK") &&
		   strstr(got, "\"parent_span_id\": null"),
	   "the file of 3.5.0");
}

static void test_refused(void)
{
	static const struct {
		const char *json, *says;
	} rows[] = {
		{"", "'spans'"},
		{"{", "line 1"},
		{"[]", "must be a JSON object"},
		{"{\"spans\":5}", "'spans'"},
		{"{\"spans\":[5]}", "'spans[0]'"},
		{SPAN(IDS "\"start_time_unix_nano\":1"), "'spans[0].name'"},
		{SPAN(IDS "\"name\":\"a\""), "'spans[0].start_time_unix_nano'"},
		{SPAN(REST), "spans[0]: 'trace_id' must be 16 bytes"},
		{SPAN("\"trace_id\":\"AA==\"," REST), "'trace_id'"},
		{SPAN("\"trace_id\":\"" ID16 "\",\"span_id\":\"zz\"," REST),
		 "'span_id'"},
		{SPAN(IDS "\"parent_id\":\"zz\"," REST), "'parent_span_id'"},
		{SPAN(IDS "\"status\":{\"code\":\"FINE\"}," REST),
		 "UNSET, OK or ERROR"},
		{SPAN(IDS "\"attributes\":[]," REST), "'attributes' must be"},
		{SPAN(IDS "\"name\":\"a\",\"start_time\":-1"), "negative"},
		{SPAN(IDS
		      "\"events\":[{\"name\":\"a\",\"attributes\":5}]," REST),
		 "'attributes' of an event"},
		{SPAN(IDS
		      "\"events\":[{\"name\":\"a\",\"timestamp\":-5}]," REST),
		 "negative"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = through(rows[i].json);

		if (!ok(strstr(got, rows[i].says), rows[i].json))
			printf("# %s\n", got);
	}
}

/* Deeper than values are: kept as text. */
static void test_deep(void)
{
	char json[4096], deep[512] = "";

	for (int i = 0; i < 40; i++)
		deep[i] = '[';
	for (int i = 0; i < 40; i++)
		deep[40 + i] = ']';
	snprintf(json, sizeof(json),
		 SPAN(IDS REST ",\"attributes\":{\"k\":\"%s\"}"), deep);
	ok(strstr(through(json), deep), "a deep value comes back");
}

/* Spans by OTLP become MLflow 3's. */
static void test_otlp(void)
{
	struct otlp_pair pairs[] = {
		{STR("text"), {OTLP_STRING, {.text = STR("{\"a\":1}")}}},
		{STR("real"), {OTLP_DOUBLE, {.real = 2}}}};
	struct otlp_span s = {.name = STR("n"),
			      .start = 5,
			      .end = 6,
			      .trace_id = STR("0123456789abcdef"),
			      .span_id = STR("01234567"),
			      .attributes = {pairs, 2}};
	struct field_list spans = {&s, 1};
	struct json_out j;
	struct err e;

	buf_reset(&out);
	jo_init(&j, &out, 0);
	is_i64(trace_file_write(&j, &spans, STR("tr-9"), &arena, &e), 0,
	       "written");
	ok(strstr(out.p, "\"attributes\": {\"mlflow.traceRequestId\": "
			 "\"\\\"tr-9\\\"\", \"text\": \"\\\"{\\\\\\\"a\\\\\\\":"
			 "1}\\\"\", \"real\": \"2.0\"}"),
	   "attributes as JSON text, and whose it is");
}

int main(void)
{
	arena_init(&arena, 1 << 24);
	buf_init(&out, 1 << 20);
	test_same();
	test_meaning();
	test_older();
	test_refused();
	test_deep();
	test_otlp();
	buf_fini(&out);
	arena_fini(&arena);
	return tap_done();
}
