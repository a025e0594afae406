/* SPDX-License-Identifier: Apache-2.0 */
/* store_check.c - rows in small batches, each read within one short snapshot;
 * the hashing happens between snapshots.
 */
#include "indexer/index/store_check.h"

#include <limits.h>

#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/reader.h"
#include "indexer/objects/objects.h"
#include "indexer/objects/sums.h"

/* Sums are large only where objects are, and those are few. */
enum { BATCH = 256, BATCH_MEMORY = (4 << 20) + BATCH * (SUMS_BYTES + 64) };

struct stored {
	struct str run, key, sha256, sums;
	int64_t row, size;
};

struct batch {
	struct stored rows[BATCH];
	size_t n;
	struct arena arena;
};

struct checker {
	struct reader *rd;
	struct objects *objects;
	void (*report)(void *ctx, const char *what, const char *detail);
	void *ctx;
};

static int read_rows(struct checker *c, int64_t after, struct batch *b,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(c->rd), STMT_CHECK_STORED,
			BINDS(B(after), B((int64_t)BATCH)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct stored *s = &b->rows[b->n++];

		s->row = cursor_i64(&q, 0);
		s->size = cursor_i64(&q, 3);
		if (cursor_copy(&q, 1, &b->arena, &s->run, e) ||
		    cursor_copy(&q, 2, &b->arena, &s->key, e) ||
		    cursor_copy(&q, 4, &b->arena, &s->sha256, e) ||
		    cursor_copy(&q, 5, &b->arena, &s->sums, e))
			return -1;
	}
	return rc;
}

static int read_batch(struct checker *c, int64_t after, struct batch *b,
		      struct err *e)
{
	struct principal owner = principal_owner();
	int rc;

	b->n = 0;
	arena_reset(&b->arena);
	if (reader_begin(c->rd, &owner, e))
		return -1;
	rc = read_rows(c, after, b, e);
	reader_end(c->rd);
	return rc;
}

static void verify(struct checker *c, const struct stored *s)
{
	struct err found = {0};
	char what[128];

	if (!object_verify_sums(c->objects, s->key, s->size, s->sha256, s->sums,
				&found))
		return;
	snprintf(what, sizeof(what), "artifact of run %.*s", STR_ARG(s->run));
	c->report(c->ctx, what, found.msg);
}

static int check_rows(struct checker *c, struct err *e)
{
	struct batch *b = calloc(1, sizeof(*b));
	int64_t after = 0;
	int rc;

	if (!b)
		abort();
	arena_init(&b->arena, BATCH_MEMORY);
	do {
		rc = read_batch(c, after, b, e);
		for (size_t i = 0; !rc && i < b->n; i++) {
			verify(c, &b->rows[i]);
			after = b->rows[i].row;
		}
	} while (!rc && b->n == BATCH);
	arena_fini(&b->arena);
	free(b);
	return rc;
}

int store_check(const char *dir, const struct conf_objects *at,
		void (*report)(void *ctx, const char *what, const char *detail),
		void *ctx, struct err *e)
{
	struct checker c = {.report = report, .ctx = ctx};
	int rc = -1;

	c.rd = reader_open(dir, e);
	c.objects = c.rd ? objects_open(dir, at, e) : NULL;
	if (c.objects)
		rc = check_rows(&c, e);
	objects_close(c.objects);
	reader_close(c.rd);
	return rc;
}
