/* SPDX-License-Identifier: Apache-2.0 */
/* points.c - what is taken is there, once, in order, folded or not, and after
 * whatever happens to the process.
 */
#include "indexer/index/points_internal.h"
#include "tests/index/desk.h"
#include "tests/index/made.h"
#include "tests/tap.h"

static int findings;

static void print_finding(void *ctx, const char *what, const char *detail)
{
	(void)ctx;
	findings++;
	printf("# %s: %s\n", what, detail);
}

/* The index says of itself that it is in order. */
static bool sound(struct desk *d)
{
	struct db db;
	char path[100];

	findings = 0;
	snprintf(path, sizeof(path), "%s/index.db", d->dir);
	if (db_open(&db, path, DB_READER, &d->e))
		desk_die(d, "check");
	if (points_check(&db, print_finding, NULL, &d->e))
		desk_die(d, "check");
	db_close(&db);
	return findings == 0;
}

static void duplicates(struct desk *d)
{
	struct str run = desk_run(d);
	struct point p[] = {{1, 100, 0.5}, {2, 200, 0.25}, {1, 100, 0.5}};
	struct point near[] = {{1, 101, 0.5}, {1, 100, 0.75}, {3, 100, 0.5}};
	struct point all[5] = {p[0], p[1], near[0], near[1], near[2]};
	struct series s;

	ok(desk_log(d, run, "a", p, 3) == 0, "three points, two the same");
	ok(desk_has(d, run, "a", p, 2), "two are there");
	ok(desk_log(d, run, "a", p, 3) == 0, "again");
	ok(desk_has(d, run, "a", p, 2), "still two");
	desk_log(d, run, "a", near, 3);
	ok(desk_has(d, run, "a", all, 5), "near ones are points of their own");
	s = desk_look(d, run, "a");
	is_i64(s.count, 5, "count");
	is_i64(s.last_step, 3, "step of the last that arrived");
	desk_fold(d, run);
	desk_log(d, run, "a", all, 5);
	ok(desk_has(d, run, "a", all, 5), "the same after folding");
	ok(sound(d), "sound");
}

static void latest(struct desk *d)
{
	struct str run = desk_run(d);
	struct point same[] = {{3, 50, 5}, {3, 50, 9}, {3, 50, 7}};
	struct point late = {2, 900, 1}, step = {4, 1, -3};
	struct point odd[] = {{0, 0, (double)NAN},
			      {0, 0, (double)INFINITY},
			      {0, 0, -(double)INFINITY},
			      {0, 0, -0.0},
			      {0, 0, 0.0},
			      {0, 0, (double)NAN},
			      {0, 0, -(double)NAN}};
	struct desk_points got;
	struct series s;

	for (int i = 0; i < 3; i++)
		desk_log(d, run, "a", &same[i], 1);
	ok(desk_look(d, run, "a").latest.value == 9, "5, 9, 7 at once: 9");
	desk_log(d, run, "a", &late, 1);
	ok(desk_look(d, run, "a").latest.value == 9, "a lower step never wins");
	desk_log(d, run, "a", &step, 1);
	s = desk_look(d, run, "a");
	ok(s.latest.value == -3 && s.latest.step == 4, "a higher step does");

	desk_log(d, run, "odd", odd, 7);
	got = desk_points(d, run, "odd");
	is_i64((int64_t)got.n, 5, "zeros differ in sign, NaNs do not differ");
	ok(isnan(got.p[0].value) && isinf(got.p[1].value) &&
		   got.p[2].value < 0 && signbit(got.p[3].value),
	   "NaN, infinities and minus zero survive");
	free(got.p);
	s = desk_look(d, run, "odd");
	ok(s.latest.value > 0 && isinf(s.latest.value), "infinity is latest");
	desk_fold(d, run);
	ok(sound(d), "sound");
}

