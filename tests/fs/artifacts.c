/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts: an ordinary directory, whose files become visible to others when
 * they are closed. */
#include "indexer/base/clock.h"
#include "tests/fs/fixture.h"

#define RUN "experiments/e/runs/r"
#define A   RUN "/artifacts/"

/* What the index has of a path, as others see it; -1: nothing. */
static int64_t stored(struct fixture *f, const char *path)
{
	struct fs_call c = call_make(f);
	struct artifact x;
	struct run r;
	int64_t size = -1;

	if (fs_begin(&c, &f->e) == 0 &&
	    run_by_dir(c.rd, 1, LIFE_ACTIVE, STR("r"), &c.arena, &r, &f->e) ==
		    0 &&
	    artifact_by_path(c.rd, r.row, str_from(path), &c.arena, &x,
			     &f->e) == 0)
		size = x.size;
	fs_call_fini(&c);
	return size;
}

static int do_set(struct fixture *f, const char *path,
		  const struct fs_changes *set)
{
	struct attr a;
	uint64_t id = walk(f, path);
	struct fs_call c = call_make(f);
	int r = id ? fs_setattr(&c, id, NULL, set, &a, &f->e) : -1;

	fs_call_fini(&c);
	return r;
}

static void test_write(struct fixture *f)
{
	struct fs_handle *h =
		do_open(f, A "model.bin", O_WRONLY | O_CREAT | O_TRUNC);
	struct attr a, b;

	ok(h != NULL, "a new file");
	ok(do_write_at(f, h, 0, "hello") == 0, "written");
	is_i64(size_of(f, A "model.bin"), 5, "this mount sees it");
	is_str(get(f, A "model.bin"), "hello", "bytes and all");
	is_str(list(f, A), "model.bin ", "and lists it");
	is_i64(stored(f, "model.bin"), -1, "others do not");
	ok(do_flush(f, h, 1) == 0, "a close by another process");
	is_i64(stored(f, "model.bin"), -1, "changes nothing");
	ok(do_flush(f, h, getpid()) == 0, "a close by the writer");
	is_i64(stored(f, "model.bin"), 5, "shows it to all");
	ok(do_write_at(f, h, 5, " world") == 0, "it may go on");
	is_str(get(f, A "model.bin"), "hello world", "seen here");
	is_i64(stored(f, "model.bin"), 5, "not there");
	ok(do_fsync(f, h) == 0, "fsync");
	is_i64(stored(f, "model.bin"), 11, "shows it");
	do_close(f, h);
	ok(!do_stat(f, A "model.bin", &a) && a.size == 11, "its size");
	fs_close(f->fs, &f->e);
	fixture_mount(f);
	ok(!do_stat(f, A "model.bin", &b) && b.size == a.size,
	   "the same in another mount");
	is_i64(b.mtime, a.mtime, "of the same time");
	is_str(get(f, A "model.bin"), "hello world", "and the same bytes");
}

static void test_change(struct fixture *f)
{
	struct fs_handle *h = do_open(f, A "model.bin", O_RDWR);
	struct fs_handle *g = do_open(f, A "model.bin", O_RDONLY);
	const struct fs_changes cut = {.set_size = true, .size = 5};

	ok(do_write_at(f, h, 0, "J") == 0, "one byte changed");
	is_str(do_read(f, g, 0, 100), "Jello world", "seen by other handles");
	is_i64(stored(f, "model.bin"), 11, "the old one is kept meanwhile");
	do_close(f, g);
	ok(do_close(f, h) == 0, "closed");
	ok(do_set(f, A "model.bin", &cut) == 0, "cut by path");
	is_i64(stored(f, "model.bin"), 5, "at once for all");
	is_str(get(f, A "model.bin"), "Jello", "cut it is");
	ok(put(f, A "model.bin", O_TRUNC, "new") == 0, "written anew");
	is_i64(stored(f, "model.bin"), 3, "is replaced");
	h = do_open(f, A "model.bin", O_WRONLY | O_APPEND);
	ok(do_write_at(f, h, 3, "er") == 0 && do_close(f, h) == 0,
	   "appended to");
	is_str(get(f, A "model.bin"), "newer", "so it reads");
}

static void test_empty(struct fixture *f)
{
	struct fs_handle *h = do_open(f, A "empty", O_WRONLY | O_CREAT);

	ok(do_flush(f, h, getpid()) == 0, "a close before any write");
	is_i64(stored(f, "empty"), -1, "means nothing");
	do_release(f, h);
	is_i64(stored(f, "empty"), 0, "the end of the handle makes it");
	is_str(get(f, A "empty"), "", "an empty file");
	ok(!do_open(f, A "empty", O_WRONLY | O_CREAT | O_EXCL) &&
		   last_errno(f) == EEXIST,
	   "it cannot be made again");
}

static void test_dirs(struct fixture *f)
{
	ok(do_mkdir(f, A "d") == 0 && do_mkdir(f, A "d/e") == 0, "directories");
	ok(put(f, A "d/e/f", O_TRUNC, "1") == 0, "a file in them");
	is_i64(stored(f, "d/e/f"), 1, "is stored by its path");
	is_str(list_by(f, A, 1), "model.bin empty d ", "listed in pieces");
	ok(do_remove(f, A "d", true) && last_errno(f) == ENOTEMPTY,
	   "it is not empty");
	ok(do_remove(f, A "d/e/f", true) && last_errno(f) == ENOTDIR,
	   "rmdir of a file");
	ok(do_rename(f, A "d", A "g") == 0, "renamed as a whole");
	is_i64(stored(f, "g/e/f"), 1, "it has moved");
	is_str(get(f, A "g/e/f"), "1", "and can be read");
	ok(do_remove(f, A "g/e/f", false) == 0, "removed");
	ok(do_remove(f, A "g/e", true) == 0 && do_remove(f, A "g", true) == 0,
	   "and the directories");
	is_str(list(f, A), "model.bin empty ", "as before");
	ok(do_mkdir(f, A "back\\slash") && last_errno(f) == EINVAL,
	   "no backslash");
	ok(put(f, A "%2F.x", 0, "raw") == 0, "names are what they are");
	is_i64(stored(f, "%2F.x"), 3, "byte for byte");
	ok(do_remove(f, A "%2F.x", false) == 0, "removed");
}

