/* SPDX-License-Identifier: Apache-2.0 */
/* otlp.c - spans by OpenTelemetry's protocol: POST /v1/traces.
 *
 * The body stays where it was read (or decompressed) until the spans are
 * committed: strings of spans point into it, and one request is one command.
 * Requests and answers are protobuf or JSON, as the sender likes; errors are
 * google.rpc.Status in the same.
 */
#include "api/app.h"
#include "api/http/inflate.h"
#include "api/tracking/traces.h"
#include "api/tracking/tracking.h"
#include "indexer/base/text.h"
#include "indexer/base/varint.h"
#include "indexer/index/limits.h"

enum {
	OTLP_BODY_MAX = 64 << 20, /* also of what a compressed body holds */
	TRACE_ID = 16,
	SPAN_ID = 8,
};

static const char protobuf_type[] = "application/x-protobuf";

/* --- answers -------------------------------------------------------------- */

static bool has_type(const struct call *c, const char *type)
{
	struct str s = call_header(c, "Content-Type");

	return str_eq_nocase(str_trim(str_n(s.p, str_find(s, ';'))),
			     str_from(type));
}

/* google.rpc.Code */
static int64_t rpc_code(enum err_kind kind)
{
	switch (err_http_status(kind)) {
	case 401:
		return 16; /* UNAUTHENTICATED */
	case 403:
		return 7; /* PERMISSION_DENIED */
	case 404:
		return 5; /* NOT_FOUND */
	case 413:
	case 429:
	case 507:
		return 8; /* RESOURCE_EXHAUSTED */
	case 503:
		return 14; /* UNAVAILABLE */
	default:
		return err_http_status(kind) < 500 ? 3 : 13;
	}
}

static void status_json(struct json_out *j, const struct err *e)
{
	jo_object(j);
	jo_ki64(j, "code", rpc_code(e->kind));
	jo_kstr(j, "message", str_from(e->msg));
	jo_object_end(j);
}

/* Status {int32 code = 1; string message = 2;} */
static struct str status_protobuf(const struct err *e, struct arena *a)
{
	size_t n = strlen(e->msg);
	unsigned char *out = arena_alloc(a, n + 4 + 2 * VARINT_MAX);
	unsigned char *at = out;

	if (!out)
		return STR_NONE;
	*at++ = 1 << 3;
	at = varint_put(at, (uint64_t)rpc_code(e->kind));
	*at++ = 2 << 3 | 2;
	at = varint_put(at, n);
	memcpy(at, e->msg, n);
	return str_n((char *)out, (size_t)(at - out) + n);
}

static void refuse(struct call *c, const struct err *e)
{
	answer_error(c, e);
	if (has_type(c, protobuf_type))
		reply_bytes(c, err_http_status(e->kind), protobuf_type,
			    status_protobuf(e, c->arena));
}

/* An ExportTraceServiceResponse in which everything was taken is empty. */
static void accept_all(struct call *c)
{
	if (has_type(c, protobuf_type))
		reply_bytes(c, 200, protobuf_type, STR(""));
	else
		reply_bytes(c, 200, "application/json", STR("{}"));
}

static void answer_spans(struct call *c, const struct command *x)
{
	if (x->err.kind == ERR_NONE)
		accept_all(c);
	else
		refuse(c, &x->err);
}

/* --- spans ---------------------------------------------------------------- */

/* A span and the public id of its trace. */
struct arrival {
	struct str trace_id;
	struct otlp_span span;
	size_t at; /* place in the request */
};

static int by_trace(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;
	int order = str_cmp(x->trace_id, y->trace_id);

	if (order)
		return order;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool all_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i])
			return false;
	return true;
}

