/* SPDX-License-Identifier: Apache-2.0 */
/* replica_page.c - pages for replicas: walking things in the order in which
 * they changed.
 *
 * One cursor per kind stands on its next thing; the least of them is sent.
 * A thing may be larger than a page: then the place tells how far its rows
 * were sent, which holds as long as the thing has not changed since, and no
 * longer is needed when it has, for it is met again.
 */
#include "indexer/index/replica.h"

#include <inttypes.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/migrate.h"
#include "indexer/index/replica_wire.h"

enum { DATASETS_TOLD = 64 };

struct lane {
	struct cursor q;
	bool there;
	int64_t change, row;
};

struct pager {
	struct reader *rd;
	struct db *db;
	const struct replica_ask *ask;
	struct replica_head head;
	struct buf records;
	int64_t until; /* monotonic ms */
	size_t goal;   /* bytes of records */
	struct lane lanes[REPLICA_KINDS];
	int64_t told[DATASETS_TOLD]; /* datasets in this page */
	size_t ntold;
};

/* What a principal sees, as a number: another one, another copy. */
static int64_t replica_view(const struct principal *who)
{
	const struct bitset *s = who->projects[LEVEL_READ];
	uint64_t h;

	if (principal_sees_all(who))
		return 0;
	h = str_hash(str_n((const char *)&who->view, sizeof(who->view)));
	if (s)
		h ^= str_hash(str_n((const char *)s->words,
				    s->nwords * sizeof(*s->words)));
	return (int64_t)(h >> 1) | 1;
}

static bool is_full(const struct pager *g)
{
	return g->records.n >= g->goal || clock_mono_ms() >= g->until;
}

/* --- the rows of one thing ------------------------------------------------ */

static bool told_before(struct pager *g, int64_t dataset)
{
	size_t n = g->ntold < DATASETS_TOLD ? g->ntold : DATASETS_TOLD;

	for (size_t i = 0; i < n; i++)
		if (g->told[i] == dataset)
			return true;
	g->told[g->ntold++ % DATASETS_TOLD] = dataset;
	return false;
}

static int put_drop(struct pager *g, int64_t thing, int64_t row, int64_t parent,
		    struct str name, struct err *e)
{
	enum stmt_id id =
		thing >= 0 && thing < THINGS ? replica_there[thing] : STMTS;
	int64_t found;
	int rc;

	if (id == STMTS)
		return 0;
	rc = db_find(g->db, id, BINDS(B(row), B(parent), B(name)), &found, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	record_begin(&g->records, RECORD_DROP);
	record_i64(&g->records, thing);
	record_i64(&g->records, row);
	record_i64(&g->records, parent);
	record_str(&g->records, name);
	return 0;
}

static int put_row(struct pager *g, int table, const struct cursor *q,
		   struct err *e)
{
	const struct replica_table *t = &replica_tables[table];

