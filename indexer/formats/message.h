/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - tables that say how C structs are protobuf messages.
 *
 * One table per message reads it from protobuf's wire format and from JSON
 * (as protobuf maps it, with the exception that OTLP makes: ids are hex), and
 * writes it as JSON. So a new field is one row.
 *
 * Members of the structs: MEMBER_STR, MEMBER_BYTES and MEMBER_ID struct str;
 * MEMBER_U64 uint64_t; MEMBER_I64 int64_t; MEMBER_ENUM int64_t; MEMBER_F64
 * double; MEMBER_BOOL bool; MEMBER_EMBED the struct itself; MEMBER_LIST
 * struct field_list of structs. As in proto3, what is zero or empty is absent.
 * Of the members marked one_of at most one is there: the member at the
 * message's offset "kind", an int64_t, is its place in the table and 1 more,
 * 0 for none. They may share their room.
 *
 * Fields that a table does not have are passed over. Refused: a wrong wire or
 * JSON type, text that is not UTF-8, a number out of range, nesting beyond
 * MESSAGE_DEPTH. A message that comes twice counts as it came last. Strings
 * point into what is read or into the arena; its ceiling is what bounds the
 * structs that hostile bytes can make.
 *
 * A member marked own is ours: it is kept with the others, but is neither read
 * from outside nor written.
 */
#ifndef ORRERY_FORMATS_MESSAGE_H
#define ORRERY_FORMATS_MESSAGE_H

#include "indexer/base/arena.h"
#include "indexer/base/field.h"
#include "indexer/base/json_out.h"

enum { MESSAGE_DEPTH = 100, MESSAGE_MEMBERS = 32 };

enum member_type {
	MEMBER_STR,
	MEMBER_BYTES,
	MEMBER_ID,  /* bytes that OTLP's JSON has as hex */
	MEMBER_U64, /* fixed64 */
	MEMBER_I64, /* int64 */
	MEMBER_ENUM,
	MEMBER_F64,
	MEMBER_BOOL,
	MEMBER_EMBED,
	MEMBER_LIST
};

struct message;

struct member {
	unsigned number;
	enum member_type type;
	bool one_of, own;
	const char *name, *json; /* "trace_id", "traceId" */
	size_t offset;
	const struct message *sub;
	const char *const *names; /* MEMBER_ENUM: by number, ended by NULL */
};

struct message {
	const struct member *members;
	size_t count, size;
	size_t kind; /* offset; MESSAGE_NO_KIND where nothing is one_of */
};

#define MESSAGE_NO_KIND SIZE_MAX

/* Fill ret (m->size bytes, zeroed here). ERR_MALFORMED, or ERR_TOO_LARGE where
 * the arena is full. */
int message_read(const struct message *m, struct str in, struct arena *a,
		 void *ret, struct err *e);
int message_read_json(const struct message *m, struct str json, struct arena *a,
		      void *ret, struct err *e);
/* As MLflow's server writes it: names with underscores, 64-bit integers as
 * numbers, ids and bytes in base64, enums by name. */
void message_write_json(const struct message *m, const void *s,
			struct json_out *j);

/* --- for those who walk messages by their tables ------------------------- */

static inline void *member_of(const struct member *f, void *s)
{
	return (char *)s + f->offset;
}

static inline const void *member_in(const struct member *f, const void *s)
{
	return (const char *)s + f->offset;
}

/* Which of the members marked one_of is there. */
int64_t message_kind(const struct message *m, const void *s);
/* Make it that one, empty. */
void message_set_kind(const struct message *m, const struct member *f, void *s);
/* Is this member there? */
bool member_present(const struct message *m, const struct member *f,
		    const void *s);
/* How many numbers an enum has. */
int64_t member_names(const struct member *f);
/* Room for one more, zeroed; NULL where the arena is full. Lists grow by
 * this alone. */
void *message_list_add(struct field_list *l, size_t size, struct arena *a);

#endif
