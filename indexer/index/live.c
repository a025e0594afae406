/* SPDX-License-Identifier: Apache-2.0 */
/* live.c - loading, finding and forgetting of live runs.
 *
 * The hard idea: a point in a tail row belongs to a series only where the
 * row's seq is beyond the series' "folded"; so folding a series never has to
 * rewrite the rows that it shares with others.
 */
#include "indexer/index/live.h"

#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/tail.h"

static void *checked(void *p)
{
	if (!p)
		abort();
	return p;
}

static void series_free(struct live_series *s)
{
	free(s->tail);
	free(s->lengths);
	free(s);
}

static void run_free(struct live_run *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nseries; i++)
		series_free(r->series[i]);
	free(r->series);
	free(r->table);
	free(r);
}

/* --- the runs ------------------------------------------------------------ */

static size_t bucket(int64_t row)
{
	return (uint64_t)row % LIVE_BUCKETS;
}

struct live_run *live_known(const struct live *l, int64_t row)
{
	struct live_run *r = l->buckets[bucket(row)];

	while (r && r->row != row)
		r = r->chain;
	return r;
}

static void unlink_use(struct live *l, struct live_run *r)
{
	*(r->newer ? &r->newer->older : &l->newest) = r->older;
	*(r->older ? &r->older->newer : &l->oldest) = r->newer;
}

static void link_use(struct live *l, struct live_run *r)
{
	r->newer = NULL;
	r->older = l->newest;
	*(l->newest ? &l->newest->newer : &l->oldest) = r;
	l->newest = r;
}

void live_forget(struct live *l, struct live_run *r)
{
	struct live_run **at = &l->buckets[bucket(r->row)];

	while (*at != r)
		at = &(*at)->chain;
	*at = r->chain;
	unlink_use(l, r);
	l->bytes -= r->bytes;
	l->count--;
	run_free(r);
}

void live_shrink(struct live *l, size_t most)
{
	struct live_run *r = l->oldest, *newer;

	for (; r && l->bytes > most; r = newer) {
		newer = r->newer;
		if (!r->dirty && (newer || r->bytes > LIVE_LARGE * most))
			live_forget(l, r);
	}
}

void live_fini(struct live *l)
{
	while (l->oldest)
		live_forget(l, l->oldest);
}

static void account(struct live *l, struct live_run *r, size_t bytes)
{
	r->bytes += bytes;
	l->bytes += bytes;
}

/* --- the series of a run ------------------------------------------------- */

static void table_put(struct live_run *r, size_t index)
{
	size_t at = r->series[index]->hash & r->mask;

	while (r->table[at])
		at = (at + 1) & r->mask;
	r->table[at] = (uint32_t)index + 1;
}

static void table_grow(struct live *l, struct live_run *r)
{
	size_t cap = r->cap ? 2 * r->cap : 8;

	r->series = checked(reallocarray(r->series, cap, sizeof(*r->series)));
	free(r->table);
	r->table = checked(calloc(2 * cap, sizeof(*r->table)));
	r->mask = 2 * cap - 1;
	account(l, r,
		(cap - r->cap) * (sizeof(*r->series) + 2 * sizeof(*r->table)));
	r->cap = cap;
	for (size_t i = 0; i < r->nseries; i++)
		table_put(r, i);
}

static struct live_series *find(const struct live_run *r, struct str key,
				uint64_t hash)
{
	size_t at = hash & r->mask;

	if (!r->table)
		return NULL;
	for (; r->table[at]; at = (at + 1) & r->mask) {
		struct live_series *s = r->series[r->table[at] - 1];

		if (s->hash == hash && str_eq(live_key(s), key))
			return s;
	}
	return NULL;
}

struct live_series *live_series(struct live *l, struct live_run *r,
				struct str key)
{
	uint64_t hash = str_hash(key);
	struct live_series *s = find(r, key, hash);

	if (s)
		return s;
	if (r->nseries == r->cap)
		table_grow(l, r);
	s = checked(calloc(1, sizeof(*s) + key.n));
	s->hash = hash;
	s->nkey = key.n;
	memcpy(s->key, key.p, key.n);
	r->series[r->nseries] = s;
	table_put(r, r->nseries++);
	account(l, r, sizeof(*s) + key.n);
	return s;
}

void live_reserve(struct live *l, struct live_run *r, struct live_series *s,
		  size_t n)
{
	size_t need = s->ntail + s->pending + n;
	size_t cap = s->cap ? s->cap : 2;

	if (need <= s->cap)
		return;
	while (cap < need)
		cap *= 2;
	s->tail = checked(reallocarray(s->tail, cap, sizeof(*s->tail)));
	s->lengths = checked(realloc(s->lengths, cap));
	account(l, r, (cap - s->cap) * (sizeof(*s->tail) + 1));
	s->cap = cap;
}

