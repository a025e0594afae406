/* SPDX-License-Identifier: Apache-2.0 */
/* young.h - what was created and has nothing in it yet.
 *
 * The index has no row for a metric without points or a tag without a value;
 * between creat() and the first line such a thing is known to this mount
 * only. So is a directory of metrics that was made and holds none.
 */
#ifndef ORRERY_FS_YOUNG_H
#define ORRERY_FS_YOUNG_H

#include <pthread.h>

#include "fs/node.h"

struct young_item;

enum { YOUNG_BUCKETS = 1024 };

struct young {
	pthread_mutex_t mu;
	struct young_item *buckets[YOUNG_BUCKETS];
	size_t count;
};

void young_init(struct young *y);
void young_fini(struct young *y);
/* Nothing happens if it is there already. ERR_NO_SPACE beyond the limit. */
int young_add(struct young *y, enum node_kind kind, int64_t row, struct str key,
	      struct err *e);
/* False if it was not there. */
bool young_remove(struct young *y, enum node_kind kind, int64_t row,
		  struct str key);
/* When it was made (ms), or -1. */
int64_t young_since(struct young *y, enum node_kind kind, int64_t row,
		    struct str key);
/* Those of a row whose key begins with prefix; fn must not call back. */
void young_each(struct young *y, int64_t row, struct str prefix,
		void (*fn)(void *ctx, enum node_kind kind, struct str key,
			   int64_t since),
		void *ctx);

#endif
