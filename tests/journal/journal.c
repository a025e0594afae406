/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - what a writer appends is what a reader gets: in order, once,
 * over all rounds of the file, up to its limit.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "indexer/base/clock.h"
#include "indexer/journal/journal.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

static struct err e;

static struct journal_reader *open_beside(const struct scratch *s,
					  const struct journal *j)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", s->path, journal_id(j));
	return journal_open(path, &e);
}

static bool exists(const struct scratch *s, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	return access(path, F_OK) == 0;
}

static int64_t append(struct journal *j, const char *run, size_t bytes)
{
	static char filler[JOURNAL_RECORD_MAX];
	int64_t seq = -1;

	if (journal_append(j, str_from(run), STR("loss"), str_n(filler, bytes),
			   1234, &seq, &e) < 0)
		return -1;
	return seq;
}

/* All there is after *seq; false where an order or a size is wrong. */
static bool drain(struct journal_reader *r, int64_t *seq, size_t bytes)
{
	struct journal_record rec;
	int got;

	while ((got = journal_next(r, *seq, &rec, &e)) > 0) {
		if (rec.seq != *seq + 1 || rec.packed.n != bytes ||
		    rec.accepted != 1234 || !str_is(rec.key, "loss"))
			return false;
		*seq = rec.seq;
	}
	return got == 0;
}

static void one_round(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 0, &e);
	struct journal_reader *r = open_beside(&s, j);
	struct journal_record rec;
	int64_t seq, pending;

	ok(j && r, "a journal is made and opened");
	is_str(journal_reader_id(r), journal_id(j), "by its id");
	is_i64(journal_reader_owner(r), getuid(), "owned by who made it");
	is_i64(journal_next(r, 0, &rec, &e), 0, "nothing in it");
	ok(journal_append(j, STR("run1"), STR("loss"), STR("points"), 42, &seq,
			  &e) == 0 &&
		   seq == 1,
	   "the first record is 1");
	is_i64(journal_next(r, 0, &rec, &e), 1, "is found");
	ok(rec.seq == 1 && rec.accepted == 42 && str_is(rec.run_id, "run1") &&
		   str_is(rec.key, "loss") && str_is(rec.packed, "points"),
	   "as it was put");
	is_i64(journal_next(r, 0, &rec, &e), 1, "again, if asked again");
	is_i64(journal_next(r, 1, &rec, &e), 0, "no other behind it");
	ok(journal_append(j, STR("run1"), STR_NONE, STR_NONE, 0, &seq, &e) == 0,
	   "an empty one");
	is_i64(journal_next(r, 1, &rec, &e), 1, "is one too");
	ok(journal_pending(r, STR("run1"), &pending) && pending == 2,
	   "the run has something pending");
	ok(journal_pending(r, STR_NONE, &pending), "so has any run");
	ok(!journal_pending(r, STR("other"), &pending), "but not another");
	ok(!journal_wait(j, 2, 1), "waiting for it takes too long");
	journal_commit(r, 1);
	ok(journal_wait(j, 1, 0) && !journal_wait(j, 2, 0), "one is committed");
	ok(journal_pending(r, STR("run1"), &pending), "one still is pending");
	journal_commit(r, 2);
	ok(!journal_pending(r, STR_NONE, &pending), "nothing is pending");
	is_i64(journal_committed(j), 2, "the writer knows");
	ok(!journal_abandoned(r), "the writer lives");
	ok(journal_sync(j, &e) == 0 && journal_sync(j, &e) == 0, "synced");
	ok(!journal_removed(r), "it has its name");
	journal_close(j);
	ok(journal_removed(r), "closed with all committed: removed");
	ok(journal_abandoned(r), "and abandoned");
	is_i64(journal_next(r, 2, &rec, &e), 0, "its end is its end");
	journal_reader_close(r);
	scratch_remove(&s);
}

static void left_behind(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 1 << 20, &e);
	char id[JOURNAL_ID + 1];
	struct journal_reader *r;
	int64_t seq = 0;

	memcpy(id, journal_id(j), sizeof(id));
	for (int i = 0; i < 1000; i++)
		append(j, "run", 100);
	r = open_beside(&s, j);
	ok(drain(r, &seq, 100) && seq == 1000, "a late reader gets all");
	journal_reader_close(r);
	r = open_beside(&s, j);
	seq = 700;
	ok(drain(r, &seq, 100) && seq == 1000, "or what the index lacks");
	journal_close(j);
	ok(exists(&s, id), "closed with something uncommitted: left");
	seq = 999;
	ok(journal_abandoned(r) && drain(r, &seq, 100) && seq == 1000,
	   "and drained");
	journal_reader_close(r);
	scratch_remove(&s);
}