static int check_ids(struct otlp_span *s, size_t at, struct err *e)
{
	if (all_zero(s->parent_span_id))
		s->parent_span_id = STR_NONE;
	if (s->trace_id.n != TRACE_ID || all_zero(s->trace_id))
		return err_set(e, ERR_INVALID,
			       "Span %zu: the trace id must be 16 bytes, not "
			       "all zero",
			       at);
	if (s->span_id.n != SPAN_ID || all_zero(s->span_id) ||
	    (s->parent_span_id.n && s->parent_span_id.n != SPAN_ID))
		return err_set(e, ERR_INVALID,
			       "Span %zu: span ids must be 8 bytes, not all "
			       "zero",
			       at);
	return 0;
}

/* OpenTelemetry's id in MLflow's form, whatever attributes say. */
static int public_id(const struct otlp_span *s, struct arena *a,
		     struct str *ret, struct err *e)
{
	char hex[2 * TRACE_ID + 1];
	char *text;

	hex_encode(s->trace_id.p, TRACE_ID, hex);
	text = arena_printf(a, "tr-%s", hex);
	*ret = str_from(text);
	return text ? 0 : arena_full(a, e);
}

struct gathering {
	struct arrival *items;
	size_t n;
	struct arena *arena;
	struct err *e;
};

static int gather(struct gathering *g, const struct otlp_span *s)
{
	struct arrival *x = &g->items[g->n];

	*x = (struct arrival){.span = *s, .at = g->n};
	g->n++;
	return check_ids(&x->span, x->at, g->e) < 0 ||
			       public_id(&x->span, g->arena, &x->trace_id,
					 g->e) < 0
		       ? -1
		       : 0;
}

/* fn for each span of a request, until it fails. */
static int each_span(const struct otlp_request *q,
		     int (*fn)(struct gathering *g, const struct otlp_span *s),
		     struct gathering *g)
{
	const struct otlp_resource_spans *r = q->resources.items;

	for (size_t i = 0; i < q->resources.n; i++) {
		const struct otlp_scope_spans *scope = r[i].scopes.items;

		for (size_t k = 0; k < r[i].scopes.n; k++) {
			const struct otlp_span *s = scope[k].spans.items;

			for (size_t m = 0; m < scope[k].spans.n; m++)
				if (fn(g, &s[m]) < 0)
					return -1;
		}
	}
	return 0;
}

static int count(struct gathering *g, const struct otlp_span *s)
{
	(void)s;
	if (++g->n > LIMIT_BATCH_SPANS)
		return err_set(g->e, ERR_TOO_LARGE,
			       "A request may have at most %d spans",
			       LIMIT_BATCH_SPANS);
	return 0;
}

/* All spans of a request, those of a trace together. */
static int gather_all(const struct otlp_request *q, struct gathering *g)
{
	if (each_span(q, count, g) < 0)
		return -1;
	g->items = arena_array(g->arena, g->n + 1, sizeof(*g->items));
	if (!g->items)
		return arena_full(g->arena, g->e);
	g->n = 0;
	if (each_span(q, gather, g) < 0)
		return -1;
	if (g->n)
		qsort(g->items, g->n, sizeof(*g->items), by_trace);
	return 0;
}

static int fill_traces(struct cmd_trace_spans *x, const struct gathering *g)
{
	struct otlp_span *spans = arena_array(g->arena, g->n, sizeof(*spans));
	struct trace_spans *t = arena_array(g->arena, g->n, sizeof(*t));
	size_t n = 0;

	if (!spans || !t)
		return arena_full(g->arena, g->e);
	for (size_t i = 0; i < g->n; i++) {
		const struct arrival *a = &g->items[i];

		spans[i] = a->span;
		if (!i || !str_eq(a->trace_id, a[-1].trace_id))
			t[n++] =
				(struct trace_spans){a->trace_id, &spans[i], 0};
		t[n - 1].n++;
	}
	x->traces = t;
	x->ntraces = n;
	return 0;
}

/* --- the call ------------------------------------------------------------- */

