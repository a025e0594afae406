/* SPDX-License-Identifier: Apache-2.0 */
/* wal.c - the WAL stays bounded though readers overlap all the time, and a
 * backup is taken meanwhile.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "indexer/base/clock.h"
#include "indexer/index/limits.h"
#include "indexer/index/restore.h"
#include "tests/index/fixture.h"

enum { READERS = 4, BATCHES = 100, TAGS = 100, VALUE = 8000 };

static struct fixture fx;
static _Atomic bool stop;
static _Atomic int64_t snapshots, wrong;

/* Snapshots that overlap: there is never none. Each sees the same number of
 * tags twice. */
static void *read_on(void *arg)
{
	struct principal owner = principal_owner();
	struct err e;
	struct reader *rd = reader_open(fx.dir, &e);
	const char *run = arg;
	struct arena a;

	arena_init(&a, 1 << 20);
	while (!stop) {
		struct run one, two;

		if (reader_begin(rd, &owner, &e) < 0) {
			wrong++;
			break;
		}
		wrong += run_by_id(rd, str_from(run), &a, &one, &e) < 0 ||
			 run_counts(rd, &one, &e) < 0;
		usleep(15000);
		wrong += run_by_id(rd, str_from(run), &a, &two, &e) < 0 ||
			 run_counts(rd, &two, &e) < 0;
		wrong += one.ntags != two.ntags || one.change != two.change;
		snapshots++;
		reader_end(rd);
		arena_reset(&a);
	}
	arena_fini(&a);
	reader_close(rd);
	return NULL;
}

static int write_batch(const char *run, int n, const char *value)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value tags[TAGS];
	char keys[TAGS][16];

	for (int i = 0; i < TAGS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		tags[i] = (struct key_value){str_from(keys[i]),
					     str_n(value + n, VALUE)};
	}
	x->run_id = str_from(run);
	x->tags = (struct field_list){tags, TAGS};
	return fx_apply(&fx, &x->c);
}

/* Some 80 MB through the WAL; its greatest size. */
static int64_t write_much(const char *run)
{
	char *value = malloc(VALUE + BATCHES);
	struct index_stats s;
	int64_t greatest = 0;

	for (int i = 0; i < VALUE + BATCHES; i++)
		value[i] = (char)('a' + i * 7 % 26);
	for (int i = 0; i < BATCHES; i++) {
		if (write_batch(run, i, value) < 0)
			ok(false, fx.e.msg);
		index_stats(fx.ix, &s);
		if (s.wal_bytes > greatest)
			greatest = s.wal_bytes;
	}
	free(value);
	return greatest;
}

static void report(void *ctx, const char *what, const char *detail)
{
	printf("# %s: %s\n", what, detail);
	++*(int *)ctx;
}

static void *backup(void *arg)
{
	struct err e;

	if (index_backup(fx.ix, arg, &e) < 0) {
		printf("# %s\n", e.msg);
		return arg;
	}
	return NULL;
}

static void bounded(char *copy)
{
	const char *run = fx_run(&fx, "0", "wal");
	pthread_t t[READERS], b;
	struct index_stats s;
	int64_t greatest;
	void *failed;

	for (int i = 0; i < READERS; i++)
		pthread_create(&t[i], NULL, read_on, (void *)(uintptr_t)run);
	pthread_create(&b, NULL, backup, copy);
	greatest = write_much(run);
	stop = true;
	for (int i = 0; i < READERS; i++)
		pthread_join(t[i], NULL);
	pthread_join(b, &failed);
	index_stats(fx.ix, &s);
	printf("# greatest WAL %" PRId64 ", %" PRId64 " checkpoints, %" PRId64
	       " snapshots\n",
	       greatest, s.checkpoints, snapshots);
	is_i64(wrong, 0, "every snapshot stands still");
	ok(snapshots > 10, "there were some");
	ok(s.checkpoints > 3, "the WAL was written back");
	ok(greatest < 3 * (int64_t)LIMIT_WAL_BYTES, "and stayed bounded");
	ok(!failed, "a backup was taken meanwhile");
}

/* Another process, made before there are threads: it takes a snapshot of the
 * index whose directory it is told, says so, and stays in it. */
struct holder {
	pid_t pid;
	int dir[2], held[2];
};