static void test_rename(struct fixture *f)
{
	struct fs_handle *h;
	struct fs_entry x, y;

	ok(put(f, A "a", 0, "A") == 0 && put(f, A "b", 0, "B") == 0, "two");
	walk_to(f, STR(A "a"), &x);
	ok(do_rename(f, A "a", A "b") == 0, "one onto the other");
	is_str(get(f, A "b"), "A", "replaces it");
	ok(walk_to(f, STR(A "b"), &y) && x.id == y.id, "it is the same node");
	ok(!walk(f, A "a"), "the old name is gone");
	h = do_open(f, A "lock", O_WRONLY | O_CREAT | O_EXCL);
	ok(h && do_write_at(f, h, 0, "L") == 0, "a lock file, still open");
	ok(do_rename(f, A "lock", A "locked") == 0, "renamed before its close");
	is_str(get(f, A "locked"), "L", "is there");
	ok(do_close(f, h) == 0, "closed");
	is_i64(stored(f, "locked"), 1, "under its new name");
	is_i64(stored(f, "lock"), -1, "only");
	h = do_open(f, A "lock", O_WRONLY | O_CREAT | O_EXCL);
	ok(h && do_write_at(f, h, 0, "MM") == 0, "another");
	ok(do_rename(f, A "lock", A "locked") == 0, "onto the first");
	is_i64(stored(f, "locked"), 2, "which it replaces");
	ok(do_write_at(f, h, 2, "M") == 0 && do_close(f, h) == 0,
	   "and goes on");
	is_i64(stored(f, "locked"), 3, "as what it is now");
	ok(do_rename(f, A "locked", RUN "/tags/x") && last_errno(f) == EXDEV,
	   "elsewhere it has to be copied");
}

static void test_unlink_open(struct fixture *f)
{
	struct fs_handle *h = do_open(f, A "b", O_RDWR), *g;
	struct attr a;
	struct fs_call c;

	ok(do_remove(f, A "b", false) == 0, "removed while open");
	ok(!walk(f, A "b"), "its name is gone");
	is_str(do_read(f, h, 0, 10), "A", "it can be read");
	ok(do_write_at(f, h, 1, "B") == 0, "and written");
	is_str(do_read(f, h, 0, 10), "AB", "for who has it");
	c = call_make(f);
	ok(!fs_getattr(&c, h->node->id, h, &a, &f->e) && a.size == 2,
	   "with its size");
	fs_call_fini(&c);
	ok(do_close(f, h) == 0, "closed");
	is_i64(stored(f, "b"), -1, "it does not come back");
	g = do_open(f, A "never", O_WRONLY | O_CREAT);
	ok(g && do_write_at(f, g, 0, "x") == 0, "a new one");
	ok(do_remove(f, A "never", false) == 0 && do_close(f, g) == 0,
	   "removed before it was stored");
	is_i64(stored(f, "never"), -1, "never was");
}

static void test_times(struct fixture *f)
{
	const struct fs_changes set = {.set_mtime = true,
				       .mtime = 1000000000123,
				       .set_mode = true,
				       .mode = 0600};
	struct fs_handle *h = do_open(f, A "timed", O_WRONLY | O_CREAT);
	struct attr a;

	do_write_at(f, h, 0, "x");
	ok(do_set(f, A "timed", &set) == 0, "set while it is written");
	ok(do_close(f, h) == 0, "closed");
	ok(!do_stat(f, A "timed", &a) && a.mtime == set.mtime &&
		   a.mode == (S_IFREG | 0600),
	   "is kept");
	ok(do_mkdir(f, A "dir") == 0 && do_set(f, A "dir", &set) == 0,
	   "of a directory");
	ok(!do_stat(f, A "dir", &a) && a.mtime == set.mtime &&
		   a.mode == (S_IFDIR | 0600),
	   "as well");
	ok(put(f, A "timed", O_APPEND, "y") == 0 &&
		   !do_stat(f, A "timed", &a) && a.mtime > set.mtime,
	   "a write sets it");
}

static void test_away(struct fixture *f)
{
	struct fs_handle *h = do_open(f, A "away", O_WRONLY | O_CREAT);

	f->away = true;
	ok(do_write_at(f, h, 0, "kept") == 0, "bytes are taken");
	ok(do_flush(f, h, getpid()) && last_errno(f) == EIO,
	   "close says that nobody has them");
	is_str(get(f, A "model.bin"), "newer", "reads go on");
	f->away = false;
	do_release(f, h);
	is_i64(stored(f, "away"), 4, "the end of the handle tries again");
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	ok(!do_mkdir(&f, "experiments/e") && !do_mkdir(&f, RUN), "a run");
	test_write(&f);
	test_change(&f);
	test_empty(&f);
	test_dirs(&f);
	test_rename(&f);
	test_unlink_open(&f);
	test_times(&f);
	test_away(&f);
	fixture_fini(&f);
	return tap_done();
}
