/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - SQLite as this folder uses it (internal to indexer/index).
 *
 * A struct db is one connection with its array of prepared statements; every
 * SQL text of the program is a row of statements.def and is run by its name.
 * A connection belongs to one thread at a time.
 *
 * A statement that returns rows is run through a cursor:
 *
 *	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
 *
 *	if (cursor_open(&q, db, STMT_RUN_TAGS, BINDS(B(row)), e) < 0)
 *		return -1;
 *	while ((rc = cursor_next(&q, e)) > 0)
 *		use(cursor_str(&q, 0), cursor_i64(&q, 1));
 *	return rc;
 *
 * Cursors nest freely, also of the same statement: where the prepared one is
 * in use a second is prepared for the while. One that returns none is run by
 * db_exec. Values are bound as typed structs: B() takes integers and struct
 * str, BLOB() a struct str of bytes, B_NULL nothing, B_OPT() a struct opt_i64.
 */
#ifndef ORRERY_INDEX_DB_H
#define ORRERY_INDEX_DB_H

#include <sqlite3.h>

#include "indexer/base/arena.h"
#include "indexer/base/field.h"
#include "indexer/index/principal.h"

enum stmt_flags {
	STMT_W = 0,         /* run by the writer alone */
	STMT_R = 1 << 0,    /* run by readers (too): changes nothing */
	STMT_SCAN = 1 << 1, /* reads a whole table or index, on purpose */
};

#define STMT(name, flags, sql) STMT_##name,
enum stmt_id {
#include "indexer/index/statements.def"
	STMTS
};
#undef STMT

struct statement {
	const char *name;
	unsigned flags;
	const char *sql;
};

extern const struct statement statements[STMTS];

struct db {
	sqlite3 *h;
	sqlite3_stmt *stmts[STMTS]; /* prepared when first used */
	bool used[STMTS];           /* an open cursor holds it */
	int64_t queries;            /* statements run */
	struct principal who;       /* for functions in statements */
	int64_t deadline;           /* monotonic ms, 0: none */
};

enum db_mode { DB_WRITER, DB_READER };

/* Open DIR/index.db; the file is made by a writer only. Schema and version
 * are the business of migrate.h. */
int db_open(struct db *db, const char *path, enum db_mode mode, struct err *e);
void db_close(struct db *db);
/* Removes what SQLite leaves beside a database that nobody uses: its WAL, which
 * must be empty, and the index of that. */
void db_remove_sides(const char *path);
/* Fill e from the connection's last error rc; returns -1. */
int db_err(struct db *db, int rc, struct err *e);
/* Plain SQL text of several statements: schema, pragmas, migrations. */
int db_script(struct db *db, const char *sql, struct err *e);
/* One integer of a pragma or the like. */
int db_value(struct db *db, const char *sql, int64_t *ret, struct err *e);

/* For work between statements: ERR_TIMEOUT beyond the deadline. */
int db_in_time(const struct db *db, struct err *e);

struct bind {
	enum { BIND_NULL, BIND_I64, BIND_TEXT, BIND_BLOB, BIND_F64 } type;
	int64_t i;
	double f;
	struct str s;
};

static inline struct bind bind_i64(int64_t v)
{
	return (struct bind){.type = BIND_I64, .i = v};
}

static inline struct bind bind_f64(double v)
{
	return (struct bind){.type = BIND_F64, .f = v};
}

static inline struct bind bind_text(struct str s)
{
	return (struct bind){.type = BIND_TEXT, .s = s};
}

static inline struct bind bind_opt(struct opt_i64 v)
{
	return (struct bind){.type = v.set ? BIND_I64 : BIND_NULL, .i = v.v};
}

#define B(v)                                                                   \
	_Generic((v), struct str                                               \
		 : bind_text, struct opt_i64                                   \
		 : bind_opt, double                                            \
		 : bind_f64, default                                           \
		 : bind_i64)(v)
#define BLOB(v) ((struct bind){.type = BIND_BLOB, .s = (v)})
#define B_NULL  ((struct bind){.type = BIND_NULL})
/* The two arguments "array, count" of the functions below. */
#define BINDS(...)                                                             \
	(const struct bind[]){__VA_ARGS__},                                    \
		sizeof((const struct bind[]){__VA_ARGS__}) /                   \
			sizeof(struct bind)
#define NO_BINDS NULL, 0

/* Run to the end; rows, if any, are skipped. */
int db_exec(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
	    struct err *e);
/* One integer of the first row: 1, or 0 where there is no row. */
int db_find(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
	    int64_t *ret, struct err *e);
/* Rows changed, and row id made, by the last db_exec. */
int64_t db_changes(struct db *db);
int64_t db_last_id(struct db *db);

struct cursor {
	struct db *db;
	sqlite3_stmt *st;
	enum stmt_id id;
	bool own; /* prepared for this cursor alone */
};

#define CURSOR_NONE                                                            \
	{                                                                      \
		NULL, NULL, STMTS, false                                       \
	}

int cursor_open(struct cursor *q, struct db *db, enum stmt_id id,
		const struct bind *b, size_t n, struct err *e);
/* 1 on a row, 0 at the end, -1 */
int cursor_next(struct cursor *q, struct err *e);
void cursor_close(struct cursor *q);

int64_t cursor_i64(const struct cursor *q, int column);
bool cursor_null(const struct cursor *q, int column);
/* Text or blob, valid until the next step; NULL reads as the empty string. */
struct str cursor_str(const struct cursor *q, int column);
/* The same, copied; ERR_TOO_LARGE where the arena is full. */
int cursor_copy(const struct cursor *q, int column, struct arena *a,
		struct str *ret, struct err *e);

/* Of a reader, for queries of other files of this folder; only within
 * reader_begin and reader_end. A query of what hangs below a run or an
 * experiment checks first that this principal may see it: ERR_NOT_FOUND in
 * the words of what is absent. One look per snapshot and run; the owner needs
 * none. */
struct reader;
struct db *reader_db(struct reader *rd);
int reader_sees_run(struct reader *rd, int64_t run_row, struct err *e);
int reader_sees_experiment(struct reader *rd, int64_t row, struct err *e);
int reader_sees_model(struct reader *rd, int64_t model_row, struct err *e);
int reader_sees_trace(struct reader *rd, int64_t trace_row, struct err *e);

/* Exchange the snapshot for the newest one, within reader_begin and
 * reader_end; no cursor may be open. */
int reader_renew(struct reader *rd, struct err *e);

/* What series.c keeps with a reader: made when first used, freed with it. */
struct series_cache;
struct series_cache **reader_series(struct reader *rd);
void series_cache_free(struct series_cache *c);
/* Likewise for spans. */
struct span_codec;
struct span_codec *reader_spans(struct reader *rd);

#endif
