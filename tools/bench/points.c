/* SPDX-License-Identifier: Apache-2.0 */
/* points.c - what points cost: time per point in the writer in several
 * shapes, bytes of the database at the end, and how fast they are read. No
 * HTTP and no queue: each transaction holds so many commands as would come
 * together in a group.
 *
 *	bench-points DIR [SCALE]	DIR must not exist
 */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/points.h"
#include "indexer/index/reader.h"
#include "indexer/index/writer.h"

enum values { SMOOTH, NOISE, NOISY_LOSS };

struct shape {
	const char *name;
	size_t keys, points; /* of a batch */
	size_t group;        /* batches per transaction */
	size_t batches;
	enum values values;
};

static const struct shape shapes[] = {
	{"1000 points of 1 key, smooth", 1, 1000, 20, 1000, SMOOTH},
	{"1000 points of 1 key, noise", 1, 1000, 20, 1000, NOISE},
	{"1000 points of 1 key, alone", 1, 1000, 1, 500, NOISY_LOSS},
	{"1 point of 1000 keys", 1000, 1000, 5, 1000, NOISY_LOSS},
	{"1 point of 1000 keys, alone", 1000, 1000, 1, 500, NOISY_LOSS},
	{"1 point of 1000 of 20000 keys", 20000, 1000, 5, 1000, NOISY_LOSS},
	{"10 points of 100 keys", 100, 1000, 5, 1000, NOISY_LOSS},
	{"single points", 1, 1, 500, 100000, NOISY_LOSS},
	{"single points, alone", 1, 1, 1, 1000, NOISY_LOSS},
};

struct bench {
	const char *dir;
	struct writer *w;
	struct str run;
	struct arena a;
	struct err e;
	uint64_t random;
	int64_t step, time;
};

static void must(struct bench *b, bool good)
{
	if (good)
		return;
	fprintf(stderr, "bench-points: %s\n", b->e.msg);
	exit(1);
}

static double uniform(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return (double)(b->random >> 11) * 0x1p-53;
}

static double value(struct bench *b, enum values values)
{
	double smooth = exp(-(double)b->step / 1e5);

	if (values == SMOOTH)
		return smooth;
	return values == NOISE ? uniform(b) : smooth * (1 + 0.05 * uniform(b));
}

static int apply(struct writer *w, void *arg, struct err *e)
{
	struct command *c = arg;

	return command_types[c->kind].apply(w, c, e);
}

static struct str new_run(struct bench *b)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct str id;

	must(b, writer_transaction(b->w, apply, &x->c, &b->e) == 0);
	id = arena_str(&b->a, x->ret_run_id);
	command_free(&x->c);
	return id;
}

static struct cmd_run_log *batch(struct bench *b, const struct shape *s)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct arena *a = &x->c.arena;
	struct key_points *kp = arena_array(a, s->points, sizeof(*kp));

	for (size_t i = 0; i < s->points; i++) {
		b->time += 95 + (int64_t)(11 * uniform(b));
		kp[i] = (struct key_points){
			.key = str_from(arena_printf(
				a, "metric/%zu", (size_t)b->step % s->keys)),
			.value = {value(b, s->values), true},
			.timestamp = {b->time, true},
			.step = {b->step++, true}};
	}
	x->run_id = b->run;
	x->metrics.items = kp;
	x->metrics.n = s->points;
	return x;
}

struct group {
	struct cmd_run_log **x;
	size_t n;
};

static int apply_group(struct writer *w, void *arg, struct err *e)
{
	struct group *g = arg;

	for (size_t i = 0; i < g->n; i++)
		if (apply(w, &g->x[i]->c, e))
			return -1;
	return 0;
}

/* One transaction; returns its microseconds. */
static int64_t transaction(struct bench *b, const struct shape *s)
{
	struct group g = {calloc(s->group, sizeof(*g.x)), s->group};
	int64_t us;

	for (size_t i = 0; i < g.n; i++)
		g.x[i] = batch(b, s);
	us = clock_mono_us();
	must(b, writer_transaction(b->w, apply_group, &g, &b->e) == 0);
	checkpoint_committed(&b->w->checkpoint);
	us = clock_mono_us() - us;
	for (size_t i = 0; i < g.n; i++)
		command_free(&g.x[i]->c);
	free(g.x);
	return us;
}