static void give_back(struct live *l, struct live_run *r, struct live_series *s,
		      size_t used)
{
	size_t cap = 2;

	while (cap < used)
		cap *= 2;
	if (s->cap <= 4 * cap)
		return;
	s->tail = checked(reallocarray(s->tail, cap, sizeof(*s->tail)));
	s->lengths = checked(realloc(s->lengths, cap));
	account(l, r, (cap - s->cap) * (sizeof(*s->tail) + 1));
	s->cap = cap;
}

void live_drop(struct live *l, struct live_run *r, struct live_series *s,
	       size_t n)
{
	size_t rest = s->ntail + s->pending - n;

	memmove(s->tail, s->tail + n, rest * sizeof(*s->tail));
	memmove(s->lengths, s->lengths + n, rest);
	if (n > s->ntail) {
		s->pending -= n - s->ntail;
		s->ntail = 0;
	} else {
		s->ntail -= n;
	}
	s->passing -= n < s->passing ? n : s->passing;
	give_back(l, r, s, rest);
}

int64_t live_text(const struct live_series *s, size_t from, size_t to)
{
	int64_t sum = 0;

	for (size_t i = from; i < to; i++)
		sum += s->lengths[i] ? s->lengths[i]
				     : (int64_t)point_text_length(&s->tail[i]);
	return sum;
}

/* --- loading ------------------------------------------------------------- */

static void read_series(const struct cursor *q, struct live_series *s)
{
	int64_t bits = cursor_i64(q, 9);
	int c = 0;

	s->row = cursor_i64(q, c++);
	c++;
	s->count = cursor_i64(q, c++);
	s->text = cursor_i64(q, c++);
	s->block_count = cursor_i64(q, c++);
	s->block_text = cursor_i64(q, c++);
	s->folded = cursor_i64(q, c++);
	s->latest.step = cursor_i64(q, c++);
	s->latest.time = cursor_i64(q, c++);
	memcpy(&s->latest.value, &bits, sizeof(bits));
	c++;
	s->last_step = cursor_i64(q, c++);
	s->last_time = cursor_i64(q, c++);
	s->min_step = cursor_i64(q, c++);
	s->max_step = cursor_i64(q, c++);
	s->min_time = cursor_i64(q, c++);
	s->max_time = cursor_i64(q, c++);
}

static int load_series(struct live *l, struct writer *w, struct live_run *r,
		       struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_LIVE_SERIES, BINDS(B(r->row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		read_series(&q, live_series(l, r, cursor_str(&q, 1)));
	return rc;
}

/* Just loaded, they are in order of row; and so are the chunks of a tail row,
 * mostly: hint is where the next one should be. */
static struct live_series *by_row(const struct live_run *r, int64_t row,
				  size_t *hint)
{
	size_t lo = 0, hi = r->nseries;

	if (*hint < hi && r->series[*hint]->row == row)
		return r->series[(*hint)++];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->series[mid]->row < row)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == r->nseries || r->series[lo]->row != row)
		return NULL;
	*hint = lo + 1;
	return r->series[lo];
}

static int load_row(struct live *l, struct live_run *r, int64_t seq,
		    struct str data, struct err *e)
{
	struct tail_reader t;
	struct tail_chunk c;
	size_t hint = 0, n;
	int rc;

	if (tail_open(&t, data, e))
		return -1;
	while ((rc = tail_next(&t, &c, e)) > 0) {
		struct live_series *s = by_row(r, c.series, &hint);

		if (!s)
			return err_set(e, ERR_CORRUPT,
				       "tail of points: of no series");
		if (seq <= s->folded)
			continue;
		live_reserve(l, r, s, c.most);
		if (tail_points(&c, s->tail + s->ntail, &n, e))
			return -1;
		memset(s->lengths + s->ntail, 0, n);
		s->ntail += n;
		r->points += (int64_t)n;
	}
	return rc;
}

static int load_tail(struct live *l, struct writer *w, struct live_run *r,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_LIVE_TAIL, BINDS(B(r->row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct str data = cursor_str(&q, 1);

		r->last_seq = cursor_i64(&q, 0);
		r->rows++;
		r->row_bytes += (int64_t)data.n;
		if (load_row(l, r, r->last_seq, data, e))
			return -1;
	}
	return rc;
}

struct live_run *live_run(struct live *l, struct writer *w, int64_t row,
			  struct err *e)
{
	struct live_run *r = live_known(l, row);

	if (r) {
		unlink_use(l, r);
		link_use(l, r);
		return r;
	}
	r = checked(calloc(1, sizeof(*r)));
	r->row = row;
	r->used_ms = clock_mono_ms();
	r->chain = l->buckets[bucket(row)];
	l->buckets[bucket(row)] = r;
	link_use(l, r);
	l->count++;
	account(l, r, sizeof(*r));
	if (load_series(l, w, r, e) || load_tail(l, w, r, e)) {
		live_forget(l, r);
		return NULL;
	}
	return r;
}
