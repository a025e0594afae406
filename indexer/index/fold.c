/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c - see fold.h.
 *
 * Memory is changed along with the tables; if the transaction fails the
 * writer forgets what it remembers, so there is nothing to take back.
 *
 * A small last block is merged with what follows it as long as it is not much
 * larger than that: so each point is packed a few times at most, and few
 * small blocks are left.
 */
#include "indexer/index/fold.h"

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/tail.h"

enum { MERGE_RATIO = 4, ROW_CEILING = 256 << 20 };

void folder_init(struct folder *f, struct live *l, struct codec *c)
{
	f->live = l;
	f->codec = c;
	f->folds = 0;
	buf_init(&f->packed, ROW_CEILING);
}

void folder_fini(struct folder *f)
{
	buf_fini(&f->packed);
}

/* --- blocks ----------------------------------------------------------------
 */

/* Where a block stands in its series. */
struct place {
	int64_t start, first, text;
};

static int add_block(struct folder *f, struct writer *w, int64_t series,
		     const struct place *at, const struct point *p, size_t n,
		     struct err *e)
{
	struct block_summary s;

	block_summarize(p, n, &s);
	buf_reset(&f->packed);
	if (block_pack(f->codec, p, n, &f->packed, e))
		return -1;
	f->folds++;
	return db_exec(&w->db, STMT_BLOCK_ADD,
		       BINDS(B(series), B(at->start), B(at->first), B(s.count),
			     B(at->text), B(s.min_step), B(s.max_step),
			     B(s.min_time), B(s.max_time), B(s.sorted),
			     BLOB(buf_view(&f->packed))),
		       e);
}

static int delete_block(struct writer *w, int64_t id, struct err *e)
{
	return db_exec(&w->db, STMT_BLOCK_DELETE, BINDS(B(id)), e);
}

/* Put the points of the last block before the n at the end of f->points, if
 * they fit and it is worth it, and delete its row. 1: it was so. */
