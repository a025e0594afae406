/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c - the writer thread: groups of commands, one COMMIT each.
 *
 * The hard part is failure. A command that fails takes back its savepoint
 * and nothing else. A COMMIT that fails, or an error at which SQLite gave up
 * the transaction by itself, fails every command of the group, and all that
 * memory holds is read again: so a full disk needs no restart afterwards.
 */
#include "indexer/index/writer.h"

#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/backup.h"
#include "indexer/index/idle.h"
#include "indexer/index/migrate.h"
#include "indexer/index/once.h"
#include "indexer/index/points.h"
#include "indexer/index/run_cache.h"
#include "indexer/index/span_block.h"

enum {
	WAIT_MS = 500,         /* for commands, while there is nothing to do */
	GATHER_MS = 3,         /* what comes meanwhile joins the group */
	IDLE_AT_LEAST_MS = 200 /* idle work is not starved longer */
};

/* Commands of the transaction under way, to be answered after it. */
struct group {
	struct queue_node *head, **tail;
	struct command *call; /* to be run after it */
};

/* --- state -------------------------------------------------------------- */

static int load_state(struct writer *w, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct index_totals *t = &w->totals;

	if (cursor_open(&q, &w->db, STMT_STATE_READ, NO_BINDS, e) < 0 ||
	    cursor_next(&q, e) < 0)
		return -1;
	w->change = cursor_i64(&q, 0) + 1;
	w->epoch = cursor_i64(&q, 1);
	w->last_series = cursor_i64(&q, 2);
	t->experiments = cursor_i64(&q, 3);
	t->runs = cursor_i64(&q, 4);
	t->series = cursor_i64(&q, 5);
	t->points = cursor_i64(&q, 6);
	t->artifacts = cursor_i64(&q, 7);
	t->artifact_bytes = cursor_i64(&q, 8);
	t->traces = cursor_i64(&q, 9);
	t->spans = cursor_i64(&q, 10);
	w->saved_totals = w->totals;
	w->saved_series = w->last_series;
	return 0;
}

static int save_state(struct writer *w, struct err *e)
{
	const struct index_totals *t = &w->totals;

	if (!w->dirty && w->last_series == w->saved_series &&
	    memcmp(t, &w->saved_totals, sizeof(*t)) == 0)
		return 0;
	return db_exec(&w->db, STMT_STATE_WRITE,
		       BINDS(B(w->dirty ? w->change : w->change - 1),
			     B(w->last_series), B(t->experiments), B(t->runs),
			     B(t->series), B(t->points), B(t->artifacts),
			     B(t->artifact_bytes), B(t->traces), B(t->spans)),
		       e);
}

static int stamp_runs(struct writer *w, struct err *e)
{
	for (size_t i = 0; i < w->touched->n; i++)
		if (db_exec(&w->db, STMT_RUN_TOUCH,
			    BINDS(B(w->touched->rows[i]), B(w->now),
				  B(w->change)),
			    e) < 0)
			return -1;
	return 0;
}

void writer_touch_run(struct writer *w, int64_t run_row)
{
	w->dirty = true;
	row_set_add(w->touched, run_row);
}

int writer_removed(struct writer *w, const struct changed *x, int64_t project,
		   struct err *e)
{
	return db_exec(&w->db, STMT_REMOVED_ADD,
		       BINDS(B((int64_t)x->thing), B(project), B(x->row),
			     B(x->parent), B(x->parent_dir), B(x->name),
			     B(writer_changes(w)), B(w->now)),
		       e);
}

/* --- transactions ------------------------------------------------------- */

static bool in_transaction(struct writer *w)
{
	return !sqlite3_get_autocommit(w->db.h);
}

static int begin(struct writer *w, struct err *e)
{
	w->now = clock_ms();
	w->dirty = false;
	row_set_clear(w->touched);
	return db_exec(&w->db, STMT_BEGIN, NO_BINDS, e);
}

/* Memory is wrong now; the tables are right. */
static void give_up(struct writer *w, const struct err *why)
{
	struct err e;

	if (in_transaction(w))
		db_exec(&w->db, STMT_ROLLBACK, NO_BINDS, &e);
	row_set_clear(w->touched);
	run_cache_clear(w->runs);
	points_dropped(w);
	w->dirty = false;
	if (why->kind == ERR_NO_SPACE)
		checkpoint_make_room(&w->checkpoint);
	if (load_state(w, &e) < 0)
		log_error("index state cannot be read", "why=\"%s\"", e.msg);
}

