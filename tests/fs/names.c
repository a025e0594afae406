/* SPDX-License-Identifier: Apache-2.0 */
/* Names: making, listing, renaming, removing and restoring. */
#include "tests/fs/fixture.h"

static void test_root(struct fixture *f)
{
	struct attr a;

	is_str(list(f, ""),
	       "README .ctl .stats .errors experiments models search trash ",
	       "the root");
	ok(do_stat(f, "", &a) == 0 && S_ISDIR(a.mode), "it is a directory");
	is_i64((int64_t)a.ino, 1, "of number 1");
	ok(get(f, "README") && strstr(f->text, "echo 0.52 >> metrics/loss"),
	   "the README tells");
	is_i64(size_of(f, "README"), (int64_t)f->text_n, "with its size");
	ok(!walk(f, "nothing") && last_errno(f) == ENOENT, "no such name");
	ok(do_mkdir(f, "x") && last_errno(f) == EPERM, "nothing made here");
	ok(put(f, "x", 0, "y") && last_errno(f) == EPERM, "nor here");
	ok(put(f, "README", O_TRUNC, "y") && last_errno(f) == EPERM,
	   "the README is only read");
}

static void test_experiments(struct fixture *f)
{
	struct attr a, b;

	is_str(list(f, "experiments"), "Default ", "one experiment is there");
	ok(do_mkdir(f, "experiments/demo") == 0, "another is made");
	ok(do_mkdir(f, "experiments/demo") && last_errno(f) == EEXIST,
	   "not twice");
	is_str(list(f, "experiments"), "Default demo ", "both are listed");
	is_str(list_by(f, "experiments", 1), "Default demo ",
	       "also one by one");
	is_str(list(f, "experiments/demo"),
	       "meta.json tags runs models .tables ", "what an experiment has");
	is_str(list(f, "experiments/demo/.tables"), "runs.tsv ", "tables");
	ok(get(f, "experiments/demo/meta.json") &&
		   strstr(f->text, "\"name\": \"demo\""),
	   "its meta.json");
	is_i64(size_of(f, "experiments/demo/meta.json"), (int64_t)f->text_n,
	       "with its size");
	ok(!do_stat(f, "experiments/demo", &a) &&
		   !do_rename(f, "experiments/demo", "experiments/other") &&
		   !do_stat(f, "experiments/other", &b),
	   "renamed");
	ok(a.ino == b.ino, "it is the same one");
	ok(do_rename(f, "experiments/other", "experiments/Default") &&
		   last_errno(f) == EEXIST,
	   "not onto another");
	ok(do_rename(f, "experiments/other", "experiments/demo") == 0, "back");
}

static void test_spelling(struct fixture *f)
{
	struct fs_entry x;

	ok(do_mkdir(f, "experiments/75%") == 0, "a % stands for itself");
	ok(do_mkdir(f, "experiments/a%2Fb") == 0, "a slash is escaped");
	ok(do_mkdir(f, "experiments/%2Ehidden") == 0, "so is a leading dot");
	ok(do_mkdir(f, "experiments/two words") == 0, "a blank");
	ok(do_mkdir(f, "experiments/über") == 0, "UTF-8");
	is_str(list(f, "experiments"),
	       "Default demo 75% a%2Fb %2Ehidden two words über ",
	       "all are listed");
	ok(get(f, "experiments/a%2Fb/meta.json") &&
		   strstr(f->text, "\"name\": \"a/b\""),
	   "the name is what it stands for");
	ok(walk_to(f, STR("experiments/two%20words"), &x) &&
		   S_ISLNK(x.attr.mode),
	   "another spelling is a link");
	ok(do_mkdir(f, "experiments/two%20words") && last_errno(f) == EEXIST,
	   "and taken");
}

static void test_long(struct fixture *f)
{
	char path[600] = "experiments/";
	size_t n = strlen(path);

	memset(path + n, 'n', 255);
	path[n + 255] = '\0';
	ok(do_mkdir(f, path) == 0, "a name of 255 bytes");
	ok(walk(f, path) != 0, "is found");
	path[n + 255] = 'n';
	path[n + 256] = '\0';
	ok(do_mkdir(f, path) && last_errno(f) == ENAMETOOLONG, "not of 256");
	ok(do_remove(f, "experiments/none", true) && last_errno(f) == ENOENT,
	   "what is not there cannot be removed");
}

