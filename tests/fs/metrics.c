/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: lines in, text out, and nothing that could be lost by a rename. */
#include "indexer/base/clock.h"
#include "tests/fs/fixture.h"

#define RUN "experiments/e/runs/r"
#define M   RUN "/metrics/"

static void start(struct fixture *f)
{
	ok(!do_mkdir(f, "experiments/e") && !do_mkdir(f, RUN), "a run");
}

static void test_append(struct fixture *f)
{
	ok(put(f, M "loss", O_APPEND, "0.5\n") == 0, "a value");
	ok(get(f, M "loss") && !strncmp(f->text, "0\t0.5\t", 6),
	   "is step 0, at once");
	is_i64(size_of(f, M "loss"), (int64_t)f->text_n, "with its size");
	ok(put(f, M "loss", O_APPEND, "7 0.25\n") == 0, "step and value");
	ok(put(f, M "loss", O_APPEND, "0.125\n") == 0, "the next step");
	ok(put(f, M "loss", O_APPEND, "9\tnan\t1700000000000\n\n") == 0,
	   "all three, and a blank line");
	ok(get(f, M "loss") && strstr(f->text, "\n7\t0.25\t") &&
		   strstr(f->text, "\n8\t0.125\t") &&
		   strstr(f->text, "\n9\tnan\t1700000000000\n"),
	   "all are there, in order");
	is_i64(size_of(f, M "loss"), (int64_t)f->text_n, "the size is exact");
	is_str(list(f, M), "loss ", "and listed");
}

static void test_refused(struct fixture *f)
{
	int64_t size = size_of(f, M "loss");

	ok(put(f, M "loss", O_APPEND, "10 0.1\nwrong\n") &&
		   last_errno(f) == EINVAL,
	   "one bad line");
	is_i64(size_of(f, M "loss"), size, "refuses the whole write");
	ok(put(f, M "loss", O_APPEND, "1e999\n") && last_errno(f) == EINVAL,
	   "no such number");
	ok(put(f, M "loss", O_APPEND, "1 2 -3\n") && last_errno(f) == EINVAL,
	   "no such time");
	ok(put(f, M "loss", O_TRUNC, "1\n") && last_errno(f) == EPERM,
	   "points are not taken back by >");
	ok(do_remove(f, M "loss", false) && last_errno(f) == EPERM,
	   "nor by rm");
	ok(do_rename(f, M "loss", M "lost") && last_errno(f) == EPERM,
	   "nor by mv");
	ok(put(f, M "new", O_TRUNC, "1\n") == 0, "> makes a new one");
	ok(put(f, M "bad\\name\x01", O_APPEND, "1\n") &&
		   last_errno(f) == EINVAL,
	   "a key that is none");
}

static void test_places(struct fixture *f)
{
	struct fs_handle *h = do_open(f, M "place", O_WRONLY | O_CREAT);
	int64_t size;

	ok(do_write_at(f, h, 0, "1\n") == 0, "from the beginning");
	ok(do_write_at(f, h, 2, "2\n") == 0, "and on");
	ok(do_write_at(f, h, 0, "3\n") && last_errno(f) == EPERM,
	   "not over what is there");
	do_close(f, h);
	size = size_of(f, M "place");
	h = do_open(f, M "place", O_WRONLY);
	ok(do_write_at(f, h, 1, "3\n") && last_errno(f) == EPERM,
	   "not in the middle");
	ok(do_write_at(f, h, size, "3\n") == 0, "at the end");
	ok(do_write_at(f, h, size + 2, "4\n") == 0, "and on from there");
	do_close(f, h);
	ok(get(f, M "place") && strstr(f->text, "\n3\t4.0\t"), "four points");
}

static void test_tail(struct fixture *f)
{
	struct fs_handle *h = do_open(f, M "t", O_WRONLY | O_CREAT | O_APPEND);
	struct fs_handle *g = do_open(f, M "t", O_WRONLY | O_APPEND);

	ok(do_write(f, h, "1 0.") == 0, "half a line");
	is_i64(size_of(f, M "t"), 0, "is no point");
	ok(do_write(f, g, "2 0.2\n") == 0, "another's line");
	ok(do_write(f, h, "5\n3 ") == 0, "is not glued to it");
	ok(do_flush(f, h, getpid()) == 0, "'3' may be a line");
	ok(do_write(f, h, "x") == 0, "'3 x' cannot");
	ok(do_flush(f, h, getpid()) && last_errno(f) == EINVAL,
	   "close says so");
	ok(do_write(f, h, "y\n") && last_errno(f) == EINVAL, "write, too");
	do_release(f, h);
	ok(get(f, ".errors") && strstr(f->text, "metrics/t\t"),
	   ".errors names it");
	ok(do_write(f, g, "4 0.4") == 0 && do_close(f, g) == 0,
	   "a last line without newline");
	ok(get(f, M "t") && !strncmp(f->text, "2\t0.2\t", 6) &&
		   strstr(f->text, "\n1\t0.5\t") &&
		   strstr(f->text, "\n4\t0.4\t"),
	   "is one");
}

