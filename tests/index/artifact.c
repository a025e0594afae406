/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.c - the tree of a run's artifacts: what the commands do to it. */
#include "indexer/base/clock.h"
#include "indexer/index/db.h"
#include "indexer/objects/sums.h"
#include "tests/index/fixture.h"

static struct fixture fx;
static const char *run_id;

/* All zero where there is none; fx.e tells why. */
static struct artifact see(const char *run, const char *path)
{
	struct artifact x = {0};
	struct run r = fx_see_run(&fx, run);

	fx_begin(&fx);
	artifact_by_path(fx.rd, r.row, str_from(path), &fx.a, &x, &fx.e);
	fx_finish(&fx);
	return x;
}

static bool there(const char *path)
{
	return see(run_id, path).owner_row != 0;
}

static int append_name(void *ctx, const struct artifact *x, struct err *e)
{
	char *out = ctx;

	(void)e;
	snprintf(out + strlen(out), 200 - strlen(out), "%.*s%s ",
		 STR_ARG(x->name), x->is_dir ? "/" : "");
	return 0;
}

/* Names in a directory, in order of making. */
static const char *list(const char *run, const char *path)
{
	static char out[200];
	struct artifact dir = see(run, path);

	out[0] = '\0';
	fx_begin(&fx);
	artifact_each(fx.rd, dir.owner_row, dir.row, 0, append_name, out,
		      &fx.e);
	fx_finish(&fx);
	return out;
}

static struct index_totals totals(void)
{
	struct index_totals t = {0};

	fx_begin(&fx);
	index_totals(fx.rd, &t, &fx.e);
	fx_finish(&fx);
	return t;
}

static int64_t rows(const char *sql)
{
	char path[300];
	int64_t n = -1;
	struct db db;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	if (db_open(&db, path, DB_READER, &fx.e) < 0)
		return -1;
	db_value(&db, sql, &n, &fx.e);
	db_close(&db);
	return n;
}

static int64_t garbage(void)
{
	return rows("SELECT count(*) FROM garbage");
}

static void putting(void)
{
	struct artifact x;

	works(fx_put(&fx, run_id, "model/weights.bin", "0/r/w1", 100));
	x = see(run_id, "model/weights.bin");
	is_i64(x.size, 100, "its size");
	is_str(x.key.p, "0/r/w1", "its object");
	ok(!x.is_dir && x.mtime > 0 && x.mode == 0644, "a plain file");
	x = see(run_id, "model");
	ok(x.is_dir && x.mode == 0755, "the directory on the way was made");
	is_str(list(run_id, ""), "model/ ", "the root lists it");
	works(fx_put(&fx, run_id, "empty", "", 0));
	is_i64(totals().artifacts, 2, "files are counted");
	is_i64(totals().artifact_bytes, 100, "and their bytes");
	fails(fx_put(&fx, run_id, "model", "k", 1), ERR_IS_DIR, "directory");
	fails(fx_put(&fx, run_id, "empty/x", "k", 1), ERR_NOT_DIR, "'empty'");
	fails(fx_put(&fx, run_id, "a/../b", "k", 1), ERR_INVALID,
	      "Invalid path");
	fails(fx_put(&fx, run_id, "nokey", "", 5), ERR_INVALID, "'key'");
	fails(fx_put(&fx, run_id, "negative", "k", -1), ERR_INVALID, "'size'");
	ok(!there("negative"), "what was refused is not there");
}

static void replacing(void)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);

	x->run_id = str_from(run_id);
	x->path = STR("model/weights.bin");
	x->key = STR("0/r/w2");
	x->size = (struct opt_i64){50, true};
	x->mtime = (struct opt_i64){1234, true};
	works(index_apply(fx.ix, &x->c, &fx.e));
	ok(str_is(x->ret_replaced, "0/r/w1"), "the key it replaced is told");
	command_free(&x->c);
	is_i64(see(run_id, "model/weights.bin").mtime, 1234, "times are kept");
	is_i64(totals().artifact_bytes, 50, "bytes follow");
	is_i64(garbage(), 1, "the old object is garbage");
	works(fx_put(&fx, run_id, "model/weights.bin", "0/r/w2", 50));
	is_i64(garbage(), 1, "the same object again is not");
	x = command_new(COMMAND_ARTIFACT_PUT);
	x->run_id = str_from(run_id);
	x->path = STR("model/weights.bin");
	x->size = (struct opt_i64){0, true};
	x->exclusive = (struct opt_bool){true, true};
	fails(fx_apply(&fx, &x->c), ERR_EXISTS, "exists");
}

static int set(const char *path, int64_t mtime, int64_t mode)
{
	struct cmd_artifact_set *x = command_new(COMMAND_ARTIFACT_SET);

	x->run_id = str_from(run_id);
	x->path = str_from(path);
	x->mtime = (struct opt_i64){mtime, mtime >= 0};
	x->mode = (struct opt_i64){mode, mode >= 0};
	return fx_apply(&fx, &x->c);
}

