/* SPDX-License-Identifier: Apache-2.0 */
/* otlp.c - the tables of OTLP's messages.
 *
 * The order of rows is part of the form in which spans are stored
 * (span_block.h): rows are only ever added, at the end.
 */
#include "indexer/formats/otlp.h"

#define ROW(nr, t, s, m, snake, camel)                                         \
	{                                                                      \
		.number = (nr), .type = (t), .name = (snake), .json = (camel), \
		.offset = offsetof(struct s, m)                                \
	}
#define ROW_OF(nr, t, s, m, snake, camel, of)                                  \
	{                                                                      \
		.number = (nr), .type = (t), .name = (snake), .json = (camel), \
		.offset = offsetof(struct s, m), .sub = &(of)                  \
	}
#define ROW_ENUM(nr, s, m, label, list)                                        \
	{                                                                      \
		.number = (nr), .type = MEMBER_ENUM, .name = (label),          \
		.json = (label), .offset = offsetof(struct s, m),              \
		.names = (list)                                                \
	}
#define CHOICE(nr, t, m, snake, camel)                                         \
	{                                                                      \
		.number = (nr), .type = (t), .one_of = true, .name = (snake),  \
		.json = (camel), .offset = offsetof(struct otlp_value, m)      \
	}
#define CHOICE_OF(nr, m, snake, camel, of)                                     \
	{                                                                      \
		.number = (nr), .type = MEMBER_EMBED, .one_of = true,          \
		.name = (snake), .json = (camel),                              \
		.offset = offsetof(struct otlp_value, m), .sub = &(of)         \
	}
#define MESSAGE(rows, s)                                                       \
	{                                                                      \
		.members = (rows), .count = sizeof(rows) / sizeof((rows)[0]),  \
		.size = sizeof(struct s), .kind = MESSAGE_NO_KIND              \
	}

/* ArrayValue and KeyValueList are no more than their lists. */
struct value_list {
	struct field_list values;
};

static const struct message value_message, pair_message;

static const struct member array_rows[] = {
	ROW_OF(1, MEMBER_LIST, value_list, values, "values", "values",
	       value_message),
};
static const struct message array_message = MESSAGE(array_rows, value_list);

static const struct member pairs_rows[] = {
	ROW_OF(1, MEMBER_LIST, value_list, values, "values", "values",
	       pair_message),
};
static const struct message pairs_message = MESSAGE(pairs_rows, value_list);

/* In the order of enum otlp_kind. */
static const struct member value_rows[] = {
	CHOICE(1, MEMBER_STR, text, "string_value", "stringValue"),
	CHOICE(2, MEMBER_BOOL, truth, "bool_value", "boolValue"),
	CHOICE(3, MEMBER_I64, integer, "int_value", "intValue"),
	CHOICE(4, MEMBER_F64, real, "double_value", "doubleValue"),
	CHOICE_OF(5, items, "array_value", "arrayValue", array_message),
	CHOICE_OF(6, items, "kvlist_value", "kvlistValue", pairs_message),
	CHOICE(7, MEMBER_BYTES, text, "bytes_value", "bytesValue"),
	{.type = MEMBER_STR,
	 .one_of = true,
	 .own = true,
	 .name = "verbatim",
	 .json = "verbatim",
	 .offset = offsetof(struct otlp_value, text)},
};
static const struct message value_message = {
	.members = value_rows,
	.count = sizeof(value_rows) / sizeof(value_rows[0]),
	.size = sizeof(struct otlp_value),
	.kind = offsetof(struct otlp_value, kind),
};

static const struct member pair_rows[] = {
	ROW(1, MEMBER_STR, otlp_pair, key, "key", "key"),
	ROW_OF(2, MEMBER_EMBED, otlp_pair, value, "value", "value",
	       value_message),
};
static const struct message pair_message = MESSAGE(pair_rows, otlp_pair);

static const struct member event_rows[] = {
	ROW(1, MEMBER_U64, otlp_event, time, "time_unix_nano", "timeUnixNano"),
	ROW(2, MEMBER_STR, otlp_event, name, "name", "name"),
	ROW_OF(3, MEMBER_LIST, otlp_event, attributes, "attributes",
	       "attributes", pair_message),
};
static const struct message event_message = MESSAGE(event_rows, otlp_event);

