/* SPDX-License-Identifier: Apache-2.0 */
/* statements.c - every statement of the program, prepared and its plan seen.
 */
#include "indexer/index/db.h"
#include "indexer/index/migrate.h"
#include "tests/index/fixture.h"

extern const char replica_sql[];

static struct db db;

static bool is_part_of_scan(const char *plan)
{
	/* Reading a list of values, or what the step before made, is none. */
	return strncmp(plan, "SCAN ", 5) == 0 &&
	       strcmp(plan, "SCAN CONSTANT ROW") != 0 &&
	       strncmp(plan, "SCAN (", 6) != 0;
}

/* The first step that reads a whole table, NULL if there is none. */
static const char *scan_in(const char *sql, char *out, size_t size)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *st = NULL;
	const char *found = NULL;

	if (sqlite3_prepare_v2(db.h, explain, -1, &st, NULL) != SQLITE_OK)
		found = sqlite3_errmsg(db.h);
	while (!found && sqlite3_step(st) == SQLITE_ROW) {
		const char *plan = (const char *)sqlite3_column_text(st, 3);

		if (!is_part_of_scan(plan))
			continue;
		snprintf(out, size, "%s", plan);
		found = out;
	}
	sqlite3_finalize(st);
	sqlite3_free(explain);
	return found;
}

static void check(const struct statement *s)
{
	sqlite3_stmt *st = NULL;
	char what[200], plan[200];
	const char *scan;
	int rc = sqlite3_prepare_v2(db.h, s->sql, -1, &st, NULL);

	snprintf(what, sizeof(what), "%s prepares", s->name);
	if (!ok(rc == SQLITE_OK, what)) {
		printf("# %s\n", sqlite3_errmsg(db.h));
		return;
	}
	if (s->flags & STMT_R) {
		snprintf(what, sizeof(what), "%s changes nothing", s->name);
		ok(sqlite3_stmt_readonly(st), what);
	}
	sqlite3_finalize(st);
	snprintf(what, sizeof(what), "%s reads no whole table", s->name);
	scan = scan_in(s->sql, plan, sizeof(plan));
	if (!(s->flags & STMT_SCAN) && !ok(!scan, what))
		printf("# %s\n", scan);
}

int main(void)
{
	struct fixture fx;
	char path[300];

	fx_make_dir(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	ok(db_open(&db, path, DB_WRITER, &fx.e) == 0, "a database opens");
	ok(schema_apply(&db, &schema_current, &fx.e) == 0,
	   "its schema is made");
	ok(db_script(&db, replica_sql, &fx.e) == 0, "and that of a replica");
	for (int i = 0; i < STMTS; i++)
		check(&statements[i]);
	db_close(&db);
	fx_remove_dir(&fx);
	return tap_done();
}
