/* SPDX-License-Identifier: Apache-2.0 */
/* cache_check.h - whether bytes are what they should be (internal to
 * indexer/objects/cache*.c).
 *
 * An object with sums is checked block by block. One without is either so
 * small that it is one block, checked by its digest, or its sums must be
 * learnt first: from a pass over all of it whose digest was the right one.
 */
#ifndef ORRERY_OBJECTS_CACHE_CHECK_H
#define ORRERY_OBJECTS_CACHE_CHECK_H

#include "indexer/objects/cache_id.h"
#include "indexer/objects/sums.h"

struct check {
	struct cache_id id;
	int64_t size, block, blocks; /* blocks of block bytes, the last less */
	struct buf sums;             /* as of sums.h; empty: none */
	bool known;
};

void check_init(struct check *k, const struct cache_id *id, int64_t size,
		struct str sums);
void check_fini(struct check *k);
/* Bytes of a whole block. */
bool check_block(const struct check *k, int64_t block, const void *p, size_t n);
static inline size_t check_size(const struct check *k, int64_t block)
{
	int64_t left = k->size - block * k->block;

	return (size_t)(left < k->block ? left : k->block);
}

/* A pass: all bytes in their order, then whether the digest is right. */
struct pass {
	const struct check *k;
	struct evp_md_ctx_st *md;
	struct sums sums;
	int64_t at;
};

int pass_begin(struct pass *p, const struct check *k);
void pass_add(struct pass *p, const void *bytes, size_t n);
/* True: the sums are k's from now on. */
bool pass_end(struct pass *p, struct check *k);
void pass_fini(struct pass *p);

#endif
