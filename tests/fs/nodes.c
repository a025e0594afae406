/* SPDX-License-Identifier: Apache-2.0 */
/* The table of nodes, of young names, and the pool: without an index. */
#include "fs/node.h"
#include "fs/pool.h"
#include "fs/problems.h"
#include "fs/young.h"
#include "indexer/base/log.h"
#include "tests/tap.h"

static struct found thing(enum node_kind kind, int64_t row, const char *name)
{
	return (struct found){.kind = kind, .row = row, .name = str_from(name)};
}

static void test_identity(struct nodes *t)
{
	struct found run = thing(KIND_RUN, 7, "r");
	struct found tag = thing(KIND_TAG, 7, "k"), other;
	struct node *a, *b;
	uint64_t ids[2];

	tag.key = STR("k");
	a = nodes_take(t, t->root, &run);
	b = nodes_take(t, t->root, &run);
	ok(a == b && a->lookups == 2, "the same thing is the same node");
	run.name = STR("renamed");
	ok(nodes_take(t, t->root, &run) == a && !strcmp(a->name, "renamed"),
	   "wherever it is found");
	ok(nodes_find(t, a->id) == a, "found by its id");
	b = nodes_take(t, a, &tag);
	ok(b != a && b->parent == a, "another thing is another");
	ids[0] = a->id;
	ids[1] = b->id;
	nodes_forget(t, ids[0], 3);
	ok(nodes_find(t, ids[0]) == a, "kept for what lies in it");
	nodes_forget(t, ids[1], 1);
	ok(!nodes_find(t, ids[0]) && !nodes_find(t, ids[1]), "then forgotten");
	is_i64(nodes_count(t), 1, "the root is left");
	other = tag;
	other.key = STR("l");
	ok(node_ident(KIND_TAG, 7, tag.key) !=
		   node_ident(KIND_TAG, 7, other.key),
	   "keys tell apart what has no row");
	ok(node_ident(KIND_RUN, 7, STR("x")) ==
		   node_ident(KIND_RUN, 7, STR("y")),
	   "rows tell apart the rest");
}

static void count_one(void *ctx, struct node *n)
{
	struct nodes *t = ((void **)ctx)[0];

	++*(int *)((void **)ctx)[1];
	nodes_drop(t, n);
}

/* One artifact is shown in two versions; another is another owner's. */
static void test_owners(struct nodes *t)
{
	struct found one = thing(KIND_VIEW_FILE, 5, "f"), two = one, other;
	struct node *n[3];
	int count = 0;
	void *ctx[] = {t, &count};

	one.owner = two.owner = 7;
	one.key = STR("1");
	two.key = STR("2");
	other = one;
	other.row = 6;
	other.owner = 7 + NODE_OWNERS;
	n[0] = nodes_take(t, t->root, &one);
	n[1] = nodes_take(t, t->root, &two);
	n[2] = nodes_take(t, t->root, &other);
	ok(n[0] != n[1], "the same row in two places is two nodes");
	nodes_each_of(t, 7, count_one, ctx);
	is_i64(count, 2, "both are found by their owner");
	nodes_forget(t, n[0]->id, 1);
	count = 0;
	nodes_each_of(t, 7, count_one, ctx);
	is_i64(count, 1, "a forgotten one is not");
	nodes_forget(t, n[1]->id, 1);
	nodes_forget(t, n[2]->id, 1);
	count = 0;
	nodes_each_of(t, 7 + NODE_OWNERS, count_one, ctx);
	is_i64(count, 0, "nor the last");
}

static void test_made_up(struct nodes *t)
{
	struct node *n = nodes_make_up(t, t->root, KIND_ARTIFACT, STR("new"));
	struct found x = {.kind = KIND_ARTIFACT, .name = STR("new"), .node = n};
	struct found row = thing(KIND_ARTIFACT, 5, "new");
	uint64_t id = n->id;

	ok(nodes_take(t, t->root, &x) == n && n->lookups == 1,
	   "taken as it is");
	nodes_settle(t, n, 5);
	ok(nodes_take(t, t->root, &row) == n && n->id == id,
	   "with a row it keeps its id");
	nodes_forget(t, id, 2);
	nodes_drop(t, n);
	ok(!nodes_find(t, id), "gone");
	n = nodes_take(t, t->root, &row);
	ok(n->id == node_ident(KIND_ARTIFACT, 5, STR_NONE),
	   "then it has that of its row");
	nodes_forget(t, n->id, 1);
}

static void test_places(struct nodes *t)
{
	struct found top = thing(KIND_ARTIFACTS, 1, "artifacts");
	struct found dir = thing(KIND_ARTIFACT_DIR, 2, "d");
	struct found file = thing(KIND_ARTIFACT, 3, "f");
	struct node *a = nodes_take(t, t->root, &top);
	struct node *b = nodes_take(t, a, &dir), *c = nodes_take(t, b, &file);
	struct buf path;

	buf_init(&path, 1000);
	ok(nodes_path(t, c, STR_NONE, KIND_ARTIFACTS, &path) == a, "its root");
	is_str(path.p, "d/f", "its path");
	buf_reset(&path);
	nodes_path(t, b, STR("g"), KIND_ARTIFACTS, &path);
	is_str(path.p, "d/g", "that of a name in a directory");
	buf_reset(&path);
	nodes_path(t, a, STR_NONE, KIND_ARTIFACTS, &path);
	is_i64((int64_t)path.n, 0, "that of the root");
	nodes_move(t, c, a, STR("h"));
	buf_reset(&path);
	nodes_path(t, c, STR_NONE, KIND_ARTIFACTS, &path);
	is_str(path.p, "h", "moved");
	nodes_move(t, c, NULL, STR("h"));
	buf_reset(&path);
	ok(!nodes_path(t, c, STR_NONE, KIND_ARTIFACTS, &path), "nowhere");
	ok(nodes_above(t, b, KIND_ROOT) == t->root &&
		   !nodes_above(t, c, KIND_ROOT),
	   "what is above");
	dir.name = STR("loop");
	ok(nodes_take(t, b, &dir) == b && b->parent == a,
	   "nothing is put into itself");
	buf_fini(&path);
	nodes_forget(t, c->id, 1);
	nodes_forget(t, b->id, 2);
	nodes_forget(t, a->id, 1);
}

