/* SPDX-License-Identifier: Apache-2.0 */
/* run_cache.h - what the writer remembers of runs (internal).
 *
 * run_cache: public id to row, a table of fixed size in which a newer entry
 * pushes an older one out. row_set: the run rows that a transaction touched,
 * each once, so that they are stamped once at its end.
 */
#ifndef ORRERY_INDEX_RUN_CACHE_H
#define ORRERY_INDEX_RUN_CACHE_H

#include "indexer/index/writer.h"

struct run_cache *run_cache_new(void);
void run_cache_free(struct run_cache *rc);
bool run_cache_get(const struct run_cache *rc, struct str id,
		   struct run_ref *ret);
/* Ids longer than 32 bytes are not remembered. */
void run_cache_put(struct run_cache *rc, struct str id,
		   const struct run_ref *run);
void run_cache_clear(struct run_cache *rc);

struct row_set {
	int64_t *rows; /* in order of arrival */
	int64_t *slots;
	size_t n, nslots; /* nslots: a power of two, or 0 */
};

void row_set_fini(struct row_set *s);
void row_set_clear(struct row_set *s);
/* Back to its first n rows. */
void row_set_truncate(struct row_set *s, size_t n);
/* rows are positive */
void row_set_add(struct row_set *s, int64_t row);

#endif
