/* SPDX-License-Identifier: Apache-2.0 */
/* search_kind.h - what can be searched, as tables (internal to
 * indexer/index).
 *
 * A kind says for each field whether it is a number in the columns, a number
 * with names, a metric, or text that statements yield. Another kind of thing
 * to search is another table.
 *
 * A search works on slots: for runs the row id itself, for experiments (whose
 * row ids may be any number) the position among all of them by row id.
 */
#ifndef ORRERY_INDEX_SEARCH_KIND_H
#define ORRERY_INDEX_SEARCH_KIND_H

#include "indexer/index/columns.h"
#include "indexer/index/db.h"

/* Rows by slot: rows NULL where they are the same. */
struct slots {
	size_t n;
	int64_t *rows; /* ascending */
};

static inline int64_t slot_row(const struct slots *s, size_t slot)
{
	return s->rows ? s->rows[slot] : (int64_t)slot;
}

/* -1 where no slot has this row. */
int64_t slot_of(const struct slots *s, int64_t row);

struct text_source {
	enum stmt_id find;   /* row of each with this text; STMTS: none */
	enum stmt_id each;   /* text, row */
	enum stmt_id sorted; /* the same in order of the text */
	enum stmt_id get;    /* text of a row */
	bool keyed;          /* all take the key as first value */
	/* Where these are names (project.h): the same within a project, in
	 * whose view it is taken for each and for sorted. */
	enum stmt_id in_view;
	enum stmt_id since; /* of runs, one text each: what changed
			       (columns_text.h); 0: none */
};

/* Numbers that are not in the columns (search_reals.h). */
struct real_source {
	enum stmt_id each; /* of a key: row, bits, dataset, digest; of a row
			      the latest last */
	enum stmt_id on;   /* the same of a dataset's name, all keys */
};

/* Of a slot, under the columns' lock; COLUMN_NO_TIME: none. */
typedef int64_t slot_number_fn(const struct columns *c, size_t slot);

struct attribute {
	const char *name;
	slot_number_fn *number;
	/* At most NAMES_MAX, from 0 on, ended by NULL; no number is beyond. */
	const char *const *number_names;
	const struct text_source *text;
	const char *text_key; /* of a keyed source */
	bool of_spans;        /* what spans hold (search_spans.h) */
};

struct fixed_order { /* by one of both */
	slot_number_fn *number;
	bool descending;
	const struct text_source *text; /* one without a key */
};

enum { FIXED_ORDERS = 3, NAMES_MAX = 16 };

struct search_kind {
	const char *name;
	const struct attribute *attributes; /* ended by a NULL name */
	const struct text_source *tags, *params, *metadata;
	const struct text_source *feedback, *expectation;
	/* Ended by a NULL name; or NULL. */
	const struct attribute *datasets, *issues;
	/* Metadata that are not what the table has. */
	const struct attribute *own_metadata;
	bool spans; /* search_spans.h finds them */
	/* A tag that everything counts as having; NULL: there is none. */
	const char *fixed_tag;
	struct attribute fixed_tag_value;
	bool metrics;                    /* columns_metric has them */
	const struct real_source *reals; /* or statements yield them */
	struct fixed_order unordered[FIXED_ORDERS]; /* where none is asked */
	struct fixed_order ties[FIXED_ORDERS];      /* behind what is asked */
	/* Under the lock: the slots, and which of them may be found. */
	int (*scope)(const struct columns *c, const struct search *s,
		     const struct principal *who, struct slots *slots,
		     struct bitset *found, struct err *e);
};

extern const struct search_kind search_kind_runs, search_kind_experiments;
extern const struct search_kind search_kind_models, search_kind_versions;
extern const struct search_kind search_kind_logged, search_kind_traces;

/* For scopes: positions of the experiments that are asked for and may be
 * looked at; whether what is deleted or not is in the view; an empty set and
 * the slots of a packed table. */
int wanted_experiments(const struct columns *c, const struct search *s,
		       const struct principal *who, struct bitset *ret,
		       struct err *e);
bool in_view(enum view view, bool deleted);
void table_slots(const struct columns_table *t, struct slots *slots,
		 struct bitset *found);

enum field_how {
	FIELD_NUMBER,
	FIELD_NAMED,
	FIELD_METRIC,
	FIELD_TEXT,
	FIELD_REAL,
	FIELD_SPAN,
	FIELD_NOWHERE /* nothing has it */
};

/* A field of a filter or order, as a kind has it. */
struct search_field {
	enum field_how how;
	slot_number_fn *number;
	const char *const *number_names;
	const struct text_source *text;
	const struct real_source *reals;
	struct str key; /* of a metric or keyed text */
};

int search_field(const struct search_kind *k, enum expr_family family,
		 struct str key, struct search_field *ret, struct err *e);

/* Where the column of a text comes from, if it may have one. */
bool text_origin_of(const struct search_field *f, struct text_origin *ret);

/* A statement of a text source, with its key before the value. */
int text_open(struct cursor *q, struct db *db, enum stmt_id id,
	      const struct search_field *f, const struct bind *value,
	      struct err *e);

#endif
