/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - is all as it must be?
 *
 * Beside a running daemon or without one, read only. In one snapshot: SQLite's
 * own checks, and rules between tables, each of which is a statement that
 * finds its offenders. Then the points, series by series, and the spans, trace
 * by trace.
 */
#include <stdarg.h>

#include "indexer/base/scope.h"
#include "indexer/index/index.h"
#include "indexer/index/migrate.h"
#include "indexer/index/names.h"
#include "indexer/index/points.h"
#include "indexer/index/trace_write.h"

/* Rows of each are offenders, described by their first column. */
static const struct rule {
	enum stmt_id id;
	const char *what;
} rules[] = {
	{STMT_CHECK_INTEGRITY, "the database file"},
	{STMT_CHECK_REFERENCES, "a row refers to what does not exist"},
	{STMT_CHECK_STATE, "a total differs from what is there"},
	{STMT_CHECK_AHEAD, "a row is newer than the index"},
	{STMT_CHECK_BELOW, "a run is older than what hangs on it"},
	{STMT_CHECK_RUN_NAME, "a run's name and its tag differ"},
	{STMT_CHECK_SERIES_IDS, "a series has an id beyond the last one"},
	{STMT_CHECK_NODES, "an artifact lies in no directory of its owner"},
	{STMT_CHECK_OBJECTS, "an artifact with bytes has no object"},
	{STMT_CHECK_GARBAGE, "an object in use is marked as garbage"},
	{STMT_CHECK_SUMS, "sums of an object that is no more"},
	{STMT_CHECK_LOGGED, "a logged model is in no state"},
	{STMT_CHECK_LOGGED_BELOW,
	 "a logged model is older than what hangs on it"},
	{STMT_CHECK_INPUTS, "a run took a dataset of another experiment"},
	{STMT_CHECK_MODEL_BELOW, "a model is older than what hangs on it"},
	{STMT_CHECK_VERSION_NUMBERS, "a version has no number or stage"},
	{STMT_CHECK_ALIASES, "an alias names another model's version"},
	{STMT_CHECK_PROJECTS, "its project does not exist"},
	{STMT_CHECK_TRACES, "a trace is in no state"},
	{STMT_CHECK_TRACE_BELOW, "a trace is older than what hangs on it"},
	{STMT_CHECK_ASSESSMENTS, "an assessment is of no kind"},
};

/* Where findings go. */
struct finder {
	void (*report)(void *ctx, const char *what, const char *detail);
	void *ctx;
};

static void finding(const struct finder *f, const char *what, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

static void finding(const struct finder *f, const char *what, const char *fmt,
		    ...)
{
	char detail[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	f->report(f->ctx, what, detail);
}

static int check_rule(struct db *db, const struct rule *rule,
		      const struct finder *f, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, rule->id, NO_BINDS, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct str found = cursor_str(&q, 0);

		finding(f, rule->what, "%.*s", STR_ARG(found));
	}
	return rc;
}

/* A directory name is the form of the full name. */
static int check_dirs(struct db *db, const struct finder *f, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	char want[NAME_FILE_MAX];
	int rc;

	if (cursor_open(&q, db, STMT_CHECK_DIRS, NO_BINDS, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct str dir = cursor_str(&q, 1);
		size_t n = name_to_file(cursor_str(&q, 0), want);

		if (!str_eq(dir, str_n(want, n)))
			finding(f, "a directory is not its name",
				"%.*s, not %s", STR_ARG(dir), want);
	}
	return rc;
}

static int check_rules(struct db *db, const struct finder *f, struct err *e)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (check_rule(db, &rules[i], f, e) < 0)
			return -1;
	return check_dirs(db, f, e);
}

static int check_all(struct db *db, const struct finder *f, struct err *e)
{
	struct err ignored;
	int rc;

	if (schema_check(db, e) < 0 ||
	    db_exec(db, STMT_SNAPSHOT, NO_BINDS, e) < 0)
		return -1;
	rc = check_rules(db, f, e);
	db_exec(db, STMT_ROLLBACK, NO_BINDS, &ignored);
	if (rc < 0 || points_check(db, f->report, f->ctx, e) < 0)
		return -1;
	return traces_check(db, f->report, f->ctx, e);
}

int index_check(const char *dir,
		void (*report)(void *ctx, const char *what, const char *detail),
		void *ctx, struct err *e)
{
	SCOPED_FREE char *path = NULL;
	struct finder f = {report, ctx};
	struct db db;
	int rc;

	if (asprintf(&path, "%s/index.db", dir) < 0)
		abort();
	if (access(path, F_OK) < 0)
		return err_sys(e, errno, "%s", path);
	if (db_open(&db, path, DB_READER, e) < 0)
		return -1;
	rc = check_all(&db, &f, e);
	db_close(&db);
	if (rc < 0 && e->kind == ERR_CORRUPT) {
		finding(&f, "the database file", "%s", e->msg);
		return 0;
	}
	return rc;
}
