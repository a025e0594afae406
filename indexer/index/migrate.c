/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.c - from no schema, or an older one, to the present one. */
#include "indexer/index/migrate.h"

#include <inttypes.h>

#include "indexer/base/clock.h"
#include "indexer/base/text.h"

/* schema.sql and the steps' files, by embed.py. */
extern const char schema_sql[], schema_2_sql[], schema_3_sql[];

/* A later version gets a row here and a file of its step; schema.sql gets the
 * same change, and SCHEMA_VERSION grows. */
static const struct migration steps[] = {
	{2, schema_2_sql},
	{3, schema_3_sql},
};

const struct schema schema_current = {
	.version = SCHEMA_VERSION,
	.sql = schema_sql,
	.steps = steps,
	.nsteps = sizeof(steps) / sizeof(steps[0]),
};

static int set_version(struct db *db, int64_t version, struct err *e)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "PRAGMA user_version=%" PRId64
		 ";UPDATE state SET schema=%" PRId64 ";",
		 version, version);
	return db_script(db, sql, e);
}

/* The rows that a new index begins with: where it stands, experiment 0, as
 * MLflow has it, and the one that holds what gc takes away. */
static int first_rows(struct db *db, struct err *e)
{
	char sql[1024];
	int64_t now = clock_ms();
	uint64_t epoch;

	random_bytes(&epoch, sizeof(epoch));
	snprintf(sql, sizeof(sql),
		 "PRAGMA application_id=%d;"
		 "INSERT INTO state (id, schema, epoch, change, forgotten,"
		 " last_series, experiments, runs, series, points, artifacts,"
		 " artifact_bytes) VALUES"
		 " (0, 0, %" PRIu64 ", 1, 0, 0, 1, 0, 0, 0, 0, 0);"
		 "INSERT INTO experiment (id, name, dir, artifact_location,"
		 " created, updated, born, change) VALUES (0, 'Default',"
		 " 'Default', 'mlflow-artifacts:/0', %" PRId64 ", %" PRId64
		 ", 1, 1);"
		 "INSERT INTO experiment (id, project, name, dir,"
		 " artifact_location, created, updated, born, change)"
		 " VALUES (-1, -1, '', '/', '', 0, 0, 1, 1);",
		 APPLICATION_ID, epoch >> 1, now, now);
	return db_script(db, sql, e);
}

static int make(struct db *db, const struct schema *s, struct err *e)
{
	if (db_script(db, s->sql, e) < 0 || first_rows(db, e) < 0)
		return -1;
	return set_version(db, s->version, e);
}

static int step(struct db *db, const struct schema *s, int64_t from,
		struct err *e)
{
	for (size_t i = 0; i < s->nsteps; i++) {
		if (s->steps[i].to != from + 1)
			continue;
		if (db_script(db, s->steps[i].sql, e) < 0)
			return -1;
		return set_version(db, from + 1, e);
	}
	return err_set(e, ERR_UNSUPPORTED, "there is no way to it");
}

/* One step in one transaction; from 0 the whole is made at once. */
static int advance(struct db *db, const struct schema *s, int64_t from,
		   struct err *e)
{
	struct err ignored;
	int r;

	if (db_script(db, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	r = from == 0 ? make(db, s, e) : step(db, s, from, e);
	if (r == 0 && db_script(db, "COMMIT", e) == 0)
		return 0;
	if (!sqlite3_get_autocommit(db->h))
		db_script(db, "ROLLBACK", &ignored);
	return -1;
}

/* Another program's database is left alone. */
static int check_ours(struct db *db, struct err *e)
{
	int64_t things, application;

	if (db_value(db, "SELECT count(*) FROM sqlite_schema", &things, e) <
		    0 ||
	    db_value(db, "PRAGMA application_id", &application, e) < 0)
		return -1;
	if (things && application != APPLICATION_ID)
		return err_set(e, ERR_UNSUPPORTED,
			       "this database is not an index of Orrery");
	return 0;
}

int schema_apply(struct db *db, const struct schema *s, struct err *e)
{
	if (check_ours(db, e) < 0)
		return -1;
	for (;;) {
		int64_t version;

		if (db_value(db, "PRAGMA user_version", &version, e) < 0)
			return -1;
		if (version == s->version)
			return 0;
		if (version > s->version)
			return err_set(e, ERR_UNSUPPORTED,
				       "the index has schema version %" PRId64
				       ", this program knows up to %" PRId64
				       ": use a newer one",
				       version, s->version);
		if (advance(db, s, version, e) < 0)
			return err_wrap(e, "schema version %" PRId64,
					version + 1);
	}
}

int schema_check(struct db *db, struct err *e)
{
	int64_t version, application;

	if (db_value(db, "PRAGMA user_version", &version, e) < 0 ||
	    db_value(db, "PRAGMA application_id", &application, e) < 0)
		return -1;
	if (version == 0)
		return err_set(e, ERR_UNAVAILABLE, "the index is not made yet");
	if (version != SCHEMA_VERSION || application != APPLICATION_ID)
		return err_set(e, ERR_UNSUPPORTED,
			       "the index has schema version %" PRId64
			       ", this program reads %d",
			       version, SCHEMA_VERSION);
	return 0;
}