static int commit(struct writer *w, struct err *e)
{
	if (points_flush(w, e) < 0 || stamp_runs(w, e) < 0 ||
	    save_state(w, e) < 0)
		return -1;
	return db_exec(&w->db, STMT_COMMIT, NO_BINDS, e);
}

static void publish(struct writer *w)
{
	int64_t change = w->change;

	w->saved_totals = w->totals;
	w->saved_series = w->last_series;
	atomic_store(&w->stats.wal_bytes, checkpoint_wal_bytes(&w->checkpoint));
	if (!w->dirty)
		return;
	w->change++;
	w->dirty = false;
	atomic_store(&w->stats.change, change);
	bulletin_post(w->bulletin, change);
	if (w->on_commit)
		w->on_commit(w->on_commit_ctx, change);
}

static void measure(struct writer *w, int64_t began_us)
{
	int64_t us = clock_mono_us() - began_us;

	atomic_fetch_add(&w->stats.commits, 1);
	atomic_store(&w->stats.last_commit_us, us);
	if (us > atomic_load(&w->stats.longest_commit_us))
		atomic_store(&w->stats.longest_commit_us, us);
}

/* The end of a transaction in which rc is how the work went. */
static int finish(struct writer *w, int rc, int64_t began_us, struct err *e)
{
	if (rc < 0 || commit(w, e) < 0) {
		give_up(w, e);
		return -1;
	}
	points_committed(w);
	publish(w);
	measure(w, began_us);
	return 0;
}

int writer_transaction(struct writer *w,
		       int (*fn)(struct writer *w, void *arg, struct err *e),
		       void *arg, struct err *e)
{
	int64_t began_us = clock_mono_us();

	if (begin(w, e) < 0)
		return -1;
	return finish(w, fn(w, arg, e), began_us, e);
}

/* --- commands ----------------------------------------------------------- */

