/* SPDX-License-Identifier: Apache-2.0 */
/* live.h - what the writer remembers of runs that get points (internal).
 *
 * A live run holds all its series as their rows stand, and with each the
 * points that are in tails and not in blocks: those of committed rows first,
 * then those taken since ("pending"). It is loaded whole when first touched
 * and is a cache: evicted when memory runs short and nothing of it is
 * pending, forgotten when a transaction fails. Used by the writer's thread
 * alone.
 */
#ifndef ORRERY_INDEX_LIVE_H
#define ORRERY_INDEX_LIVE_H

#include "indexer/base/point.h"
#include "indexer/index/block.h"
#include "indexer/index/writer.h"

struct live_series {
	int64_t row; /* 0: has none yet */
	int64_t count, text, block_count, block_text, folded;
	int64_t last_step, last_time;
	int64_t min_step, max_step, min_time, max_time;
	struct point latest;

	struct point *tail;
	unsigned char *lengths;     /* of each as text; 0: not known */
	size_t ntail, pending, cap; /* ntail without the pending */
	size_t passing; /* of ntail: in rows of the pass under way (fold.h) */
	bool dirty;
	struct live_series *next_dirty;

	uint64_t batch; /* the last one it was in, and its group there */
	size_t group;
	uint64_t hash;
	size_t nkey;
	char key[];
};

struct live_run {
	int64_t row;
	struct live_run *chain;         /* of its bucket */
	struct live_run *newer, *older; /* order of use */
	struct live_series **series;    /* in order of loading */
	size_t nseries, cap;
	uint32_t *table; /* by hash of key: index + 1, 0 where free */
	size_t mask;
	size_t bytes; /* of memory */

	int64_t points, rows, row_bytes; /* of the committed tail */
	int64_t last_seq;                /* of its newest row */
	int64_t used_ms;                 /* monotonic time of the last points */

	/* Points were taken: until the transaction ends, in order. */
	bool dirty;
	struct live_run *next_dirty;
	struct live_series *dirty_first, **dirty_last;
	bool queued, waiting; /* to be folded soon, when it is quiet */

	int64_t pass_seq, pass_rows, pass_bytes; /* fold.h */
	size_t pass_next;
};

enum { LIVE_BUCKETS = 1024, LIVE_LARGE = 4 };

struct live {
	struct live_run *buckets[LIVE_BUCKETS];
	struct live_run *newest, *oldest;
	size_t bytes, count;
};

void live_fini(struct live *l);
/* The run, loaded if need be; NULL with e. */
struct live_run *live_run(struct live *l, struct writer *w, int64_t row,
			  struct err *e);
struct live_run *live_known(const struct live *l, int64_t row);
/* The series of that key, made if it is new (count 0). */
struct live_series *live_series(struct live *l, struct live_run *r,
				struct str key);
/* Room for n more points. */
void live_reserve(struct live *l, struct live_run *r, struct live_series *s,
		  size_t n);
/* Remove the n oldest points of the tail (of ntail, or of all if more), and
 * give back memory that is then of no use. */
void live_drop(struct live *l, struct live_run *r, struct live_series *s,
	       size_t n);
/* Bytes of points [from, to) of the tail as text. */
int64_t live_text(const struct live_series *s, size_t from, size_t to);
void live_forget(struct live *l, struct live_run *r);
/* Forget runs used longest ago until no more than most bytes are held; but
 * the one used last may have LIVE_LARGE times as much for itself, for to read
 * it again at each transaction would be worse. */
void live_shrink(struct live *l, size_t most);

static inline struct str live_key(const struct live_series *s)
{
	return str_n(s->key, s->nkey);
}

#endif