static bool refused(struct desk *d, struct str run, const char *key,
		    struct opt_f64 value, struct opt_i64 time)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points kp[2] = {
		{.key = STR("fine"),
		 .value = {1, true},
		 .timestamp = {1, true}},
		{.key = str_from(key), .value = value, .timestamp = time}};
	int rc;

	x->run_id = run;
	x->metrics.items = kp;
	x->metrics.n = 2;
	rc = desk_apply(d, &x->c);
	command_free(&x->c);
	return rc == -1 && d->e.kind == ERR_INVALID;
}

static void refusals(struct desk *d)
{
	struct str run = desk_run(d);
	struct point p = {1, 1, 1};
	struct opt_f64 one = {1, true};
	struct opt_i64 now = {1, true};
	struct err e;
	struct series s;

	ok(refused(d, run, "b", one, (struct opt_i64){-1, true}),
	   "a negative timestamp");
	ok(strstr(d->e.msg, "metrics[1].timestamp") != NULL, "says which");
	ok(refused(d, run, "b", (struct opt_f64){0, false}, now), "no value");
	ok(refused(d, run, "b", one, (struct opt_i64){0, false}),
	   "no timestamp");
	ok(refused(d, run, "../b", one, now), "a key that is none");
	desk_begin(d);
	ok(series_by_key(d->rd, desk_row(d, run), STR("fine"), &d->a, &s, &e) ==
			   -1 &&
		   e.kind == ERR_NOT_FOUND,
	   "nothing of the batch is there");
	reader_end(d->rd);
	desk_run_command(d, COMMAND_RUN_DELETE, run);
	ok(desk_log(d, run, "a", &p, 1) == -1 && d->e.kind == ERR_STATE,
	   "a deleted run takes none");
	ok(desk_log(d, STR("0123456789abcdef0123456789abcdef"), "a", &p, 1) ==
			   -1 &&
		   d->e.kind == ERR_NOT_FOUND,
	   "nor does one that is not there");
}

/* Random points of few different steps and times: many duplicates, no order.
 * What must be there is told by the slowest of all ways. */
struct model {
	struct point p[20000];
	size_t n;
};

static void model_add(struct model *m, const struct point *p)
{
	for (size_t i = 0; i < m->n; i++)
		if (point_same(&m->p[i], p))
			return;
	m->p[m->n++] = *p;
}

static void wild(struct desk *d)
{
	static struct model m;
	struct str run = desk_run(d);
	struct made r = made_start(99);
	struct point p[300];
	bool good = true;

	for (int round = 0; round < 60; round++) {
		size_t n = 1 + made_random(&r) % 300;

		for (size_t i = 0; i < n; i++) {
			p[i] = (struct point){(int64_t)(made_random(&r) % 60) -
						      10,
					      (int64_t)(made_random(&r) % 60),
					      (double)(made_random(&r) % 3)};
			model_add(&m, &p[i]);
		}
		desk_log(d, run, "wild", p, n);
		if (round % 7 == 3)
			desk_fold(d, run);
		if (round % 13 == 5)
			desk_crash(d);
		good &= desk_has(d, run, "wild", m.p, m.n);
	}
	printf("# %zu points\n", m.n);
	ok(good && m.n > 3000, "wild points, folded and reopened at times");
	ok(sound(d), "sound");
}

static void many(struct desk *d)
{
	enum { N = 30000 };
	struct str run = desk_run(d);
	struct point *p = calloc(N, sizeof(*p));
	struct made m = made_start(4);
	int64_t blocks;

	for (size_t i = 0; i < N; i++)
		p[i] = made_next(&m, 3, 0);
	for (size_t i = 0; i < N; i += 1000)
		desk_log(d, run, "loss", p + i, 1000);
	ok(desk_has(d, run, "loss", p, N), "30000 points");
	blocks = desk_count(d, "SELECT count(*) FROM block");
	ok(blocks >= N / BLOCK_POINTS, "whole blocks need no idle time");
	for (size_t i = 0; i < N; i += 1000)
		desk_log(d, run, "loss", p + i, 1000);
	ok(desk_has(d, run, "loss", p, N), "sent once more: nothing new");
	desk_crash(d);
	for (size_t i = 500; i < N; i += 1000)
		desk_log(d, run, "loss", p + i, 1);
	ok(desk_has(d, run, "loss", p, N), "single ones after a restart");
	desk_fold(d, run);
	ok(desk_has(d, run, "loss", p, N), "folded");
	ok(sound(d), "sound");
	free(p);
}

