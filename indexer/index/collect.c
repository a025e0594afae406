/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - see collect.h.
 *
 * The order is what keeps it safe: names, then rows, then the list of
 * garbage, then bytes, and last the list forgets them. Whatever the list
 * holds when the process dies is tried again; bytes that are gone already are
 * no error.
 */
#include "indexer/index/collect.h"

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/gc.h"
#include "indexer/objects/staging.h"

/* An object may be stored a while before the artifact is that it is for. */
enum { ORPHAN_MS = 3600 * 1000 };

static void add(struct collect_counts *to, const struct collect_counts *x)
{
	to->runs += x->runs;
	to->experiments += x->experiments;
	to->models += x->models;
	to->tags += x->tags;
}

static bool stopped(const struct collect *g)
{
	return (g->until && clock_mono_ms() > g->until) ||
	       (g->cancelled && g->cancelled(g->ctx));
}

static struct cmd_gc *new_step(const struct collect *g, enum gc_step step)
{
	struct cmd_gc *x = command_new(COMMAND_GC);

	x->c.lane = LANE_GC;
	x->c.who = g->who;
	x->step = step;
	return x;
}

/* --- bytes -------------------------------------------------------------- */

/* The claimed objects of x lose their bytes; freed gets those that did. */
static int remove_bytes(struct collect *g, const struct cmd_gc *x,
			struct cmd_gc *freed, struct err *e)
{
	struct str keys[GC_OBJECTS];
	bool gone[GC_OBJECTS];
	int rc;

	for (size_t i = 0; i < x->nobjects; i++)
		keys[i] = x->objects[i].key;
	if (!x->nobjects)
		return 0;
	rc = objects_remove(g->objects, keys, x->nobjects, gone, e);
	for (size_t i = 0; i < x->nobjects; i++) {
		if (!gone[i])
			continue;
		freed->objects[freed->nobjects++] = x->objects[i];
		g->did.objects++;
		g->did.bytes += x->objects[i].size;
	}
	return rc;
}

static int free_claimed(struct collect *g, const struct cmd_gc *x,
			struct err *e)
{
	struct cmd_gc *freed = new_step(g, GC_FREED);
	struct err ignored;
	int failed = remove_bytes(g, x, freed, e);
	int rc = index_apply(g->index, &freed->c, failed ? &ignored : e);

	command_free(&freed->c);
	return failed ? -1 : rc;
}

/* --- steps -------------------------------------------------------------- */

static int claims(enum gc_step step)
{
	return step == GC_CLAIM_GARBAGE || step == GC_CLAIM_ORPHANS;
}

/* One command of a step: 1 when there is more to do. */
static int run_step(struct collect *g, struct cmd_gc *x, struct err *e)
{
	if (index_apply(g->index, &x->c, e) < 0)
		return -1;
	add(&g->did, &x->ret_did);
	if (claims(x->step) && free_claimed(g, x, e) < 0)
		return -1;
	return x->ret_more;
}

/* All of a step: 1, or 0 when it was stopped. */
static int run_steps(struct collect *g, enum gc_step step, int64_t before,
		     struct err *e)
{
	int rc = 1;

	while (rc > 0) {
		struct cmd_gc *x = new_step(g, step);

		if (stopped(g)) {
			command_free(&x->c);
			return 0;
		}
		x->before = before;
		rc = run_step(g, x, e);
		command_free(&x->c);
	}
	return rc < 0 ? -1 : 1;
}

static struct field_list part_of(struct field_list l, size_t from)
{
	const struct str *ids = l.items;

	if (from >= l.n)
		return (struct field_list){0};
	l.items = (void *)(uintptr_t)(ids + from);
	l.n -= from;
	if (l.n > COLLECT_NAMES)
		l.n = COLLECT_NAMES;
	return l;
}

/* Of each list as many as fit one command. */
static int doom_named(struct collect *g, struct err *e)
{
	const struct collect_names *n = &g->names;
	size_t most = n->runs.n > n->models.n ? n->runs.n : n->models.n;

	if (n->experiments.n > most)
		most = n->experiments.n;
	for (size_t i = 0; i < most; i += COLLECT_NAMES) {
		struct cmd_gc *x = new_step(g, GC_DOOM_NAMED);
		int rc;

		x->names = (struct collect_names){part_of(n->runs, i),
						  part_of(n->experiments, i),
						  part_of(n->models, i)};
		rc = run_step(g, x, e);
		command_free(&x->c);
		if (rc < 0)
			return -1;
	}
	return 1;
}

/* --- orphans ------------------------------------------------------------ */

