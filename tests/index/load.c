/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - many threads that submit and wait: all of it arrives, once. With
 * arguments (threads, commands of each) it is a measurement.
 */
#include <pthread.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "tests/index/fixture.h"

static struct fixture fx;

struct load {
	pthread_t thread;
	const char *run;
	int64_t count, failed;
	int64_t longest_us;
};

static int log_one(const char *run, int64_t step)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points m = {.key = STR("loss"),
			       .value = {(double)step, true},
			       .timestamp = {step, true},
			       .step = {step, true}};
	struct err e;
	int rc;

	x->run_id = str_from(run);
	x->metrics = (struct field_list){&m, 1};
	rc = index_apply(fx.ix, &x->c, &e);
	command_free(&x->c);
	return rc;
}

static void *work(void *arg)
{
	struct load *l = arg;

	for (int64_t i = 0; i < l->count; i++) {
		int64_t began = clock_mono_us(), took;

		l->failed += log_one(l->run, i) < 0;
		took = clock_mono_us() - began;
		if (took > l->longest_us)
			l->longest_us = took;
	}
	return NULL;
}

static int64_t argument(int argc, char **argv, int i, int64_t otherwise)
{
	int64_t v;

	return i < argc && num_parse_i64(str_from(argv[i]), &v) ? v : otherwise;
}

int main(int argc, char **argv)
{
	int64_t threads = argument(argc, argv, 1, 8);
	int64_t each = argument(argc, argv, 2, 200);
	struct load *loads = calloc((size_t)threads, sizeof(*loads));
	struct index_totals t;
	struct index_stats stats;
	int64_t began, us, failed = 0, longest = 0;

	fx_start(&fx);
	for (int64_t i = 0; i < threads; i++)
		loads[i] = (struct load){.run = fx_run(&fx, "0", ""),
					 .count = each};
	began = clock_mono_us();
	for (int64_t i = 0; i < threads; i++)
		pthread_create(&loads[i].thread, NULL, work, &loads[i]);
	for (int64_t i = 0; i < threads; i++) {
		pthread_join(loads[i].thread, NULL);
		failed += loads[i].failed;
		if (loads[i].longest_us > longest)
			longest = loads[i].longest_us;
	}
	us = clock_mono_us() - began;
	index_stats(fx.ix, &stats);
	printf("# %" PRId64 " commands, %" PRId64 " per s, %" PRId64
	       " commits, longest %" PRId64 " us\n",
	       threads * each, threads * each * 1000000 / (us + 1),
	       stats.commits, longest);
	is_i64(failed, 0, "every command is answered without error");
	fx_begin(&fx);
	works(index_totals(fx.rd, &t, &fx.e));
	fx_finish(&fx);
	is_i64(t.points, threads * each, "every point is there");
	ok(stats.commits <= stats.commands, "commands share transactions");
	fx_end(&fx);
	free(loads);
	return tap_done();
}
