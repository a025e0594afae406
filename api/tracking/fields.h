/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - rows that the request tables of several topics share. */
#ifndef ORRERY_TRACKING_FIELDS_H
#define ORRERY_TRACKING_FIELDS_H

#include <stddef.h>

#include "indexer/base/field.h"

/* One row each: a string, a string that must not be empty, an integer. */
#define ROW_STR(of, member)                                                    \
	{                                                                      \
		.name = #member, .type = FIELD_STR,                            \
		.offset = offsetof(struct of, member)                          \
	}
#define ROW_FILLED(of, member)                                                 \
	{                                                                      \
		.name = #member, .type = FIELD_STR, .flags = FIELD_FILLED,     \
		.offset = offsetof(struct of, member)                          \
	}
#define ROW_I64(of, member)                                                    \
	{                                                                      \
		.name = #member, .type = FIELD_I64,                            \
		.offset = offsetof(struct of, member)                          \
	}
/* A run's id, also by its oldest name. */
#define ROW_RUN_ID(of)                                                         \
	{                                                                      \
		.name = "run_id", .alias = "run_uuid", .type = FIELD_STR,      \
		.flags = FIELD_FILLED, .offset = offsetof(struct of, run_id)   \
	}
/* Lists of strings, of at least one, and of structs. */
#define ROW_STRS(of, member)                                                   \
	{                                                                      \
		.name = #member, .type = FIELD_STRS,                           \
		.offset = offsetof(struct of, member)                          \
	}
#define ROW_SOME(of, member)                                                   \
	{                                                                      \
		.name = #member, .type = FIELD_STRS, .flags = FIELD_FILLED,    \
		.offset = offsetof(struct of, member)                          \
	}
#define ROW_LIST(of, member, set)                                              \
	{                                                                      \
		.name = #member, .type = FIELD_LIST, .sub = &(set),            \
		.offset = offsetof(struct of, member)                          \
	}

#endif
