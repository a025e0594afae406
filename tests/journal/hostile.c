/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c - journals that are torn, forged, cut or not journals at all, and
 * a system that refuses: nothing wrong is ever read, nothing half is taken.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "indexer/journal/format.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

enum { RECORDS = 5, IMAGE = JOURNAL_HEAD + 4096 };

static struct err e;

static char *path_of(const struct scratch *s, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", s->path, name) < 0)
		abort();
	return path;
}

static void put_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || pwrite(fd, bytes, n, 0) != (ssize_t)n ||
	    ftruncate(fd, (off_t)n) < 0)
		abort();
	close(fd);
}

static void poke(const char *path, off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || pwrite(fd, bytes, n, at) != (ssize_t)n)
		abort();
	close(fd);
}

/* A journal of a few records, abandoned. Its bytes, and how many count. */
static size_t sample(const struct scratch *s, char *id, unsigned char *image)
{
	struct journal *j = journal_create(s->path, 1 << 20, &e);
	size_t used = JOURNAL_HEAD;
	int64_t seq;
	char *path;
	int fd;

	if (!j)
		abort();
	for (int i = 0; i < RECORDS; i++) {
		char key[16], points[32];
		int k = snprintf(key, sizeof(key), "key%d", i);
		int n = snprintf(points, sizeof(points), "points of %d", i);

		journal_append(j, STR("run"), str_n(key, (size_t)k),
			       str_n(points, (size_t)n), i, &seq, &e);
		used += sizeof(struct journal_record_head) + 3 + (size_t)k +
			(size_t)n;
	}
	memcpy(id, journal_id(j), JOURNAL_ID + 1);
	path = path_of(s, id);
	fd = open(path, O_RDONLY);
	if (pread(fd, image, IMAGE, 0) != IMAGE)
		abort();
	close(fd);
	free(path);
	journal_close(j);
	return used;
}

/* Records that a reader takes from the file, all of which must be what the
 * sample put: -1 if one is not. *ret_end: what the last call answered. */
static int believed(const char *path, int *ret_end)
{
	struct journal_reader *r = journal_open(path, &e);
	struct journal_record rec;
	int n = 0;

	*ret_end = -1;
	if (!r)
		return 0;
	journal_abandoned(r);
	while ((*ret_end = journal_next(r, n, &rec, &e)) > 0) {
		char key[16], points[32];

		snprintf(key, sizeof(key), "key%d", n);
		snprintf(points, sizeof(points), "points of %d", n);
		if (rec.seq != n + 1 || rec.accepted != n ||
		    !str_is(rec.run_id, "run") || !str_is(rec.key, key) ||
		    !str_is(rec.packed, points))
			break;
		n++;
	}
	journal_reader_close(r);
	return *ret_end > 0 ? -1 : n;
}

static void flipped_bytes(void)
{
	static unsigned char image[IMAGE];
	struct scratch s = scratch_new();
	char id[JOURNAL_ID + 1], *path;
	size_t used = sample(&s, id, image);
	int end, wrong = 0, silent = 0, all = 0;

	path = path_of(&s, id);
	put_file(path, image, IMAGE);
	ok(believed(path, &end) == RECORDS && end == 0, "whole: all of it");
	for (size_t at = JOURNAL_HEAD; at < used; at++) {
		for (int bit = 0; bit < 8; bit++) {
			unsigned char bad =
				image[at] ^ (unsigned char)(1 << bit);
			int n;

			poke(path, (off_t)at, &bad, 1);
			n = believed(path, &end);
			wrong += n < 0;
			silent += end == 0;
			all += n >= RECORDS;
		}
		poke(path, (off_t)at, &image[at], 1);
	}
	is_i64(wrong, 0, "no flipped bit makes a record");
	is_i64(all, 0, "each one costs a record");
	is_i64(silent, 0, "and is told");
	free(path);
	scratch_remove(&s);
}

/* Any bytes in the head: hints may lie, records may not. */
static void flipped_head(void)
{
	static unsigned char image[IMAGE];
	struct scratch s = scratch_new();
	char id[JOURNAL_ID + 1], *path;
	int end, wrong = 0;

	sample(&s, id, image);
	path = path_of(&s, id);
	for (size_t at = 0; at < 256; at++) {
		unsigned char bad = (unsigned char)~image[at];
		int n;

		put_file(path, image, IMAGE);
		poke(path, (off_t)at, &bad, 1);
		n = believed(path, &end);
		wrong += n != (at < 8 + JOURNAL_ID ? 0 : RECORDS);
	}
	is_i64(wrong, 0, "a lying head loses nothing");
	free(path);
	scratch_remove(&s);
}

