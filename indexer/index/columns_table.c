/* SPDX-License-Identifier: Apache-2.0 */
/* columns_table.c - see columns_table.h. */
#include "indexer/index/columns_table.h"

#include <stdlib.h>

#include "indexer/base/scope.h"

static const struct {
	enum stmt_id load;
	enum thing thing;
	/* Entries whose owner left this table go, too; TABLES: none. */
	enum table_kind owners;
	bool ids; /* the statement's last column is the public id */
} kinds[TABLES] = {
	[TABLE_MODELS] = {STMT_COLUMNS_MODELS, THING_MODEL, TABLES, false},
	[TABLE_VERSIONS] = {STMT_COLUMNS_VERSIONS, THING_VERSION, TABLE_MODELS,
			    false},
	[TABLE_LOGGED] = {STMT_COLUMNS_LOGGED, THING_LOGGED_MODEL, TABLES,
			  false},
	[TABLE_TRACES] = {STMT_COLUMNS_TRACES, THING_TRACE, TABLES, true},
};

/* Nearly all begin with "tr-": the bytes behind it tell them apart. */
static int64_t id_order(struct str id)
{
	static const struct str usual = {"tr-", 3};
	bool is_usual = str_starts(id, usual);
	uint64_t bits = 0;

	for (size_t i = is_usual ? usual.n : 0, n = 0; n < sizeof(bits);
	     i++, n++)
		bits = bits << 8 | (i < id.n ? (unsigned char)id.p[i] : 0);
	bits >>= 3;
	if (is_usual)
		return (int64_t)(bits | UINT64_C(1) << 61);
	return (int64_t)(str_cmp(id, usual) < 0 ? bits
						: bits | UINT64_C(1) << 62);
}

/* Place of a row: where it is, or where it belongs. */
static size_t find_place(const struct columns_table *t, int64_t row)
{
	size_t low = 0;
	size_t high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->entries[mid].row < row)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct table_entry *columns_table_find(const struct columns_table *t,
				       int64_t row)
{
	size_t place = find_place(t, row);

	if (place == t->n || t->entries[place].row != row)
		return NULL;
	return &t->entries[place];
}

/* New rows have the greatest ids, so this seldom moves anything. */
static struct table_entry *place_for(struct columns_table *t, int64_t row)
{
	size_t place = find_place(t, row);

	if (place < t->n && t->entries[place].row == row)
		return &t->entries[place];
	if (t->n == t->cap) {
		t->cap = t->cap + t->cap / 4 + 64;
		t->entries =
			reallocarray(t->entries, t->cap, sizeof(*t->entries));
		if (!t->entries)
			abort();
	}
	memmove(t->entries + place + 1, t->entries + place,
		(t->n - place) * sizeof(*t->entries));
	t->n++;
	return &t->entries[place];
}

static int load(struct columns_table *t, struct db *db, enum table_kind kind,
		int64_t since, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, kinds[kind].load, BINDS(B(since)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct table_entry *x = place_for(t, cursor_i64(&q, 0));

		x->row = cursor_i64(&q, 0);
		x->owner = cursor_i64(&q, 1);
		x->flag = cursor_i64(&q, 2) != 0;
		for (int i = 0; i < TABLE_NUMBERS; i++)
			x->numbers[i] = cursor_i64(&q, 3 + i);
		x->id_order =
			kinds[kind].ids
				? id_order(cursor_str(&q, 3 + TABLE_NUMBERS))
				: 0;
	}
	return rc;
}

/* Mark those that went by a row id that none has; 1 if there are any. */
static int mark_removed(struct columns_table *t, struct db *db,
			enum thing thing, int64_t since, struct bitset *gone,
			struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int found = 0;
	int rc;

	if (cursor_open(&q, db, STMT_COLUMNS_REMOVED,
			BINDS(B(since), B((int64_t)thing)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct table_entry *x =
			columns_table_find(t, cursor_i64(&q, 0));

		if (!x)
			continue;
		bitset_add(gone, x - t->entries);
		found = 1;
	}
	return rc < 0 ? -1 : found;
}

static void drop(struct columns_table *t, const struct bitset *gone,
		 const struct columns_table *owners)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		if (!bitset_has(gone, (int64_t)i) &&
		    (!owners ||
		     columns_table_find(owners, t->entries[i].owner)))
			t->entries[kept++] = t->entries[i];
	t->n = kept;
}

/* What is renamed is told as removed as well, and comes again by load. Whether
 * anything went. */
static int forget_removed(struct columns_table *t, struct db *db,
			  enum thing thing, int64_t since,
			  const struct columns_table *owners, struct err *e)
{
	SCOPED(bitset_fini) struct bitset gone = {0};
	int found;

	bitset_init(&gone, (int64_t)t->n);
	found = mark_removed(t, db, thing, since, &gone, e);
	if (found > 0 || (found == 0 && owners))
		drop(t, &gone, owners);
	return found;
}

int columns_tables_refresh(struct columns_table tables[TABLES], struct db *db,
			   int64_t since, struct err *e)
{
	bool went[TABLES + 1] = {false};

	for (int i = 0; i < TABLES; i++) {
		enum table_kind owners = kinds[i].owners;
		int found = forget_removed(
			&tables[i], db, kinds[i].thing, since,
			went[owners] ? &tables[owners] : NULL, e);

		if (found < 0 ||
		    load(&tables[i], db, (enum table_kind)i, since, e) < 0)
			return -1;
		went[i] = found > 0;
	}
	return 0;
}

void columns_tables_clear(struct columns_table tables[TABLES])
{
	for (int i = 0; i < TABLES; i++)
		tables[i].n = 0;
}

void columns_tables_free(struct columns_table tables[TABLES])
{
	for (int i = 0; i < TABLES; i++)
		free(tables[i].entries);
}
