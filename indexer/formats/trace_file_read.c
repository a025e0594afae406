/* SPDX-License-Identifier: Apache-2.0 */
/* trace_file_read.c - traces.json of both schemas, by one table. */
#include "indexer/formats/trace_file.h"

#include "indexer/base/json_pull.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"

enum { TRACE_ID = 16, SPAN_ID = 8, FORM_2 = 2, FORM_3 = 3 };

struct file_event {
	struct str name, attributes;
	struct opt_i64 time;
};

struct file_link {
	struct str trace_id, span_id, attributes;
};

struct file_context {
	struct str trace_id, span_id;
};

struct file_status {
	struct str code, message;
};

struct file_span {
	struct str name, attributes, parent_id;
	struct str trace_id, span_id;   /* of MLflow 3, as are its names */
	struct file_context context;    /* of MLflow 2 */
	struct file_status status, old; /* of either */
	struct opt_i64 start, end;
	struct field_list events, links;
};

struct file {
	struct field_list spans;
};

#define ROW(s, t, m, label, other, how)                                        \
	{                                                                      \
		.name = (label), .alias = (other), .type = (t),                \
		.flags = (how), .offset = offsetof(struct s, m)                \
	}
#define ROW_OF(s, t, m, label, of)                                             \
	{                                                                      \
		.name = (label), .type = (t), .sub = &(of),                    \
		.offset = offsetof(struct s, m)                                \
	}

static const struct field event_rows[] = {
	ROW(file_event, FIELD_STR, name, "name", NULL, FIELD_REQUIRED),
	ROW(file_event, FIELD_I64, time, "time_unix_nano", "timestamp", 0),
	ROW(file_event, FIELD_RAW, attributes, "attributes", NULL, 0),
};
static const struct field_set event_fields =
	FIELD_SET(event_rows, struct file_event);

static const struct field link_rows[] = {
	ROW(file_link, FIELD_STR, trace_id, "trace_id", NULL, 0),
	ROW(file_link, FIELD_STR, span_id, "span_id", NULL, 0),
	ROW(file_link, FIELD_RAW, attributes, "attributes", NULL, 0),
};
static const struct field_set link_fields =
	FIELD_SET(link_rows, struct file_link);

static const struct field context_rows[] = {
	ROW(file_context, FIELD_STR, trace_id, "trace_id", NULL, FIELD_FILLED),
	ROW(file_context, FIELD_STR, span_id, "span_id", NULL, FIELD_FILLED),
};
static const struct field_set context_fields =
	FIELD_SET(context_rows, struct file_context);

static const struct field status_rows[] = {
	ROW(file_status, FIELD_STR, code, "code", NULL, 0),
	ROW(file_status, FIELD_STR, message, "message", NULL, 0),
};
static const struct field_set status_fields =
	FIELD_SET(status_rows, struct file_status);

static const struct field span_rows[] = {
	ROW(file_span, FIELD_STR, name, "name", NULL, FIELD_REQUIRED),
	ROW(file_span, FIELD_STR, trace_id, "trace_id", NULL, 0),
	ROW(file_span, FIELD_STR, span_id, "span_id", NULL, 0),
	ROW_OF(file_span, FIELD_OBJECT, context, "context", context_fields),
	ROW(file_span, FIELD_STR, parent_id, "parent_span_id", "parent_id", 0),
	ROW(file_span, FIELD_I64, start, "start_time_unix_nano", "start_time",
	    FIELD_REQUIRED),
	ROW(file_span, FIELD_I64, end, "end_time_unix_nano", "end_time", 0),
	ROW_OF(file_span, FIELD_OBJECT, status, "status", status_fields),
	ROW(file_span, FIELD_STR, old.code, "status_code", NULL, 0),
	ROW(file_span, FIELD_STR, old.message, "status_message", NULL, 0),
	ROW_OF(file_span, FIELD_LIST, events, "events", event_fields),
	ROW_OF(file_span, FIELD_LIST, links, "links", link_fields),
	ROW(file_span, FIELD_RAW, attributes, "attributes", NULL, 0),
};
static const struct field_set span_fields =
	FIELD_SET(span_rows, struct file_span);

