/* SPDX-License-Identifier: Apache-2.0 */
/* Values: status, params, tags, and how editors write them. */
#include "tests/fs/fixture.h"

#define X   "experiments/e"
#define RUN "experiments/e/runs/r"

static void test_status(struct fixture *f)
{
	is_str(get(f, RUN "/status"), "RUNNING\n", "it runs");
	ok(put(f, RUN "/status", O_TRUNC, "done\n") && last_errno(f) == EINVAL,
	   "no status");
	ok(put(f, RUN "/status", O_TRUNC, "FINISHED\nFAILED\n") &&
		   last_errno(f) == EINVAL,
	   "nor two");
	is_str(get(f, RUN "/status"), "RUNNING\n", "nothing has changed");
	ok(put(f, RUN "/metrics/m", O_APPEND, "1\n") == 0, "a line");
	ok(put(f, RUN "/status", O_TRUNC, "FINISHED\n") == 0, "finished");
	is_str(get(f, RUN "/status"), "FINISHED\n", "it is");
	ok(get(f, RUN "/meta.json") && !strstr(f->text, "\"end_time\": 0"),
	   "with its end");
	ok(put(f, RUN "/status", O_TRUNC, "RUNNING") == 0, "without newline");
	is_str(get(f, RUN "/status"), "RUNNING\n", "it runs again");
	ok(do_remove(f, RUN "/status", false) && last_errno(f) == EPERM,
	   "it stays");
}

static void test_params(struct fixture *f)
{
	struct attr a;

	ok(put(f, RUN "/params/lr", O_TRUNC, "0.1\n") == 0, "a param");
	is_str(get(f, RUN "/params/lr"), "0.1\n", "reads back");
	ok(!do_stat(f, RUN "/params/lr", &a) && a.size == 4, "its size");
	ok(put(f, RUN "/params/lr", O_TRUNC, "0.1\n") == 0, "the same again");
	ok(put(f, RUN "/params/lr", O_TRUNC, "0.1") == 0, "without newline");
	ok(put(f, RUN "/params/lr", O_TRUNC, "0.2\n") &&
		   last_errno(f) == EEXIST,
	   "another value");
	ok(put(f, RUN "/params/lr", O_APPEND, "0.10\n") &&
		   last_errno(f) == EEXIST,
	   "also where it begins alike");
	is_str(get(f, RUN "/params/lr"), "0.1\n", "it keeps its value");
	ok(do_remove(f, RUN "/params/lr", false) && last_errno(f) == EPERM,
	   "it stays");
	ok(put(f, RUN "/params/two", O_TRUNC, "a\nb\n") == 0, "two lines");
	is_str(get(f, RUN "/params/two"), "a\nb\n", "are one value");
	ok(put(f, RUN "/params/opt%2Flr", 0, "1\n") == 0, "a slash in a key");
	is_str(list(f, RUN "/params"), "lr opt%2Flr two ", "listed");
	ok(put(f, RUN "/params/a\tb", 0, "1\n") && last_errno(f) == EINVAL,
	   "no key");
}

static void test_two_writes(struct fixture *f)
{
	struct fs_handle *h =
		do_open(f, RUN "/params/lines", O_WRONLY | O_CREAT | O_TRUNC);

	ok(do_flush(f, h, getpid()) == 0, "a close before any write");
	ok(!walk(f, RUN "/params/lines") || !size_of(f, RUN "/params/lines"),
	   "means nothing");
	ok(do_write_at(f, h, 0, "a\n") == 0 && do_write_at(f, h, 2, "b\n") == 0,
	   "two writes");
	ok(do_flush(f, h, 1) == 0, "a close by another process");
	is_i64(size_of(f, RUN "/params/lines"), 0, "means nothing either");
	ok(do_close(f, h) == 0, "close by the writer");
	is_str(get(f, RUN "/params/lines"), "a\nb\n", "takes the value");
}

static void test_empty(struct fixture *f)
{
	ok(put(f, RUN "/params/none", O_TRUNC, "") == 0, "an empty param");
	is_str(get(f, RUN "/params/none"), "\n", "is one");
	ok(put(f, RUN "/tags/t", O_TRUNC, "x\n") == 0 &&
		   put(f, RUN "/tags/t", O_TRUNC, "") == 0,
	   "a tag emptied");
	is_str(get(f, RUN "/tags/t"), "\n", "is empty");
}

static void test_tags(struct fixture *f)
{
	ok(put(f, RUN "/tags/note", O_TRUNC, "first\n") == 0, "a tag");
	ok(put(f, RUN "/tags/note", O_TRUNC, "second\n") == 0, "is changed");
	is_str(get(f, RUN "/tags/note"), "second\n", "it is");
	ok(do_rename(f, RUN "/tags/note", RUN "/tags/remark") == 0, "renamed");
	ok(!walk(f, RUN "/tags/note"), "not under its old name");
	is_str(get(f, RUN "/tags/remark"), "second\n", "under the new one");
	ok(do_remove(f, RUN "/tags/remark", false) == 0, "removed");
	ok(!walk(f, RUN "/tags/remark"), "it is gone");
	ok(put(f, X "/tags/team", 0, "blue\n") == 0, "of an experiment");
	is_str(get(f, X "/tags/team"), "blue\n", "likewise");
	is_str(list(f, X "/tags"), "team ", "listed");
	ok(do_remove(f, X "/tags/team", false) == 0, "removed");
	is_str(list(f, X "/tags"), "", "gone");
}

