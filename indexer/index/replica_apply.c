/* SPDX-License-Identifier: Apache-2.0 */
/* replica_apply.c - what pages hold, put into the file.
 *
 * A row takes the place of whatever has its key. Where two things changed
 * names, one may so lose its row for a while: it has changed later, and is
 * still to come.
 */
#include "indexer/index/replica_apply.h"

#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/index/block.h"
#include "indexer/index/limits.h"
#include "indexer/index/migrate.h"
#include "indexer/index/replica_wire.h"

static int run_all(struct replica_file *f, const enum stmt_id *ids, size_t n,
		   int64_t id, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (db_exec(&f->db, ids[i], BINDS(B(id)), e) < 0)
			return -1;
	return 0;
}

/* --- what went away ------------------------------------------------------- */

/* The rows of a thing, those of its own table last. */
static int drop_kind(struct replica_file *f, int kind, int64_t id,
		     struct err *e)
{
	for (int i = replica_first[kind + 1] - 1; i >= replica_first[kind]; i--)
		if (db_exec(&f->db, replica_tables[i].drop, BINDS(B(id)), e) <
		    0)
			return -1;
	return 0;
}

/* Artifacts, and the sums of their bytes. */
static int drop_owned(struct replica_file *f, int64_t owner, struct err *e)
{
	static const enum stmt_id ids[] = {STMT_REPLICA_DROP_OWNED_SUMS,
					   STMT_REPLICA_DROP_OWNED};

	return run_all(f, ids, sizeof(ids) / sizeof(ids[0]), owner, e);
}

static int drop_run(struct replica_file *f, int64_t id, struct err *e)
{
	static const enum stmt_id first[] = {
		STMT_REPLICA_DROP_BLOCKS,
		STMT_REPLICA_DROP_HELD,
		STMT_REPLICA_DROP_RUN_METRICS,
		STMT_REPLICA_DROP_DATASET,
	};

	if (run_all(f, first, sizeof(first) / sizeof(first[0]), id, e) ||
	    drop_owned(f, id, e))
		return -1;
	return drop_kind(f, REPLICA_KIND_RUN, id, e);
}

static int drop_logged(struct replica_file *f, int64_t id, struct err *e)
{
	if (db_exec(&f->db, STMT_REPLICA_DROP_MODEL_RUNS, BINDS(B(id)), e) <
		    0 ||
	    drop_owned(f, -id, e))
		return -1;
	return drop_kind(f, REPLICA_KIND_LOGGED, id, e);
}

static int drop_trace(struct replica_file *f, int64_t id, struct err *e)
{
	if (drop_owned(f, id + (INT64_C(1) << 62), e))
		return -1;
	return drop_kind(f, REPLICA_KIND_TRACE, id, e);
}

static int drop_experiment(struct replica_file *f, int64_t id, struct err *e)
{
	if (db_exec(&f->db, STMT_REPLICA_GONE_ADD, BINDS(B(id)), e) < 0)
		return -1;
	return drop_kind(f, REPLICA_KIND_EXPERIMENT, id, e);
}

/* With all below it. */
static int drop_artifact(struct replica_file *f, int64_t id, int64_t owner,
			 struct err *e)
{
	const struct bind at[] = {B(id), B(owner)};

	if (db_exec(&f->db, STMT_REPLICA_DROP_SUMS_BELOW, at, 2, e) < 0 ||
	    db_exec(&f->db, STMT_REPLICA_ORPHANS, at, 2, e) < 0)
		return -1;
	return db_exec(&f->db, STMT_REPLICA_DROP_BELOW, BINDS(B(id)), e);
}

/* values: thing, row, parent, name. Ids of the server are positive, and what
 * is added to them must fit. */
static int drop(struct replica_file *f, const struct bind *v, struct err *e)
{
	int64_t id = v[1].i;

	if (id < 0 || id >= INT64_C(1) << 62)
		return err_set(e, ERR_CORRUPT, "no such row: %" PRId64, id);
	switch (v[0].i) {
	case THING_EXPERIMENT:
		return drop_experiment(f, id, e);
	case THING_RUN:
		return drop_run(f, id, e);
	case THING_LOGGED_MODEL:
		return drop_logged(f, id, e);
	case THING_TRACE:
		return drop_trace(f, id, e);
	case THING_MODEL:
		return drop_kind(f, REPLICA_KIND_MODEL, id, e);
	case THING_ARTIFACT:
		return drop_artifact(f, id, v[2].i, e);
	case THING_TAG:
		return db_exec(&f->db, STMT_TAG_DELETE, BINDS(B(id), B(v[3].s)),
			       e);
	default:
		return 0;
	}
}

/* --- later ---------------------------------------------------------------- */

/* One thing of the experiment: 1, 0 there is none left. */
static int reap_one(struct replica_file *f, int64_t experiment, struct err *e)
{
	static const struct {
		enum stmt_id next;
		int (*drop)(struct replica_file *f, int64_t id, struct err *e);
	} kinds[] = {{STMT_GC_RUN_NEXT, drop_run},
		     {STMT_GC_MODEL_NEXT, drop_logged},
		     {STMT_GC_TRACE_NEXT, drop_trace}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int64_t id;
		int rc = db_find(&f->db, kinds[i].next, BINDS(B(experiment)),
				 &id, e);

		if (rc > 0)
			return kinds[i].drop(f, id, e) ? -1 : 1;
		if (rc < 0)
			return -1;
	}
	return 0;
}