static const struct field file_rows[] = {
	{.name = "spans",
	 .type = FIELD_LIST,
	 .flags = FIELD_REQUIRED,
	 .sub = &span_fields,
	 .offset = offsetof(struct file, spans)},
};
static const struct field_set file_fields = FIELD_SET(file_rows, struct file);

/* --- reading ------------------------------------------------------------- */

struct reading {
	struct arena *arena;
	size_t at; /* which span */
	struct err *e;
};

static int wrong(const struct reading *r, const char *what)
{
	return err_set(r->e, ERR_INVALID, "spans[%zu]: %s", r->at, what);
}

static int full(const struct reading *r)
{
	return arena_full(r->arena, r->e);
}

static struct str without(struct str s, struct str prefix)
{
	return str_starts(s, prefix) ? str_n(s.p + prefix.n, s.n - prefix.n)
				     : s;
}

/* An id of n bytes as text: hex, behind 0x or the prefix of trace ids, or
 * base64. */
static int read_id(const struct reading *r, struct str text, size_t n,
		   const char *what, struct str *ret)
{
	SCOPED(buf_fini) struct buf b;
	char *bytes;

	buf_init(&b, 64);
	text = without(without(text, STR("tr-")), STR("0x"));
	if (text.n != 2 * n && (!base64_decode(text, &b) || b.n != n))
		return wrong(r, what);
	bytes = arena_alloc(r->arena, n);
	if (!bytes)
		return full(r);
	*ret = str_n(bytes, n);
	if (text.n != 2 * n)
		memcpy(bytes, b.p, n);
	else if (!hex_decode(text, bytes))
		return wrong(r, what);
	return 0;
}

static int read_ids(const struct reading *r, const struct file_span *f,
		    struct otlp_span *ret)
{
	bool old = f->context.trace_id.n;

	ret->form = old ? FORM_2 : FORM_3;
	if (read_id(r, old ? f->context.trace_id : f->trace_id, TRACE_ID,
		    "'trace_id' must be 16 bytes in base64 or hex",
		    &ret->trace_id) < 0 ||
	    read_id(r, old ? f->context.span_id : f->span_id, SPAN_ID,
		    "'span_id' must be 8 bytes in base64 or hex",
		    &ret->span_id) < 0)
		return -1;
	if (!f->parent_id.n)
		return 0;
	return read_id(r, f->parent_id, SPAN_ID,
		       "'parent_span_id' must be 8 bytes in base64 or hex",
		       &ret->parent_span_id);
}

static int read_status(const struct reading *r, const struct file_span *f,
		       struct otlp_status *ret)
{
	const struct file_status *s = f->old.code.p ? &f->old : &f->status;
	struct str prefix = STR("STATUS_CODE_");
	struct str code = without(s->code, prefix);

	ret->message = s->message;
	for (ret->code = 0; otlp_status_names[ret->code]; ret->code++)
		if (str_is(code, otlp_status_names[ret->code] + prefix.n))
			return 0;
	ret->code = OTLP_UNSET;
	return code.n ? wrong(r, "the status must be UNSET, OK or ERROR") : 0;
}

/* Would the value be written as this very text? */
static bool comes_back(const struct otlp_value *v, struct str text)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, text.n + 1);
	jo_init(&j, &b, 0);
	j.python = true;
	otlp_value_json(&j, v);
	return buf_ok(&b) && str_eq(buf_view(&b), text);
}

/* The value of an attribute that t began. */
static int read_attribute(const struct reading *r, struct json_pull *pull,
			  const struct json_token *t, struct otlp_value *ret)
{
	struct err ignored;

	if (json_pull_skip(pull, t, r->e) < 0)
		return -1;
	if (t->kind == JSON_STRING &&
	    otlp_value_parse(t->text, r->arena, ret, &ignored) == 0 &&
	    comes_back(ret, t->text))
		return 0;
	*ret = (struct otlp_value){
		OTLP_VERBATIM,
		{.text = str_n(pull->in.p + t->at, pull->at - t->at)}};
	return 0;
}

static int read_attributes(const struct reading *r, struct str json,
			   struct field_list *ret)
{
	struct json_pull pull;
	struct json_token t;

