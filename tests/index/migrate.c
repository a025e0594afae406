/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.c - a schema is made, brought forward step by step, or refused. */
#include "indexer/index/migrate.h"

#include "tests/index/fixture.h"

static struct fixture fx;
static struct db db;

static const struct migration steps[] = {
	{SCHEMA_VERSION + 1, "ALTER TABLE run ADD COLUMN note TEXT;"},
	{SCHEMA_VERSION + 2, "CREATE TABLE extra (a INTEGER) STRICT;"
			     "INSERT INTO extra VALUES (1);"},
};

static const struct migration broken[] = {
	{SCHEMA_VERSION + 3, "CREATE TABLE half (a INTEGER) STRICT;"
			     "INSERT INTO nowhere VALUES (1);"},
};

static struct schema later(const struct migration *m, size_t n, int64_t by)
{
	return (struct schema){.version = SCHEMA_VERSION + by,
			       .sql = schema_current.sql,
			       .steps = m,
			       .nsteps = n};
}

static int64_t value(const char *sql)
{
	int64_t v = -1;

	return db_value(&db, sql, &v, &fx.e) < 0 ? -1 : v;
}

static void made(void)
{
	works(schema_apply(&db, &schema_current, &fx.e));
	works(schema_apply(&db, &schema_current, &fx.e));
	is_i64(value("PRAGMA user_version"), SCHEMA_VERSION, "its version");
	is_i64(value("SELECT schema FROM state"), SCHEMA_VERSION,
	       "is in the state row, too");
	is_i64(value("PRAGMA application_id"), APPLICATION_ID, "it is ours");
	ok(value("SELECT epoch FROM state") > 0, "it has an epoch");
	is_i64(value("SELECT count(*) FROM experiment WHERE id = 0"), 1,
	       "experiment 0 is there");
	works(schema_check(&db, &fx.e));
}

static void forward(void)
{
	struct schema s = later(steps, 2, 2);

	works(schema_apply(&db, &s, &fx.e));
	is_i64(value("PRAGMA user_version"), SCHEMA_VERSION + 2,
	       "all steps are taken");
	is_i64(value("SELECT schema FROM state"), SCHEMA_VERSION + 2,
	       "and told to readers");
	is_i64(value("SELECT count(*) FROM extra"), 1, "each once");
	is_i64(value("SELECT count(note) FROM run"), 0, "in order");
	works(schema_apply(&db, &s, &fx.e));
	is_i64(value("SELECT count(*) FROM extra"), 1, "and never again");
	fails(schema_check(&db, &fx.e), ERR_UNSUPPORTED, "schema version");
}

static void refused(void)
{
	struct schema s = later(broken, 1, 3), gap = later(steps, 2, 9);

	fails(schema_apply(&db, &schema_current, &fx.e), ERR_UNSUPPORTED,
	      "use a newer one");
	fails(schema_apply(&db, &s, &fx.e), ERR_INTERNAL, "nowhere");
	is_i64(value("PRAGMA user_version"), SCHEMA_VERSION + 2,
	       "a step that fails is taken back whole");
	is_i64(value("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"),
	       0, "with all it made");
	fails(schema_apply(&db, &gap, &fx.e), ERR_UNSUPPORTED, "no way");
}

static void of_another_program(void)
{
	works(db_script(&db, "PRAGMA application_id=1", &fx.e));
	fails(schema_apply(&db, &schema_current, &fx.e), ERR_UNSUPPORTED,
	      "not an index of Orrery");
}

/* What a mount and a daemon of the present version say to it. */
static void of_programs(void)
{
	db_close(&db);
	ok(!reader_open(fx.dir, &fx.e) && fx.e.kind == ERR_UNSUPPORTED,
	   "a reader meets another version");
	ok(!index_open(fx.dir, &fx.e) && fx.e.kind == ERR_UNSUPPORTED,
	   "a daemon does not touch it");
}

/* A daemon of another version took over while a reader was open. */
static void under_a_reader(void)
{
	fx_start(&fx);
	fx_begin(&fx);
	fx_finish(&fx);
	index_close(fx.ix);
	char path[300];
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	works(db_open(&db, path, DB_WRITER, &fx.e));
	works(db_script(&db, "UPDATE state SET schema = 99", &fx.e));
	fails(reader_begin(fx.rd, &fx.who, &fx.e), ERR_UNSUPPORTED,
	      "schema version 99");
	works(db_script(&db, "UPDATE state SET schema = 2", &fx.e));
	db_close(&db);
	works(reader_begin(fx.rd, &fx.who, &fx.e));
	reader_end(fx.rd);
	reader_close(fx.rd);
	fx_remove_dir(&fx);
}

int main(void)
{
	char path[300];

	fx_make_dir(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	works(db_open(&db, path, DB_WRITER, &fx.e));
	made();
	forward();
	refused();
	of_another_program();
	of_programs();
	fx_remove_dir(&fx);
	under_a_reader();
	return tap_done();
}