static const struct member link_rows[] = {
	ROW(1, MEMBER_ID, otlp_link, trace_id, "trace_id", "traceId"),
	ROW(2, MEMBER_ID, otlp_link, span_id, "span_id", "spanId"),
	ROW(3, MEMBER_STR, otlp_link, trace_state, "trace_state", "traceState"),
	ROW_OF(4, MEMBER_LIST, otlp_link, attributes, "attributes",
	       "attributes", pair_message),
};
static const struct message link_message = MESSAGE(link_rows, otlp_link);

static const char *const kind_names[] = {"SPAN_KIND_UNSPECIFIED",
					 "SPAN_KIND_INTERNAL",
					 "SPAN_KIND_SERVER",
					 "SPAN_KIND_CLIENT",
					 "SPAN_KIND_PRODUCER",
					 "SPAN_KIND_CONSUMER",
					 NULL};

const char *const otlp_status_names[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
					 "STATUS_CODE_ERROR", NULL};

static const struct member status_rows[] = {
	ROW(2, MEMBER_STR, otlp_status, message, "message", "message"),
	ROW_ENUM(3, otlp_status, code, "code", otlp_status_names),
};
static const struct message status_message = MESSAGE(status_rows, otlp_status);

static const struct member span_rows[] = {
	ROW(1, MEMBER_ID, otlp_span, trace_id, "trace_id", "traceId"),
	ROW(2, MEMBER_ID, otlp_span, span_id, "span_id", "spanId"),
	ROW(3, MEMBER_STR, otlp_span, trace_state, "trace_state", "traceState"),
	ROW(4, MEMBER_ID, otlp_span, parent_span_id, "parent_span_id",
	    "parentSpanId"),
	ROW(5, MEMBER_STR, otlp_span, name, "name", "name"),
	ROW_ENUM(6, otlp_span, kind, "kind", kind_names),
	ROW(7, MEMBER_U64, otlp_span, start, "start_time_unix_nano",
	    "startTimeUnixNano"),
	ROW(8, MEMBER_U64, otlp_span, end, "end_time_unix_nano",
	    "endTimeUnixNano"),
	ROW_OF(9, MEMBER_LIST, otlp_span, attributes, "attributes",
	       "attributes", pair_message),
	ROW_OF(11, MEMBER_LIST, otlp_span, events, "events", "events",
	       event_message),
	ROW_OF(13, MEMBER_LIST, otlp_span, links, "links", "links",
	       link_message),
	ROW_OF(15, MEMBER_EMBED, otlp_span, status, "status", "status",
	       status_message),
	{.type = MEMBER_I64,
	 .own = true,
	 .name = "form",
	 .json = "form",
	 .offset = offsetof(struct otlp_span, form)},
};
const struct message otlp_span_message = MESSAGE(span_rows, otlp_span);

static const struct member resource_rows[] = {
	ROW_OF(1, MEMBER_LIST, otlp_resource, attributes, "attributes",
	       "attributes", pair_message),
};
static const struct message resource_message =
	MESSAGE(resource_rows, otlp_resource);

static const struct member scope_rows[] = {
	ROW_OF(2, MEMBER_LIST, otlp_scope_spans, spans, "spans", "spans",
	       otlp_span_message),
};
static const struct message scope_message =
	MESSAGE(scope_rows, otlp_scope_spans);

static const struct member resource_spans_rows[] = {
	ROW_OF(1, MEMBER_EMBED, otlp_resource_spans, resource, "resource",
	       "resource", resource_message),
	ROW_OF(2, MEMBER_LIST, otlp_resource_spans, scopes, "scope_spans",
	       "scopeSpans", scope_message),
};
static const struct message resource_spans_message =
	MESSAGE(resource_spans_rows, otlp_resource_spans);

static const struct member request_rows[] = {
	ROW_OF(1, MEMBER_LIST, otlp_request, resources, "resource_spans",
	       "resourceSpans", resource_spans_message),
};
const struct message otlp_request_message = MESSAGE(request_rows, otlp_request);

/* Rendering nests three or four levels of JSON per level of a value. */
_Static_assert(JSON_OUT_DEPTH >= MESSAGE_DEPTH / 2 * 3 + 12,
	       "whatever was read can be written");
