/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.c - a schema is made, brought forward step by step, or refused; an
 * index of each released version comes to be as one made anew. The argument
 * is the directory of their schemas. */
#include "indexer/index/migrate.h"

#include "indexer/base/scope.h"
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
	snprintf(path, sizeof(path), "UPDATE state SET schema = %d",
		 SCHEMA_VERSION);
	works(db_script(&db, path, &fx.e));
	db_close(&db);
	works(reader_begin(fx.rd, &fx.who, &fx.e));
	reader_end(fx.rd);
	reader_close(fx.rd);
	fx_remove_dir(&fx);
}

/* --- released versions --------------------------------------------------- */

/* All tables, their columns and indexes, a line each. */
static const char *shape(struct db *d)
{
	static const char sql[] =
		"SELECT group_concat(line, char(10)) FROM (SELECT m.name || ' '"
		" || c.cid || ' ' || c.name || ' ' || c.type || ' ' ||"
		" c.\"notnull\" || ' ' || ifnull(c.dflt_value, '-') || ' ' ||"
		" c.pk || ' ' || c.hidden AS line FROM sqlite_schema m,"
		" pragma_table_xinfo(m.name) c WHERE m.type = 'table'"
		" UNION ALL SELECT m.name || ' ' || i.name || ' ' || "
		"i.\"unique\""
		" || i.partial || ' ' || (SELECT group_concat(ifnull(x.name,"
		" '-') || x.\"desc\") FROM pragma_index_xinfo(i.name) x)"
		" FROM sqlite_schema m, pragma_index_list(m.name) i"
		" WHERE m.type = 'table' ORDER BY line)";
	sqlite3_stmt *st = NULL;
	const char *ret = "";

	if (sqlite3_prepare_v2(d->h, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		ret = arena_strdup(
			&fx.a,
			str_from((const char *)sqlite3_column_text(st, 0)));
	else
		printf("# %s\n", sqlite3_errmsg(d->h));
	sqlite3_finalize(st);
	return ret;
}

static const char *read_file(const char *dir, const char *name)
{
	char path[400];
	SCOPED(buf_fini) struct buf b;
	char part[4096];
	size_t n;
	FILE *f;

	buf_init(&b, 1 << 20);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!ok(f != NULL, name))
		exit(1);
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(&b, part, n);
	fclose(f);
	return arena_strdup(&fx.a, buf_view(&b));
}

/* What stands in an index of version 1, and must stand in it still. */
static const char content_1[] =
	"PRAGMA application_id=0x4f525259;"
	"INSERT INTO state VALUES (0, 1, 77, 9, 3, 0, 1, 1, 0, 0, 2, 5);"
	"INSERT INTO experiment (id, name, dir, artifact_location, created,"
	" updated, born, change) VALUES (0, 'Default', 'Default', 'x:/0', 1, 1,"
	" 1, 1);"
	"INSERT INTO experiment (id, project, name, dir, artifact_location,"
	" created, updated, born, change) VALUES (-1, -1, '', '/', '', 0, 0, 1,"
	" 1);"
	"INSERT INTO run (id, uuid, experiment, name, dir, user, status,"
	" start_time, modified, born, change) VALUES (4, 'r', 0, 'n', 'n', '',"
	" 1, 1, 1, 1, 8);"
	"INSERT INTO logged_model (id, uuid, experiment, name, model_type,"
	" source_run, status, created, updated, modified, born, change) VALUES"
	" (7, 'm-1', 0, 'm', '', '', 1, 1, 1, 1, 1, 8);"
	"INSERT INTO artifact (id, owner, parent, name, is_dir, key, size,"
	" sha256, crc32c, mtime, mode, born, change) VALUES"
	" (5, 4, 0, 'a', 0, 'k', 3, '', '', 1, 420, 8, 8),"
	" (6, -7, 0, 'b', 0, 'l', 2, '', '', 1, 420, 8, 8);"
	"INSERT INTO artifact (id, owner, parent, name, is_dir, key, size,"
	" sha256, crc32c, mtime, mode, born, change) VALUES"
	" (90, 4, 0, 'gone', 0, '', 0, '', '', 1, 420, 8, 8);"
	"DELETE FROM artifact WHERE id = 90;"
	"PRAGMA user_version=1;";

static const char content_2[] =
	"PRAGMA application_id=0x4f525259;"
	"INSERT INTO state VALUES (0, 2, 77, 9, 3, 0, 1, 1, 0, 0, 1, 3, 0, 0);"
	"INSERT INTO experiment (id, name, dir, artifact_location, created,"
	" updated, born, change) VALUES (0, 'Default', 'Default', 'x:/0', 1, 1,"
	" 1, 1);"
	"INSERT INTO experiment (id, project, name, dir, artifact_location,"
	" created, updated, born, change) VALUES (-1, -1, '', '/', '', 0, 0, 1,"
	" 1);"
	"INSERT INTO run (id, uuid, experiment, name, dir, user, status,"
	" start_time, modified, born, change) VALUES (4, 'r', 0, 'n', 'n', '',"
	" 1, 1, 1, 1, 8);"
	"INSERT INTO artifact (id, owner, parent, name, is_dir, key, size,"
	" sha256, crc32c, mtime, mode, born, change) VALUES"
	" (5, 4, 0, 'a', 0, 'k', 3, '', '', 1, 420, 8, 8);"
	"PRAGMA user_version=2;";

static void from_version_1(const char *dir, const char *want)
{
	works(db_script(&db, read_file(dir, "schema_1.sql"), &fx.e));
	works(db_script(&db, content_1, &fx.e));
	works(schema_apply(&db, &schema_current, &fx.e));
	works(schema_check(&db, &fx.e));
	is_str(shape(&db), want, "an index of version 1 becomes as a new one");
	is_i64(value("SELECT epoch FROM state"), 77, "it is the same index");
	is_i64(value("SELECT traces + spans FROM state"), 0, "without traces");
	is_i64(value("SELECT sum(run) FROM artifact"), 4, "of a run");
	is_i64(value("SELECT sum(model) FROM artifact"), 7, "of a model");
	is_i64(value("SELECT count(trace) FROM artifact"), 0, "of no trace");
	is_i64(value("SELECT seq FROM sqlite_sequence"
		     " WHERE name = 'artifact'"),
	       90, "no row id comes to be used twice");
}

/* One of version 2: what stood in it needs no change. */
static void from_version_2(const char *dir, const char *want)
{
	works(db_script(&db, read_file(dir, "schema_2.sql"), &fx.e));
	works(db_script(&db, content_2, &fx.e));
	works(schema_apply(&db, &schema_current, &fx.e));
	works(schema_check(&db, &fx.e));
	is_str(shape(&db), want, "an index of version 2 becomes as a new one");
	is_i64(value("SELECT sum(run) FROM artifact"), 4, "an artifact of it");
	is_i64(value("SELECT count(*) FROM object_sums"), 0, "without sums");
}

static void complain(void *ctx, const char *what, const char *detail)
{
	(void)ctx;
	ok(false, what);
	printf("# %s\n", detail);
}

static void released(const char *dir,
		     void (*from)(const char *dir, const char *want))
{
	char path[300], fresh[300];
	const char *want;

	fx_make_dir(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	snprintf(fresh, sizeof(fresh), "%s/fresh.db", fx.dir);
	works(db_open(&db, fresh, DB_WRITER, &fx.e));
	works(schema_apply(&db, &schema_current, &fx.e));
	want = shape(&db);
	db_close(&db);
	works(db_open(&db, path, DB_WRITER, &fx.e));
	from(dir, want);
	db_close(&db);
	works(index_check(fx.dir, complain, NULL, &fx.e));
	fx_remove_dir(&fx);
}

int main(int argc, char **argv)
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
	if (ok(argc == 2, "the directory of old schemas is given")) {
		released(argv[1], from_version_1);
		released(argv[1], from_version_2);
	}
	return tap_done();
}