static void cut_short(void)
{
	static unsigned char image[IMAGE];
	struct scratch s = scratch_new();
	char id[JOURNAL_ID + 1], *path;
	size_t used = sample(&s, id, image);
	int end, wrong = 0, before = 0;

	path = path_of(&s, id);
	for (size_t n = 0; n <= used; n++) {
		int got;

		put_file(path, image, n);
		got = believed(path, &end);
		wrong += got < before;
		before = got;
		wrong += end == 0 && n < used;
	}
	is_i64(wrong, 0, "cut at any byte");
	is_i64(before, RECORDS, "and whole at the end");
	free(path);
	scratch_remove(&s);
}

static void cut_under_reader(void)
{
	static unsigned char image[IMAGE];
	struct scratch s = scratch_new();
	struct journal_reader *r;
	struct journal_record rec;
	char id[JOURNAL_ID + 1], *path;
	int64_t seq;

	sample(&s, id, image);
	path = path_of(&s, id);
	r = journal_open(path, &e);
	ok(journal_next(r, 0, &rec, &e) == 1, "a record");
	if (truncate(path, 0) < 0)
		abort();
	ok(journal_next(r, 1, &rec, &e) < 0 && e.kind == ERR_CORRUPT,
	   "then the file is cut");
	journal_commit(r, 1);
	ok(!journal_pending(r, STR_NONE, &seq), "and nothing waits for it");
	journal_reader_close(r);
	free(path);
	scratch_remove(&s);
}

/* A record of sequence 2 within the points of record 1, and one whose
 * sequence jumps. */
static void forged(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 1 << 20, &e);
	struct journal_record_head h = {.length = sizeof(h), .seq = 3};
	struct journal_reader *r;
	struct journal_record rec;
	char *path = path_of(&s, journal_id(j));
	int64_t seq;

	h.crc = journal_crc(journal_id(j), &h);
	journal_append(j, STR("r"), STR("k"),
		       str_n((const char *)&h, sizeof(h)), 0, &seq, &e);
	r = journal_open(path, &e);
	ok(journal_next(r, 0, &rec, &e) == 1 && rec.packed.n == sizeof(h),
	   "a record in a record");
	ok(journal_next(r, 1, &rec, &e) == 0, "is only points");
	poke(path, JOURNAL_HEAD + sizeof(h) + 2 + sizeof(h), &h, sizeof(h));
	ok(journal_next(r, 1, &rec, &e) == 0, "nothing before it is written");
	journal_close(j);
	journal_abandoned(r);
	ok(journal_next(r, 1, &rec, &e) == 0, "a sequence that jumps is none");
	h.seq = 2;
	h.crc = journal_crc("another journal's id, 32 bytes..", &h);
	poke(path, JOURNAL_HEAD + sizeof(h) + 2 + sizeof(h), &h, sizeof(h));
	ok(journal_next(r, 1, &rec, &e) == 0, "nor another journal's record");
	h.crc = journal_crc(journal_reader_id(r), &h);
	poke(path, JOURNAL_HEAD + sizeof(h) + 2 + sizeof(h), &h, sizeof(h));
	ok(journal_next(r, 1, &rec, &e) == 1, "a good one behind the end is");
	journal_reader_close(r);
	free(path);
	scratch_remove(&s);
}

static void not_journals(void)
{
	static unsigned char image[IMAGE];
	struct scratch s = scratch_new();
	char id[JOURNAL_ID + 1], *path, *other;

	sample(&s, id, image);
	path = path_of(&s, id);
	other = path_of(&s, "00000000000000000000000000000000");
	put_file(other, image, IMAGE);
	ok(!journal_open(other, &e) && e.kind == ERR_CORRUPT,
	   "under another's name");
	unlink(other);
	ok(!journal_open(other, &e) && e.kind == ERR_NOT_FOUND, "not there");
	if (symlink(path, other) < 0)
		abort();
	ok(!journal_open(other, &e), "a symbolic link");
	unlink(other);
	if (mkfifo(other, 0600) < 0)
		abort();
	ok(!journal_open(other, &e) && e.kind == ERR_CORRUPT, "a pipe");
	unlink(other);
	if (mkdir(other, 0700) < 0)
		abort();
	ok(!journal_open(other, &e), "a directory");
	ok(!journal_open(s.path, &e) && e.kind == ERR_CORRUPT, "no id");
	free(path);
	free(other);
	scratch_remove(&s);
}

/* --- a system that refuses ---------------------------------------------- */

