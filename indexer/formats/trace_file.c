/* SPDX-License-Identifier: Apache-2.0 */
/* trace_file.c - traces.json written, and spans for those who ask for them. */
#include "indexer/formats/trace_file.h"

#include "indexer/base/scope.h"
#include "indexer/base/text.h"

enum { ID_MAX = 16, FORM_2 = 2, FORM_3 = 3 };

/* --- whose a span is ----------------------------------------------------- */

/* A copy of the attributes that says whose the span is, whatever its sender
 * said. */
static int name_trace(struct otlp_span *s, struct str trace_id, struct arena *a,
		      struct err *e)
{
	const struct otlp_pair *from = s->attributes.items;
	struct otlp_pair *p = arena_array(a, s->attributes.n + 1, sizeof(*p));
	size_t n = 1;

	if (!p)
		return arena_full(a, e);
	p[0] = (struct otlp_pair){STR(SPAN_TRACE_ID),
				  {OTLP_STRING, {.text = trace_id}}};
	for (size_t i = 0; i < s->attributes.n; i++)
		if (!str_is(from[i].key, SPAN_TRACE_ID))
			p[n++] = from[i];
	s->attributes = (struct field_list){p, n};
	return 0;
}

int trace_span_complete(struct otlp_span *s, struct str trace_id,
			struct arena *a, struct err *e)
{
	struct otlp_pair *p;

	if (name_trace(s, trace_id, a, e) < 0)
		return -1;
	p = s->attributes.items;
	for (size_t i = 0; i < s->attributes.n; i++)
		otlp_value_plain(&p[i].value, a);
	return 0;
}

/* --- writing ------------------------------------------------------------- */

static void write_hex(struct json_out *j, struct str id)
{
	char text[2 * ID_MAX + 1];

	id.n = id.n < ID_MAX ? id.n : ID_MAX;
	hex_encode(id.p, id.n, text);
	jo_str(j, str_n(text, 2 * id.n));
}

static void write_base64(struct json_out *j, struct str id)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 4096);
	base64_encode(&b, id);
	jo_str(j, buf_view(&b));
}

/* An id that may be none. */
static void write_id(struct json_out *j, const char *key, struct str id,
		     int64_t form)
{
	jo_key(j, key);
	if (!id.n)
		jo_null(j);
	else if (form == FORM_2)
		write_hex(j, id);
	else
		write_base64(j, id);
}

static void write_end(struct json_out *j, uint64_t end)
{
	if (end)
		jo_u64(j, end);
	else
		jo_null(j);
}

static void write_value(struct json_out *j, const struct otlp_value *v)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out text;

	buf_init(&b, j->b->ceiling);
	if (v->kind == OTLP_VERBATIM) {
		jo_raw(j, v->text);
		return;
	}
	jo_init(&text, &b, 0);
	text.python = true;
	otlp_value_json(&text, v);
	if (buf_ok(&b))
		jo_str(j, buf_view(&b));
	else
		j->b->failed = true;
}

static void write_attributes(struct json_out *j, const struct field_list *l)
{
	const struct otlp_pair *p = l->items;

	jo_key(j, "attributes");
	jo_object(j);
	for (size_t i = 0; i < l->n; i++) {
		jo_key_str(j, p[i].key);
		write_value(j, &p[i].value);
	}
	jo_object_end(j);
}

static void write_event(struct json_out *j, const struct otlp_event *x,
			int64_t form)
{
	struct otlp_value attributes = {OTLP_PAIRS, {.items = x->attributes}};

	jo_object(j);
	jo_kstr(j, "name", x->name);
	jo_key(j, form == FORM_2 ? "timestamp" : "time_unix_nano");
	jo_u64(j, x->time);
	jo_key(j, "attributes");
	otlp_value_json(j, &attributes);
	jo_object_end(j);
}

static void write_events(struct json_out *j, const struct field_list *l,
			 int64_t form)
{
	const struct otlp_event *x = l->items;

	jo_key(j, "events");
	jo_array(j);
	for (size_t i = 0; i < l->n; i++)
		write_event(j, &x[i], form);
	jo_array_end(j);
}

static void write_link(struct json_out *j, const struct otlp_link *x)
{
	struct otlp_value attributes = {OTLP_PAIRS, {.items = x->attributes}};
	char trace_id[3 + 2 * ID_MAX + 1] = "tr-";

	if (x->trace_id.n == ID_MAX)
		hex_encode(x->trace_id.p, ID_MAX, trace_id + 3);
	jo_object(j);
	jo_kstr(j, "trace_id", str_from(trace_id));
	write_id(j, "span_id", x->span_id, FORM_2);
	jo_key(j, "attributes");
	if (x->attributes.n)
		otlp_value_json(j, &attributes);
	else
		jo_null(j);
	jo_object_end(j);
}

