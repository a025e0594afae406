/* SPDX-License-Identifier: Apache-2.0 */
/* cache_id.h - the name of an object's bytes: a kind of digest, and the digest
 * (internal to indexer/objects/cache*.c). */
#ifndef ORRERY_OBJECTS_CACHE_ID_H
#define ORRERY_OBJECTS_CACHE_ID_H

#include "indexer/objects/cache.h"

struct cache_id {
	enum cache_digest kind;
	char hex[65]; /* lower case */
};

int cache_id_init(struct cache_id *id, enum cache_digest kind, struct str hex,
		  struct err *e);
const char *cache_id_kind(enum cache_digest kind); /* "sha256", "md5" */
static inline bool cache_id_eq(const struct cache_id *a,
			       const struct cache_id *b)
{
	return a->kind == b->kind && !strcmp(a->hex, b->hex);
}

#endif