static int read_body(struct call *c, struct otlp_request *ret, struct err *e)
{
	bool protobuf = has_type(c, protobuf_type);
	struct str type = call_header(c, "Content-Type"), body;

	if (!protobuf && !has_type(c, "application/json"))
		return err_set(e, ERR_MALFORMED,
			       "Invalid Content-Type: %.*s. Expected: "
			       "application/x-protobuf or application/json",
			       (int)(type.n < 100 ? type.n : 100),
			       type.p ? type.p : "");
	if (inflate_body(c->body, call_header(c, "Content-Encoding"),
			 OTLP_BODY_MAX, c->arena, &body, e) < 0)
		return -1;
	return protobuf ? message_read(&otlp_request_message, body, c->arena,
				       ret, e)
			: message_read_json(&otlp_request_message, body,
					    c->arena, ret, e);
}

static int find_experiment(const struct call *c, struct str *ret, struct err *e)
{
	*ret = str_trim(call_header(c, "x-mlflow-experiment-id"));
	if (ret->n)
		return 0;
	return err_set(e, ERR_INVALID,
		       "The header x-mlflow-experiment-id must say to which "
		       "experiment the spans belong.");
}

/* The command that links all traces of spans to a run. */
static struct cmd_trace_link_run *make_link(const struct cmd_trace_spans *spans,
					    struct str run, struct arena *a,
					    struct err *e)
{
	struct cmd_trace_link_run *x;
	struct str *ids;

	if (spans->ntraces > LIMIT_TRACE_LINKS) {
		err_set(e, ERR_INVALID,
			"A request with the header x-mlflow-run-id may have "
			"spans of at most %d traces",
			LIMIT_TRACE_LINKS);
		return NULL;
	}
	ids = arena_array(a, spans->ntraces, sizeof(*ids));
	if (!ids) {
		arena_full(a, e);
		return NULL;
	}
	for (size_t i = 0; i < spans->ntraces; i++)
		ids[i] = spans->traces[i].trace_id;
	x = command_new(COMMAND_TRACE_LINK_RUN);
	x->trace_ids = (struct field_list){ids, spans->ntraces};
	x->run_id = run;
	return x;
}

/* Where a run is named, its links come first: they wait for their traces, and
 * a run that is not there is known before anything is stored. Then the call
 * comes back. */
static void submit(struct call *c, struct cmd_trace_spans *x)
{
	struct str run = str_trim(call_header(c, "x-mlflow-run-id"));
	int returned = write_returned(c);
	struct cmd_trace_link_run *link;
	struct err e;

	if (!run.n || returned > 0) {
		write_and_answer(c, x, answer_spans);
		return;
	}
	link = returned ? NULL : make_link(x, run, c->arena, &e);
	command_free(&x->c);
	if (link)
		write_and_return(c, link);
	else if (!returned)
		refuse(c, &e);
}

static void spans_take(struct call *c)
{
	struct otlp_request request;
	struct cmd_trace_spans *x;
	struct err e;
	struct gathering g = {.arena = c->arena, .e = &e};
	struct str experiment;

	if (find_experiment(c, &experiment, &e) < 0 ||
	    read_body(c, &request, &e) < 0 || gather_all(&request, &g) < 0) {
		refuse(c, &e);
		return;
	}
	if (!g.n) {
		accept_all(c);
		return;
	}
	x = command_new(COMMAND_TRACE_SPANS);
	x->experiment_id = experiment;
	x->location = STR(SPANS_HERE);
	if (fill_traces(x, &g) == 0) {
		submit(c, x);
		return;
	}
	command_free(&x->c);
	refuse(c, &e);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/v1/traces",
	 .need = LEVEL_WRITE,
	 .body = BODY_BUFFER,
	 .limit = OTLP_BODY_MAX,
	 .handle = spans_take,
	 .summary = "Take spans by OTLP, as protobuf or JSON."},
};

const struct route_group tracking_otlp = {tracking_top_prefixes, routes,
					  sizeof(routes) / sizeof(routes[0]),
					  status_json};
