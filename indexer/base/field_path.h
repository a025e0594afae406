/* SPDX-License-Identifier: Apache-2.0 */
/* field_path.h - what the readers of field.h share: where they are, MLflow's
 * sentences, and values that come as text.
 *
 * A path is a list on the reader's own stack, from the inside out; it costs
 * nothing until an error prints it.
 */
#ifndef ORRERY_BASE_FIELD_PATH_H
#define ORRERY_BASE_FIELD_PATH_H

#include "indexer/base/field.h"

struct field_path {
	const struct field_path *up; /* NULL at the outermost object */
	const char *name;            /* NULL: an element, see index */
	size_t index;
};

/* "Missing value for required parameter 'metrics[3].key'. ..." */
int field_missing(const struct field_path *at, struct err *e);
/* "Invalid value 5 for parameter 'key' supplied: HINT Hint: Value was of
 * type 'int'. ..."; json is the text of the value, type Python's name. */
int field_invalid(const struct field_path *at, struct str json,
		  const char *type, const char *hint, struct err *e);
int field_duplicate(const struct field_path *at, struct err *e);
int field_too_many(const struct field_path *at, size_t limit, struct err *e);

/* NULL if s may stand in f, else what is expected. */
const char *field_check_str(const struct field *f, struct str s);
/* Parse text into a member of a scalar type; NULL, or what is expected. */
const char *field_set_text(const struct field *f, struct str text,
			   void *member);

/* The field called name; guess is where to look first, and is moved on.
 * NULL if there is none. */
const struct field *field_find(const struct field_set *set, struct str name,
			       size_t *guess, bool *ret_alias);
/* Zero ret from its first member in the set to its end. */
void field_zero(const struct field_set *set, void *ret);
static inline void *field_member(const struct field *f, void *s)
{
	return (char *)s + f->offset;
}

/* Is the member there (and, where the flags ask for it, not empty)? */
bool field_present(const struct field *f, const void *s);
/* Every required member of s is there. */
int field_check_required(const struct field_set *set, const void *s,
			 const struct field_path *up, struct err *e);

/* A list that grows in the arena; its items are zeroed. */
struct field_grow {
	struct field_list *list;
	size_t cap, size, limit;
};
/* Room for one more item; NULL: e says why. */
void *field_add_item(struct field_grow *g, struct arena *a,
		     const struct field_path *at, struct err *e);

#endif