/* A series of each of many keys, a point at a time, so that tails grow, and
 * passes go step by step. */
static void wide(struct desk *d)
{
	enum { KEYS = 300, ROUNDS = 700 };
	struct str run = desk_run(d);
	struct point p[ROUNDS];
	char key[20];
	bool good = true;

	for (int64_t i = 0; i < ROUNDS; i++) {
		struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
		struct key_points *kp =
			arena_array(&x->c.arena, KEYS, sizeof(*kp));

		p[i] = (struct point){i, 1000 + i, (double)i / 8};
		for (int k = 0; k < KEYS; k++)
			kp[k] = (struct key_points){
				.key = str_from(
					arena_printf(&x->c.arena, "k%d", k)),
				.value = {p[i].value + k, true},
				.timestamp = {p[i].time, true},
				.step = {i, true}};
		x->run_id = run;
		x->metrics.items = kp;
		x->metrics.n = KEYS;
		if (desk_apply(d, &x->c))
			desk_die(d, "wide");
		command_free(&x->c);
	}
	ok(points_idle_wanted(d->w), "a wide tail waits to be folded");
	desk_idle(d);
	ok(desk_count(d, "SELECT count(*) FROM tail") <= ROUNDS / 2,
	   "and is, in its greater part");
	for (int k = 0; k < KEYS; k += 37) {
		snprintf(key, sizeof(key), "k%d", k);
		for (int i = 0; i < ROUNDS; i++)
			p[i].value = i / 8.0 + k;
		good &= desk_has(d, run, key, p, ROUNDS);
	}
	ok(good, "all points of some of its series");
	ok(sound(d), "sound");
}

/* Passes interrupted after any step by the end of the process. */
static int one_step(struct writer *w, void *arg, struct err *e)
{
	(void)arg;
	return points_idle(w, 0, e);
}

static int step_then_fail(struct writer *w, void *arg, struct err *e)
{
	(void)arg;
	if (points_idle(w, 1000, e))
		return -1;
	return err_set(e, ERR_IO, "made to fail");
}

static void crashes(struct desk *d)
{
	enum { KEYS = 5, N = 200 };
	struct str run = desk_run(d);
	static struct point p[KEYS][N];
	char key[20];
	bool good = true;

	for (int64_t k = 0; k < KEYS; k++)
		for (int64_t i = 0; i < N; i++)
			p[k][i] = (struct point){i * (k + 1), 5 * i,
						 (double)(i ^ k)};
	for (size_t i = 0; i < N; i += 40)
		for (int k = 0; k < KEYS; k++) {
			snprintf(key, sizeof(key), "c%d", k);
			desk_log(d, run, key, &p[k][i], 40);
		}
	points_run_ended(d->w, desk_row(d, run));
	ok(writer_transaction(d->w, step_then_fail, NULL, &d->e) == -1,
	   "a transaction that folds fails");
	for (int k = 0; k < KEYS; k++) {
		snprintf(key, sizeof(key), "c%d", k);
		good &= desk_has(d, run, key, p[k], N);
		good &= desk_log(d, run, key, p[k], N) == 0;
		good &= desk_has(d, run, key, p[k], N);
	}
	ok(good && sound(d), "nothing is lost or doubled by it");
	for (int i = 0; i < 10; i++) {
		points_run_ended(d->w, desk_row(d, run));
		writer_transaction(d->w, one_step, NULL, &d->e);
		desk_crash(d);
		desk_log(d, run, "c0", &p[0][i], 1);
	}
	desk_fold(d, run);
	for (int k = 0; k < KEYS; k++) {
		snprintf(key, sizeof(key), "c%d", k);
		good &= desk_has(d, run, key, p[k], N);
	}
	ok(good && sound(d), "nor by ends of the process between");
}

