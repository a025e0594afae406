/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - what index_check finds: each rule is broken once by hand. */
#include <sys/stat.h>

#include "indexer/index/db.h"
#include "tests/index/registry.h"

static struct fixture fx;

struct found {
	int n;
	char what[200];
};

static void report(void *ctx, const char *what, const char *detail)
{
	struct found *f = ctx;

	f->n++;
	snprintf(f->what, sizeof(f->what), "%s: %s", what, detail);
}

static int run_sql(const char *sql)
{
	char path[300];
	struct db db;
	int rc;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	if (db_open(&db, path, DB_WRITER, &fx.e) < 0)
		return -1;
	db_script(&db, "PRAGMA foreign_keys=OFF", &fx.e);
	rc = db_script(&db, sql, &fx.e);
	db_close(&db);
	return rc;
}

static const struct {
	const char *harm, *cure, *what;
} rows[] = {
	{"UPDATE state SET runs = runs + 1", "UPDATE state SET runs = runs - 1",
	 "a total differs"},
	{"UPDATE state SET artifact_bytes = 5",
	 "UPDATE state SET artifact_bytes = 3", "a total differs"},
	{"UPDATE tag SET change = change + 1000 WHERE key = 't'",
	 "UPDATE tag SET change = change - 1000 WHERE key = 't'",
	 "a run is older"},
	{"UPDATE run SET change = change + 1000",
	 "UPDATE run SET change = change - 1000", "newer than the index"},
	{"UPDATE run SET name = name || 'x'", "UPDATE run SET name = 'r'",
	 "name and its tag differ"},
	{"UPDATE experiment SET dir = 'x' WHERE id = 0",
	 "UPDATE experiment SET dir = 'Default' WHERE id = 0",
	 "directory is not its name"},
	{"UPDATE artifact SET parent = 999 WHERE name = 'f'",
	 "UPDATE artifact SET parent = 1 WHERE name = 'f'", "in no directory"},
	{"UPDATE artifact SET key = '' WHERE name = 'f'",
	 "UPDATE artifact SET key = 'k' WHERE name = 'f'", "has no object"},
	{"UPDATE artifact SET owner = 77", "UPDATE artifact SET owner = 1",
	 "in no directory"},
	{"INSERT INTO garbage VALUES ('k', 3, 1, 1, 'f', 0)",
	 "DELETE FROM garbage", "marked as garbage"},
	{"UPDATE state SET last_series = 0", "UPDATE state SET last_series = 1",
	 "id beyond the last"},
	{"UPDATE param SET run = 77", "UPDATE param SET run = 1",
	 "refers to what does not exist"},
	{"UPDATE series SET count = count + 1; UPDATE state SET points = 2",
	 "UPDATE series SET count = count - 1; UPDATE state SET points = 1",
	 "points"},
	{"UPDATE model_version SET number = 9 WHERE number = 1",
	 "UPDATE model_version SET number = 1 WHERE number = 9",
	 "no number or stage"},
	{"UPDATE model_version SET stage = 7",
	 "UPDATE model_version SET stage = 0", "no number or stage"},
	{"UPDATE registered_model SET change = 1",
	 "UPDATE registered_model SET change = (SELECT change FROM state)",
	 "a model is older"},
	{"UPDATE registered_model SET dir = 'x' WHERE name = 'm'",
	 "UPDATE registered_model SET dir = 'm' WHERE name = 'm'",
	 "directory is not its name"},
	{"UPDATE model_alias SET model = 2", "UPDATE model_alias SET model = 1",
	 "another model's version"},
	{"UPDATE model_alias SET change = change + 1000",
	 "UPDATE model_alias SET change = change - 1000", "model is older"},
};

static void broken(size_t i)
{
	struct found f = {0};
	char what[200];

	works(run_sql(rows[i].harm));
	works(index_check(fx.dir, report, &f, &fx.e));
	snprintf(what, sizeof(what), "found: %s", rows[i].what);
	if (!ok(f.n > 0 && strstr(f.what, rows[i].what), what))
		printf("# %s\n", f.what);
	works(run_sql(rows[i].cure));
	f = (struct found){0};
	works(index_check(fx.dir, report, &f, &fx.e));
	if (!ok(f.n == 0, "and mended"))
		printf("# %s\n", f.what);
}

/* Bytes of the file itself. */
static void damaged(void)
{
	struct found f = {0};
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	file = fopen(path, "r+");
	fseek(file, 4096 * 3, SEEK_SET);
	for (int i = 0; i < 8192; i++)
		putc('z', file);
	fclose(file);
	works(index_check(fx.dir, report, &f, &fx.e));
	ok(f.n > 0, "damage of the file is found");
}

static void copy_file(const char *name, const char *to_dir, bool harm)
{
	char from[300], to[300];
	FILE *in, *out;
	int c;

	snprintf(from, sizeof(from), "%s/%s", fx.dir, name);
	snprintf(to, sizeof(to), "%s/%s", to_dir, name);
	in = fopen(from, "r");
	out = fopen(to, "w");
	for (int64_t i = 0; (c = getc(in)) != EOF; i++)
		putc(harm && i > 8192 && i < 32768 ? 'z' : c, out);
	fclose(in);
	fclose(out);
}

/* As a crash leaves it: with a WAL. The daemon looks before it starts. */
static void damaged_by_crash(void)
{
	char whole[300], harmed[300];
	struct index *ix;

	snprintf(whole, sizeof(whole), "%s/whole", fx.dir);
	snprintf(harmed, sizeof(harmed), "%s/harmed", fx.dir);
	ok(!mkdir(whole, 0700) && !mkdir(harmed, 0700), "two directories");
	fx_close(&fx);
	fx_open(&fx);
	works(fx_tag(&fx, fx_run(&fx, "0", "s"), "t", "1"));
	copy_file("index.db", whole, false);
	copy_file("index.db-wal", whole, false);
	copy_file("index.db", harmed, true);
	copy_file("index.db-wal", harmed, false);
	fx_close(&fx);
	ix = index_open(whole, &fx.e);
	ok(ix != NULL, "a crash alone is no harm");
	index_close(ix);
	ix = index_open(harmed, &fx.e);
	ok(!ix && fx.e.kind == ERR_CORRUPT && strstr(fx.e.msg, "harmed"),
	   "a damaged file is refused after one");
}

int main(void)
{
	const char *run;

	fx_start(&fx);
	run = fx_run(&fx, "0", "r");
	works(fx_param(&fx, run, "p", "1"));
	works(fx_tag(&fx, run, "t", "1"));
	works(fx_metric(&fx, run, "m", 1, 1));
	works(fx_put(&fx, run, "d/f", "k", 3));
	works(rg_create(&fx, "m", NULL, 0));
	works(rg_create(&fx, "n", NULL, 0));
	rg_add(&fx, "m", "s3://b/1", "");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "m", "a", "1"));
	fx_close(&fx);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		broken(i);
	fx_open(&fx);
	damaged_by_crash();
	damaged();
	fx_remove_dir(&fx);
	return tap_done();
}