static int idle(struct writer *w, void *arg, struct err *e)
{
	(void)arg;
	return points_idle(w, LIMIT_IDLE_MS, e);
}

/* Until nothing is left to fold; the longest transaction in microseconds. */
static int64_t fold(struct bench *b)
{
	int64_t longest = 0;
	struct run_ref ref;

	must(b, writer_run(b->w, b->run, &ref, &b->e) == 0);
	points_run_ended(b->w, ref.row);
	while (points_idle_wanted(b->w)) {
		int64_t us = clock_mono_us();

		must(b, writer_transaction(b->w, idle, NULL, &b->e) == 0);
		us = clock_mono_us() - us;
		longest = us > longest ? us : longest;
	}
	return longest;
}

static int64_t bytes(struct bench *b)
{
	int64_t n = 0;

	must(b, db_value(&b->w->db,
			 "SELECT sum(pgsize) FROM dbstat WHERE name IN ('tail',"
			 " 'series', 'block', 'sqlite_autoindex_block_1')",
			 &n, &b->e) == 0);
	return n;
}

/* One series as text, then as a history, all of it. */
static void read_back(struct bench *b)
{
	struct principal owner = principal_owner();
	struct reader *rd = reader_open(b->dir, &b->e);
	static char text[128 << 10];
	struct run_ref ref;
	struct series s;
	struct point *p;
	int64_t off = 0, n, us[3] = {clock_mono_us()};
	size_t got = 0;
	bool more;

	must(b, rd != NULL);
	must(b, reader_begin(rd, &owner, &b->e) == 0);
	must(b, writer_run(b->w, b->run, &ref, &b->e) == 0);
	must(b, series_by_key(rd, ref.row, STR("metric/0"), &b->a, &s, &b->e) ==
			0);
	while ((n = series_read_text(rd, &s, off, text, sizeof(text), &b->e)))
		must(b, (off += n) && n > 0);
	us[1] = clock_mono_us();
	must(b, series_history(rd, &s, NULL, (size_t)s.count, &b->a, &p, &got,
			       &more, &b->e) == 0);
	us[2] = clock_mono_us();
	printf("  read back %5.0f ns text, %5.0f ns history\n",
	       1e3 * (double)(us[1] - us[0]) / (double)s.count,
	       1e3 * (double)(us[2] - us[1]) / (double)s.count);
	reader_end(rd);
	reader_close(rd);
}

static void measure(struct bench *b, const struct shape *s, size_t scale)
{
	size_t n = s->batches * scale / s->group;
	double points = (double)(n * s->group * s->points);
	int64_t us = 0, longest = 0, folding;

	b->run = new_run(b);
	for (size_t i = 0; i < n; i++) {
		int64_t t = transaction(b, s);

		us += t;
		longest = t > longest ? t : longest;
	}
	folding = fold(b);
	printf("%-30s %8.0f points/s %6.2f us/point, longest %5.1f ms, "
	       "folding %5.1f ms",
	       s->name, points * 1e6 / (double)us, (double)us / points,
	       (double)longest / 1e3, (double)folding / 1e3);
	read_back(b);
}

int main(int argc, char **argv)
{
	struct bench b = {.random = 88172645463325252, .time = 1753000000000};
	int64_t scale = 1, before;

	if (argc < 2 || argc > 3 ||
	    (argc > 2 && !num_parse_i64(str_from(argv[2]), &scale)) ||
	    scale < 1 || scale > 1000 || mkdir(argv[1], 0700) < 0) {
		fprintf(stderr, "usage: bench-points NEW-DIR [SCALE]\n");
		return 2;
	}
	b.dir = argv[1];
	arena_init(&b.a, (size_t)8 << 30);
	b.w = writer_new(b.dir, &b.e);
	must(&b, b.w != NULL);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		double points = (double)b.w->totals.points;

		before = bytes(&b);
		measure(&b, &shapes[i], (size_t)scale);
		printf("%-30s %5.2f bytes/point\n", "",
		       (double)(bytes(&b) - before) /
			       ((double)b.w->totals.points - points));
	}
	writer_free(b.w);
	arena_fini(&b.a);
	return 0;
}