/* Keys found in the store that are old enough, to be looked up together. */
struct batch {
	struct collect *g;
	struct reader *rd;
	int64_t before;
	struct cmd_gc *x; /* collects them */
};

static int is_named(struct reader *rd, struct str key, struct err *e)
{
	int64_t found;

	return db_find(reader_db(rd), STMT_OBJECT_NAMED, BINDS(B(key)), &found,
		       e);
}

/* Leaves those that the index does not know. */
static int look_up(struct batch *b, struct err *e)
{
	struct cmd_gc *x = b->x;
	size_t kept = 0;
	int rc = reader_begin(b->rd, &x->c.who, e);

	if (rc < 0)
		return -1;
	for (size_t i = 0; i < x->nobjects && rc >= 0; i++) {
		rc = is_named(b->rd, x->objects[i].key, e);
		if (rc == 0)
			x->objects[kept++] = x->objects[i];
	}
	reader_end(b->rd);
	x->nobjects = kept;
	return rc < 0 ? -1 : 0;
}

static void count_orphans(struct collect *g, const struct cmd_gc *x)
{
	g->did.orphans += (int64_t)x->nobjects;
	for (size_t i = 0; i < x->nobjects; i++)
		g->did.orphan_bytes += x->objects[i].size;
}

static int flush(struct batch *b, bool remove, struct err *e)
{
	struct collect *g = b->g;
	int rc = look_up(b, e);

	if (rc == 0 && remove && b->x->nobjects)
		rc = run_step(g, b->x, e);
	if (rc == 0)
		count_orphans(g, b->x);
	command_free(&b->x->c);
	b->x = new_step(g, GC_CLAIM_ORPHANS);
	return rc < 0 ? -1 : 0;
}

struct walk {
	struct batch b;
	bool remove;
};

static int take_key(void *ctx, struct str key, int64_t size, int64_t mtime,
		    struct err *e)
{
	struct walk *k = ctx;
	struct cmd_gc *x = k->b.x;
	struct gc_object *o = &x->objects[x->nobjects];

	if (mtime > k->b.before)
		return 0;
	*o = (struct gc_object){arena_str(&x->c.arena, key), size};
	if (!o->key.p)
		return arena_full(&x->c.arena, e);
	if (++x->nobjects < GC_OBJECTS)
		return 0;
	if (flush(&k->b, k->remove, e) < 0)
		return -1;
	return k->b.g->cancelled && k->b.g->cancelled(k->b.g->ctx);
}

int collect_orphans(struct collect *g, struct reader *rd, bool remove,
		    struct err *e)
{
	struct walk k = {{g, rd, clock_ms() - ORPHAN_MS, NULL}, remove};
	int rc;

	k.b.x = new_step(g, GC_CLAIM_ORPHANS);
	rc = objects_each(g->objects, take_key, &k, e);
	if (rc == 0)
		rc = flush(&k.b, remove, e);
	command_free(&k.b.x->c);
	if (rc < 0)
		return -1;
	return g->cancelled && g->cancelled(g->ctx) ? 0 : 1;
}

static int take_orphans(struct collect *g, struct err *e)
{
	struct reader *rd = reader_open(index_dir(g->index), e);
	int rc = rd ? collect_orphans(g, rd, true, e) : -1;

	reader_close(rd);
	return rc;
}

/* --- the whole ---------------------------------------------------------- */

static int run_all(struct collect *g, struct err *e)
{
	int64_t before = g->what == COLLECT_OLD ? clock_ms() - g->age_ms : 0;
	int rc = 1;

	if (g->what == COLLECT_NAMED)
		rc = doom_named(g, e);
	if (g->what == COLLECT_OLD)
		rc = run_steps(g, GC_DOOM_OLD, before, e);
	if (rc > 0)
		rc = run_steps(g, GC_TAKE_ROWS, 0, e);
	if (rc > 0 && g->what == COLLECT_OLD)
		rc = run_steps(g, GC_TAKE_TAGS, before, e);
	if (rc > 0)
		rc = run_steps(g, GC_CLAIM_GARBAGE, before, e);
	if (rc > 0 && g->what == COLLECT_OLD)
		rc = take_orphans(g, e);
	return rc;
}

static int sweep_uploads(struct collect *g, struct err *e)
{
	return staging_sweep(g->objects, clock_ms() - UPLOAD_MS, true,
			     &g->did.uploads, e);
}

int collect_run(struct collect *g, struct err *e)
{
	int rc = run_all(g, e);

	if (rc > 0 && g->what != COLLECT_NAMED && sweep_uploads(g, e) < 0)
		rc = -1;
	g->complete = rc > 0;
	return rc < 0 ? -1 : 0;
}
