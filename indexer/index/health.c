/* SPDX-License-Identifier: Apache-2.0 */
/* health.c - see health.h. */
#include "indexer/index/health.h"

#include <errno.h>
#include <sys/stat.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"

enum { CHECK_MS = 2000 };

/* A clean stop leaves an empty WAL, or none. */
static bool stopped_clean(const char *path)
{
	SCOPED_FREE char *wal = NULL;
	struct stat st;

	if (asprintf(&wal, "%s-wal", path) < 0)
		abort();
	return stat(wal, &st) < 0 || st.st_size == 0;
}

static int quick_check(struct db *db, struct err *e)
{
	sqlite3_stmt *st = NULL;
	const char *found;
	int rc = sqlite3_prepare_v2(db->h, "PRAGMA quick_check(1)", -1, &st,
				    NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0)
				 : NULL;
	if (found && strcmp(found, "ok") != 0)
		err_set(e, ERR_CORRUPT, "the index is damaged: %s", found);
	else if (rc == SQLITE_INTERRUPT)
		log_info("index not checked whole",
			 "why=\"it is large\" hint=\"orrery check\"");
	else if (rc != SQLITE_ROW)
		db_err(db, rc, e);
	sqlite3_finalize(st);
	return e->kind == ERR_NONE ? 0 : -1;
}

int health_after_crash(const char *dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;
	struct db db;
	int rc;

	if (asprintf(&path, "%s/index.db", dir) < 0)
		abort();
	if (access(path, F_OK) < 0 || stopped_clean(path))
		return 0;
	if (db_open(&db, path, DB_READER, e) < 0)
		return -1;
	db.deadline = clock_mono_ms() + CHECK_MS;
	err_clear(e);
	rc = quick_check(&db, e);
	db_close(&db);
	return rc < 0 ? err_wrap(e, "%s", path) : 0;
}
