/* SPDX-License-Identifier: Apache-2.0 */
/* otlp.h - the messages by which OpenTelemetry's protocol exports spans.
 *
 * Only what is kept of them: resources, spans with their events and links,
 * and the values of attributes. The tables are one file, otlp.c.
 */
#ifndef ORRERY_FORMATS_OTLP_H
#define ORRERY_FORMATS_OTLP_H

#include "indexer/formats/message.h"

/* Places of the members of a value, for otlp_value.kind. */
enum otlp_kind {
	OTLP_NONE,
	OTLP_STRING,
	OTLP_BOOL,
	OTLP_INT,
	OTLP_DOUBLE,
	OTLP_ARRAY,
	OTLP_PAIRS,
	OTLP_BYTES,
	OTLP_VERBATIM /* ours: the JSON text of an attribute in a traces.json
			 that no other kind would bring back (trace_file.h) */
};

struct otlp_value {
	int64_t kind;
	union {
		struct str text; /* string, bytes, verbatim */
		bool truth;
		int64_t integer;
		double real;
		struct field_list items; /* of struct otlp_value, otlp_pair */
	};
};

struct otlp_pair {
	struct str key;
	struct otlp_value value;
};

struct otlp_event {
	uint64_t time; /* ns */
	struct str name;
	struct field_list attributes; /* of struct otlp_pair, here and below */
};

struct otlp_link {
	struct str trace_id, span_id, trace_state;
	struct field_list attributes;
};

enum otlp_status_code { OTLP_UNSET, OTLP_OK, OTLP_ERROR };

struct otlp_status {
	struct str message;
	int64_t code;
};

struct otlp_span {
	struct str trace_id, span_id, parent_span_id; /* bytes */
	struct str trace_state, name;
	int64_t kind;
	uint64_t start, end; /* ns since 1970; end 0: not ended */
	struct field_list attributes, events, links;
	struct otlp_status status;
	int64_t form; /* ours: the schema of the traces.json it came in, 2 or 3;
			 0: it came by OTLP */
};

struct otlp_resource {
	struct field_list attributes;
};

struct otlp_scope_spans {
	struct field_list spans;
};

struct otlp_resource_spans {
	struct otlp_resource resource;
	struct field_list scopes; /* of struct otlp_scope_spans */
};

struct otlp_request {
	struct field_list resources; /* of struct otlp_resource_spans */
};

extern const struct message otlp_request_message, otlp_span_message;

/* "STATUS_CODE_UNSET" and its kin, by number. */
extern const char *const otlp_status_names[];

/* The value of an attribute, NULL where there is none. */
const struct otlp_value *otlp_find(const struct field_list *attributes,
				   const char *key);
/* A value as plain JSON: a string, a number, null, a list, an object. */
void otlp_value_json(struct json_out *j, const struct otlp_value *v);
/* The same as text, a string without its quotes. */
void otlp_value_text(struct buf *b, const struct otlp_value *v);

/* Plain JSON as a value. ERR_MALFORMED where it is none, ERR_TOO_LARGE where
 * it is nested deeper than OTLP_JSON_DEPTH or the arena is full. */
enum { OTLP_JSON_DEPTH = 24 };
int otlp_value_parse(struct str json, struct arena *a, struct otlp_value *ret,
		     struct err *e);
/* What a verbatim value means, as one of another kind; others stay. */
void otlp_value_plain(struct otlp_value *v, struct arena *a);

#endif
