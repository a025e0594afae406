/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c - groups, lanes, retries, and who may open the index. */
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "indexer/base/clock.h"
#include "indexer/index/limits.h"
#include "tests/index/fixture.h"

static struct fixture fx;

/* --- a writer that is held up ------------------------------------------- */

struct hold {
	sem_t begun, go;
};

static int wait_for_go(struct writer *w, void *arg, struct err *e)
{
	struct hold *h = arg;

	(void)w;
	(void)e;
	sem_post(&h->begun);
	sem_wait(&h->go);
	return 0;
}

static void freed(struct command *c, void *ctx)
{
	(void)ctx;
	command_free(c);
}

static void hold_writer(struct hold *h)
{
	struct cmd_call *x = command_new(COMMAND_CALL);

	sem_init(&h->begun, 0, 0);
	sem_init(&h->go, 0, 0);
	x->fn = wait_for_go;
	x->arg = h;
	x->c.done = freed;
	works(index_submit(fx.ix, &x->c, &fx.e));
	sem_wait(&h->begun);
}

static void let_go(struct hold *h)
{
	sem_post(&h->go);
}

struct tally {
	_Atomic int good, bad;
};

static void count(struct command *c, void *ctx)
{
	struct tally *t = ctx;

	if (c->err.kind == ERR_NONE)
		t->good++;
	else
		t->bad++;
	command_free(c);
}

static struct cmd_run_log *tag_command(const char *run, const char *key)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value *tag = arena_alloc(&x->c.arena, sizeof(*tag));

	tag->key = arena_str(&x->c.arena, str_from(key));
	tag->value = STR("v");
	x->run_id = arena_str(&x->c.arena, str_from(run));
	x->tags = (struct field_list){tag, 1};
	return x;
}

/* Waits until the tally is full. */
static bool all_answered(struct tally *t, int n)
{
	for (int i = 0; i < 2000 && t->good + t->bad < n; i++)
		usleep(5000);
	return t->good + t->bad == n;
}

/* --- groups ------------------------------------------------------------- */

static void groups(void)
{
	const char *run = fx_run(&fx, "0", "group");
	struct index_stats before, after;
	struct tally t = {0};
	struct hold h;
	char key[32];

	hold_writer(&h);
	index_stats(fx.ix, &before);
	for (int i = 0; i < 100; i++) {
		struct cmd_run_log *x;

		snprintf(key, sizeof(key), i % 10 ? "k%d" : "bad|%d", i);
		x = tag_command(run, key);
		x->c.done = count;
		x->c.ctx = &t;
		works(index_submit(fx.ix, &x->c, &fx.e));
	}
	index_stats(fx.ix, &after);
	is_i64(after.queued, 100, "what waits is counted");
	ok(after.queued_bytes > 100 * (int64_t)sizeof(struct cmd_run_log),
	   "in bytes, too");
	let_go(&h);
	ok(all_answered(&t, 100), "all are answered");
	is_i64(t.bad, 10, "bad ones fail alone");
	index_stats(fx.ix, &after);
	ok(after.commits - before.commits <= 3, "in a few transactions");
	ok(after.change - before.change <= 3, "with as many numbers");
	is_i64(after.failed - before.failed, 10, "failures are counted");
	is_i64(fx_see_run(&fx, run).ntags, 91, "what succeeded is there");
	is_i64(after.queued, 0, "nothing waits");
	is_i64(after.queued_bytes, 0, "not a byte");
}

/* A lane that is full leaves room in the others. */
static void full_lane(void)
{
	const char *run = fx_run(&fx, "0", "full");
	struct tally t = {0};
	struct hold h;
	int taken = 0;
	bool busy = false;

	hold_writer(&h);
	while (!busy && taken < 1000) {
		struct cmd_run_log *x = tag_command(run, "k");

		if (!arena_alloc(&x->c.arena, 1 << 20))
			abort();
		x->c.done = count;
		x->c.ctx = &t;
		if (index_submit(fx.ix, &x->c, &fx.e) == 0) {
			taken++;
			continue;
		}
		busy = fx.e.kind == ERR_BUSY;
		x->c.lane = LANE_CRAWL;
		works(index_submit(fx.ix, &x->c, &fx.e));
	}
	ok(busy, "a full lane answers ERR_BUSY");
	ok(taken >= LIMIT_QUEUE_BYTES / (2 << 20) &&
		   taken <= LIMIT_QUEUE_BYTES >> 20,
	   "at its limit in bytes");
	let_go(&h);
	ok(all_answered(&t, taken + 1), "what was taken is answered");
	is_i64(t.bad, 0, "and well");
	works(fx_tag(&fx, run, "k2", "v"));
}

struct order {
	int lanes[12];
	_Atomic int n;
};

static void note_lane(struct command *c, void *ctx)
{
	struct order *o = ctx;

	o->lanes[o->n++] = (int)c->lane;
	command_free(c);
}

static void turns(void)
{
	const char *run = fx_run(&fx, "0", "turns");
	struct order o = {0};
	struct hold h;
	char key[32];

	hold_writer(&h);
	for (int i = 0; i < 12; i++) {
		struct cmd_run_log *x;

		snprintf(key, sizeof(key), "k%d", i);
		x = tag_command(run, key);
		x->c.lane = i < 10 ? LANE_CRAWL : LANE_API;
		x->c.done = note_lane;
		x->c.ctx = &o;
		works(index_submit(fx.ix, &x->c, &fx.e));
	}
	let_go(&h);
	for (int i = 0; i < 2000 && o.n < 12; i++)
		usleep(5000);
	is_i64(o.n, 12, "all are answered");
	ok(o.lanes[0] == LANE_API || o.lanes[1] == LANE_API,
	   "a lane waits for one command of another");
	ok(o.lanes[2] == LANE_API || o.lanes[3] == LANE_API, "and again");
}