static int merge_last(struct folder *f, struct writer *w, int64_t series,
		      size_t n, bool whole, struct place *at, struct err *e)
{
	struct cursor q = CURSOR_NONE;
	int64_t count, id;
	int rc = -1;

	if (cursor_open(&q, &w->db, STMT_BLOCK_LAST, BINDS(B(series)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		goto out;
	rc = 0;
	id = cursor_i64(&q, 0);
	count = cursor_i64(&q, 3);
	if (count < 1 || count > (int64_t)(BLOCK_POINTS - n) ||
	    (!whole && count > MERGE_RATIO * (int64_t)n))
		goto out;
	if (block_unpack(f->codec, cursor_str(&q, 5),
			 f->points + BLOCK_POINTS - n - count, (size_t)count,
			 e)) {
		log_error("block stays as it is", "series=%lld why=\"%s\"",
			  (long long)series, e->msg);
		err_clear(e);
		goto out;
	}
	at->start = cursor_i64(&q, 1);
	at->first = cursor_i64(&q, 2);
	at->text += cursor_i64(&q, 4);
	cursor_close(&q);
	rc = delete_block(w, id, e) ? -1 : (int)count;
out:
	cursor_close(&q);
	return rc;
}

/* Fewer points than a block holds: with as many of the last blocks as may
 * be. */
static int add_merged(struct folder *f, struct writer *w,
		      const struct live_series *s, size_t n, bool whole,
		      struct place *at, struct err *e)
{
	int more = s->block_count > 0;

	memcpy(f->points + BLOCK_POINTS - n, s->tail, n * sizeof(*s->tail));
	while (more && n < BLOCK_POINTS) {
		more = merge_last(f, w, s->row, n, whole, at, e);
		if (more < 0)
			return -1;
		n += (size_t)more;
	}
	return add_block(f, w, s->row, at, f->points + BLOCK_POINTS - n, n, e);
}

static int add_blocks(struct folder *f, struct writer *w,
		      const struct live_series *s, size_t n, int64_t text,
		      bool whole, struct err *e)
{
	struct place at = {s->block_text, s->block_count, 0};
	size_t done = 0;

	if (n < BLOCK_POINTS) {
		at.text = text;
		return add_merged(f, w, s, n, whole, &at, e);
	}
	for (size_t part; done < n; done += part) {
		part = n - done < BLOCK_POINTS ? n - done : BLOCK_POINTS;
		at.text = done + part < n ? live_text(s, done, done + part)
					  : text - (at.start - s->block_text);
		if (add_block(f, w, s->row, &at, s->tail + done, part, e))
			return -1;
		at.start += at.text;
		at.first += (int64_t)part;
	}
	return 0;
}

/* The n oldest points of the tail become blocks; rows up to seq are then of
 * no more use to the series. */
static int fold(struct folder *f, struct writer *w, struct live_run *r,
		struct live_series *s, size_t n, int64_t seq, bool whole,
		struct err *e)
{
	bool all = n == s->ntail + s->pending;
	int64_t text = all ? s->text - s->block_text : live_text(s, 0, n);

	if (add_blocks(f, w, s, n, text, whole, e))
		return -1;
	r->points -= (int64_t)(n < s->ntail ? n : s->ntail);
	live_drop(f->live, r, s, n);
	s->block_count += (int64_t)n;
	s->block_text += text;
	s->folded = seq;
	return 0;
}

int fold_full(struct folder *f, struct writer *w, struct live_run *r,
	      struct live_series *s, struct err *e)
{
	size_t n = s->ntail + s->pending;

	if (n < BLOCK_POINTS)
		return 0;
	n -= n % BLOCK_POINTS;
	if (n < s->ntail)
		n = s->ntail;
	return fold(f, w, r, s, n, w->change - 1, false, e);
}

/* --- passes ----------------------------------------------------------------
 */

/* So few points may a series keep in the tail. */
static size_t keep(const struct live_run *r)
{
	size_t most = r->nseries ? FOLD_REST / r->nseries : FOLD_LEAST;

	return most < 1 ? 1 : most > FOLD_LEAST ? FOLD_LEAST : most;
}

/* Has a pass something to do? */
static bool fold_wanted(const struct live_run *r)
{
	size_t most = keep(r);

	if (r->pass_seq || r->rows > 1)
		return true;
	for (size_t i = 0; i < r->nseries; i++)
		if (r->series[i]->ntail >= most)
			return true;
	return false;
}

static void begin(struct live_run *r)
{
	r->pass_seq = r->last_seq;
	r->pass_rows = r->rows;
	r->pass_bytes = r->row_bytes;
	r->pass_next = 0;
	for (size_t i = 0; i < r->nseries; i++)
		r->series[i]->passing = r->series[i]->ntail;
}

/* What the pass did not fold, as one row; false where it folded all. */
static bool pack_rest(struct folder *f, const struct live_run *r)
{
	struct tail_writer t;

	tail_begin(&t, &f->packed);
	for (size_t i = 0; i < r->nseries; i++) {
		const struct live_series *s = r->series[i];

		if (s->passing)
			tail_put(&t, s->row, s->tail, s->passing);
	}
	return tail_end(&t);
}

static int end(struct folder *f, struct writer *w, struct live_run *r,
	       struct err *e)
{
	int64_t seq = r->pass_seq;
	bool rest = pack_rest(f, r);

	if (!buf_ok(&f->packed))
		return err_set(e, ERR_TOO_LARGE, "tail of points too large");
	if (rest &&
	    db_exec(&w->db, STMT_TAIL_SET,
		    BINDS(B(r->row), B(seq), BLOB(buf_view(&f->packed))),
		    e) < 0)
		return -1;
	if (db_exec(&w->db, STMT_TAIL_DROP, BINDS(B(r->row), B(seq + !rest)),
		    e) < 0)
		return -1;
	r->rows -= r->pass_rows - rest;
	r->row_bytes -= r->pass_bytes - (rest ? (int64_t)f->packed.n : 0);
	r->pass_seq = 0;
	return 0;
}

static int fold_one(struct folder *f, struct writer *w, struct live_run *r,
		    struct live_series *s, bool whole, struct err *e)
{
	if (fold(f, w, r, s, s->passing, r->pass_seq, whole, e))
		return -1;
	return db_exec(&w->db, STMT_SERIES_FOLDED,
		       BINDS(B(r->row), B(s->row), B(s->block_count),
			     B(s->block_text), B(s->folded)),
		       e);
}

int fold_step(struct folder *f, struct writer *w, struct live_run *r,
	      bool whole, int64_t budget_us, struct err *e)
{
	int64_t until = clock_mono_us() + budget_us;
	size_t most = keep(r);

	if (!r->pass_seq && !fold_wanted(r))
		return 0;
	if (!r->pass_seq)
		begin(r);
	for (int done = 0; r->pass_next < r->nseries; r->pass_next++) {
		struct live_series *s = r->series[r->pass_next];

		if (s->passing < most)
			continue;
		if (done++ == FOLD_STEP || clock_mono_us() > until)
			return 1;
		if (fold_one(f, w, r, s, whole, e))
			return -1;
	}
	return end(f, w, r, e);
}