static void test_removed_while_open(struct fixture *f)
{
	struct fs_handle *h = do_open(f, RUN "/tags/brief", O_WRONLY | O_CREAT);

	ok(do_flush(f, h, getpid()) == 0, "closed, and nothing written");
	ok(do_remove(f, RUN "/tags/brief", false) == 0, "removed");
	do_release(f, h);
	ok(!walk(f, RUN "/tags/brief"), "the end of the handle makes nothing");
	ok(put(f, RUN "/tags/brief", 0, "x\n") == 0, "made again");
	is_str(get(f, RUN "/tags/brief"), "x\n", "it is there");
}

static void test_long_keys(struct fixture *f)
{
	char path[600] = RUN "/tags/", form[600];
	size_t n = strlen(path);

	for (int i = 0; i < 100; i++)
		memcpy(path + n + 3 * i, "%2F", 3);
	path[n] = 'k';
	path[n + 1] = 'k';
	path[n + 2] = 'k';
	path[n + 300] = '\0';
	ok(put(f, path, 0, "v\n") && last_errno(f) == ENAMETOOLONG,
	   "a name of 300 bytes");
	(void)form;
}

static void test_editors(struct fixture *f)
{
	ok(put(f, RUN "/tags/note", O_TRUNC, "old\n") == 0, "a tag");
	ok(put(f, RUN "/tags/.note.swp", O_TRUNC | O_EXCL, "swap") == 0,
	   "a swap file");
	ok(put(f, RUN "/tags/4913", O_EXCL, "") == 0, "vim looks around");
	ok(do_remove(f, RUN "/tags/4913", false) == 0, "and tidies up");
	ok(do_rename(f, RUN "/tags/note", RUN "/tags/note~") == 0, "a backup");
	is_str(get(f, RUN "/tags/note~"), "old\n", "has the value");
	ok(put(f, RUN "/tags/note", O_TRUNC, "new\n") == 0, "written anew");
	ok(do_remove(f, RUN "/tags/note~", false) == 0, "no backup");
	is_str(get(f, RUN "/tags/note"), "new\n", "the new value");
	ok(!strstr(list(f, RUN "/tags"), "swp"), "nothing of it is listed");
	ok(put(f, RUN "/tags/sedAb1x9Z", O_EXCL, "by sed\n") == 0, "sed -i");
	ok(do_rename(f, RUN "/tags/sedAb1x9Z", RUN "/tags/note") == 0,
	   "renames onto it");
	is_str(get(f, RUN "/tags/note"), "by sed\n", "and sets it");
	ok(!walk(f, RUN "/tags/sedAb1x9Z"), "its own name is gone");
	ok(put(f, RUN "/.status.tmp", 0, "KILLED\n") == 0 &&
		   do_rename(f, RUN "/.status.tmp", RUN "/status") == 0,
	   "status by rename");
	is_str(get(f, RUN "/status"), "KILLED\n", "is set");
	ok(put(f, RUN "/.x.tmp", 0, "1 2\n3 4\n") == 0 &&
		   do_rename(f, RUN "/.x.tmp", RUN "/metrics/by-rename") == 0,
	   "a metric by rename");
	ok(get(f, RUN "/metrics/by-rename") && !strncmp(f->text, "1\t2.0\t", 6),
	   "has the lines");
	ok(put(f, RUN "/.x.tmp", 0, "5 6\n") == 0 &&
		   do_rename(f, RUN "/.x.tmp", RUN "/metrics/by-rename") &&
		   last_errno(f) == EPERM,
	   "once it has points, no more");
	ok(put(f, RUN "/.p.tmp", 0, "0.3\n") == 0 &&
		   do_rename(f, RUN "/.p.tmp", RUN "/params/lr"),
	   "nor does a param change");
	is_str(get(f, RUN "/params/lr"), "0.1\n", "so it has not");
}

static void test_away(struct fixture *f)
{
	f->away = true;
	is_str(get(f, RUN "/params/lr"), "0.1\n", "reads need no daemon");
	ok(put(f, RUN "/tags/late", 0, "x\n") && last_errno(f) == EIO,
	   "a write waits, then fails");
	f->away = false;
	ok(put(f, RUN "/tags/late", 0, "y\n") == 0, "and works again");
}

static void *come_back(void *arg)
{
	struct fixture *f = arg;

	usleep(200000);
	f->away = false;
	return NULL;
}

static void test_waits(struct fixture *f)
{
	struct fs_call c;
	struct fs_handle *h =
		do_open(f, RUN "/tags/waited", O_WRONLY | O_CREAT);
	atomic_bool cancelled = true;
	pthread_t t;

	f->away = true;
	do_write(f, h, "1\n");
	c = call_make(f);
	c.cancelled = &cancelled;
	ok(fs_flush(&c, h, &f->e) && last_errno(f) == EINTR,
	   "a signal ends the wait");
	c.cancelled = NULL;
	c.may_wait = false;
	ok(fs_flush(&c, h, &f->e) && c.parked, "or it is put off");
	fs_call_fini(&c);
	pthread_create(&t, NULL, come_back, f);
	ok(do_close(f, h) == 0, "when the daemon is back it goes on");
	pthread_join(t, NULL);
	is_str(get(f, RUN "/tags/waited"), "1\n", "and is there");
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	ok(!do_mkdir(&f, X) && !do_mkdir(&f, RUN), "a run");
	test_status(&f);
	test_params(&f);
	test_two_writes(&f);
	test_empty(&f);
	test_tags(&f);
	test_removed_while_open(&f);
	test_long_keys(&f);
	test_editors(&f);
	test_away(&f);
	test_waits(&f);
	fs_close(f.fs, &f.e);
	fixture_mount(&f);
	fixture_fini(&f);
	return tap_done();
}
