/* SPDX-License-Identifier: Apache-2.0 */
/* drain.c - what mounts append is in the index: all of it, once, in order,
 * whoever dies; and who waits for it goes on when it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/index/drain.h"
#include "indexer/journal/journal.h"
#include "tests/index/fixture.h"

enum { LONG_MS = 60000 };

static struct fixture fx;
static struct drain *d;
static char journals[300];

static void begin(void)
{
	fx_start(&fx);
	snprintf(journals, sizeof(journals), "%s/journal", fx.dir);
	d = drain_start(fx.ix, &fx.e);
	ok(d, "the drain starts");
}

static void end(void)
{
	drain_stop(d);
	fx_end(&fx);
}

static struct journal *new_journal(void)
{
	struct journal *j = journal_create(journals, 4 << 20, &fx.e);

	if (!j) {
		printf("Bail out! %s\n", fx.e.msg);
		exit(1);
	}
	return j;
}

/* One record with the lines of a text; its sequence. */
static int64_t lines(struct journal *j, const char *run, const char *key,
		     const char *text)
{
	size_t points, tail;
	int64_t seq = -1;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (lines_pack(str_from(text), &b, &points, &tail, &fx.e) == 0)
		while (journal_append(j, str_from(run), str_from(key),
				      buf_view(&b), 1000, &seq, &fx.e) < 0 &&
		       fx.e.kind == ERR_NO_SPACE)
			journal_wait(j, journal_written(j), 100);
	buf_fini(&b);
	return seq;
}

static struct series see(const char *run, const char *key)
{
	struct run r = fx_see_run(&fx, run);
	struct series s = {.count = 0};

	fx_begin(&fx);
	series_by_key(fx.rd, r.row, str_from(key), &fx.a, &s, &fx.e);
	fx_finish(&fx);
	return s;
}

/* --- lines -------------------------------------------------------------- */

static int count_refused(void *ctx, int64_t row, int64_t time, struct str run,
			 struct str key, struct str why, struct err *e)
{
	(void)row;
	(void)time;
	(void)run;
	(void)key;
	(void)e;
	*(int64_t *)ctx += why.n > 0;
	return 0;
}

static void seen_lines(void)
{
	const char *run;
	struct journal *j;
	struct series s;
	int64_t seq, n = 0;

	begin();
	run = fx_run(&fx, "0", "run");
	j = new_journal();
	seq = lines(j, run, "loss", "0.5\n7 0.25\n0.125\n9 2 77\n");
	ok(journal_wait(j, seq, LONG_MS), "lines are committed");
	s = see(run, "loss");
	is_i64(s.count, 4, "all of them");
	is_i64(s.latest.step, 9, "the last one's step");
	is_i64(s.latest.time, 77, "and its own time");
	lines(j, "00000000000000000000000000000000", "loss", "1\n");
	lines(j, run, "", "1\n");
	seq = lines(j, run, "acc", "1\n2\n");
	ok(journal_wait(j, seq, LONG_MS), "bad ones hold nothing up");
	is_i64(see(run, "acc").count, 2, "nor harm their neighbours");
	fx_begin(&fx);
	refused_each(fx.rd, 0, count_refused, &n, &fx.e);
	fx_finish(&fx);
	is_i64(n, 2, "and are told");
	journal_close(j);
	end();
}

/* --- waiting ------------------------------------------------------------ */

static void resume(void *ctx)
{
	sem_post(ctx);
}