int replica_reap(struct replica_file *f, int most, struct err *e)
{
	int64_t experiment;
	int rc = db_find(&f->db, STMT_REPLICA_GONE_NEXT, NO_BINDS, &experiment,
			 e);

	if (rc <= 0)
		return rc;
	for (int i = 0; i < most; i++) {
		rc = reap_one(f, experiment, e);
		if (rc < 0)
			return -1;
		if (rc)
			continue;
		if (db_exec(&f->db, STMT_REPLICA_DROP_DATASETS,
			    BINDS(B(experiment)), e) < 0 ||
		    db_exec(&f->db, STMT_REPLICA_GONE_DONE,
			    BINDS(B(experiment)), e) < 0)
			return -1;
		break;
	}
	return 1;
}

/* --- rows ----------------------------------------------------------------- */

/* A thing comes again: what hangs on it and is sent whole makes room. */
static int make_room(struct replica_file *f, int table, int64_t id,
		     struct err *e)
{
	int kind = (int)replica_tables[table].kind;

	if (table != replica_first[kind])
		return 0;
	for (int i = replica_first[kind + 1] - 1; i > table; i--)
		if (!replica_tables[i].kept &&
		    db_exec(&f->db, replica_tables[i].drop, BINDS(B(id)), e) <
			    0)
			return -1;
	return 0;
}

/* Clients choose the ids of traces: another may have it after the experiment
 * of the first went away. */
static int displace_trace(struct replica_file *f, const struct bind *v,
			  struct err *e)
{
	int64_t other;
	int rc = db_find(&f->db, STMT_REPLICA_TRACE_NAMED, BINDS(v[1], v[0]),
			 &other, e);

	return rc > 0 ? drop_trace(f, other, e) : rc;
}

static int put_row(struct replica_file *f, int table, const struct bind *v,
		   struct err *e)
{
	const struct replica_table *t = &replica_tables[table];

	if (make_room(f, table, v[0].i, e))
		return -1;
	if (t->put == STMT_REPLICA_PUT_TRACE && displace_trace(f, v, e))
		return -1;
	return db_exec(&f->db, t->put, v, (size_t)t->stored, e);
}

static int put_record(struct replica_file *f, enum replica_record type,
		      const struct bind *v, struct err *e)
{
	switch ((int)type) {
	case RECORD_DROP:
		return drop(f, v, e);
	case RECORD_GAP:
		return db_exec(&f->db, STMT_REPLICA_STALE, v, 1, e);
	case RECORD_REFUSED:
		return db_exec(&f->db, STMT_REPLICA_PUT_REFUSED, v, 7, e);
	case RECORD_BLOCK:
		return db_exec(&f->db, STMT_REPLICA_PUT_BLOCK, v, 11, e);
	case RECORD_SERIES:
		return db_exec(&f->db, STMT_REPLICA_PUT_SERIES_WHOLE, v, 20, e);
	case RECORD_TAIL:
		return db_exec(&f->db, STMT_REPLICA_PUT_TAIL_WHOLE, v, 3, e);
	default:
		return put_row(f, (int)type, v, e);
	}
}

/* All records of a page; those of points come in pages of their own. */
static int put_records(struct replica_file *f, struct page_reader *r,
		       bool points, struct err *e)
{
	struct bind v[REPLICA_COLUMNS];
	enum replica_record type;
	int rc;

	while ((rc = page_next(r, &type, v, e)) > 0) {
		if (points != (type >= RECORD_BLOCK))
			return err_set(e, ERR_CORRUPT,
				       "the server's page holds what was not "
				       "asked for");
		if (put_record(f, type, v, e) < 0)
			return -1;
	}
	return rc;
}

/* --- pages ---------------------------------------------------------------- */

static int put_state(struct replica_file *f, const struct replica_head *h,
		     struct err *e)
{
	const int64_t *t = h->totals;

	if (db_exec(&f->db, STMT_REPLICA_FORGET, BINDS(B(h->forgotten)), e) < 0)
		return -1;
	return db_exec(&f->db, STMT_REPLICA_STATE,
		       BINDS(B(f->base), B(h->forgotten), B(t[0]), B(t[1]),
			     B(t[2]), B(t[3]), B(t[4]), B(t[5]), B(t[6]),
			     B(t[7])),
		       e);
}

static int move_on(struct replica_file *f, const struct replica_head *h,
		   struct err *e)
{
	f->epoch = h->epoch;
	f->view = h->view;
	f->at = h->at;
	if (!f->began)
		f->began = h->change;
	if (h->level) {
		f->base = h->change;
		f->level = true;
		if (put_state(f, h, e))
			return -1;
	}
	return replica_save(f, e);
}