static void setting(void)
{
	int64_t change;

	works(set("model/weights.bin", 777, 0600));
	is_i64(see(run_id, "model/weights.bin").mtime, 777, "mtime is set");
	is_i64(see(run_id, "model/weights.bin").mode, 0600, "mode is set");
	works(set("model", 888, -1));
	is_i64(see(run_id, "model").mtime, 888, "of a directory, too");
	works(set("", 999, 0700));
	is_i64(see(run_id, "").mtime, 999, "of the root, too");
	is_i64(see(run_id, "").mode, 0700, "with its mode");
	change = fx_see_run(&fx, run_id).change;
	works(set("model/weights.bin", 777, 0600));
	works(set("model", 888, 0755));
	works(set("", 999, 0700));
	is_i64(fx_see_run(&fx, run_id).change, change,
	       "the same again changes nothing");
	fails(set("nothing", 1, -1), ERR_NOT_FOUND, "No such artifact");
}

static void directories(void)
{
	works(fx_mkdir(&fx, run_id, "d"));
	fails(fx_mkdir(&fx, run_id, "d"), ERR_EXISTS, "exists");
	fails(fx_mkdir(&fx, run_id, "empty/x"), ERR_NOT_DIR, "'empty'");
	works(fx_put(&fx, run_id, "d/f", "0/r/f", 7));
	fails(fx_delete(&fx, run_id, "d", false), ERR_NOT_EMPTY, "not empty");
	works(fx_delete(&fx, run_id, "d/f", false));
	works(fx_delete(&fx, run_id, "d", false));
	ok(!there("d"), "an empty directory goes");
	fails(fx_delete(&fx, run_id, "d", false), ERR_NOT_FOUND, "No such");
}

static void moving(void)
{
	int64_t row;

	works(fx_put(&fx, run_id, "m/a/deep/x", "0/r/x", 3));
	works(fx_put(&fx, run_id, "m/b", "0/r/b", 4));
	row = see(run_id, "m/a/deep/x").row;
	works(fx_move(&fx, run_id, "m/a", "", "m/c"));
	is_i64(see(run_id, "m/c/deep/x").row, row, "a directory moves whole");
	ok(!there("m/a"), "its old name is free");
	fails(fx_move(&fx, run_id, "m/c", "", "m/c/deep/y"), ERR_INVALID,
	      "into itself");
	fails(fx_move(&fx, run_id, "m/c", "", "m/b"), ERR_NOT_DIR, "'b'");
	fails(fx_move(&fx, run_id, "m/b", "", "m/c"), ERR_IS_DIR, "'c'");
	fails(fx_move(&fx, run_id, "m/c", "", "no/where"), ERR_NOT_FOUND,
	      "'no'");
	fails(fx_move(&fx, run_id, "none", "", "x"), ERR_NOT_FOUND, "none");
	works(fx_mkdir(&fx, run_id, "full"));
	works(fx_put(&fx, run_id, "full/x", "", 0));
	fails(fx_move(&fx, run_id, "m/c", "", "full"), ERR_NOT_EMPTY, "full");
	works(fx_mkdir(&fx, run_id, "void"));
	works(fx_move(&fx, run_id, "m/c", "", "void"));
	is_i64(see(run_id, "void/deep/x").row, row, "onto an empty directory");
	works(fx_move(&fx, run_id, "m/b", "", "empty"));
	is_str(see(run_id, "empty").key.p, "0/r/b",
	       "onto a file, replacing it");
	works(fx_move(&fx, run_id, "empty", "", "empty"));
}

static void across_runs(void)
{
	const char *other = fx_run(&fx, "0", "other");
	int64_t row = fx_see_run(&fx, other).row;

	works(fx_move(&fx, run_id, "void", other, "from"));
	is_i64(see(other, "from/deep/x").owner_row, row,
	       "what lies below goes with it");
	ok(!there("void"), "and is gone from where it was");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, other));
	fails(fx_move(&fx, other, "from", run_id, "back"), ERR_STATE,
	      "'active'");
	fails(fx_put(&fx, other, "x", "", 0), ERR_STATE, "'active'");
	fails(fx_delete(&fx, other, "from", true), ERR_STATE, "'active'");
}

/* Until the writer has taken the rows away. */
static bool reaped(int64_t files)
{
	for (int i = 0; i < 500; i++) {
		if (totals().artifacts == files)
			return true;
		usleep(10000);
	}
	return false;
}