	if (t->rows == STMT_REPLICA_DATASET && told_before(g, cursor_i64(q, 0)))
		return 0;
	record_begin(&g->records, (enum replica_record)table);
	record_row(&g->records, q, t->columns);
	if (t->kind != REPLICA_KIND_REMOVED)
		return 0;
	return put_drop(g, cursor_i64(q, 1), cursor_i64(q, 3), cursor_i64(q, 4),
			cursor_str(q, 6), e);
}

/* What of a run was folded since "base" is in blocks, which are not sent: who
 * holds its points is told. A fold that takes points of the very commit after
 * "base" along says "base", too. */
static int put_gap(struct pager *g, int64_t run, struct err *e)
{
	int64_t folded = 0;

	if (db_find(g->db, STMT_REPLICA_FOLDED, BINDS(B(run)), &folded, e) < 0)
		return -1;
	if (!g->ask->base || folded < g->ask->base)
		return 0;
	record_begin(&g->records, RECORD_GAP);
	record_i64(&g->records, run);
	return 0;
}

/* Rows of one table after *after: 1 all were put, 0 the page is full. */
static int put_table(struct pager *g, int table, int64_t row, int64_t *after,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	const struct replica_table *t = &replica_tables[table];
	const struct bind b[] = {B(row), B(*after), B(g->ask->base)};
	int rc;

	if (t->rows == STMT_REPLICA_TAIL && put_gap(g, row, e))
		return -1;
	if (cursor_open(&q, g->db, t->rows, b, t->newer ? 3 : 2, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		if (put_row(g, table, &q, e))
			return -1;
		*after = t->after < 0 ? *after + 1
				      : cursor_i64(&q, (int)t->after);
		if (g->records.n >= g->goal)
			return 0;
	}
	return rc < 0 ? -1 : 1;
}

/* Goes on within a thing at head.at: 1 when all of it is sent. */
static int put_thing(struct pager *g, struct err *e)
{
	struct replica_place *at = &g->head.at;
	int first = replica_first[at->kind];
	int n = replica_first[at->kind + 1] - first;

	for (; at->part < n; at->part++, at->after = 0) {
		int rc = put_table(g, first + (int)at->part, at->row,
				   &at->after, e);

		if (rc <= 0)
			return rc;
	}
	at->part = at->after = 0;
	return 1;
}

/* --- the order ------------------------------------------------------------ */

static int lane_step(struct lane *l, struct err *e)
{
	int rc = cursor_next(&l->q, e);

	l->there = rc > 0;
	if (rc > 0) {
		l->change = cursor_i64(&l->q, 0);
		l->row = cursor_i64(&l->q, 1);
	}
	return rc < 0 ? -1 : 0;
}

/* The first of a kind behind the place. */
static int lane_open(struct pager *g, int kind, struct err *e)
{
	const struct replica_place *at = &g->ask->at;
	struct lane *l = &g->lanes[kind];
	int64_t after = at->row;

	if (kind != at->kind)
		after = kind < at->kind ? INT64_MAX : INT64_MIN;
	if (cursor_open(&l->q, g->db, replica_next[kind],
			BINDS(B(at->change), B(after)), e) < 0)
		return -1;
	return lane_step(l, e);
}

/* The kind whose thing is next, -1 at the end. */
static int least(const struct pager *g)
{
	int best = -1;

	for (int k = 0; k < REPLICA_KINDS; k++)
		if (g->lanes[k].there &&
		    (best < 0 || g->lanes[k].change < g->lanes[best].change))
			best = k;
	return best;
}

/* The thing in which the last page ended is gone on with, unless it changed
 * since. */
static int resume(struct pager *g, struct err *e)
{
	struct replica_place *at = &g->head.at;
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (!at->part && !at->after)
		return 1;
	if (cursor_open(&q, g->db, replica_next[at->kind],
			BINDS(B(at->change), B(at->row - 1)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc && cursor_i64(&q, 0) == at->change &&
	    cursor_i64(&q, 1) == at->row)
		return put_thing(g, e);
	at->part = at->after = 0;
	return 1;
}

/* 1 when nothing follows, 0 when the page is full. */
static int walk(struct pager *g, struct err *e)
{
	int rc = resume(g, e), k;

	if (rc <= 0)
		return rc;
	for (k = 0; k < REPLICA_KINDS; k++)
		if (lane_open(g, k, e))
			return -1;
	while ((k = least(g)) >= 0) {
		if (is_full(g))
			return 0;
		g->head.at = (struct replica_place){g->lanes[k].change, k,
						    g->lanes[k].row, 0, 0};
		rc = put_thing(g, e);
		if (rc <= 0)
			return rc;
		if (lane_step(&g->lanes[k], e))
			return -1;
	}
	return 1;
}

/* --- the page ------------------------------------------------------------- */

static int put_refused(struct pager *g, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, g->db, STMT_REPLICA_REFUSED,
			BINDS(B(g->ask->refused)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		record_begin(&g->records, RECORD_REFUSED);
		record_row(&g->records, &q, 7);
	}
	return rc;
}

static int put_totals(struct pager *g, struct err *e)
{
	struct index_totals t;

	if (!principal_sees_all(&g->db->who))
		return 0;
	if (index_totals(g->rd, &t, e))
		return -1;
	_Static_assert(sizeof(t) == sizeof(g->head.totals), "the totals");
	memcpy(g->head.totals, &t, sizeof(t));
	return 0;
}

static void start(struct pager *g, struct reader *rd)
{
	g->rd = rd;
	g->db = reader_db(rd);
	g->until = clock_mono_ms() + REPLICA_PAGE_MS;
	g->goal = REPLICA_PAGE_GOAL;
	g->head = (struct replica_head){
		.schema = SCHEMA_VERSION,
		.epoch = reader_epoch(rd),
		.change = reader_change(rd),
		.forgotten = reader_forgotten(rd),
		.view = replica_view(&g->db->who),
	};
	buf_init(&g->records, REPLICA_PAGE_MAX);
}

static void finish(struct pager *g)
{
	for (int k = 0; k < REPLICA_KINDS; k++)
		cursor_close(&g->lanes[k].q);
	buf_fini(&g->records);
}

/* Of another index, of other rights, or of too long ago. */
static bool is_over(const struct replica_ask *q, const struct replica_head *h)
{
	if (!q->epoch)
		return false;
	return q->epoch != h->epoch || q->view != h->view ||
	       q->at.change > h->change || (q->base && q->base < h->forgotten);
}

static int fill(struct pager *g, struct err *e)
{
	const struct replica_ask *q = g->ask;
	int rc;

	g->head.over = is_over(q, &g->head);
	if (g->head.over)
		return 0;
	g->head.at = q->at;
	rc = walk(g, e);
	if (rc < 0 || (rc && put_refused(g, e)) || put_totals(g, e))
		return -1;
	g->head.level = rc > 0;
	if (g->head.level)
		g->head.at = (struct replica_place){.change = g->head.change,
						    .kind = REPLICA_KINDS};
	return 0;
}

static int check_ask(const struct replica_ask *q, struct err *e)
{
	const struct replica_place *at = &q->at;

	if (at->kind < 0 || at->kind > REPLICA_KINDS || at->part < 0 ||
	    at->after < 0 || at->change < 0 || q->base < 0 ||
	    ((at->part || at->after) && at->kind == REPLICA_KINDS))
		return err_set(e, ERR_INVALID,
			       "there is no such place in the order of "
			       "changes: take that of the last page");
	return 0;
}

int replica_page(struct reader *rd, const struct replica_ask *q,
		 struct buf *out, struct err *e)
{
	struct pager g = {.ask = q};
	int rc;

	if (check_ask(q, e))
		return -1;
	start(&g, rd);
	if (q->most > 0 && q->most < REPLICA_PAGE_GOAL)
		g.goal = (size_t)q->most;
	rc = fill(&g, e);
	if (rc == 0)
		rc = page_seal(&g.head, &g.records, out, e);
	finish(&g);
	return rc;
}

/* --- points --------------------------------------------------------------- */

/* 1 all blocks of the series were put, 0 the page is full. */
static int put_blocks(struct pager *g, int64_t series, int64_t start,
		      struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, g->db, STMT_REPLICA_BLOCKS,
			BINDS(B(series), B(start)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		record_begin(&g->records, RECORD_BLOCK);
		record_row(&g->records, &q, 11);
		g->head.at.row = series;
		g->head.at.after = cursor_i64(&q, 1);
		if (is_full(g))
			return 0;
	}
	return rc < 0 ? -1 : 1;
}

static int64_t blocks_after(const struct replica_points_ask *a, int64_t series)
{
	size_t low = 0, high = a->nkept;

	if (series == a->series)
		return a->start;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (a->kept[mid].series == series)
			return a->kept[mid].start;
		if (a->kept[mid].series < series)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static int put_all_blocks(struct pager *g, const struct replica_points_ask *a,
			  struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, g->db, STMT_REPLICA_SERIES_FROM,
			BINDS(B(a->run), B(a->series)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		int64_t series = cursor_i64(&q, 0);

		rc = put_blocks(g, series, blocks_after(a, series), e);
		if (rc <= 0)
			return rc;
	}
	return rc < 0 ? -1 : 1;
}

static int put_points(struct pager *g, enum stmt_id rows, int64_t run,
		      const int shape[2], struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, g->db, rows, BINDS(B(run), B(-1)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		record_begin(&g->records, (enum replica_record)shape[0]);
		record_row(&g->records, &q, shape[1]);
	}
	return rc;
}

static int fill_points(struct pager *g, const struct replica_points_ask *a,
		       struct err *e)
{
	static const int series[] = {RECORD_SERIES, 20},
			 tails[] = {RECORD_TAIL, 3};
	int rc;

	if (reader_sees_run(g->rd, a->run, e))
		return -1;
	rc = put_all_blocks(g, a, e);
	if (rc <= 0)
		return rc;
	g->head.level = true;
	if (put_points(g, STMT_REPLICA_SERIES_ALL, a->run, series, e))
		return -1;
	return put_points(g, STMT_REPLICA_TAIL_ALL, a->run, tails, e);
}

int replica_points_page(struct reader *rd, const struct replica_points_ask *a,
			struct buf *out, struct err *e)
{
	struct pager g = {0};
	int rc;

	start(&g, rd);
	rc = fill_points(&g, a, e);
	if (rc == 0)
		rc = page_seal(&g.head, &g.records, out, e);
	finish(&g);
	return rc;
}