static int check_head(struct replica_file *f, struct replica_head *h,
		      struct err *e)
{
	if (h->schema != SCHEMA_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
			       "the server's index has schema version %" PRId64
			       ", this program reads %d: use the version of "
			       "the server",
			       h->schema, SCHEMA_VERSION);
	if (!h->epoch || h->change < 0 || h->at.kind < 0 ||
	    h->at.kind > REPLICA_KINDS || h->at.part < 0 || h->at.after < 0)
		return err_set(e, ERR_CORRUPT,
			       "the head of the server's page "
			       "makes no sense");
	/* A first copy that took longer than removals are kept. */
	if (f->epoch && !f->base && f->began < h->forgotten)
		h->over = true;
	return 0;
}

static int apply(struct replica_file *f, struct page_reader *r,
		 const struct replica_head *h, struct err *e)
{
	int rc;

	if (replica_begin(f, e))
		return -1;
	rc = put_records(f, r, false, e);
	if (rc == 0)
		rc = move_on(f, h, e);
	return replica_end(f, rc, h->level, e);
}

int replica_file_apply(struct replica_file *f, struct str page,
		       struct replica_head *ret, struct err *e)
{
	struct page_reader r;
	int64_t before = f->base;
	int rc = page_open(&r, page, ret, e);

	if (rc == 0)
		rc = check_head(f, ret, e);
	if (rc == 0 && !ret->over)
		rc = apply(f, &r, ret, e);
	page_close(&r);
	if (rc == 0 && ret->level && f->base != before)
		bulletin_post(f->bulletin, f->base);
	return rc;
}

/* --- points --------------------------------------------------------------- */

/* A fold merges blocks as long as one holds all their points: what has as
 * many behind it stays as it is. */
int replica_file_kept(struct replica_file *f, struct replica_points_ask *q,
		      struct err *e)
{
	SCOPED(cursor_close) struct cursor c = CURSOR_NONE;
	int rc;

	q->nkept = 0;
	if (cursor_open(&c, &f->db, STMT_REPLICA_KEPT,
			BINDS(B(q->run), B((int64_t)BLOCK_POINTS)), e) < 0)
		return -1;
	while (q->nkept < REPLICA_KEPT && (rc = cursor_next(&c, e)) != 0) {
		if (rc < 0)
			return -1;
		q->kept[q->nkept++] = (struct replica_kept){cursor_i64(&c, 0),
							    cursor_i64(&c, 1)};
	}
	return 0;
}

/* All that is not kept makes room. */
static int points_begin(struct replica_file *f,
			const struct replica_points_ask *a, struct err *e)
{
	static const enum stmt_id before[] = {STMT_REPLICA_STALE,
					      STMT_REPLICA_DROP_TAIL};
	int64_t last = a->nkept ? a->kept[a->nkept - 1].series : 0;

	if (run_all(f, before, sizeof(before) / sizeof(before[0]), a->run, e))
		return -1;
	return db_exec(&f->db, STMT_REPLICA_DROP_BLOCKS_LATE,
		       BINDS(B(a->run), B((int64_t)BLOCK_POINTS), B(last)), e);
}

static int points_end(struct replica_file *f, int64_t run, struct err *e)
{
	int64_t wrong;
	int rc = db_find(&f->db, STMT_REPLICA_POINTS_WRONG, BINDS(B(run)),
			 &wrong, e);

	if (rc < 0)
		return -1;
	if (rc)
		return err_set(e, ERR_CONFLICT,
			       "the points changed while they came");
	return db_exec(&f->db, STMT_REPLICA_HOLD, BINDS(B(run)), e);
}

static int apply_points(struct replica_file *f,
			const struct replica_points_ask *a,
			struct page_reader *r, const struct replica_head *h,
			struct err *e)
{
	bool first = !a->series && a->start < 0;
	int rc;

	if (f->anew || h->epoch != f->epoch)
		return err_set(e, ERR_BUSY, "the index is copied anew");
	if (replica_begin(f, e))
		return -1;
	rc = first ? points_begin(f, a, e) : 0;
	if (rc == 0)
		rc = put_records(f, r, true, e);
	if (rc == 0 && h->level)
		rc = points_end(f, a->run, e);
	return replica_end(f, rc, false, e);
}

int replica_file_points(struct replica_file *f, struct replica_points_ask *next,
			struct str page, struct replica_head *ret,
			struct err *e)
{
	struct page_reader r;
	int rc = page_open(&r, page, ret, e);

	if (rc == 0)
		rc = apply_points(f, next, &r, ret, e);
	page_close(&r);
	next->series = ret->at.row;
	next->start = ret->at.after;
	return rc;
}

int replica_file_stale(struct replica_file *f, int64_t after, int64_t *ret,
		       struct err *e)
{
	return db_find(&f->db, STMT_REPLICA_STALE_NEXT, BINDS(B(after)), ret,
		       e);
}

int replica_holds(struct reader *rd, int64_t run, struct err *e)
{
	int64_t found;

	return db_find(reader_db(rd), STMT_REPLICA_HELD, BINDS(B(run)), &found,
		       e);
}