/* The same commands with folding after each, and with none: the same. */
static void equivalence(struct desk *d)
{
	struct str a = desk_run(d), b = desk_run(d);
	struct made m = made_start(12);
	struct point p[500];
	bool good = true;

	for (int round = 0; round < 40; round++) {
		const char *key = round % 3 ? "x" : "y";
		size_t n = 1 + made_random(&m) % 500;

		for (size_t i = 0; i < n; i++)
			p[i] = made_next(&m, (size_t)round % MADE_VALUES, 0);
		for (size_t i = 0; i + 1 < n; i += 1 + made_random(&m) % 4) {
			struct point t = p[i];

			p[i] = p[i + 1];
			p[i + 1] = t;
		}
		desk_log(d, a, key, p, n);
		desk_log(d, b, key, p, n);
		desk_fold(d, a);
	}
	for (int k = 0; k < 2; k++) {
		const char *key = k ? "x" : "y";
		struct series s = desk_look(d, a, key),
			      t = desk_look(d, b, key);
		struct desk_points all = desk_points(d, b, key);

		good &= desk_has(d, a, key, all.p, all.n);
		good &= s.count == t.count && s.text == t.text &&
			s.last_step == t.last_step &&
			point_same(&s.latest, &t.latest);
		free(all.p);
	}
	ok(good, "folded at every chance or never: no difference");
	ok(sound(d), "sound");
}

/* After a failed transaction memory is what the tables are. */
static int log_then_fail(struct writer *w, void *arg, struct err *e)
{
	struct command *c = arg;

	if (command_types[c->kind].apply(w, c, e))
		return -1;
	return err_set(e, ERR_IO, "made to fail");
}

static void lost_transaction(struct desk *d)
{
	struct str run = desk_run(d);
	struct point p[] = {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}};
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points kp[] = {{.key = STR("a"),
				   .value = {2, true},
				   .timestamp = {2, true},
				   .step = {2, true}}};
	int64_t before = d->w->totals.points;

	desk_log(d, run, "a", &p[0], 1);
	x->run_id = run;
	x->metrics.items = kp;
	x->metrics.n = 1;
	ok(writer_transaction(d->w, log_then_fail, &x->c, &d->e) == -1,
	   "a transaction fails after its points were taken");
	command_free(&x->c);
	ok(desk_has(d, run, "a", p, 1), "they are not there");
	desk_log(d, run, "a", &p[2], 1);
	p[1] = p[2];
	ok(desk_has(d, run, "a", p, 2), "the next ones are");
	is_i64(d->w->totals.points, before + 2, "and are counted right");
	ok(sound(d), "sound");
}

/* More than the writer remembers: runs are forgotten and read again. */
static void eviction(struct desk *d)
{
	enum { RUNS = 44, KEYS = 8, N = 3000 };
	struct str runs[RUNS];
	struct point *p = calloc(N, sizeof(*p));
	struct made m = made_start(1);
	bool good = true;
	size_t part = N / 3;

	for (size_t i = 0; i < N; i++)
		p[i] = made_next(&m, 3, 0);
	for (int r = 0; r < RUNS; r++)
		runs[r] = desk_run(d);
	for (size_t i = 0; i < 3; i++)
		for (int r = 0; r < RUNS; r++)
			for (int k = 0; k < KEYS; k++) {
				char key[8];

				snprintf(key, sizeof(key), "k%d", k);
				desk_log(d, runs[r], key, p + part * i, part);
			}
	ok(d->w->stats.tail_bytes <= LIMIT_TAIL_CACHE, "memory is bounded");
	for (int r = 0; r < RUNS; r++)
		good &= desk_has(d, runs[r], "k7", p, N);
	ok(good, "forgotten and read again");
	ok(sound(d), "sound");
	free(p);
}