static int apply(struct writer *w, struct command *c)
{
	const struct command_type *type = &command_types[c->kind];
	int rc;

	if (!once_applies(c))
		return type->apply(w, c, &c->err);
	rc = once_find(w, c, &c->err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (type->apply(w, c, &c->err) < 0)
		return -1;
	return once_keep(w, c, &c->err);
}

/* 0 also when the command failed and its savepoint is taken back; -1 when the
 * transaction is lost. */
static int run_command(struct writer *w, struct command *c, struct err *e)
{
	struct index_totals totals = w->totals;
	int64_t last_series = w->last_series;
	size_t touched = w->touched->n;
	bool dirty = w->dirty;

	err_clear(&c->err);
	if (db_exec(&w->db, STMT_SAVEPOINT, NO_BINDS, e) < 0)
		return -1;
	w->db.who = c->who;
	if (apply(w, c) == 0) {
		err_clear(&c->err);
		return db_exec(&w->db, STMT_RELEASE, NO_BINDS, e);
	}
	*e = c->err;
	if (!in_transaction(w))
		return -1;
	w->totals = totals;
	w->last_series = last_series;
	w->dirty = dirty;
	row_set_truncate(w->touched, touched);
	run_cache_clear(w->runs);
	if (db_exec(&w->db, STMT_ROLLBACK_TO, NO_BINDS, e) < 0)
		return -1;
	return db_exec(&w->db, STMT_RELEASE, NO_BINDS, e);
}

static void group_add(struct group *g, struct command *c)
{
	c->node.next = NULL;
	*g->tail = &c->node;
	g->tail = &c->node.next;
}

/* All that waits, within the time of one transaction. */
static int run_group(struct writer *w, struct group *g, struct err *e)
{
	int64_t began = clock_mono_ms();
	int64_t passed = 0;

	while (passed < LIMIT_GROUP_MS) {
		struct command *c = lanes_take(&w->lanes);

		if (!c && passed < GATHER_MS) {
			lanes_collect(&w->lanes, 0);
			c = lanes_take(&w->lanes);
		}
		if (!c)
			return 0;
		if (c->kind == COMMAND_CALL) {
			g->call = c;
			return 0;
		}
		group_add(g, c);
		if (run_command(w, c, e) < 0)
			return -1;
		passed = clock_mono_ms() - began + points_owed_us(w) / 1000;
	}
	return 0;
}

static void answer(struct writer *w, struct group *g, const struct err *failed)
{
	int64_t n = 0, bad = 0;

	while (g->head) {
		struct command *c = (struct command *)(void *)g->head;

		g->head = c->node.next;
		if (failed && c->err.kind == ERR_NONE)
			c->err = *failed;
		c->change = w->change - 1;
		n++;
		bad += c->err.kind != ERR_NONE;
		c->done(c, c->ctx);
	}
	atomic_fetch_add(&w->stats.commands, n);
	atomic_fetch_add(&w->stats.failed, bad);
}

int apply_call(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_call *call = (struct cmd_call *)c;

	return call->fn(w, call->arg, e);
}

static void run_call(struct writer *w, struct command *c)
{
	struct group g = {.tail = &g.head};

	err_clear(&c->err);
	apply_call(w, c, &c->err);
	group_add(&g, c);
	answer(w, &g, NULL);
}

static void tell_checkpoints(struct writer *w)
{
	atomic_store(&w->stats.checkpoints, w->checkpoint.count);
	atomic_store(&w->stats.wal_holder, w->checkpoint.holder);
}

static void run_waiting(struct writer *w)
{
	struct group g = {.tail = &g.head};
	int64_t began_us = clock_mono_us();
	struct err e;
	int rc = begin(w, &e);

	if (rc == 0)
		rc = finish(w, run_group(w, &g, &e), began_us, &e);
	else
		group_add(&g, lanes_take(&w->lanes));
	w->db.who = principal_owner();
	if (rc < 0)
		log_warn("transaction failed", "why=\"%s\"", e.msg);
	answer(w, &g, rc < 0 ? &e : NULL);
	if (g.call)
		run_call(w, g.call);
	checkpoint_committed(&w->checkpoint);
	tell_checkpoints(w);
}

static bool idle_is_due(const struct writer *w)
{
	return idle_wanted(w) &&
	       clock_mono_ms() - w->idled_at > IDLE_AT_LEAST_MS;
}

void *writer_main(void *arg)
{
	struct writer *w = arg;

	for (;;) {
		bool last = atomic_load(&w->lanes.closed);
		bool now = last || idle_wanted(w) || !lanes_empty(&w->lanes);

		lanes_collect(&w->lanes, now ? 0 : WAIT_MS);
		if (!lanes_empty(&w->lanes)) {
			run_waiting(w);
			if (!last && idle_is_due(w))
				idle_work(w);
		} else if (last) {
			return NULL;
		} else {
			idle_work(w);
			checkpoint_idle(&w->checkpoint);
			tell_checkpoints(w);
		}
	}
}

/* --- life --------------------------------------------------------------- */

static int prepare(struct writer *w, const char *dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;

	if (asprintf(&path, "%s/index.db", dir) < 0)
		abort();
	if (db_open(&w->db, path, DB_WRITER, e) < 0 ||
	    schema_apply(&w->db, &schema_current, e) < 0 ||
	    load_state(w, e) < 0)
		return -1;
	w->bulletin = bulletin_create(dir, w->epoch, e);
	if (!w->bulletin ||
	    checkpoint_init(&w->checkpoint, &w->db, w->bulletin, e) < 0)
		return -1;
	atomic_store(&w->stats.change, w->change - 1);
	bulletin_post(w->bulletin, w->change - 1);
	return points_new(w, e);
}

struct writer *writer_new(const char *dir, struct err *e)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (w)
		w->touched = calloc(1, sizeof(*w->touched));
	if (!w || !w->touched)
		abort();
	lanes_init(&w->lanes);
	w->runs = run_cache_new();
	w->reap = true;
	if (prepare(w, dir, e) == 0)
		return w;
	writer_free(w);
	return NULL;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	backup_drop(w->backup);
	if (w->points)
		points_free(w);
	if (w->checkpoint.db)
		checkpoint_close(&w->checkpoint);
	db_close(&w->db);
	bulletin_close(w->bulletin);
	run_cache_free(w->runs);
	span_codec_free(w->spans);
	row_set_fini(w->touched);
	free(w->touched);
	lanes_fini(&w->lanes);
	free(w);
}
