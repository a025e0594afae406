/* SPDX-License-Identifier: Apache-2.0 */
/* field.h - tables that say how a C struct looks in JSON and in a query.
 *
 * A struct field names one member: its JSON name, type, whether it must be
 * there, its limit, its place in the struct. One table reads a request body
 * straight from its text (no tree), reads the same request from a query
 * string, and writes the struct back as JSON. So a new field is one row.
 *
 * Representation: FIELD_STR struct str (p NULL when absent), FIELD_I64 struct
 * opt_i64, FIELD_F64 struct opt_f64, FIELD_BOOL struct opt_bool, FIELD_ENUM
 * struct opt_i64 (index into names), FIELD_STRS and FIELD_LIST struct
 * field_list (of struct str; of structs described by sub), FIELD_OBJECT the
 * sub struct itself preceded by nothing (absent: all zero), FIELD_RAW struct
 * str: the JSON text of the value, already checked (sub then only says, to who
 * reads the table, what is in it).
 *
 * What clients send is taken as they send it: 64-bit integers as numbers or
 * strings, doubles as numbers or strings ("NaN", "Infinity"), booleans as
 * true/false or "true"/"FALSE", enums by name or number. null is absence.
 * Unknown members are skipped. Refused, by MLflow's own sentences: a missing
 * or empty required field, a wrong type, a non-integral or out-of-range
 * integer, 1e999, a duplicate key, a string or list beyond its limit. The
 * path in the message is exact: "metrics[3].key".
 */
#ifndef ORRERY_BASE_FIELD_H
#define ORRERY_BASE_FIELD_H

#include "indexer/base/arena.h"
#include "indexer/base/json_out.h"
#include "indexer/base/json_pull.h"

struct opt_i64 {
	int64_t v;
	bool set;
};

struct opt_f64 {
	double v;
	bool set;
};

struct opt_bool {
	bool v, set;
};

struct field_list {
	void *items;
	size_t n;
};

struct field_pair {
	struct str key, value;
};

enum field_type {
	FIELD_STR,
	FIELD_I64,
	FIELD_F64,
	FIELD_BOOL,
	FIELD_ENUM,
	FIELD_STRS,
	FIELD_LIST,
	FIELD_OBJECT,
	FIELD_RAW
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0, /* absent: "Missing value for required..." */
	FIELD_FILLED = 1 << 1,   /* required, and the empty string is missing */
	FIELD_NO_NUL = 1 << 2,   /* a string without control bytes */
	/* How protobuf's JSON has some types. FIELD_LIST: the elements are
	 * struct field_pair, and come as the members of one object, each key
	 * once. FIELD_I64: milliseconds, which come as a date and time
	 * ("2026-01-02T03:04:05.678Z") or as seconds ("1.5s"). */
	FIELD_MAP = 1 << 3,
	FIELD_TIME = 1 << 4,
	FIELD_SECONDS = 1 << 5,
};

struct field_set;

struct field {
	const char *name;
	const char *alias; /* another name it may come under, or NULL */
	enum field_type type;
	unsigned flags;
	size_t offset;
	size_t limit; /* bytes of a string, elements of a list; 0: no own */
	const struct field_set *sub;
	const char *const *names; /* FIELD_ENUM: names, NULL at the end; index 0
				     may be "" where numbering starts at 1 */
};

struct field_set {
	const struct field *fields;
	size_t count;
	size_t size; /* sizeof the struct */
};

#define FIELD_SET(array, type)                                                 \
	{                                                                      \
		array, sizeof(array) / sizeof((array)[0]), sizeof(type)        \
	}

/* Fill ret (set->size bytes, zeroed here) from a JSON object. An empty text
 * is the empty object. Strings point into json or the arena. */
int field_read_json(const struct field_set *set, struct str json,
		    struct arena *a, void *ret, struct err *e);
/* The same from "a=1&b=2": repeated keys fill lists. Enums, numbers and
 * booleans as text; lists of objects cannot come this way. */
int field_read_query(const struct field_set *set, struct str query,
		     struct arena *a, void *ret, struct err *e);
/* Write the members that are set, as one object. */
void field_write_json(const struct field_set *set, const void *s,
		      struct json_out *j);
/* Only the members, within an object that the caller opened. */
void field_write_members(const struct field_set *set, const void *s,
			 struct json_out *j);

#endif
