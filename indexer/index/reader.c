/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - snapshots of the index.
 *
 * BEGIN alone takes no snapshot in SQLite; the first query does. So begin
 * reads the state row, which fixes the snapshot and tells its number.
 */
#include "indexer/index/reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/bulletin.h"
#include "indexer/index/db.h"
#include "indexer/index/limits.h"
#include "indexer/index/migrate.h"
#include "indexer/index/span_block.h"

struct reader {
	struct db db;
	struct bulletin *bulletin; /* NULL where it cannot be mapped */
	char *path;
	int64_t change, epoch, forgotten;
	int64_t queries; /* of connections closed since */
	bool begun;
	/* Rows that this principal was found to see in this snapshot. */
	int64_t seen_run, seen_experiment, seen_model, seen_trace;
	struct series_cache *series;
	struct span_codec *spans;
};

enum { NOTHING_SEEN = -1 };

static int connect_db(struct reader *rd, struct err *e)
{
	if (access(rd->path, F_OK) < 0)
		return err_sys(e, errno, "%s", rd->path);
	if (db_open(&rd->db, rd->path, DB_READER, e) < 0)
		return -1;
	if (schema_check(&rd->db, e) == 0)
		return 0;
	db_close(&rd->db);
	return err_wrap(e, "%s", rd->path);
}

struct reader *reader_open(const char *dir, struct err *e)
{
	struct reader *rd = calloc(1, sizeof(*rd));
	struct err ignored;

	if (!rd || asprintf(&rd->path, "%s/index.db", dir) < 0)
		abort();
	if (connect_db(rd, e) < 0) {
		free(rd->path);
		free(rd);
		return NULL;
	}
	rd->bulletin = bulletin_open(dir, &ignored);
	return rd;
}

void reader_close(struct reader *rd)
{
	if (!rd)
		return;
	assert(!rd->begun);
	series_cache_free(rd->series);
	span_codec_free(rd->spans);
	bulletin_close(rd->bulletin);
	db_close(&rd->db);
	free(rd->path);
	free(rd);
}

/* Fix the snapshot. */
static int look(struct reader *rd, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (db_exec(&rd->db, STMT_SNAPSHOT, NO_BINDS, e) < 0 ||
	    cursor_open(&q, &rd->db, STMT_SNAPSHOT_STATE, NO_BINDS, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return err_set(e, ERR_CORRUPT, "index: no state row");
	rd->change = cursor_i64(&q, 0);
	rd->epoch = cursor_i64(&q, 1);
	rd->forgotten = cursor_i64(&q, 2);
	if (cursor_i64(&q, 3) != SCHEMA_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
			       "the index now has schema version %" PRId64
			       ", this program reads %d",
			       cursor_i64(&q, 3), SCHEMA_VERSION);
	return 0;
}

static void end_snapshot(struct reader *rd)
{
	struct err ignored;

	rd->db.deadline = 0;
	if (!sqlite3_get_autocommit(rd->db.h))
		db_exec(&rd->db, STMT_ROLLBACK, NO_BINDS, &ignored);
}

static int begin_snapshot(struct reader *rd, struct err *e)
{
	if (!rd->db.h && connect_db(rd, e) < 0)
		return -1;
	if (rd->bulletin)
		bulletin_gate_pass(rd->bulletin);
	rd->db.deadline = clock_mono_ms() + LIMIT_READ_MS;
	if (look(rd, e) == 0)
		return 0;
	end_snapshot(rd);
	return -1;
}

/* Was the file replaced (restored) since this connection opened it? */
static bool is_stale(const struct reader *rd)
{
	return rd->bulletin && bulletin_epoch(rd->bulletin) != rd->epoch;
}

static void forget_seen(struct reader *rd)
{
	rd->seen_run = rd->seen_experiment = NOTHING_SEEN;
	rd->seen_model = rd->seen_trace = NOTHING_SEEN;
}

int reader_begin(struct reader *rd, const struct principal *who, struct err *e)
{
	assert(!rd->begun);
	if (begin_snapshot(rd, e) < 0)
		return -1;
	if (is_stale(rd)) {
		end_snapshot(rd);
		rd->queries += rd->db.queries;
		db_close(&rd->db);
		if (begin_snapshot(rd, e) < 0)
			return -1;
	}
	rd->db.who = *who;
	forget_seen(rd);
	rd->begun = true;
	return 0;
}

void reader_end(struct reader *rd)
{
	if (!rd->begun)
		return;
	end_snapshot(rd);
	rd->begun = false;
}

/* No waiting at the gate: who holds a snapshot may exchange it, and others
 * wait for the lock under which this is done. */
int reader_renew(struct reader *rd, struct err *e)
{
	int64_t deadline = rd->db.deadline;

	assert(rd->begun);
	end_snapshot(rd);
	forget_seen(rd);
	rd->db.deadline = deadline;
	return look(rd, e);
}

int64_t reader_change(const struct reader *rd)
{
	return rd->change;
}

int64_t reader_epoch(const struct reader *rd)
{
	return rd->epoch;
}

int64_t reader_forgotten(const struct reader *rd)
{
	return rd->forgotten;
}

int64_t reader_queries(const struct reader *rd)
{
	return rd->queries + rd->db.queries;
}

struct db *reader_db(struct reader *rd)
{
	assert(rd->begun);
	return &rd->db;
}

struct series_cache **reader_series(struct reader *rd)
{
	return &rd->series;
}

struct span_codec *reader_spans(struct reader *rd)
{
	if (!rd->spans)
		rd->spans = span_codec_new();
	return rd->spans;
}

/* seen remembers the last row that was found to be visible. */
static int sees_row(struct reader *rd, enum stmt_id id, int64_t row,
		    int64_t *seen, struct err *e)
{
	int64_t found;
	int rc;

	assert(rd->begun);
	if (principal_sees_all(&rd->db.who) || row == *seen)
		return 1;
	rc = db_find(&rd->db, id, BINDS(B(row)), &found, e);
	if (rc > 0)
		*seen = row;
	return rc;
}

int reader_sees_run(struct reader *rd, int64_t run_row, struct err *e)
{
	int rc = sees_row(rd, STMT_RUN_SEEN, run_row, &rd->seen_run, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Run not found");
	return rc < 0 ? -1 : 0;
}

int reader_sees_experiment(struct reader *rd, int64_t row, struct err *e)
{
	int rc = sees_row(rd, STMT_EXPERIMENT_SEEN, row, &rd->seen_experiment,
			  e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "No Experiment with id=%" PRId64 " exists", row);
	return rc < 0 ? -1 : 0;
}

int reader_sees_model(struct reader *rd, int64_t model_row, struct err *e)
{
	int rc = sees_row(rd, STMT_LOGGED_SEEN, model_row, &rd->seen_model, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Logged model not found.");
	return rc < 0 ? -1 : 0;
}

int reader_sees_trace(struct reader *rd, int64_t trace_row, struct err *e)
{
	int rc = sees_row(rd, STMT_TRACE_SEEN, trace_row, &rd->seen_trace, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Trace not found.");
	return rc < 0 ? -1 : 0;
}