static void test_nested(struct fixture *f)
{
	ok(put(f, M "train/loss", O_APPEND, "1\n"),
	   "a directory has to be made");
	ok(do_mkdir(f, M "train") == 0, "mkdir");
	ok(do_mkdir(f, M "train/deep") == 0, "and deeper");
	ok(put(f, M "train/loss", O_APPEND, "1\n") == 0, "then it takes one");
	ok(put(f, M "train/deep/x", O_APPEND, "1\n") == 0, "also deeper");
	is_str(list(f, M "train"), "deep loss ", "listed");
	ok(do_remove(f, M "train", true) && last_errno(f) == ENOTEMPTY,
	   "not empty");
	ok(do_mkdir(f, M "empty") == 0 && do_remove(f, M "empty", true) == 0,
	   "an empty one can be removed");
	ok(put(f, M "train", O_APPEND, "1\n") && last_errno(f) == EISDIR,
	   "its name is a directory's");
	ok(put(f, M "train.tsv", O_APPEND, "4 2\n") == 0,
	   "the metric of that name has another");
	is_str(list(f, M), "loss new place t train train.tsv ", "both listed");
	ok(get(f, M "loss.tsv") && !strncmp(f->text, "0\t0.5\t", 6),
	   "every metric has that name, too");
	ok(get(f, RUN "/latest.json") && strstr(f->text, "\"train\":2"),
	   "it is the metric train");
}

static void test_young(struct fixture *f)
{
	struct fs_handle *h = do_open(f, M "young", O_WRONLY | O_CREAT);

	do_close(f, h);
	is_i64(size_of(f, M "young"), 0, "a metric without points is there");
	ok(strstr(list(f, M), "young "), "and listed");
	ok(do_remove(f, M "young", false) == 0, "and can go");
	ok(!walk(f, M "young"), "it is gone");
}

static void test_follow(struct fixture *f)
{
	struct fs_handle *h = do_open(f, M "t", O_RDONLY);
	int64_t end = size_of(f, M "t");

	is_str(do_read(f, h, end, 100), "", "at the end");
	put(f, M "t", O_APPEND, "20 1.5 5\n");
	is_str(do_read(f, h, end, 100), "20\t1.5\t5\n", "what follows is seen");
	do_release(f, h);
}

static void test_tables(struct fixture *f)
{
	ok(!do_mkdir(f, "experiments/t") &&
		   !do_mkdir(f, "experiments/t/runs/r"),
	   "a run for tables");
	ok(put(f, "experiments/t/runs/r/metrics.jsonl", O_APPEND,
	       "{\"step\":1,\"timestamp\":5,\"a\":0.5,\"b\":\"NaN\"}\n"
	       "{\"step\":2,\"timestamp\":6,\"a\":1e3}\n") == 0,
	   "many metrics at once");
	ok(get(f, "experiments/t/runs/r/metrics/a") &&
		   !strcmp(f->text, "1\t0.5\t5\n2\t1000.0\t6\n"),
	   "as points of each");
	is_str(get(f, "experiments/t/runs/r/metrics/b"), "1\tnan\t5\n",
	       "all of them");
	ok(get(f, "experiments/t/runs/r/metrics.tsv") &&
		   !strcmp(f->text, "step\ta\tb\n1\t0.5\tnan\n2\t1000.0\t\n"),
	   "metrics.tsv");
	is_i64(size_of(f, "experiments/t/runs/r/metrics.tsv"),
	       (int64_t)f->text_n, "with its size");
	ok(get(f, "experiments/t/runs/r/metrics.jsonl") &&
		   strstr(f->text, "\"a\":1000"),
	   "metrics.jsonl");
	ok(get(f, "experiments/t/runs.tsv") && strstr(f->text, "metrics.a"),
	   "runs.tsv");
	is_str(list(f, "experiments/t/runs/r/.tables"),
	       "metrics.jsonl metrics.tsv ", "listed apart");
}

static void test_json_refused(struct fixture *f)
{
	static const char *const bad[] = {"x\n",
					  "[]\n",
					  "{\"a\":true}\n",
					  "{\"a\":1,\"a\":2}\n",
					  "{\"step\":1.5,\"a\":1}\n",
					  "{\"timestamp\":-1,\"a\":1}\n",
					  "{\"a\":1}{\n",
					  "{\"a\":1,\"../b\":2}\n",
					  "{\"a\":{}}\n",
					  "{\"c\":1}\n{\"a\":null}\n"};
	char what[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(what, sizeof(what), "refused: %.100s", bad[i]);
		what[strcspn(what, "\n")] = '\0';
		ok(put(f, "experiments/t/runs/r/metrics.jsonl", O_APPEND,
		       bad[i]) &&
			   last_errno(f) == EINVAL,
		   what);
	}
	ok(!walk(f, "experiments/t/runs/r/metrics/c"), "and nothing taken");
	ok(put(f, "experiments/t/runs/r/metrics.jsonl", O_TRUNC, "{}\n") &&
		   last_errno(f) == EPERM,
	   "points are not taken back");
}

static void test_flush(struct fixture *f)
{
	char line[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "%d %d.5\n", i, i);
		put(f, M "many", O_APPEND, line);
	}
	ok(put(f, ".ctl", 0, "flush\n") == -1 && last_errno(f) == EIO,
	   "flush tells that something was lost");
	ok(put(f, ".ctl", 0, "flush\n") == 0, "once");
	ok(put(f, ".ctl", 0, "jump\n") && last_errno(f) == EINVAL,
	   "no such verb");
	ok(get(f, ".stats") && strstr(f->text, "journal_written\t"),
	   "counters are there");
	ok(get(f, M "many") && strstr(f->text, "\n999\t999.5\t"),
	   "a thousand lines");
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	start(&f);
	test_append(&f);
	test_refused(&f);
	test_places(&f);
	test_tail(&f);
	test_nested(&f);
	test_young(&f);
	test_follow(&f);
	test_tables(&f);
	test_json_refused(&f);
	test_flush(&f);
	fs_close(f.fs, &f.e);
	ok(strstr(f.e.msg, "1 things could not be stored") != NULL,
	   "the end tells again");
	fixture_mount(&f);
	ok(get(&f, M "loss") && !strncmp(f.text, "0\t0.5\t", 6),
	   "another mount sees all");
	fixture_fini(&f);
	return tap_done();
}
