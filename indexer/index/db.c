/* SPDX-License-Identifier: Apache-2.0 */
/* db.c - connections, statements, and what SQLite's errors mean here.
 *
 * The recipe of opening: no connection but the writer's writes or
 * checkpoints, nobody checkpoints by himself, and the -wal and -shm files
 * stay when the last connection closes, so that readers of a stopped daemon
 * find them. FULL synchronous: group commit makes it cheap.
 */
#include "indexer/index/db.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/index/name_sql.h"

#define STMT(name, flags, sql) {#name, flags, sql},
const struct statement statements[STMTS] = {
#include "indexer/index/statements.def"
};
#undef STMT

/* page_size holds for a file that is still empty. */
static const char writer_pragmas[] = "PRAGMA page_size=4096;"
				     "PRAGMA auto_vacuum=NONE;"
				     "PRAGMA journal_mode=WAL;"
				     "PRAGMA synchronous=FULL;"
				     "PRAGMA foreign_keys=ON;"
				     "PRAGMA secure_delete=OFF;"
				     "PRAGMA wal_autocheckpoint=0;"
				     "PRAGMA journal_size_limit=16777216;"
				     "PRAGMA temp_store=MEMORY;"
				     "PRAGMA cache_size=-65536;";

static const char reader_pragmas[] = "PRAGMA query_only=ON;"
				     "PRAGMA wal_autocheckpoint=0;"
				     "PRAGMA temp_store=MEMORY;"
				     "PRAGMA cache_size=-8192;";

enum {
	BUSY_MS = 5000,       /* backstop: nobody should ever be in the way */
	DEADLINE_STEPS = 4000 /* of the virtual machine between two looks */
};

/* SQLite's memory statistics take a global lock at each allocation. This has
 * to be said before its first use, whichever thread that comes from. */
