/* SPDX-License-Identifier: Apache-2.0 */
/* span_text.c - see span_text.h. */
#include "indexer/index/span_text.h"

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/trace.h"

const char *const span_status_names[] = {"UNSET", "OK", "ERROR", NULL};

struct str span_type(const struct otlp_span *s)
{
	const struct otlp_value *v =
		otlp_find(&s->attributes, "mlflow.spanType");

	return v && v->kind == OTLP_STRING && v->text.n ? v->text
							: STR("UNKNOWN");
}

bool span_is_root(const struct otlp_span *s)
{
	return s->parent_span_id.n == 0;
}

/* --- values -------------------------------------------------------------- */

/* Behind the string that begins at i. */
static size_t string_end(struct str json, size_t i)
{
	for (i++; i < json.n && json.p[i] != '"'; i++)
		i += json.p[i] == '\\';
	return i < json.n ? i + 1 : json.n;
}

/* A blank behind each comma and colon that is not in a string. */
static void spread(struct buf *b, struct str json)
{
	size_t from = 0;
	size_t i = 0;

	while (i < json.n) {
		char c = json.p[i];

		i = c == '"' ? string_end(json, i) : i + 1;
		if (c != ',' && c != ':')
			continue;
		buf_add(b, json.p + from, i - from);
		buf_putc(b, ' ');
		from = i;
	}
	buf_add(b, json.p + from, json.n - from);
}

void span_value_json(struct buf *b, const struct otlp_value *v)
{
	SCOPED(buf_fini) struct buf json;
	struct json_out j;

	buf_init(&json, SPAN_TEXT_MAX);
	jo_init(&j, &json, 0);
	otlp_value_json(&j, v);
	if (buf_ok(&json))
		spread(b, buf_view(&json));
	else
		b->failed = true;
}

/* A value with no quotes around a text: what comparisons see. */
static void span_value_text(struct buf *b, const struct otlp_value *v)
{
	if (v->kind == OTLP_STRING)
		buf_str(b, v->text);
	else
		span_value_json(b, v);
}

bool span_attribute(struct buf *b, const struct otlp_span *s, const char *key)
{
	const struct otlp_value *v = otlp_find(&s->attributes, key);

	buf_reset(b);
	if (v)
		span_value_text(b, v);
	return v && buf_ok(b);
}

/* --- the whole ----------------------------------------------------------- */

static void put_id(struct json_out *j, const char *key, struct str id)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 4 * id.n + 16);
	base64_encode(&b, id);
	jo_key(j, key);
	if (id.n)
		jo_str(j, buf_view(&b));
	else
		jo_null(j);
}

/* Each as JSON in a text. */
static void put_attributes(struct json_out *j, const struct field_list *l)
{
	SCOPED(buf_fini) struct buf b;
	const struct otlp_pair *p = l->items;

	buf_init(&b, SPAN_TEXT_MAX);
	jo_key(j, "attributes");
	jo_object(j);
	for (size_t i = 0; i < l->n; i++) {
		buf_reset(&b);
		span_value_json(&b, &p[i].value);
		jo_key_str(j, p[i].key);
		jo_str(j, buf_view(&b));
	}
	jo_object_end(j);
}

static void put_events(struct json_out *j, const struct field_list *l)
{
	const struct otlp_event *event = l->items;

	jo_key(j, "events");
	jo_array(j);
	for (size_t i = 0; i < l->n; i++) {
		const struct otlp_value attributes = {
			.kind = OTLP_PAIRS, .items = event[i].attributes};

		jo_object(j);
		jo_kstr(j, "name", event[i].name);
		jo_ki64(j, "time_unix_nano", (int64_t)event[i].time);
		jo_key(j, "attributes");
		otlp_value_json(j, &attributes);
		jo_object_end(j);
	}
	jo_array_end(j);
}

static void put_times(struct json_out *j, const struct otlp_span *s)
{
	jo_ki64(j, "start_time_unix_nano", (int64_t)s->start);
	jo_key(j, "end_time_unix_nano");
	if (s->end)
		jo_i64(j, (int64_t)s->end);
	else
		jo_null(j);
}

static const char *status_code(const struct otlp_span *s)
{
	int64_t code = s->status.code;

	return otlp_status_names[code > 0 && code <= OTLP_ERROR ? code : 0];
}

void span_content(struct buf *b, const struct otlp_span *s)
{
	SCOPED(buf_fini) struct buf json;
	struct json_out j;

	buf_init(&json, SPAN_TEXT_MAX);
	jo_init(&j, &json, 0);
	jo_object(&j);
	put_id(&j, "span_id", s->span_id);
	put_id(&j, "parent_span_id", s->parent_span_id);
	jo_kstr(&j, "name", s->name);
	put_times(&j, s);
	put_events(&j, &s->events);
	jo_key(&j, "status");
	jo_object(&j);
	jo_kstr(&j, "code", str_from(status_code(s)));
	jo_kstr(&j, "message", s->status.message);
	jo_object_end(&j);
	put_attributes(&j, &s->attributes);
	jo_object_end(&j);
	if (buf_ok(&json))
		spread(b, buf_view(&json));
	else
		b->failed = true;
}
