/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is told when others change the index: just what it knows. */
#include "fs/watch.h"
#include "indexer/base/clock.h"
#include "tests/fs/fixture.h"

#define RUN "experiments/e/runs/r"

struct told {
	pthread_mutex_t mu;
	uint64_t inodes[1000];
	bool data[1000];
	size_t ninodes, nentries;
	char entries[65536];
};

static void tell_inode(void *ctx, uint64_t id, bool data)
{
	struct told *t = ctx;

	pthread_mutex_lock(&t->mu);
	if (t->ninodes < 1000) {
		t->inodes[t->ninodes] = id;
		t->data[t->ninodes++] = data;
	}
	pthread_mutex_unlock(&t->mu);
}

static void tell_entry(void *ctx, uint64_t dir, struct str name)
{
	struct told *t = ctx;
	size_t n;

	(void)dir;
	pthread_mutex_lock(&t->mu);
	n = strlen(t->entries);
	snprintf(t->entries + n, sizeof(t->entries) - n, "%.*s ",
		 STR_ARG(name));
	t->nentries++;
	pthread_mutex_unlock(&t->mu);
}

static bool was_told(struct told *t, uint64_t id, bool data)
{
	bool found = false;

	pthread_mutex_lock(&t->mu);
	for (size_t i = 0; i < t->ninodes; i++)
		found |= t->inodes[i] == id && (t->data[i] || !data);
	pthread_mutex_unlock(&t->mu);
	return found;
}

static bool was_told_entry(struct told *t, const char *name)
{
	bool found;

	pthread_mutex_lock(&t->mu);
	found = strstr(t->entries, name) != NULL;
	pthread_mutex_unlock(&t->mu);
	return found;
}

static void forget_told(struct told *t)
{
	usleep(600000);
	pthread_mutex_lock(&t->mu);
	t->ninodes = t->nentries = 0;
	t->entries[0] = '\0';
	pthread_mutex_unlock(&t->mu);
}

enum { PATIENCE_MS = 10000 };

static bool soon_told(struct told *t, uint64_t id, bool data)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	while (!was_told(t, id, data) && clock_mono_ms() < end)
		usleep(2000);
	return was_told(t, id, data);
}

static bool soon_entry(struct told *t, const char *name)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	while (!was_told_entry(t, name) && clock_mono_ms() < end)
		usleep(2000);
	return was_told_entry(t, name);
}

static void as_others(struct fixture *f, struct command *c)
{
	if (index_apply(f->ix, c, &f->e))
		fixture_die("index_apply", &f->e);
	command_free(c);
}

static void id_of(struct fixture *f, char out[33])
{
	get(f, RUN "/meta.json");
	snprintf(out, 33, "%.32s",
		 strstr(f->text, "\"run_id\": \"") + strlen("\"run_id\": \""));
}

static void test_points(struct fixture *f, struct told *t)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points p = {.key = STR("loss"),
			       .value = {0.5, true},
			       .timestamp = {5, true},
			       .step = {1, true}};
	uint64_t metric = walk(f, RUN "/metrics/loss");
	uint64_t other = walk(f, RUN "/metrics/acc");
	uint64_t latest = walk(f, RUN "/latest.json");
	char id[33];

	id_of(f, id);
	forget_told(t);
	x->run_id = str_from(id);
	x->metrics = (struct field_list){&p, 1};
	as_others(f, &x->c);
	ok(soon_told(t, metric, false), "the metric has grown");
	ok(soon_told(t, latest, false), "so has what is made of it");
	ok(!was_told(t, other, false), "another has not");
	ok(!was_told(t, metric, true), "attributes only");
	is_i64((int64_t)t->nentries, 0, "no name has changed");
}

static void test_names(struct fixture *f, struct told *t)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct cmd_run_update *y = command_new(COMMAND_RUN_UPDATE);
	struct cmd_run *z = command_new(COMMAND_RUN_DELETE);
	uint64_t runs = walk(f, "experiments/e/runs"), run = walk(f, RUN);
	char id[33];

	id_of(f, id);
	forget_told(t);
	x->experiment_id = STR("1");
	x->run_name = STR("another");
	as_others(f, &x->c);
	ok(soon_told(t, runs, true), "a new run: list again");
	ok(!was_told_entry(t, "another"), "its name was not known");
	forget_told(t);
	y->run_id = str_from(id);
	y->run_name = STR("renamed");
	as_others(f, &y->c);
	ok(soon_entry(t, "r "), "a renamed one: the name is over");
	walk(f, "experiments/e/runs/renamed");
	forget_told(t);
	z->run_id = str_from(id);
	as_others(f, &z->c);
	ok(soon_entry(t, "renamed "), "a deleted one as well");
	ok(atomic_load(&nodes_find(&f->fs->nodes, run)->gone),
	   "and takes nothing more");
}

static void test_busy(struct fixture *f, struct told *t)
{
	uint64_t dir = walk(f, "experiments");
	struct cmd_experiment *x = command_new(COMMAND_EXPERIMENT_DELETE);

	walk(f, "experiments/e");
	forget_told(t);
	fs_busy(f->fs, dir, 1);
	x->experiment_id = STR("1");
	as_others(f, &x->c);
	usleep(200000);
	ok(!was_told_entry(t, "e "), "not while a request holds its directory");
	fs_busy(f->fs, dir, -1);
	ok(soon_entry(t, "e "), "then it is told");
}

static void test_storm(struct fixture *f, struct told *t)
{
	uint64_t metric;
	size_t times = 0, most;
	int64_t began;
	char line[32];

	do_mkdir(f, "experiments/s");
	do_mkdir(f, "experiments/s/runs/r");
	put(f, "experiments/s/runs/r/metrics/m", O_APPEND, "1\n");
	metric = walk(f, "experiments/s/runs/r/metrics/m");
	forget_told(t);
	began = clock_mono_ms();
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "%d\n", i);
		put(f, "experiments/s/runs/r/metrics/m", O_APPEND, line);
		usleep(5000);
	}
	most = (size_t)(clock_mono_ms() - began) / FS_NOTIFY_MS + 2;
	pthread_mutex_lock(&t->mu);
	for (size_t i = 0; i < t->ninodes; i++)
		times += t->inodes[i] == metric;
	pthread_mutex_unlock(&t->mu);
	ok(times >= 1 && times <= most, "a busy metric is told twice a second");
}

int main(void)
{
	static struct told t = {.mu = PTHREAD_MUTEX_INITIALIZER};
	const struct watch_sink sink = {
		.inode = tell_inode, .entry = tell_entry, .ctx = &t};
	struct fixture f;
	struct watch *w;

	fixture_init(&f);
	do_mkdir(&f, "experiments/e");
	do_mkdir(&f, RUN);
	put(&f, RUN "/metrics/loss", O_APPEND, "1\n");
	put(&f, RUN "/metrics/acc", O_APPEND, "1\n");
	w = watch_start(f.fs, &sink, &f.e);
	test_points(&f, &t);
	test_names(&f, &t);
	test_busy(&f, &t);
	test_storm(&f, &t);
	watch_stop(w);
	fixture_fini(&f);
	return tap_done();
}