__attribute__((constructor)) static void no_memory_statistics(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int past_deadline(void *arg)
{
	const struct db *db = arg;

	return db->deadline && clock_mono_ms() > db->deadline;
}

static int too_long(struct err *e)
{
	return err_set(e, ERR_TIMEOUT, "the query took longer than it may");
}

int db_in_time(const struct db *db, struct err *e)
{
	if (!db->deadline || clock_mono_ms() <= db->deadline)
		return 0;
	return too_long(e);
}

static int configure(struct db *db, enum db_mode mode, struct err *e)
{
	static const struct {
		int option, value;
	} options[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
	};
	int persist = 1;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		sqlite3_db_config(db->h, options[i].option, options[i].value,
				  NULL);
	sqlite3_limit(db->h, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_timeout(db->h, BUSY_MS);
	name_sql_add(db);
	if (mode == DB_READER) {
		sqlite3_progress_handler(db->h, DEADLINE_STEPS, past_deadline,
					 db);
		return db_script(db, reader_pragmas, e);
	}
	if (db_script(db, writer_pragmas, e) < 0)
		return -1;
	sqlite3_file_control(db->h, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	return 0;
}

int db_open(struct db *db, const char *path, enum db_mode mode, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	*db = (struct db){.who = principal_owner()};
	flags |= mode == DB_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
				   : SQLITE_OPEN_READONLY;
	rc = sqlite3_open_v2(path, &db->h, flags, NULL);
	if (rc != SQLITE_OK)
		db_err(db, rc, e);
	else if (configure(db, mode, e) == 0)
		return 0;
	db_close(db);
	return err_wrap(e, "%s", path);
}

void db_close(struct db *db)
{
	for (int i = 0; i < STMTS; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_close(db->h);
	*db = (struct db){0};
}

void db_remove_sides(const char *path)
{
	static const char *const ends[] = {"-wal", "-shm"};
	char side[PATH_MAX];

	for (size_t i = 0; i < 2; i++)
		if (snprintf(side, sizeof(side), "%s%s", path, ends[i]) <
		    PATH_MAX)
			unlink(side);
}

/* The errno of the last failure on the WAL, where writes go. What
 * sqlite3_system_errno tells was overwritten by then. */
static int wal_errno(struct db *db)
{
	sqlite3_file *wal = NULL;
	int sys = 0;

	sqlite3_file_control(db->h, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
	if (wal && wal->pMethods)
		wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &sys);
	return sys;
}

static int io_err(struct db *db, int rc, struct err *e)
{
	bool writing = rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_FSYNC ||
		       rc == SQLITE_IOERR_TRUNCATE;
	int sys = writing ? wal_errno(db) : 0;

	if (!sys)
		sys = sqlite3_system_errno(db->h);
	if (sys)
		return err_sys(e, sys, "index: %s", sqlite3_errmsg(db->h));
	return err_set(e, ERR_IO, "index: %s", sqlite3_errmsg(db->h));
}

static enum err_kind kind_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_INTERRUPT:
		return ERR_TIMEOUT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_TOOBIG:
		return ERR_TOO_LARGE;
	case SQLITE_CONSTRAINT:
		return ERR_CONFLICT;
	case SQLITE_READONLY:
		return ERR_IO;
	default:
		return ERR_INTERNAL;
	}
}

int db_err(struct db *db, int rc, struct err *e)
{
	int primary = rc & 0xff;

	if (!db->h)
		return err_set(e, ERR_INTERNAL, "index: out of memory");
	if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN)
		return io_err(db, rc, e);
	if (primary == SQLITE_INTERRUPT)
		return too_long(e);
	return err_set(e, kind_of(rc), "index: %s", sqlite3_errmsg(db->h));
}

int db_script(struct db *db, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_err(db, rc, e);
}

int db_value(struct db *db, const char *sql, int64_t *ret, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	else
		db_err(db, rc, e);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : -1;
}

/* --- statements --------------------------------------------------------- */

static int prepare(struct db *db, enum stmt_id id, unsigned flags,
		   sqlite3_stmt **ret, struct err *e)
{
	int rc = sqlite3_prepare_v3(db->h, statements[id].sql, -1, flags, ret,
				    NULL);

	if (rc == SQLITE_OK)
		return 0;
	db_err(db, rc, e);
	return err_wrap(e, "%s", statements[id].name);
}

static int bind_one(sqlite3_stmt *st, int i, const struct bind *b)
{
	switch (b->type) {
	case BIND_I64:
		return sqlite3_bind_int64(st, i, b->i);
	case BIND_F64:
		return sqlite3_bind_double(st, i, b->f);
	case BIND_TEXT:
		return sqlite3_bind_text64(st, i, b->s.n ? b->s.p : "", b->s.n,
					   SQLITE_STATIC, SQLITE_UTF8);
	case BIND_BLOB:
		return sqlite3_bind_blob64(st, i, b->s.n ? b->s.p : "", b->s.n,
					   SQLITE_STATIC);
	case BIND_NULL:
	default:
		return sqlite3_bind_null(st, i);
	}
}

static int take(struct cursor *q, struct db *db, enum stmt_id id, struct err *e)
{
	q->db = db;
	q->id = id;
	q->own = db->used[id];
	if (q->own)
		return prepare(db, id, 0, &q->st, e);
	if (!db->stmts[id] &&
	    prepare(db, id, SQLITE_PREPARE_PERSISTENT, &db->stmts[id], e) < 0)
		return -1;
	q->st = db->stmts[id];
	db->used[id] = true;
	return 0;
}

int cursor_open(struct cursor *q, struct db *db, enum stmt_id id,
		const struct bind *b, size_t n, struct err *e)
{
	assert(!q->st);
	if (take(q, db, id, e) < 0)
		return -1;
	assert(n == (size_t)sqlite3_bind_parameter_count(q->st));
	db->queries++;
	for (size_t i = 0; i < n; i++) {
		int rc = bind_one(q->st, (int)i + 1, &b[i]);

		if (rc == SQLITE_OK)
			continue;
		db_err(db, rc, e);
		cursor_close(q);
		return -1;
	}
	return 0;
}

int cursor_next(struct cursor *q, struct err *e)
{
	int rc = sqlite3_step(q->st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	db_err(q->db, rc, e);
	return -1;
}

void cursor_close(struct cursor *q)
{
	if (!q->st)
		return;
	if (q->own) {
		sqlite3_finalize(q->st);
	} else {
		sqlite3_reset(q->st);
		q->db->used[q->id] = false;
	}
	q->st = NULL;
}

int64_t cursor_i64(const struct cursor *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

bool cursor_null(const struct cursor *q, int column)
{
	return sqlite3_column_type(q->st, column) == SQLITE_NULL;
}

struct str cursor_str(const struct cursor *q, int column)
{
	const char *p = sqlite3_column_blob(q->st, column);

	return str_n(p, (size_t)sqlite3_column_bytes(q->st, column));
}

int cursor_copy(const struct cursor *q, int column, struct arena *a,
		struct str *ret, struct err *e)
{
	*ret = arena_str(a, cursor_str(q, column));
	return ret->p ? 0 : arena_full(a, e);
}

int db_exec(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
	    struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, id, b, n, e) < 0)
		return -1;
	do {
		rc = cursor_next(&q, e);
	} while (rc > 0);
	return rc;
}

int db_find(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
	    int64_t *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, id, b, n, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc > 0)
		*ret = cursor_i64(&q, 0);
	return rc;
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->h);
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->h);
}
