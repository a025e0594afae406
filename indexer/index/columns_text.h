/* SPDX-License-Identifier: Apache-2.0 */
/* columns_text.h - packed columns of texts of runs: params, tags, users
 * (internal to indexer/index).
 *
 * Runs share values, so a column keeps each different text once and a code
 * for every run: a predicate is asked once a text, then looked up for each
 * run. They are loaded by the first search that has to look at all values
 * (one that asks for an equal value finds it in the index for less), kept
 * current by the change number of runs, and the least recently used are
 * dropped beyond LIMIT_TEXT_COLUMNS. A column with more than LIMIT_COLUMN_TEXT
 * of different texts is none: its values are read by statements, as before.
 */
#ifndef ORRERY_INDEX_COLUMNS_TEXT_H
#define ORRERY_INDEX_COLUMNS_TEXT_H

#include "indexer/index/db.h"
#include "indexer/query/match.h"

/* Where the values of a column come from. */
struct text_origin {
	enum stmt_id each;  /* text, row */
	enum stmt_id since; /* row, text or NULL, of runs changed after */
	bool keyed;         /* both take the key as first value */
	struct str key;
};

/* Where all stand: rows below nrows, up to this change. */
struct text_now {
	struct db *db;
	size_t nrows;
	int64_t change;
};

struct text_column;

struct text_columns {
	struct text_column *first; /* most recently used */
	size_t bytes;
};

/* Valid until the next call; NULL where there is none: it is not there and
 * not to be loaded, or has too much text. */
int text_columns_get(struct text_columns *all, const struct text_origin *from,
		     const struct text_now *now, bool load,
		     struct text_column **ret, struct err *e);
void text_columns_clear(struct text_columns *all);

/* Add the rows whose text compares so; false where that would take too long
 * under a lock: nothing is added. */
bool text_column_match(const struct text_column *c, const struct match *m,
		       struct bitset *set);

/* Ranks of texts in order of their first "part" bytes, which is the same in
 * all calls: by code (0 is of no text), from 0 on; equal parts have the same.
 * Valid until the column is read again. */
const uint32_t *text_column_ranks(struct text_column *c, size_t part);
/* Of any text: its rank, or that of the next one. */
size_t text_column_rank(const struct text_column *c, struct str text,
			size_t part, bool *ret_there);
/* The code of a row; 0 where it has no text. */
uint32_t text_column_code(const struct text_column *c, size_t row);

#endif
