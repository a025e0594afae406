/* SPDX-License-Identifier: Apache-2.0 */
/* tracing.h - traces and spans in one line, and what readers say of them. */
#ifndef ORRERY_TESTS_INDEX_TRACING_H
#define ORRERY_TESTS_INDEX_TRACING_H

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/trace.h"
#include "tests/index/fixture.h"

/* --- spans ---------------------------------------------------------------- */

struct pair {
	const char *key, *text;
};

static inline struct otlp_value text_value(const char *s)
{
	return (struct otlp_value){.kind = OTLP_STRING, .text = str_from(s)};
}

/* The id is this number; parent 0: a root. Times in ms; end 0: not ended. */
struct span_of {
	uint64_t id, parent;
	const char *name, *type;
	int64_t status, start, end;
	struct pair attributes[4];
	struct otlp_pair *more; /* attributes that are no texts */
	size_t nmore;
};

static inline struct str id_of(struct arena *a, uint64_t number)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(number >> 8 * (7 - i));
	return arena_str(a, str_n(bytes, 8));
}

static inline struct otlp_span span(struct arena *a, struct span_of of)
{
	struct otlp_pair *p = arena_array(a, 6 + of.nmore, sizeof(*p));
	struct otlp_span s = {.span_id = id_of(a, of.id),
			      .parent_span_id = of.parent ? id_of(a, of.parent)
							  : STR_NONE,
			      .name = str_from(of.name),
			      .start = (uint64_t)of.start * 1000000,
			      .end = (uint64_t)of.end * 1000000,
			      .status.code = of.status,
			      .attributes.items = p};
	size_t n = 0;

	if (of.type)
		p[n++] = (struct otlp_pair){STR("mlflow.spanType"),
					    text_value(of.type)};
	for (size_t i = 0; i < 4 && of.attributes[i].key; i++)
		p[n++] = (struct otlp_pair){str_from(of.attributes[i].key),
					    text_value(of.attributes[i].text)};
	for (size_t i = 0; i < of.nmore; i++)
		p[n++] = of.more[i];
	s.attributes.n = n;
	return s;
}

static inline int fx_spans(struct fixture *fx, const char *experiment,
			   const char *trace, const struct otlp_span *spans,
			   size_t n)
{
	struct cmd_trace_spans *x = command_new(COMMAND_TRACE_SPANS);
	struct trace_spans one = {str_from(trace), spans, n};

	x->experiment_id = str_from(experiment);
	x->traces = &one;
	x->ntraces = 1;
	x->location = STR("TRACKING_STORE");
	return fx_apply(fx, &x->c);
}

/* --- traces --------------------------------------------------------------- */

struct trace_of {
	const char *id, *experiment, *request, *response, *client;
	int64_t time;
	int64_t duration; /* 0: none */
	int64_t state;
	struct key_value tags[4], metadata[4];
};

static inline size_t count_of(const struct key_value *kv)
{
	size_t n = 0;

	while (n < 4 && kv[n].key.n)
		n++;
	return n;
}

static inline int fx_trace(struct fixture *fx, struct trace_of of)
{
	struct cmd_trace_start *x = command_new(COMMAND_TRACE_START);

	x->trace_id = str_from(of.id);
	x->experiment_id = str_from(of.experiment);
	x->request_preview = str_from(of.request);
	x->response_preview = str_from(of.response);
	x->client_request_id = str_from(of.client);
	x->request_time = (struct opt_i64){of.time, true};
	x->duration = (struct opt_i64){of.duration, of.duration != 0};
	x->state = (struct opt_i64){of.state, true};
	x->tags = (struct field_list){of.tags, count_of(of.tags)};
	x->metadata = (struct field_list){of.metadata, count_of(of.metadata)};
	return fx_apply(fx, &x->c);
}

static inline int fx_trace_tag(struct fixture *fx, enum command_kind kind,
			       const char *trace, const char *key,
			       const char *value)
{
	struct cmd_trace_tag *x = command_new(kind);

	x->trace_id = str_from(trace);
	x->key = str_from(key);
	x->value = str_from(value);
	return fx_apply(fx, &x->c);
}

/* --- seeing --------------------------------------------------------------- */

/* All zero where there is none. */
static inline struct trace fx_see_trace(struct fixture *fx, const char *id)
{
	struct trace t = {0};

	fx_begin(fx);
	trace_by_id(fx->rd, str_from(id), &fx->a, &t, &fx->e);
	fx_finish(fx);
	return t;
}

static inline int join_value(void *ctx, struct str key, struct str value,
			     int64_t modified, struct err *e)
{
	struct buf *b = ctx;

	(void)modified;
	(void)e;
	buf_printf(b, "%s%.*s=%.*s", b->n ? " " : "", STR_ARG(key),
		   STR_ARG(value));
	return 0;
}

/* "key=value key=value" */
static inline const char *fx_see_values(struct fixture *fx, const char *id,
					bool metadata)
{
	SCOPED(buf_fini) struct buf b;
	struct trace t = fx_see_trace(fx, id);

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(fx);
	if (metadata)
		trace_metadata(fx->rd, t.row, join_value, &b, &fx->e);
	else
		trace_tags(fx->rd, t.row, join_value, &b, &fx->e);
	fx_finish(fx);
	return arena_strdup(&fx->a, buf_view(&b));
}

/* Names of the spans, as they came: "a b c". */
static inline const char *fx_see_spans(struct fixture *fx, const char *id)
{
	SCOPED(buf_fini) struct buf b;
	struct trace t = fx_see_trace(fx, id);
	struct otlp_span *s = NULL;
	size_t n = 0;

	buf_init(&b, 8 << 20);
	buf_puts(&b, "");
	fx_begin(fx);
	trace_spans(fx->rd, t.row, &fx->a, &s, &n, &fx->e);
	fx_finish(fx);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%.*s", i ? " " : "", STR_ARG(s[i].name));
	return arena_strdup(&fx->a, buf_view(&b));
}

/* --- check ---------------------------------------------------------------- */

static inline void tracing_report(void *ctx, const char *what,
				  const char *detail)
{
	int *n = ctx;

	printf("# %s: %s\n", what, detail);
	++*n;
}

static inline void is_sound(struct fixture *fx, const char *when)
{
	int found = 0;

	ok(index_check(fx->dir, tracing_report, &found, &fx->e) == 0 &&
		   found == 0,
	   when);
}

#endif
