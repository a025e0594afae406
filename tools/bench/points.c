/* SPDX-License-Identifier: Apache-2.0 */
/* points.c - what points cost in the writer: time per point in several
 * shapes, and bytes of the database at the end. No threads, no HTTP: each
 * transaction holds so many commands as fit into a group of the real one.
 *
 *	bench-points [scale]
 */
#include <stdio.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "tests/index/desk.h"
#include "tests/index/made.h"

struct shape {
	const char *name;
	size_t keys, points; /* of a batch */
	size_t group;        /* batches per transaction */
	size_t batches;
	size_t values; /* made.h */
};

static const struct shape shapes[] = {
	{"1000 points of 1 key, smooth", 1, 1000, 20, 1000, 0},
	{"1000 points of 1 key, noise", 1, 1000, 20, 1000, 1},
	{"1000 points of 1 key, alone", 1, 1000, 1, 500, 3},
	{"1 point of 1000 keys", 1000, 1000, 5, 1000, 3},
	{"1 point of 1000 keys, alone", 1000, 1000, 1, 500, 3},
	{"10 points of 100 keys", 100, 1000, 5, 1000, 3},
	{"single points", 1, 1, 500, 100000, 3},
	{"single points, alone", 1, 1, 1, 2000, 3},
};

struct batches {
	struct cmd_run_log **x;
	size_t n;
};

static int apply_batches(struct writer *w, void *arg, struct err *e)
{
	struct batches *b = arg;

	for (size_t i = 0; i < b->n; i++)
		if (command_types[COMMAND_RUN_LOG].apply(w, &b->x[i]->c, e))
			return -1;
	return 0;
}

static struct cmd_run_log *batch(const struct shape *s, struct str run,
				 struct made *m)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points *kp =
		arena_array(&x->c.arena, s->points, sizeof(*kp));

	for (size_t i = 0; i < s->points; i++) {
		struct point p = made_next(m, s->values, 0);
		const char *key =
			arena_printf(&x->c.arena, "metric/%zu", i % s->keys);

		kp[i] = (struct key_points){.key = str_from(key),
					    .value = {p.value, true},
					    .timestamp = {p.time, true},
					    .step = {p.step, true}};
	}
	x->run_id = run;
	x->metrics.items = kp;
	x->metrics.n = s->points;
	return x;
}

/* One transaction; returns its microseconds. */
static int64_t transaction(struct desk *d, const struct shape *s,
			   struct str run, struct made *m)
{
	struct batches b = {calloc(s->group, sizeof(struct cmd_run_log *)),
			    s->group};
	int64_t us;

	for (size_t i = 0; i < b.n; i++)
		b.x[i] = batch(s, run, m);
	us = clock_mono_us();
	if (writer_transaction(d->w, apply_batches, &b, &d->e))
		desk_die(d, "transaction");
	checkpoint_committed(&d->w->checkpoint);
	us = clock_mono_us() - us;
	for (size_t i = 0; i < b.n; i++)
		command_free(&b.x[i]->c);
	free(b.x);
	return us;
}

static void measure(const struct shape *s, size_t scale)
{
	struct desk d;
	struct made m = made_start(1);
	int64_t us = 0, longest = 0, idle, left;
	struct str run;
	double points = 0;

	desk_open(&d);
	if (db_script(&d.w->db, "PRAGMA synchronous=FULL", &d.e))
		desk_die(&d, "bench");
	run = desk_run(&d);
	for (size_t i = 0; i < s->batches * scale; i += s->group) {
		int64_t t = transaction(&d, s, run, &m);

		us += t;
		longest = t > longest ? t : longest;
		points += (double)(s->group * s->points);
	}
	left = desk_count(&d, "SELECT sum(length(data)) FROM tail");
	idle = clock_mono_us();
	desk_fold(&d, run);
	idle = clock_mono_us() - idle;
	printf("%-30s %9.0f points/s %7.2f us/point  longest %6.1f ms", s->name,
	       points * 1e6 / (double)us, (double)us / points,
	       (double)longest / 1e3);
	printf("  tail %5lld KiB  fold %6.1f ms  %5.2f bytes/point\n",
	       (long long)left / 1024, (double)idle / 1e3,
	       (double)desk_count(&d,
				  "SELECT (SELECT sum(pgsize) FROM dbstat "
				  "WHERE name IN ('block', 'tail', "
				  "'sqlite_autoindex_block_1', 'series'))") /
		       points);
	desk_close(&d);
}

int main(int argc, char **argv)
{
	int64_t scale = 1;

	if (argc > 1 && (!num_parse_i64(str_from(argv[1]), &scale) ||
			 scale < 1 || scale > 1000))
		return 2;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		measure(&shapes[i], (size_t)scale);
	return 0;
}