static void removing(void)
{
	int64_t before = totals().artifacts;
	int64_t dead = garbage();
	char path[100], key[100];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "big/%d/%d/f%d", i % 7, i % 3, i);
		snprintf(key, sizeof(key), "0/r/big%d", i);
		if (fx_put(&fx, run_id, path, key, 1) < 0)
			ok(false, "a file is put");
	}
	works(fx_delete(&fx, run_id, "big", true));
	ok(!there("big"), "a tree is gone at once");
	works(fx_put(&fx, run_id, "big/new", "0/r/new", 1));
	ok(reaped(before + 1), "its rows go soon");
	is_i64(garbage(), dead + 300, "its objects are garbage");
	is_i64(rows("SELECT count(*) FROM artifact WHERE parent < 0"), 0,
	       "nothing is left behind");
	works(fx_delete(&fx, run_id, "", true));
	is_str(list(run_id, ""), "", "all of a run can go");
}

static int delete_quietly(const char *path)
{
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);

	x->run_id = str_from(run_id);
	x->path = str_from(path);
	x->missing_ok = (struct opt_bool){true, true};
	return fx_apply(&fx, &x->c);
}

/* Who is not the owner names objects of the very run alone. */
static void foreign_objects(void)
{
	struct bitset mine;
	char key[100];

	bitset_init(&mine, 10);
	bitset_add(&mine, 5);
	works(delete_quietly("absent"));
	works(delete_quietly("absent/too"));
	rows("SELECT 1");
	fx.who = (struct principal){.name = STR("someone")};
	for (int i = LEVEL_GUEST; i <= LEVEL_WRITE; i++)
		fx.who.projects[i] = &mine;
	fails(fx_put(&fx, run_id, "x", "0/other/x", 1), ERR_NOT_FOUND,
	      "not found");
	snprintf(key, sizeof(key), "0/%s/x", run_id);
	fx.who = principal_owner();
	works(fx_put(&fx, run_id, "x", key, 1));
	bitset_fini(&mine);
}

static int put_with_sums(const char *path, const char *key, struct str hex)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);

	x->run_id = str_from(run_id);
	x->path = str_from(path);
	x->key = str_from(key);
	x->size = (struct opt_i64){2 * (1 << SUMS_SHIFT), true};
	x->sums = hex;
	return fx_apply(&fx, &x->c);
}

static int64_t last_sum;

static int64_t sums_of(const char *key)
{
	struct buf b;
	int64_t n;

	buf_init(&b, SUMS_BYTES);
	fx_begin(&fx);
	works(object_sums(fx.rd, str_from(key), &b, &fx.e));
	n = (int64_t)b.n;
	last_sum = n ? b.p[n - 1] : -1;
	fx_finish(&fx);
	buf_fini(&b);
	return n;
}

/* Without an object there is nothing to have sums of. */
static int put_sums_of_nothing(void)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);

	x->run_id = str_from(run_id);
	x->path = STR("empty");
	x->size = (struct opt_i64){0, true};
	x->sums = STR("12");
	return fx_apply(&fx, &x->c);
}

/* They stay with the key, whatever names it, and go with its bytes. */
static void sums(void)
{
	struct str two = STR("120102030405060708");

	fails(put_with_sums("s", "0/r/s", STR("12010203")), ERR_INVALID,
	      "no sums");
	fails(put_with_sums("s", "0/r/s", STR("xy0102030405060708")),
	      ERR_INVALID, "no sums");
	ok(!there("s"), "nothing was put with wrong ones");
	works(put_with_sums("s", "0/r/s", two));
	is_i64(sums_of("0/r/s"), 9, "sums are kept");
	is_i64(sums_of("0/r/none"), 0, "of others there are none");
	works(fx_move(&fx, run_id, "s", "", "t"));
	works(put_with_sums("t", "0/r/t", two));
	is_i64(sums_of("0/r/t"), 9, "those of the bytes that replaced it");
	is_i64(sums_of("0/r/s"), 9, "what was replaced has them until gc");
	works(put_with_sums("t", "0/r/t", STR("120102030405060709")));
	is_i64((sums_of("0/r/t"), last_sum), 9, "bytes stored again at a key");
	works(put_with_sums("t", "0/r/t", STR_NONE));
	is_i64(sums_of("0/r/t"), 0, "... by somebody who has no sums of them");
	fails(put_sums_of_nothing(), ERR_INVALID, "no sums");
}

static void report(void *ctx, const char *what, const char *detail)
{
	printf("# %s: %s\n", what, detail);
	++*(int *)ctx;
}

int main(void)
{
	int findings = 0;

	fx_start(&fx);
	run_id = fx_run(&fx, "0", "artifacts");
	putting();
	replacing();
	setting();
	directories();
	moving();
	across_runs();
	removing();
	foreign_objects();
	sums();
	ok(index_check(fx.dir, report, &findings, &fx.e) == 0 && !findings,
	   "the check finds nothing");
	fx_end(&fx);
	return tap_done();
}
