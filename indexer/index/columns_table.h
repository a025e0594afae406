/* SPDX-License-Identifier: Apache-2.0 */
/* columns_table.h - a packed table of things that are searched: in order of
 * row id, with whom each belongs to, one flag, and some numbers (internal to
 * indexer/index).
 *
 * A statement yields what changed after a number, in order of row id: id,
 * owner, flag, numbers. Rows that went are told by "removed"; they are dropped
 * at once, so an entry's place changes with time: it is a slot of one search,
 * under the columns' lock. A kind of thing is a row of the table of tables.
 */
#ifndef ORRERY_INDEX_COLUMNS_TABLE_H
#define ORRERY_INDEX_COLUMNS_TABLE_H

#include "indexer/index/db.h"
#include "indexer/index/reader.h"

enum table_kind {
	TABLE_MODELS,   /* owner: project; prompt?; created, updated */
	TABLE_VERSIONS, /* owner: model; prompt?; created, updated, number */
	TABLE_LOGGED,   /* owner: experiment; deleted?; created, updated, status
			 */
	TABLE_TRACES,   /* owner: experiment; time, duration, state; id */
	TABLES
};

enum { TABLE_NUMBERS = 3 };

struct table_entry {
	int64_t row, owner, numbers[TABLE_NUMBERS];
	int64_t id_order; /* in the order of the ids as text, nearly */
	bool flag;
};

struct columns_table {
	struct table_entry *entries;
	size_t n, cap;
};

/* All tables, from the change after which they know nothing (-1: nothing at
 * all) to that of the snapshot. */
int columns_tables_refresh(struct columns_table tables[TABLES], struct db *db,
			   int64_t since, struct err *e);
void columns_tables_clear(struct columns_table tables[TABLES]);
void columns_tables_free(struct columns_table tables[TABLES]);
/* The entry of this row, NULL where there is none. */
struct table_entry *columns_table_find(const struct columns_table *t,
				       int64_t row);

#endif
