/* SPDX-License-Identifier: Apache-2.0 */
/* crash.c - a writer killed at any moment: every record whose append had
 * returned is there, in order, and at most one more.
 */
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "indexer/base/crc32c.h"
#include "indexer/journal/journal.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

enum { KILLS = 60, BYTES_MAX = 3000 };

/* What the child has been told is in the journal. */
struct told {
	char id[JOURNAL_ID + 1];
	int64_t seq;
};

static struct err e;

/* Points that follow from the sequence: so each record can be checked. */
static size_t points_of(int64_t seq, char *out)
{
	uint32_t x = crc32c(0, &seq, sizeof(seq));
	size_t n = x % BYTES_MAX;

	memset(out, (int)(x >> 24), n);
	return n;
}

static void write_until_killed(const char *dir, struct told *told)
{
	struct journal *j = journal_create(dir, 2 << 20, &e);
	char points[BYTES_MAX];

	if (!j)
		_exit(1);
	memcpy(told->id, journal_id(j), sizeof(told->id));
	for (int64_t seq = 1;; seq++) {
		size_t n = points_of(seq, points);
		int64_t got;

		while (journal_append(j, STR("run"), STR("loss"),
				      str_n(points, n), seq, &got, &e) < 0)
			journal_wait(j, seq - 1, 1000);
		if (got != seq)
			_exit(1);
		__atomic_store_n(&told->seq, seq, __ATOMIC_SEQ_CST);
	}
}

/* 1 while good records come; *applied moves. */
static int take(struct journal_reader *r, int64_t *applied)
{
	struct journal_record rec;
	char points[BYTES_MAX];
	int got = journal_next(r, *applied, &rec, &e);
	size_t n;

	if (got <= 0)
		return got;
	n = points_of(rec.seq, points);
	if (rec.seq != *applied + 1 || rec.accepted != rec.seq ||
	    !str_eq(rec.packed, str_n(points, n)))
		return -2;
	*applied = rec.seq;
	return 1;
}

/* Drain for a while beside the writer, kill it, drain the rest. */
static bool kill_once(int round)
{
	struct scratch s = scratch_new();
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct journal_reader *r = NULL;
	int64_t applied = 0, stop = round * 97;
	char path[512];
	pid_t pid = fork();
	int got = 1;

	if (pid == 0)
		write_until_killed(s.path, told);
	while (!__atomic_load_n(&told->seq, __ATOMIC_SEQ_CST))
		continue;
	snprintf(path, sizeof(path), "%s/%s", s.path, told->id);
	r = journal_open(path, &e);
	while (r && got >= 0 && applied < stop) {
		got = take(r, &applied);
		if (got <= 0)
			journal_commit(r, applied);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (r && journal_abandoned(r) && got >= 0 &&
	       (got = take(r, &applied)) > 0)
		continue;
	if (!r || got != 0 || applied < told->seq || applied > told->seq + 1)
		printf("# round %d: %d, applied %" PRId64 ", told %" PRId64
		       ", %s\n",
		       round, got, applied, told->seq, e.msg);
	got = r && got == 0 && applied >= told->seq && applied <= told->seq + 1;
	journal_reader_close(r);
	munmap(told, sizeof(*told));
	scratch_remove(&s);
	return got;
}

int main(void)
{
	int good = 0;

	for (int i = 0; i < KILLS; i++)
		good += kill_once(i);
	is_i64(good, KILLS, "nothing lost, nothing twice");
	return tap_done();
}