/* --- retries ------------------------------------------------------------ */

static const char *create_once(const char *once, const char *name,
			       const char *who)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	const char *id = "";

	x->run_name = str_from(name);
	x->c.once = str_from(once);
	x->c.who.name = str_from(who);
	err_clear(&fx.e);
	if (index_apply(fx.ix, &x->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, x->ret_run_id);
	command_free(&x->c);
	return id;
}

static void retries(void)
{
	const char *id = create_once("key-1", "once", "a");
	int64_t change = index_change(fx.ix);

	ok(*id, "a run is made");
	is_str(create_once("key-1", "once", "a"), id,
	       "the same request again gets the same answer");
	is_i64(index_change(fx.ix), change, "and changes nothing");
	is_str(create_once("key-1", "another", "a"), "",
	       "another request under the key is refused");
	ok(fx.e.kind == ERR_CONFLICT, "as a conflict");
	ok(strcmp(create_once("key-1", "once", "b"), id) != 0,
	   "another's key is another key");
	ok(strcmp(create_once("key-2", "once", "a"), id) != 0,
	   "another key, another run");
	fx_close(&fx);
	fx_open(&fx);
	is_str(create_once("key-1", "once", "a"), id, "also after a restart");
}

/* --- hearing of commits ------------------------------------------------- */

static void note_change(void *ctx, int64_t change)
{
	*(_Atomic int64_t *)ctx = change;
}

static void *wait_next(void *arg)
{
	int64_t *seen = arg;

	*seen = bulletin_wait(index_bulletin(fx.ix), *seen, 10000);
	return NULL;
}

static void hearing(void)
{
	static _Atomic int64_t told;
	const char *run = fx_run(&fx, "0", "hear");
	int64_t seen = index_change(fx.ix), before = seen;
	pthread_t t;

	index_on_commit(fx.ix, note_change, &told);
	pthread_create(&t, NULL, wait_next, &seen);
	works(fx_tag(&fx, run, "k", "1"));
	pthread_join(t, NULL);
	is_i64(seen, before + 1, "who waits at the bulletin hears of a commit");
	is_i64(told, before + 1, "so does the call-back");
	is_i64(index_change(fx.ix), before + 1, "the number is known");
	works(fx_tag(&fx, run, "k", "1"));
	is_i64(index_change(fx.ix), before + 1, "no change, no number");
	ok(index_wait(fx.ix, before + 1, 0), "a change that is there");
	ok(!index_wait(fx.ix, before + 2, 20), "one that does not come");
}

static void change_of_commands(void)
{
	const char *run = fx_run(&fx, "0", "numbers");
	struct cmd_run_log *x = tag_command(run, "k");

	works(index_apply(fx.ix, &x->c, &fx.e));
	is_i64(x->c.change, index_change(fx.ix),
	       "a command knows its commit's number");
	command_free(&x->c);
	is_i64(fx_see_run(&fx, run).change, index_change(fx.ix),
	       "which what it changed carries");
}

/* --- opening ------------------------------------------------------------ */

static void second_daemon(void)
{
	int64_t began = clock_mono_ms();
	struct index *second = index_open(fx.dir, &fx.e);

	ok(!second, "a second daemon is refused");
	ok(clock_mono_ms() - began < 5000, "within five seconds");
	ok(strstr(fx.e.msg, fx.dir) && strstr(fx.e.msg, "another daemon"),
	   "saying where and why");
	ok(bulletin_daemon_runs(index_bulletin(fx.ix)), "the first is known");
}

static void places(void)
{
	char path[400];
	struct stat st;
	struct index *ix;

	snprintf(path, sizeof(path), "%s/a/b/c", fx.dir);
	ix = index_open(path, &fx.e);
	ok(ix && stat(path, &st) == 0 && (st.st_mode & 0777) == 0700,
	   "a directory is made, with those above it, for its user alone");
	index_close(ix);
	snprintf(path, sizeof(path), "%s/index.db/x", fx.dir);
	ix = index_open(path, &fx.e);
	ok(!ix && strstr(fx.e.msg, "index.db"),
	   "what cannot be one is refused");
	printf("# %s\n", fx.e.msg);
	ix = index_open("/proc/orrery", &fx.e);
	ok(!ix, "what cannot be made is refused");
}

static void closing(void)
{
	const char *run = fx_run(&fx, "0", "closing");
	struct tally t = {0};
	char key[32], wal[300];
	struct stat st;

	for (int i = 0; i < 500; i++) {
		struct cmd_run_log *x;

		snprintf(key, sizeof(key), "k%d", i);
		x = tag_command(run, key);
		x->c.done = count;
		x->c.ctx = &t;
		index_submit(fx.ix, &x->c, &fx.e);
	}
	fx_close(&fx);
	is_i64(t.good, 500, "what was taken is done before the end");
	snprintf(wal, sizeof(wal), "%s/index.db-wal", fx.dir);
	ok(stat(wal, &st) == 0 && st.st_size == 0, "the WAL is left empty");
	fx.rd = reader_open(fx.dir, &fx.e);
	ok(fx.rd != NULL, "readers need no daemon");
	is_i64(fx_see_run(&fx, run).ntags, 501, "and see it all");
	reader_close(fx.rd);
	fx_open(&fx);
}

int main(void)
{
	fx_start(&fx);
	groups();
	full_lane();
	turns();
	retries();
	change_of_commands();
	second_daemon();
	places();
	closing();
	hearing();
	fx_end(&fx);
	return tap_done();
}