static bool resumed(sem_t *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG_MS / 1000;
	while (sem_timedwait(s, &until) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

/* A journal that the drain cannot know yet, again and again. */
static void parked(void)
{
	enum { ROUNDS = 50 };
	const char *run;
	int waited = 0, seen = 0, left = 0;
	sem_t s;

	begin();
	run = fx_run(&fx, "0", "run");
	sem_init(&s, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct journal *j = new_journal();

		lines(j, run, "loss", "1\n");
		if (drain_park(d, str_from(run), resume, &s))
			waited += resumed(&s);
		seen += see(run, "loss").count == 2 * i + 1;
		lines(j, run, "loss", "1\n");
		if (drain_park(d, STR_NONE, resume, &s))
			waited += resumed(&s);
		seen += see(run, "loss").count == 2 * i + 2;
		left += drain_pending(d, str_from(run));
		journal_close(j);
	}
	is_i64(seen, 2 * ROUNDS, "who waited sees each line");
	ok(waited > 0, "some had to wait");
	is_i64(left, 0, "then nothing is pending");
	ok(!drain_park(d, STR("other"), resume, &s), "nothing to wait for");
	ok(sem_trywait(&s) < 0, "each was resumed once");
	sem_destroy(&s);
	end();
}

static int hold_writer(struct writer *w, void *arg, struct err *e)
{
	(void)w;
	(void)e;
	sem_wait(arg);
	return 0;
}

static void forget(struct command *c, void *ctx)
{
	(void)ctx;
	command_free(c);
}

static void given_up(void)
{
	struct cmd_call *hold = command_new(COMMAND_CALL);
	struct drain_stats stats;
	const char *run;
	struct journal *j;
	int64_t from, seq;
	sem_t s, held;

	begin();
	run = fx_run(&fx, "0", "run");
	sem_init(&s, 0, 0);
	sem_init(&held, 0, 0);
	hold->fn = hold_writer;
	hold->arg = &held;
	hold->c.done = forget;
	ok(index_submit(fx.ix, &hold->c, &fx.e) == 0, "the writer is held");
	j = new_journal();
	seq = lines(j, run, "loss", "1\n");
	from = clock_mono_ms();
	ok(drain_park(d, str_from(run), resume, &s), "a request waits");
	ok(resumed(&s), "and gives up");
	ok(clock_mono_ms() - from >= DRAIN_PARK_MS, "after its time");
	ok(drain_pending(d, str_from(run)), "though the line is not there");
	drain_stats(d, &stats);
	ok(stats.parked == 0 && stats.pending == 1 && stats.journals == 1,
	   "figures say so");
	sem_post(&held);
	ok(journal_wait(j, seq, LONG_MS), "then it is");
	journal_close(j);
	sem_destroy(&s);
	sem_destroy(&held);
	end();
}

/* --- left, and bad ------------------------------------------------------ */

static bool exists(const char *id, const char *suffix)
{
	char *path = NULL;
	bool there;

	if (asprintf(&path, "%s/%s%s", journals, id, suffix) < 0)
		abort();
	there = access(path, F_OK) == 0;
	free(path);
	return there;
}

/* Wait for what the drain does by and by. */
static bool soon(bool (*fn)(const char *id), const char *id)
{
	const struct timespec pause = {0, 5000000};
	int64_t until = clock_mono_ms() + LONG_MS;

	while (!fn(id) && clock_mono_ms() < until)
		nanosleep(&pause, NULL);
	return fn(id);
}

static bool is_gone(const char *id)
{
	return !exists(id, "");
}

static void left_behind(void)
{
	enum { JOURNALS = DRAIN_JOURNALS + 20, LINES = 30 };
	char ids[JOURNALS][JOURNAL_ID + 1];
	const char *run;
	int gone = 0;

	begin();
	run = fx_run(&fx, "0", "run");
	drain_stop(d);
	for (int i = 0; i < JOURNALS; i++) {
		struct journal *j = new_journal();

		memcpy(ids[i], journal_id(j), sizeof(ids[i]));
		for (int k = 0; k < LINES; k++)
			lines(j, run, "loss", "1\n");
		journal_close(j);
	}
	d = drain_start(fx.ix, &fx.e);
	for (int i = 0; i < JOURNALS; i++)
		gone += soon(is_gone, ids[i]);
	is_i64(gone, JOURNALS, "more journals than are drained at a time");
	is_i64(see(run, "loss").count, JOURNALS * LINES, "all are applied");
	end();
}

static bool is_bad(const char *id)
{
	return exists(id, ".bad");
}

static void put_text(const char *name, const char *text)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", journals, name);
	if (io_replace_file(path, str_from(text), 0600, &fx.e) < 0)
		printf("# %s\n", fx.e.msg);
}

/* The third of five records is changed on disk while no daemon runs. */
static void corrupt(void)
{
	static const char *const garbage = "0123456789abcdef0123456789abcdef";
	char id[JOURNAL_ID + 1], path[400];
	struct drain_stats stats;
	const char *run;
	struct journal *j;
	int fd;

	begin();
	run = fx_run(&fx, "0", "run");
	drain_stop(d);
	j = new_journal();
	memcpy(id, journal_id(j), sizeof(id));
	for (int i = 0; i < 5; i++)
		lines(j, run, "loss", "1\n");
	journal_close(j);
	snprintf(path, sizeof(path), "%s/%s", journals, id);
	fd = open(path, O_WRONLY);
	ok(pwrite(fd, "x", 1, (64 << 10) + 2 * (32 + 32 + 4 + 9) + 40) == 1,
	   "a byte is changed");
	close(fd);
	put_text(garbage, "garbage");
	put_text("notes", "not a journal");
	d = drain_start(fx.ix, &fx.e);
	ok(soon(is_bad, id) && is_gone(id), "what does not hold is set aside");
	ok(soon(is_bad, garbage), "so is what is no journal");
	ok(exists("notes", ""), "other files are left alone");
	is_i64(see(run, "loss").count, 2, "what stood before it is applied");
	ok(!drain_pending(d, str_from(run)), "nobody waits for the rest");
	drain_stats(d, &stats);
	ok(stats.bad == 2 && stats.records == 2, "figures say so");
	end();
}

static void unmade(void)
{
	static const char *const name = "0123456789abcdef0123456789abcdef";
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char path[400];

	begin();
	drain_stop(d);
	snprintf(path, sizeof(path), "%s/%s" JOURNAL_MAKING, journals, name);
	put_text("0123456789abcdef0123456789abcdef" JOURNAL_MAKING, "");
	ok(utimensat(AT_FDCWD, path, old, 0) == 0, "one in the making, old");
	put_text("1123456789abcdef0123456789abcdef" JOURNAL_MAKING, "");
	d = drain_start(fx.ix, &fx.e);
	drain_stop(d);
	ok(!exists(name, JOURNAL_MAKING), "is removed");
	ok(exists("1123456789abcdef0123456789abcdef", JOURNAL_MAKING),
	   "a fresh one is not");
	d = drain_start(fx.ix, &fx.e);
	end();
}

/* --- daemons that die --------------------------------------------------- */

static pid_t start_daemon(void)
{
	struct index *ix;
	pid_t pid = fork();

	if (pid)
		return pid;
	ix = index_open(fx.dir, &fx.e);
	if (!ix || !drain_start(ix, &fx.e))
		_exit(1);
	for (;;)
		pause();
}

static int check_step(void *ctx, const struct point *p, size_t n, struct err *e)
{
	int64_t *next = ctx;

	for (size_t i = 0; i < n; i++)
		if (p[i].step != (*next)++)
			return err_set(e, ERR_CORRUPT, "step %lld after %lld",
				       (long long)p[i].step,
				       (long long)*next - 2);
	return 0;
}

static void killed_daemons(void)
{
	enum { KILLS = 8, EACH = 3000 };
	const struct timespec pause = {0, 1000000};
	const char *run;
	struct journal *j;
	struct series s;
	int64_t step = 0, seen = 0;

	begin();
	run = fx_run(&fx, "0", "run");
	drain_stop(d);
	fx_close(&fx);
	j = new_journal();
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = start_daemon();

		for (int k = 0; k < EACH; k++, step++) {
			char text[64];

			snprintf(text, sizeof(text), "%" PRId64 " 0.5\n", step);
			lines(j, run, "loss", text);
			if (k % 100 == i)
				nanosleep(&pause, NULL);
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	fx_open(&fx);
	d = drain_start(fx.ix, &fx.e);
	ok(journal_wait(j, journal_written(j), LONG_MS),
	   "the last one ends it");
	s = see(run, "loss");
	is_i64(s.count, step, "each line is there once");
	fx_begin(&fx);
	ok(series_points(fx.rd, &s, 0, check_step, &seen, &fx.e) == 0 &&
		   seen == step,
	   "in order");
	fx_finish(&fx);
	journal_close(j);
	end();
}

/* A stop takes along what was written before it. */
static void stopped(void)
{
	const char *run;
	struct journal *j;
	int64_t good = 0;

	begin();
	run = fx_run(&fx, "0", "run");
	j = new_journal();
	for (int i = 1; i <= 20; i++) {
		for (int k = 0; k < 100; k++)
			lines(j, run, "loss", "1\n");
		drain_stop(d);
		good += journal_committed(j) == 100 * i;
		d = drain_start(fx.ix, &fx.e);
	}
	is_i64(good, 20, "nothing is left at a stop");
	is_i64(see(run, "loss").count, 2000, "nothing is taken twice");
	journal_close(j);
	end();
}

int main(void)
{
	seen_lines();
	parked();
	given_up();
	left_behind();
	corrupt();
	unmade();
	killed_daemons();
	stopped();
	return tap_done();
}
