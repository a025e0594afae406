/* SPDX-License-Identifier: Apache-2.0 */
/* young.c - a small hash table by kind, row and key.
 */
#include "fs/young.h"

#include <stdlib.h>

#include "fs/limits.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"

struct young_item {
	struct young_item *next;
	enum node_kind kind;
	int64_t row, since;
	size_t n;
	char key[];
};

void young_init(struct young *y)
{
	*y = (struct young){0};
	pthread_mutex_init(&y->mu, NULL);
}

void young_fini(struct young *y)
{
	struct young_item *x, *next;

	for (size_t i = 0; i < YOUNG_BUCKETS; i++) {
		for (x = y->buckets[i]; x; x = next) {
			next = x->next;
			free(x);
		}
	}
	pthread_mutex_destroy(&y->mu);
}

/* Where it is, or where the chain ends. */
static struct young_item **young_slot(struct young *y, enum node_kind kind,
				      int64_t row, struct str key)
{
	size_t at = (str_hash(key) ^ (uint64_t)row * 31) % YOUNG_BUCKETS;
	struct young_item **p = &y->buckets[at];

	while (*p && !((*p)->kind == kind && (*p)->row == row &&
		       str_eq(str_n((*p)->key, (*p)->n), key)))
		p = &(*p)->next;
	return p;
}

int young_add(struct young *y, enum node_kind kind, int64_t row, struct str key,
	      struct err *e)
{
	SCOPED_LOCK(&y->mu);
	struct young_item **p = young_slot(y, kind, row, key), *x;

	if (*p)
		return 0;
	if (y->count == FS_YOUNG)
		return err_set(e, ERR_NO_SPACE,
			       "%d names without content; write to some",
			       FS_YOUNG);
	x = calloc(1, sizeof(*x) + key.n);
	if (!x)
		return err_set(e, ERR_NO_SPACE, "no memory for a name");
	x->kind = kind;
	x->row = row;
	x->since = clock_ms();
	x->n = key.n;
	if (key.n)
		memcpy(x->key, key.p, key.n);
	*p = x;
	y->count++;
	return 0;
}

bool young_remove(struct young *y, enum node_kind kind, int64_t row,
		  struct str key)
{
	SCOPED_LOCK(&y->mu);
	struct young_item **p = young_slot(y, kind, row, key), *x = *p;

	if (!x)
		return false;
	*p = x->next;
	free(x);
	y->count--;
	return true;
}

int64_t young_since(struct young *y, enum node_kind kind, int64_t row,
		    struct str key)
{
	SCOPED_LOCK(&y->mu);
	const struct young_item *x;

	if (y->count == 0)
		return -1;
	x = *young_slot(y, kind, row, key);
	return x ? x->since : -1;
}

void young_each(struct young *y, int64_t row, struct str prefix,
		void (*fn)(void *ctx, enum node_kind kind, struct str key,
			   int64_t since),
		void *ctx)
{
	SCOPED_LOCK(&y->mu);
	const struct young_item *x;

	for (size_t i = 0; i < YOUNG_BUCKETS && y->count > 0; i++) {
		for (x = y->buckets[i]; x; x = x->next) {
			struct str key = str_n(x->key, x->n);

			if (x->row == row && str_starts(key, prefix))
				fn(ctx, x->kind, key, x->since);
		}
	}
}