static void test_runs(struct fixture *f)
{
	struct fs_entry x;
	char id[256], path[600];

	ok(do_mkdir(f, "experiments/demo/runs/one") == 0, "a run");
	ok(do_mkdir(f, "experiments/demo/runs/one") && last_errno(f) == EEXIST,
	   "its name is taken");
	ok(do_mkdir(f, "experiments/demo/runs/two") == 0, "another run");
	is_str(list(f, "experiments/demo/runs"), "one two ", "both");
	is_str(list_by(f, "experiments/demo/runs", 1), "one two ",
	       "one at a time");
	is_str(list(f, "experiments/demo/runs/one"),
	       "status params tags metrics artifacts inputs models "
	       "latest.json meta.json .tables ",
	       "what a run has");
	is_str(get(f, "experiments/demo/runs/one/status"), "RUNNING\n",
	       "it runs");
	ok(get(f, "experiments/demo/runs/one/meta.json") != NULL, "meta.json");
	snprintf(id, sizeof(id), "%.32s",
		 strstr(f->text, "\"run_id\": \"") + strlen("\"run_id\": \""));
	snprintf(path, sizeof(path), "experiments/demo/runs/%s", id);
	ok(walk_to(f, str_from(path), &x) && S_ISLNK(x.attr.mode),
	   "its id is a link");
	is_i64(x.attr.size, 3, "of the length of its target");
	ok(do_rename(f, "experiments/demo/runs/one",
		     "experiments/demo/runs/uno") == 0,
	   "renamed");
	is_str(list(f, "experiments/demo/runs"), "uno two ", "in place");
	is_str(get(f, "experiments/demo/runs/uno/tags/mlflow.runName"), "uno\n",
	       "as its tag says");
	ok(do_rename(f, "experiments/demo/runs/uno",
		     "experiments/demo/runs/two") &&
		   last_errno(f) == EEXIST,
	   "not onto another");
	ok(do_rename(f, "experiments/demo/runs/uno",
		     "experiments/Default/runs/uno") &&
		   last_errno(f) == EPERM,
	   "nor into another experiment");
}

static void test_trash(struct fixture *f)
{
	struct fs_handle *h;

	ok(do_remove(f, "experiments/demo/runs/uno", false) &&
		   last_errno(f) == EISDIR,
	   "unlink is not for runs");
	ok(do_remove(f, "experiments/demo/runs/uno", true) == 0, "rmdir is");
	is_str(list(f, "experiments/demo/runs"), "two ", "it is gone");
	is_str(list(f, "trash/runs"), "demo ", "to the trash");
	is_str(list(f, "trash/runs/demo"), "uno ", "under its name");
	is_str(get(f, "trash/runs/demo/uno/status"), "RUNNING\n",
	       "it can be read there");
	h = do_open(f, "trash/runs/demo/uno/metrics/x",
		    O_WRONLY | O_CREAT | O_APPEND);
	ok(!h && last_errno(f) == EPERM, "and takes nothing");
	ok(do_mkdir(f, "experiments/demo/runs/uno") && last_errno(f) == EEXIST,
	   "its name is still taken");
	ok(do_rename(f, "trash/runs/demo/uno", "experiments/demo/runs/uno") ==
		   0,
	   "mv restores");
	is_str(list(f, "experiments/demo/runs"), "uno two ", "it is back");
	is_str(list(f, "trash/runs"), "", "the trash is empty");
	ok(do_rename(f, "experiments/demo/runs/uno", "trash/runs/demo/uno") ==
		   0,
	   "mv into the trash");
	ok(do_rename(f, "trash/runs/demo/uno", "experiments/demo/runs/eins") ==
		   0,
	   "and back under another name");
	is_str(list(f, "experiments/demo/runs"), "eins two ", "so it is");
	ok(do_remove(f, "experiments/demo", true) == 0, "an experiment, too");
	is_str(list(f, "trash/experiments"), "demo ", "goes to the trash");
	is_str(list(f, "trash/experiments/demo/runs"), "eins two ",
	       "with its runs");
	ok(do_remove(f, "trash/experiments/demo", true) &&
		   last_errno(f) == EPERM,
	   "where it stays");
	ok(do_mkdir(f, "experiments/demo") && last_errno(f) == EEXIST,
	   "with its name");
	ok(do_rename(f, "trash/experiments/demo", "experiments/demo") == 0,
	   "until it is taken back");
	is_str(list(f, "experiments/demo/runs"), "eins two ", "runs and all");
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	test_root(&f);
	test_experiments(&f);
	test_spelling(&f);
	test_long(&f);
	test_runs(&f);
	test_trash(&f);
	fixture_fini(&f);
	return tap_done();
}
