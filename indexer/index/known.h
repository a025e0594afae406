/* SPDX-License-Identifier: Apache-2.0 */
/* known.h - a set of points by series: what is stored or sought (internal).
 *
 * It answers "is this very point there?" for a batch in time that follows the
 * batch. Open addressing, never more than half full; memory is kept when it
 * is cleared, unless it has grown large.
 */
#ifndef ORRERY_INDEX_KNOWN_H
#define ORRERY_INDEX_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "indexer/base/point.h"

struct known {
	const void *series; /* NULL: free */
	struct point p;
	bool seen;     /* it is stored, not only sought */
	int64_t moved; /* the latest that one like it moved on to, or 0 */
};

struct known_set {
	struct known *slots;
	size_t n, cap; /* cap: a power of two */
};

void known_init(struct known_set *k);
void known_fini(struct known_set *k);
void known_clear(struct known_set *k);
/* NULL where it is not in the set. */
struct known *known_find(const struct known_set *k, const void *series,
			 const struct point *p);
/* The same, put there (not seen) if it was not. Valid until the next call. */
struct known *known_put(struct known_set *k, const void *series,
			const struct point *p);

#endif