static void test_many(struct nodes *t)
{
	enum { MANY = 100000 };
	struct found x;
	char name[32];
	int64_t wrong = 0;

	for (int64_t i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "run-%lld", (long long)i);
		x = thing(KIND_RUN, i, name);
		nodes_take(t, t->root, &x);
	}
	is_i64(nodes_count(t), MANY + 1, "a hundred thousand nodes");
	for (int64_t i = 1; i <= MANY; i++)
		wrong += !nodes_find(t, node_ident(KIND_RUN, i, STR_NONE));
	is_i64(wrong, 0, "all are found");
	for (int64_t i = 1; i <= MANY; i++)
		nodes_forget(t, node_ident(KIND_RUN, i, STR_NONE), 1);
	is_i64(nodes_count(t), 1, "and forgotten");
}

static void count_young(void *ctx, enum node_kind kind, struct str key,
			int64_t since)
{
	(void)kind;
	(void)key;
	(void)since;
	++*(int *)ctx;
}

static void test_young(void)
{
	struct young y;
	struct err e;
	int n = 0;

	young_init(&y);
	ok(young_since(&y, KIND_METRIC, 1, STR("a")) < 0, "unknown");
	ok(!young_add(&y, KIND_METRIC, 1, STR("a"), &e) &&
		   !young_add(&y, KIND_METRIC, 1, STR("a"), &e) &&
		   !young_add(&y, KIND_METRIC, 1, STR("ab/c"), &e),
	   "made");
	ok(young_since(&y, KIND_METRIC, 1, STR("a")) > 0 &&
		   young_since(&y, KIND_TAG, 1, STR("a")) < 0 &&
		   young_since(&y, KIND_METRIC, 2, STR("a")) < 0,
	   "known by kind, row and key");
	young_each(&y, 1, STR("ab/"), count_young, &n);
	is_i64(n, 1, "by prefix");
	ok(young_remove(&y, KIND_METRIC, 1, STR("a")) &&
		   !young_remove(&y, KIND_METRIC, 1, STR("a")),
	   "removed once");
	young_fini(&y);
}

static void test_problems(void)
{
	struct problems p;
	struct buf b;

	problems_init(&p, "not stored");
	buf_init(&b, 1 << 20);
	for (int i = 0; i < FS_PROBLEMS + 5; i++)
		problems_add(&p, STR("where\nis it"), i ? "why" : "the first");
	problems_print(&p, &b);
	is_i64(problems_count(&p), FS_PROBLEMS + 5, "all are counted");
	ok(strstr(b.p, "where is it\twhy\n") && !strstr(b.p, "the first"),
	   "the last are kept, one a line");
	buf_fini(&b);
	problems_fini(&p);
}

/* --- the pool ------------------------------------------------------------- */

struct job {
	struct task task;
	atomic_bool over;
	atomic_int *ran, *gave_up;
	int64_t naps_ms;
};

static void job_run(struct task *t)
{
	struct job *j = (struct job *)t;
	struct timespec ts = {0, j->naps_ms * 1000000};

	nanosleep(&ts, NULL);
	atomic_fetch_add(j->ran, 1);
}

static void job_give_up(struct task *t)
{
	atomic_fetch_add(((struct job *)t)->gave_up, 1);
}

static bool job_over(const struct task *t)
{
	return atomic_load(&((const struct job *)t)->over);
}

static void test_pool(void)
{
	static struct job jobs[100];
	atomic_int ran = 0, gave_up = 0;
	struct err e;
	struct pool *p = pool_new(2, 60, &e);
	int taken = 0;

	for (int i = 0; i < 100; i++) {
		jobs[i] = (struct job){
			.task = {NULL, job_run, job_give_up, job_over},
			.ran = &ran,
			.gave_up = &gave_up,
			.naps_ms = 5};
		taken += pool_queue(p, &jobs[i].task);
	}
	ok(taken >= 60 && taken < 100, "as many wait as may");
	for (int i = 50; i < 60; i++)
		atomic_store(&jobs[i].over, true);
	pool_look(p);
	pool_free(p);
	is_i64(ran + gave_up, taken, "each ended once");
	is_i64(gave_up, 10, "those that were over without being run");
}

int main(void)
{
	struct nodes t;
	struct err e;

	log_set_level(LOG_OFF);
	nodes_init(&t, &e);
	test_identity(&t);
	test_owners(&t);
	test_made_up(&t);
	test_places(&t);
	test_many(&t);
	nodes_fini(&t);
	test_young();
	test_problems();
	test_pool();
	return tap_done();
}