static void sweeping(struct desk *d)
{
	struct str run = desk_run(d);
	struct point p[100];

	for (int64_t i = 0; i < 100; i++) {
		p[i] = (struct point){i, i, 1};
		desk_log(d, run, "left", &p[i], 1);
		if (i % 10 == 0)
			desk_log(d, run, "few", &p[i / 10], 1);
	}
	desk_crash(d);
	ok(points_idle_wanted(d->w), "a start looks for tails that were left");
	desk_idle(d);
	is_i64(desk_count(d, "SELECT count(*) FROM tail"), 1,
	       "and folds them, but for a rest in one row");
	is_i64(desk_count(d, "SELECT count(*) FROM block"), 1,
	       "a few points make no block");
	ok(desk_has(d, run, "few", p, 10), "all few points");
	ok(desk_has(d, run, "left", p, 100), "all of them");
	ok(!points_idle_wanted(d->w), "then it is quiet");
	ok(sound(d), "sound");
}

/* A tail that has grown a little is folded when no points came for a while:
 * here the clock is helped along. */
static void quiet(struct desk *d)
{
	struct str run = desk_run(d);
	struct points *ps = d->w->points;
	struct live_run *r;
	struct point p[40];

	desk_idle(d);
	for (int64_t i = 0; i < 40; i++) {
		p[i] = (struct point){i, i, 0.5};
		desk_log(d, run, "a", &p[i], 1);
	}
	ok(!points_idle_wanted(d->w), "a small tail may stay for a while");
	ps->later.ring[ps->later.head].due_ms = 0;
	desk_idle(d);
	is_i64(desk_count(d, "SELECT count(*) FROM tail"), 40,
	       "it was not quiet for long enough");
	ps->later.ring[ps->later.head].due_ms = 0;
	r = live_known(&ps->live, desk_row(d, run));
	r->used_ms -= QUIET_MS + 1000;
	desk_idle(d);
	is_i64(desk_count(d, "SELECT count(*) FROM tail"), 1, "now it was");
	ok(desk_has(d, run, "a", p, 40), "all points are there");
	ok(!points_idle_wanted(d->w), "nothing is left to do");
	ok(sound(d), "sound");
}

static void damage(struct desk *d)
{
	struct str run = desk_run(d);
	struct point p[200];
	struct made m = made_start(2);
	struct desk_points got = {NULL, 0, 0};
	struct series s;

	for (size_t i = 0; i < 200; i++)
		p[i] = made_next(&m, 3, 0);
	desk_log(d, run, "a", p, 200);
	desk_fold(d, run);
	if (db_script(&d->w->db,
		      "UPDATE block SET data = zeroblob(length(data)) WHERE id"
		      " = (SELECT max(id) FROM block)",
		      &d->e))
		desk_die(d, "damage");
	desk_begin(d);
	s = desk_series(d, run, "a");
	ok(series_points(d->rd, &s, 0, desk_collect, &got, &d->e) == -1 &&
		   d->e.kind == ERR_CORRUPT,
	   "a damaged block is an error");
	reader_end(d->rd);
	ok(!sound(d), "and is found");
	ok(desk_log(d, run, "a", p + 10, 1) == 0,
	   "but does not stop the series");
	free(got.p);
}

int main(void)
{
	static void (*const tests[])(struct desk *) = {
		duplicates, latest,           refusals,    wild,     many,
		wide,       crashes,          equivalence, eviction, sweeping,
		quiet,      lost_transaction, damage};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		struct desk d;

		desk_open(&d);
		tests[i](&d);
		desk_close(&d);
	}
	return tap_done();
}