/* Newer than either schema: clients that know them take them in both. */
static void write_links(struct json_out *j, const struct field_list *l)
{
	const struct otlp_link *x = l->items;

	if (!l->n)
		return;
	jo_key(j, "links");
	jo_array(j);
	for (size_t i = 0; i < l->n; i++)
		write_link(j, &x[i]);
	jo_array_end(j);
}

static void write_span_3(struct json_out *j, const struct otlp_span *s)
{
	write_id(j, "trace_id", s->trace_id, FORM_3);
	write_id(j, "span_id", s->span_id, FORM_3);
	write_id(j, "parent_span_id", s->parent_span_id, FORM_3);
	jo_kstr(j, "name", s->name);
	jo_key(j, "start_time_unix_nano");
	jo_u64(j, s->start);
	jo_key(j, "end_time_unix_nano");
	write_end(j, s->end);
	write_events(j, &s->events, FORM_3);
	jo_key(j, "status");
	jo_object(j);
	jo_kstr(j, "code", str_from(otlp_status_names[s->status.code]));
	jo_kstr(j, "message", s->status.message);
	jo_object_end(j);
	write_attributes(j, &s->attributes);
}

static void write_span_2(struct json_out *j, const struct otlp_span *s)
{
	const char *code = otlp_status_names[s->status.code];

	jo_kstr(j, "name", s->name);
	jo_key(j, "context");
	jo_object(j);
	write_id(j, "span_id", s->span_id, FORM_2);
	write_id(j, "trace_id", s->trace_id, FORM_2);
	jo_object_end(j);
	write_id(j, "parent_id", s->parent_span_id, FORM_2);
	jo_key(j, "start_time");
	jo_u64(j, s->start);
	jo_key(j, "end_time");
	write_end(j, s->end);
	jo_kstr(j, "status_code", str_from(code + STR("STATUS_CODE_").n));
	jo_kstr(j, "status_message", s->status.message);
	write_attributes(j, &s->attributes);
	write_events(j, &s->events, FORM_2);
}

static const struct otlp_span *root_of(const struct field_list *spans)
{
	const struct otlp_span *s = spans->items;

	for (size_t i = 0; i < spans->n; i++)
		if (!s[i].parent_span_id.n)
			return &s[i];
	return NULL;
}

/* "request" and "response" of MLflow 2: what went into the root span, and
 * what came out of it. */
static void write_of_root(struct json_out *j, const struct otlp_span *root,
			  const char *key, const char *attribute)
{
	const struct otlp_value *v =
		root ? otlp_find(&root->attributes, attribute) : NULL;

	jo_key(j, key);
	if (v)
		write_value(j, v);
	else
		jo_null(j);
}

/* The file's members of one span. */
static int write_span(struct json_out *j, const struct otlp_span *s, bool old,
		      struct str trace_id, struct arena *a, struct err *e)
{
	struct otlp_span x = *s;

	if (!x.form && name_trace(&x, trace_id, a, e) < 0)
		return -1;
	jo_object(j);
	if (old)
		write_span_2(j, &x);
	else
		write_span_3(j, &x);
	write_links(j, &x.links);
	jo_object_end(j);
	return 0;
}

static int write_spans(struct json_out *j, const struct field_list *spans,
		       bool old, struct str trace_id, struct arena *a,
		       struct err *e)
{
	const struct otlp_span *s = spans->items;

	jo_key(j, "spans");
	jo_array(j);
	for (size_t i = 0; i < spans->n; i++)
		if (write_span(j, &s[i], old, trace_id, a, e) < 0)
			return -1;
	jo_array_end(j);
	return 0;
}

int trace_file_write(struct json_out *j, const struct field_list *spans,
		     struct str trace_id, struct arena *a, struct err *e)
{
	const struct otlp_span *s = spans->items;
	bool old = spans->n && s[0].form == FORM_2;

	j->python = true;
	jo_object(j);
	if (write_spans(j, spans, old, trace_id, a, e) < 0)
		return -1;
	if (old) {
		write_of_root(j, root_of(spans), "request",
			      "mlflow.spanInputs");
		write_of_root(j, root_of(spans), "response",
			      "mlflow.spanOutputs");
	}
	jo_object_end(j);
	j->python = false;
	return 0;
}