static bool empty_but_bell(const struct scratch *s)
{
	char *bell = path_of(s, "bell");
	bool only;

	unlink(bell);
	free(bell);
	only = rmdir(s->path) == 0;
	mkdir(s->path, 0700);
	return only;
}

static int no_descriptors(void)
{
	struct scratch s = scratch_new();
	struct rlimit few = {.rlim_cur = 3, .rlim_max = 1024};
	int good = 1, made = 0;

	for (rlim_t n = 3; n < 12; n++) {
		struct journal *j;

		few.rlim_cur = n;
		setrlimit(RLIMIT_NOFILE, &few);
		j = journal_create(s.path, 0, &e);
		few.rlim_cur = 64;
		setrlimit(RLIMIT_NOFILE, &few);
		made += j != NULL;
		journal_close(j);
		good = good && empty_but_bell(&s);
	}
	scratch_remove(&s);
	return good && made > 0 && made < 9;
}

static int no_sync(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 0, &e);
	int64_t seq;
	int good = journal_append(j, STR("r"), STR("k"), STR("p"), 0, &seq,
				  &e) == 0 &&
		   deny(SYS_fdatasync, EIO) && journal_sync(j, &e) < 0 &&
		   e.kind == ERR_IO && e.sys == EIO;

	good = good && journal_sync(j, &e) < 0 && e.kind == ERR_IO;
	good = good &&
	       journal_append(j, STR("r"), STR("k"), STR("p"), 0, &seq, &e) <
		       0 &&
	       e.kind == ERR_IO && journal_written(j) == 1;
	journal_close(j);
	good = good && !journal_create(s.path, 0, &e) && e.kind == ERR_IO;
	scratch_remove(&s);
	return good;
}

static int disk_full(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 0, &e);
	struct journal_record rec;
	struct journal_reader *r;
	char *path = path_of(&s, journal_id(j));
	int64_t seq;
	int good = deny(SYS_fallocate, ENOSPC) &&
		   journal_append(j, STR("r"), STR("k"), STR("p"), 0, &seq,
				  &e) < 0 &&
		   e.kind == ERR_NO_SPACE && journal_written(j) == 0;

	good = good && !journal_create(s.path, 0, &e) && e.kind == ERR_NO_SPACE;
	r = journal_open(path, &e);
	good = good && r && journal_next(r, 0, &rec, &e) == 0;
	journal_reader_close(r);
	journal_close(j);
	good = good && empty_but_bell(&s);
	free(path);
	scratch_remove(&s);
	return good;
}

/* A file system without preallocation. */
static int no_fallocate(void)
{
	struct scratch s = scratch_new();
	int good = deny(SYS_fallocate, EOPNOTSUPP);
	struct journal *j = journal_create(s.path, 0, &e);
	int64_t seq;

	good = good && j &&
	       journal_append(j, STR("r"), STR("k"), STR("p"), 0, &seq, &e) ==
		       0 &&
	       journal_sync(j, &e) == 0;
	journal_close(j);
	scratch_remove(&s);
	return good;
}

static int write_fails(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 0, &e);
	int64_t seq;
	int good = journal_append(j, STR("r"), STR("k"), STR("p"), 0, &seq,
				  &e) == 0 &&
		   deny(SYS_pwritev, EIO) &&
		   journal_append(j, STR("r"), STR("k"), STR("p"), 0, &seq,
				  &e) < 0 &&
		   e.kind == ERR_IO && journal_written(j) == 1 &&
		   journal_sync(j, &e) == 0;

	journal_close(j);
	scratch_remove(&s);
	return good;
}

static int no_lock(void)
{
	struct scratch s = scratch_new();
	int good = deny(SYS_flock, ENOLCK) && !journal_create(s.path, 0, &e) &&
		   e.kind == ERR_IO && empty_but_bell(&s);

	scratch_remove(&s);
	return good;
}

/* In a process of its own, for what it denies lasts. */
static bool alone(int (*fn)(void))
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(fn() ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

int main(void)
{
	flipped_bytes();
	flipped_head();
	cut_short();
	cut_under_reader();
	forged();
	not_journals();
	ok(alone(no_descriptors), "out of descriptors: nothing left behind");
	ok(alone(no_sync), "a failed fdatasync ends the journal");
	ok(alone(disk_full), "a full disk refuses a record, and only that");
	ok(alone(no_fallocate), "preallocation is not needed");
	ok(alone(write_fails), "a failed write takes nothing");
	ok(alone(no_lock), "no lock, no journal");
	return tap_done();
}