	if (!json.n || str_is(json, "null"))
		return 0;
	json_pull_init(&pull, json, r->arena);
	if (json_pull_next(&pull, &t, r->e) < 0)
		return -1;
	if (t.kind != JSON_OBJECT)
		return wrong(r, "'attributes' must be an object");
	for (;;) {
		struct otlp_pair *pair;

		if (json_pull_next(&pull, &t, r->e) < 0)
			return -1;
		if (t.kind == JSON_OBJECT_END)
			return 0;
		pair = message_list_add(ret, sizeof(*pair), r->arena);
		if (!pair)
			return full(r);
		pair->key = t.text;
		if (json_pull_next(&pull, &t, r->e) < 0 ||
		    read_attribute(r, &pull, &t, &pair->value) < 0)
			return -1;
	}
}

/* Those of events and links are plain JSON. */
static int read_plain(const struct reading *r, struct str json,
		      struct field_list *ret)
{
	struct otlp_value v = {0};

	if (json.n && otlp_value_parse(json, r->arena, &v, r->e) < 0)
		return wrong(r, "'attributes' of an event or link are nested "
				"too deeply");
	if (v.kind != OTLP_PAIRS && v.kind != OTLP_NONE)
		return wrong(r, "'attributes' of an event or link must be an "
				"object");
	*ret = v.items;
	return 0;
}

static int read_event(const struct reading *r, const struct file_event *f,
		      struct otlp_event *ret)
{
	ret->name = f->name;
	ret->time = (uint64_t)f->time.v;
	if (f->time.v < 0)
		return wrong(r, "a time must not be negative");
	return read_plain(r, f->attributes, &ret->attributes);
}

/* Links to what has no id of OpenTelemetry's are dropped, as MLflow does. */
static int read_links(const struct reading *r, const struct field_list *from,
		      struct field_list *ret)
{
	const struct file_link *f = from->items;

	for (size_t i = 0; i < from->n; i++) {
		struct err ignored;
		const struct reading try = {r->arena, r->at, &ignored};
		struct otlp_link link = {0}, *room;

		if (read_id(&try, f[i].trace_id, TRACE_ID, "", &link.trace_id) <
			    0 ||
		    read_id(&try, f[i].span_id, SPAN_ID, "", &link.span_id) < 0)
			continue;
		if (read_plain(r, f[i].attributes, &link.attributes) < 0)
			return -1;
		room = message_list_add(ret, sizeof(link), r->arena);
		if (!room)
			return full(r);
		*room = link;
	}
	return 0;
}

static int read_events(const struct reading *r, const struct field_list *from,
		       struct field_list *ret)
{
	const struct file_event *f = from->items;

	ret->items =
		arena_array(r->arena, from->n + 1, sizeof(struct otlp_event));
	if (!ret->items)
		return full(r);
	ret->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		if (read_event(r, &f[i], (struct otlp_event *)ret->items + i) <
		    0)
			return -1;
	return 0;
}

static int read_span(const struct reading *r, const struct file_span *f,
		     struct otlp_span *ret)
{
	ret->name = f->name;
	ret->start = (uint64_t)f->start.v;
	ret->end = (uint64_t)f->end.v;
	if (f->start.v < 0 || f->end.v < 0)
		return wrong(r, "a time must not be negative");
	return read_ids(r, f, ret) < 0 || read_status(r, f, &ret->status) < 0 ||
			       read_events(r, &f->events, &ret->events) < 0 ||
			       read_links(r, &f->links, &ret->links) < 0 ||
			       read_attributes(r, f->attributes,
					       &ret->attributes) < 0
		       ? -1
		       : 0;
}

int trace_file_read(struct str json, struct arena *a,
		    struct field_list *ret_spans, struct err *e)
{
	struct reading r = {a, 0, e};
	struct file file;
	struct otlp_span *spans;

	if (field_read_json(&file_fields, json, a, &file, e) < 0)
		return -1;
	spans = arena_array(a, file.spans.n + 1, sizeof(*spans));
	if (!spans)
		return arena_full(a, e);
	*ret_spans = (struct field_list){spans, file.spans.n};
	for (; r.at < file.spans.n; r.at++)
		if (read_span(&r, (struct file_span *)file.spans.items + r.at,
			      &spans[r.at]) < 0)
			return -1;
	return 0;
}