static void hold(const struct holder *h)
{
	struct principal owner = principal_owner();
	char dir[PATH_MAX] = "";
	struct reader *rd;
	struct err e;

	if (read(h->dir[0], dir, sizeof(dir) - 1) <= 0)
		_exit(1);
	rd = reader_open(dir, &e);
	if (!rd || reader_begin(rd, &owner, &e) < 0 ||
	    write(h->held[1], "x", 1) != 1)
		_exit(1);
	pause();
}

static void holder_start(struct holder *h)
{
	if (pipe(h->dir) < 0 || pipe(h->held) < 0)
		abort();
	h->pid = fork();
	if (!h->pid)
		hold(h);
}

/* Who stays in a snapshot is named, and forgotten once it ends. */
static void named(const struct holder *h)
{
	const char *run = fx_run(&fx, "0", "held");
	const size_t n = strlen(fx.dir);
	struct index_stats s;
	char c;

	ok(write(h->dir[1], fx.dir, n) == (ssize_t)n, "another process starts");
	ok(read(h->held[0], &c, 1) == 1, "and has a snapshot");
	write_much(run);
	index_stats(fx.ix, &s);
	is_i64(s.wal_holder, h->pid, "who holds the WAL is named");
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	for (int i = 0; i < 40 && s.wal_holder; i++) {
		usleep(500000);
		index_stats(fx.ix, &s);
	}
	is_i64(s.wal_holder, 0, "and forgotten when it is gone");
}

/* To where none can be written, or may be. */
static void refused_backups(void)
{
	char own[PATH_MAX];

	snprintf(own, sizeof(own), "%s/index.db", fx.dir);
	fails(index_backup(fx.ix, "/nowhere/at/all", &fx.e), ERR_NOT_FOUND,
	      "/nowhere/at/all");
	fails(index_backup(fx.ix, "/", &fx.e), ERR_INVALID, "is a directory");
	fails(index_backup(fx.ix, own, &fx.e), ERR_INVALID, "the index itself");
	works(fx_tag(&fx, fx_run(&fx, "0", "after"), "k", "v"));
}

/* Nobody else may read it, and it is one file. */
static void alone(const char *copy)
{
	static const char *const ends[] = {"-wal", "-shm", ".part", ".part-wal",
					   ".part-shm"};
	char beside[PATH_MAX];
	struct stat st = {0};

	ok(stat(copy, &st) == 0, "the copy is there");
	is_i64(st.st_mode & 0777, 0600, "for its owner alone");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(beside, sizeof(beside), "%s%s", copy, ends[i]);
		ok(access(beside, F_OK) < 0, beside);
	}
}

/* The copy becomes the index; an open reader notices. */
static void restored(const char *copy)
{
	const char *late = fx_run(&fx, "0", "late");
	int64_t epoch;
	int findings = 0;

	fx_begin(&fx);
	epoch = reader_epoch(fx.rd);
	fx_finish(&fx);
	works(index_backup(fx.ix, copy, &fx.e));
	alone(copy);
	fx_run(&fx, "0", "later still");
	fails(index_restore(fx.dir, copy, &fx.e), ERR_STATE, "a daemon runs");
	index_close(fx.ix);
	fails(index_restore(fx.dir, "/nowhere/at/all", &fx.e), ERR_NOT_FOUND,
	      "/nowhere/at/all");
	fails(index_restore(fx.dir, "/proc/self/exe", &fx.e), ERR_CORRUPT,
	      "/proc/self/exe");
	works(index_restore(fx.dir, copy, &fx.e));
	fx.ix = index_open(fx.dir, &fx.e);
	ok(fx.ix != NULL, "the copy opens");
	ok(fx_see_run(&fx, late).row > 0, "with what it held");
	ok(reader_epoch(fx.rd) != epoch, "an open reader sees the new epoch");
	is_i64(reader_epoch(fx.rd), bulletin_epoch(index_bulletin(fx.ix)),
	       "the one of the bulletin");
	works(fx_tag(&fx, late, "k", "v"));
	is_str(fx_see_tag(&fx, late, "k"), "v", "and what is written to it");
	ok(index_check(fx.dir, report, &findings, &fx.e) == 0 && !findings,
	   "it is whole");
}

int main(void)
{
	struct holder holder;
	char copy[300];

	holder_start(&holder);
	fx_start(&fx);
	snprintf(copy, sizeof(copy), "%s/copy", fx.dir);
	bounded(copy);
	named(&holder);
	refused_backups();
	restored(copy);
	fx_end(&fx);
	return tap_done();
}
