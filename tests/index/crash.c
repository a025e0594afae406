/* SPDX-License-Identifier: Apache-2.0 */
/* crash.c - a daemon killed at any moment loses nothing that it acknowledged.
 *
 * A child process opens the index and logs params and points from several
 * threads; each acknowledged command is told to the parent through a pipe.
 * The parent kills it at some moment, opens the index and looks for all.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "indexer/base/text.h"
#include "tests/index/fixture.h"

enum { ROUNDS = 20, THREADS = 6 };

static struct fixture fx;
static char run_id[40];

struct ack {
	int thread, number;
};

struct child {
	struct index *ix;
	int pipe, thread, round;
	pthread_t id;
};

static int log_both(struct child *c, int number)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	char key[64], metric[64];
	struct key_value p = {str_from(key), STR("v")};
	struct key_points m = {.key = str_from(metric),
			       .value = {number, true},
			       .timestamp = {number, true},
			       .step = {number, true}};
	struct err e;
	int rc;

	snprintf(key, sizeof(key), "p%d-%d-%d", c->round, c->thread, number);
	snprintf(metric, sizeof(metric), "m%d", c->thread);
	p.key.n = strlen(key);
	m.key.n = strlen(metric);
	m.step.v = m.timestamp.v = (int64_t)c->round * 1000000 + number;
	x->run_id = str_from(run_id);
	x->params = (struct field_list){&p, 1};
	x->metrics = (struct field_list){&m, 1};
	rc = index_apply(c->ix, &x->c, &e);
	command_free(&x->c);
	return rc;
}

static void *work(void *arg)
{
	struct child *c = arg;

	for (int i = 0;; i++) {
		struct ack a = {c->thread, i};

		if (log_both(c, i) < 0 || write(c->pipe, &a, sizeof(a)) < 0)
			_exit(1);
	}
	return NULL;
}

static void child_main(int pipe, int round)
{
	struct child c[THREADS];
	struct index *ix = index_open(fx.dir, &fx.e);

	if (!ix)
		_exit(2);
	for (int i = 0; i < THREADS; i++) {
		c[i] = (struct child){
			.ix = ix, .pipe = pipe, .thread = i, .round = round};
		pthread_create(&c[i].id, NULL, work, &c[i]);
	}
	pause();
}

/* Kill the child after some acknowledgements; last[] gets the last number of
 * each thread. */
static int64_t run_and_kill(int round, int last[THREADS])
{
	unsigned char wanted;
	int ends[2], status;
	struct ack a;
	int64_t n = 0, until;
	pid_t pid;

	random_bytes(&wanted, 1);
	until = 50 + (int64_t)wanted * 3;
	if (pipe(ends) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child_main(ends[1], round);
		_exit(3);
	}
	close(ends[1]);
	while (read(ends[0], &a, sizeof(a)) == sizeof(a)) {
		last[a.thread] = a.number;
		if (++n == until)
			kill(pid, SIGKILL);
	}
	close(ends[0]);
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		printf("# the child ended by itself: %d\n", status);
	return n;
}

struct params_seen {
	int round;
	int count[THREADS], greatest[THREADS];
};

static int see_param(void *ctx, struct str key, struct str value,
		     int64_t modified, struct err *e)
{
	struct params_seen *s = ctx;
	char text[64];
	int part[3] = {0, 0, 0}, n = 0;

	(void)value;
	(void)modified;
	(void)e;
	snprintf(text, sizeof(text), "%.*s", STR_ARG(key));
	for (char *p = text + 1; *p; p++) {
		if (*p == '-')
			n++;
		else
			part[n] = part[n] * 10 + (*p - '0');
	}
	if (part[0] != s->round)
		return 0;
	s->count[part[1]]++;
	if (part[2] > s->greatest[part[1]])
		s->greatest[part[1]] = part[2];
	return 0;
}

/* Of each thread's numbers none up to the last acknowledged one is missing. */
static int lost_params(int round, const int last[THREADS])
{
	struct params_seen s = {.round = round};
	struct run r = fx_see_run(&fx, run_id);
	int lost = 0;

	for (int i = 0; i < THREADS; i++)
		s.greatest[i] = -1;
	fx_begin(&fx);
	if (run_params(fx.rd, r.row, see_param, &s, &fx.e) < 0)
		lost++;
	fx_finish(&fx);
	for (int i = 0; i < THREADS; i++)
		lost += s.greatest[i] < last[i] ||
			s.count[i] != s.greatest[i] + 1;
	return lost;
}

/* The points of a command are there exactly where its param is. */
static int lost_points(int round, const int last[THREADS])
{
	struct run r = fx_see_run(&fx, run_id);
	int lost = 0;

	fx_begin(&fx);
	for (int i = 0; i < THREADS; i++) {
		char key[32];
		struct series s;
		int64_t want = (int64_t)round * 1000000 + last[i];

		if (last[i] < 0)
			continue;
		snprintf(key, sizeof(key), "m%d", i);
		lost += series_by_key(fx.rd, r.row, str_from(key), &fx.a, &s,
				      &fx.e) < 0 ||
			s.latest.step < want;
	}
	fx_finish(&fx);
	return lost;
}

static void report(void *ctx, const char *what, const char *detail)
{
	printf("# %s: %s\n", what, detail);
	++*(int *)ctx;
}

static void one_round(int round)
{
	int last[THREADS], findings = 0;
	char what[100];
	int64_t n;

	for (int i = 0; i < THREADS; i++)
		last[i] = -1;
	n = run_and_kill(round, last);
	fx_open(&fx);
	snprintf(what, sizeof(what), "round %d: none of %d is lost", round,
		 (int)n);
	ok(lost_params(round, last) == 0 && lost_points(round, last) == 0,
	   what);
	ok(index_check(fx.dir, report, &findings, &fx.e) == 0 && !findings,
	   "the index is whole");
	fx_close(&fx);
}

int main(void)
{
	fx_start(&fx);
	snprintf(run_id, sizeof(run_id), "%s", fx_run(&fx, "0", "crash"));
	fx_close(&fx);
	for (int i = 1; i <= ROUNDS; i++)
		one_round(i);
	fx_remove_dir(&fx);
	return tap_done();
}
