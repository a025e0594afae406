/* SPDX-License-Identifier: Apache-2.0 */
/* search/: names that are searches, what they list, what is refused, and what
 * is kept of a result. */
#include "fs/search.h"
#include "tests/fs/fixture.h"

static void make_runs(struct fixture *f)
{
	char path[128], value[32];

	ok(do_mkdir(f, "experiments/a") == 0, "an experiment");
	ok(do_mkdir(f, "experiments/a~b") == 0, "and another");
	for (int i = 1; i <= 3; i++) {
		snprintf(path, sizeof(path), "experiments/a/runs/r%d", i);
		do_mkdir(f, path);
		snprintf(path, sizeof(path), "experiments/a/runs/r%d/params/p",
			 i);
		snprintf(value, sizeof(value), "%d\n", i);
		put(f, path, 0, value);
		snprintf(path, sizeof(path),
			 "experiments/a/runs/r%d/metrics/acc", i);
		put(f, path, O_APPEND, value);
	}
}

static void test_runs(struct fixture *f)
{
	struct fs_entry x;

	is_str(list(f, "search/runs"), "", "nothing is listed");
	is_str(list(f, "search/runs/metrics.acc >= 2"), ".count a~r3 a~r2 ",
	       "what is found");
	is_str(list(f, "search/runs/params.p = '1' or params.p = '3'"),
	       ".count a~r3 a~r1 ", "by params");
	is_str(list(f, "search/runs/order by metrics.acc limit 2"),
	       ".count a~r1 a~r2 ", "in order, so many");
	is_str(list_by(f, "search/runs/order by metrics.acc desc", 1),
	       ".count a~r3 a~r2 a~r1 ", "one at a time");
	is_str(list(f, "search/runs/order by metrics.acc limit 2 offset 2"),
	       ".count a~r3 ", "the rest");
	is_str(get(f, "search/runs/order by metrics.acc limit 2/.count"),
	       "found\t3\nshown\t2\nnext\toffset 2\n", "that there is more");
	is_str(get(f, "search/runs/metrics.acc > 7/.count"),
	       "found\t0\nshown\t0\n", "that there is none");
	ok(walk_to(f, STR("search/runs/metrics.acc > 2/a~r3"), &x) &&
		   S_ISLNK(x.attr.mode) && x.attr.brief,
	   "a link, believed for a moment");
	is_i64(x.attr.size, (int64_t)strlen("../../../experiments/a/runs/r3"),
	       "as long as its target");
	ok(!walk(f, "search/runs/metrics.acc > 2/a~r1") &&
		   last_errno(f) == ENOENT,
	   "what is not found is not there");
	put(f, "experiments/a/runs/r1/metrics/acc", O_APPEND, "9\n");
	is_str(list(f, "search/runs/metrics.acc >= 2"),
	       ".count a~r3 a~r2 a~r1 ", "a line written before is seen");
	ok(do_remove(f, "experiments/a/runs/r1", true) == 0, "removed");
	is_str(list(f, "search/runs/metrics.acc >= 2"), ".count a~r3 a~r2 ",
	       "it is not found");
}

/* Experiment a with run b~c, experiment a~b with run c. */
static void test_same_names(struct fixture *f)
{
	char id[33], path[128];

	do_mkdir(f, "experiments/a/runs/b~c");
	do_mkdir(f, "experiments/a~b/runs/c");
	get(f, "experiments/a~b/runs/c/meta.json");
	snprintf(id, sizeof(id), "%.32s",
		 strstr(f->text, "\"run_id\": \"") + strlen("\"run_id\": \""));
	snprintf(path, sizeof(path), "%s ", id);
	ok(strstr(list(f, "search/runs/run_name like '%c'"), path) &&
		   strlen(f->text) == strlen(".count ") + 66,
	   "two that would have one name have their ids");
	snprintf(path, sizeof(path), "search/runs/run_name = 'c'/%s", id);
	ok(walk(f, path) != 0, "and where there is one, its id leads to it");
}

static void test_models(struct fixture *f)
{
	ok(do_mkdir(f, "models/net") == 0 && do_mkdir(f, "models/tree") == 0,
	   "models");
	is_str(list(f, "search/models/name like 'n%'"), ".count net ",
	       "one is found");
	is_str(list(f, "search/versions/name = 'net'"), ".count ",
	       "it has none");
}

static void refused(struct fixture *f, const char *path, int error)
{
	ok(!walk(f, path) && last_errno(f) == error, path);
}

static void test_refused(struct fixture *f)
{
	refused(f, "search/runs/metrics.acc >", EINVAL);
	refused(f, "search/runs/nonsense.acc > 1", EINVAL);
	refused(f, "search/runs/metrics.acc > 1 limit 1001", EINVAL);
	refused(f, "search/runs/order by 7", EINVAL);
	refused(f, "search/runs/metrics.acc > 'a\xff'", EINVAL);
	refused(f, "search/runs/.git", ENOENT);
	refused(f, "search/traces", ENOENT);
	ok(strstr(get(f, ".errors"), "\tmetrics.acc >\tInvalid clause") != NULL,
	   ".errors tells why");
	ok(put(f, ".ctl", 0, "flush\n") == 0,
	   "which is no loss: a flush is well");
	ok(do_mkdir(f, "search/runs/metrics.acc > 2") &&
		   last_errno(f) == EEXIST,
	   "a search is there already");
	ok(do_mkdir(f, "search/runs/metrics.acc > 2/x") &&
		   last_errno(f) != EEXIST,
	   "and nothing is made in it");
	ok(do_remove(f, "search/runs/metrics.acc > 2/a~r3", false) &&
		   last_errno(f) == EPERM,
	   "nor removed");
}

/* More searches than are kept, and one that stays. */
static void test_many(struct fixture *f)
{
	char path[64];

	int i;

	for (i = 0; i < FS_SEARCHES * 3; i++) {
		snprintf(path, sizeof(path), "search/runs/metrics.acc > %d",
			 i % (FS_SEARCHES + 5) + 100);
		if (!list(f, path) || strcmp(f->text, ".count ") != 0)
			break;
	}
	is_i64(i, FS_SEARCHES * 3, "more than are kept");
	is_str(list(f, "search/runs/metrics.acc > 2 "), ".count a~r3 ",
	       "and again what was given up");
}

static void *search_often(void *arg)
{
	struct fs *fs = arg;
	struct search_result r;
	struct fs_call c;
	struct err e;
	char name[64];
	intptr_t bad = 0;

	for (int i = 0; i < 200; i++) {
		fs_call_init(&c, fs, getpid());
		c.may_wait = true;
		snprintf(name, sizeof(name), "metrics.acc > %d", i % 30);
		if (fs_begin(&c, &e) ||
		    search_find(&c, SEARCH_RUNS, str_from(name), i & 1, &r, &e))
			bad++;
		else
			search_done(&c);
		fs_end(&c);
		fs_call_fini(&c);
	}
	return (void *)bad;
}

static void test_threads(struct fixture *f)
{
	pthread_t threads[4];
	void *bad;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, search_often, f->fs);
	for (int i = 0; i < 50; i++)
		put(f, "experiments/a/runs/r2/metrics/acc", O_APPEND, "5\n");
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &bad);
		ok(!bad, "many at once");
	}
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	make_runs(&f);
	test_runs(&f);
	test_same_names(&f);
	test_models(&f);
	test_refused(&f);
	test_many(&f);
	test_threads(&f);
	fixture_fini(&f);
	return tap_done();
}