/* Round after round, with a reader a little behind. */
static void rounds(void)
{
	enum { RECORDS = 3000, BYTES = 60000, BEHIND = 90 };
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 8 << 20, &e);
	struct journal_reader *r = open_beside(&s, j);
	int64_t seq = 0;
	struct stat st;
	char path[512];
	bool good = true;

	snprintf(path, sizeof(path), "%s/%s", s.path, journal_id(j));
	for (int i = 0; i < RECORDS && good; i++) {
		if (append(j, "run", BYTES) < 0) {
			good = e.kind == ERR_NO_SPACE;
			i--;
		} else if (i % BEHIND) {
			continue;
		}
		good = good && drain(r, &seq, BYTES);
		journal_commit(r, seq);
	}
	good = good && drain(r, &seq, BYTES);
	ok(good && seq == RECORDS, "180 MB went through 8 MiB");
	ok(stat(path, &st) == 0 && st.st_size == (8 << 20) + (64 << 10),
	   "and the file stayed in its limit");
	journal_close(j);
	journal_reader_close(r);
	scratch_remove(&s);
}

/* Four segments as a ring: space comes back before all is committed. */
static void ring(void)
{
	enum { BYTES = 1000000, PER_SEGMENT = 16 };
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 64 << 20, &e);
	struct journal_reader *r = open_beside(&s, j);
	int64_t seq = 0, n = 0;
	struct journal_record rec;

	is_i64(journal_free_bytes(j), 64 << 20, "all of it is free");
	while (append(j, "run", BYTES) > 0)
		n++;
	is_i64(e.kind, ERR_NO_SPACE, "full is an error of its own");
	is_i64(n, 4 * PER_SEGMENT, "a record never crosses a segment");
	ok(journal_free_bytes(j) < BYTES, "nothing is free");
	while (seq < PER_SEGMENT && journal_next(r, seq, &rec, &e) > 0)
		seq = rec.seq;
	journal_commit(r, seq);
	ok(journal_free_bytes(j) >= 16 << 20, "a segment is free again");
	ok(append(j, "run", BYTES) == n + 1, "and is used");
	ok(drain(r, &seq, BYTES) && seq == n + 1, "the reader follows");
	journal_reader_close(r);
	r = open_beside(&s, j);
	seq = 40;
	ok(drain(r, &seq, BYTES) && seq == n + 1, "a new one finds its place");
	journal_commit(r, seq);
	ok(append(j, "run", BYTES) == n + 2 && drain(r, &seq, BYTES),
	   "over at the beginning");
	journal_reader_close(r);
	journal_close(j);
	scratch_remove(&s);
}

/* An index restored from a backup lacks what the journal dropped. */
static void older_index(void)
{
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 4 << 20, &e);
	struct journal_reader *r = open_beside(&s, j);
	struct journal_record rec;
	int64_t seq = 0;

	for (int i = 0; i < 20; i++)
		append(j, "run", 100000);
	drain(r, &seq, 100000);
	journal_commit(r, seq);
	append(j, "run", 100000);
	append(j, "run", 100000);
	journal_reader_close(r);
	r = open_beside(&s, j);
	is_i64(journal_next(r, 3, &rec, &e), 1, "behind what is gone");
	is_i64(rec.seq, 21, "the oldest that there is");
	is_i64(journal_next(r, 21, &rec, &e), 1, "and the next");
	is_i64(rec.seq, 22, "in order");
	journal_reader_close(r);
	journal_close(j);
	scratch_remove(&s);
}

static void limits(void)
{
	static char name[JOURNAL_NAME_MAX + 1];
	struct scratch s = scratch_new();
	struct journal *j = journal_create(s.path, 8 << 20, &e);
	struct str long_name = str_n(name, sizeof(name));
	int64_t seq;

	memset(name, 'n', sizeof(name));
	ok(journal_append(j, long_name, STR("k"), STR("p"), 0, &seq, &e) < 0 &&
		   e.kind == ERR_TOO_LONG,
	   "a run's name that is too long");
	ok(journal_append(j, STR("r"), long_name, STR("p"), 0, &seq, &e) < 0 &&
		   e.kind == ERR_TOO_LONG,
	   "a key that is too long");
	ok(append(j, "run", JOURNAL_RECORD_MAX - 39) > 0, "the longest record");
	ok(append(j, "run", JOURNAL_RECORD_MAX - 38) < 0 &&
		   e.kind == ERR_TOO_LARGE,
	   "a byte more");
	is_i64(journal_written(j), 1, "nothing of those was taken");
	journal_close(j);
	j = journal_create(s.path, 0, &e);
	ok(append(j, "run", JOURNAL_LIMIT_MIN - 39) > 0, "the least limit");
	ok(append(j, "run", 1) < 0 && e.kind == ERR_NO_SPACE, "is one");
	journal_close(j);
	ok(!journal_create("/nonexistent/journal", 0, &e) &&
		   e.kind == ERR_NOT_FOUND,
	   "no directory, no journal");
	scratch_remove(&s);
}

/* --- two sides, two threads --------------------------------------------- */

enum { THREADS = 4, EACH = 20000 };

struct crowd {
	struct journal *j;
	pthread_barrier_t start;
	int failed;
};

static void *appender(void *arg)
{
	struct crowd *c = arg;
	struct err mine;
	int64_t seq, last = 0;

	pthread_barrier_wait(&c->start);
	for (int i = 0; i < EACH; i++) {
		while (journal_append(c->j, STR("run"), STR("loss"),
				      STR("0123456789"), 1234, &seq,
				      &mine) < 0) {
			if (mine.kind != ERR_NO_SPACE ||
			    !journal_wait(c->j, last, 10000))
				__atomic_add_fetch(&c->failed, 1,
						   __ATOMIC_SEQ_CST);
		}
		if (seq <= last)
			__atomic_add_fetch(&c->failed, 1, __ATOMIC_SEQ_CST);
		last = seq;
		if (i % 5000 == 0 && journal_sync(c->j, &mine) < 0)
			__atomic_add_fetch(&c->failed, 1, __ATOMIC_SEQ_CST);
	}
	if (!journal_wait(c->j, last, 30000))
		__atomic_add_fetch(&c->failed, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void crowd(void)
{
	struct scratch s = scratch_new();
	struct crowd c = {.j = journal_create(s.path, 1 << 20, &e)};
	struct journal_bell *bell = journal_bell_open(s.path, &e);
	struct journal_reader *r = open_beside(&s, c.j);
	pthread_t threads[THREADS];
	int64_t seq = 0;
	bool good = true;

	pthread_barrier_init(&c.start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, appender, &c);
	while (good && seq < THREADS * EACH) {
		uint32_t seen = journal_bell_value(bell);
		int64_t before = seq;

		good = drain(r, &seq, 10);
		journal_commit(r, seq);
		if (seq == before)
			journal_bell_wait(bell, seen, 10000);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ok(good && seq == THREADS * EACH, "all records of four threads");
	is_i64(c.failed, 0, "none of which was refused or waited in vain");
	pthread_barrier_destroy(&c.start);
	journal_close(c.j);
	journal_reader_close(r);
	journal_bell_close(bell);
	scratch_remove(&s);
}

static void bell(void)
{
	struct scratch s = scratch_new();
	struct journal_bell *b = journal_bell_open(s.path, &e);
	uint32_t files = journal_bell_files(b), seen = journal_bell_value(b);
	struct journal *j = journal_create(s.path, 0, &e);
	int64_t from = clock_mono_ms();

	ok(journal_bell_files(b) != files, "a new journal is told");
	ok(journal_bell_value(b) != seen, "by a ring");
	journal_bell_wait(b, seen, 60000);
	seen = journal_bell_value(b);
	append(j, "run", 1);
	ok(journal_bell_value(b) != seen, "an append rings");
	journal_bell_wait(b, seen, 60000);
	ok(clock_mono_ms() - from < 60000, "who looked before does not sleep");
	journal_bell_wait(b, journal_bell_value(b), 1);
	ok(clock_mono_ms() > from, "a silent bell is slept on");
	journal_close(j);
	journal_bell_close(b);
	ok(!journal_bell_open("/nonexistent", &e), "no directory, no bell");
	scratch_remove(&s);
}

int main(void)
{
	one_round();
	left_behind();
	rounds();
	ring();
	older_index();
	limits();
	crowd();
	bell();
	return tap_done();
}
