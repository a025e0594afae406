/* SPDX-License-Identifier: Apache-2.0 */
/* trace_check.c - are the spans of traces what their rows say?
 *
 * Each block is unpacked and held against the ids beside it; all ids of a
 * trace must differ; and the names, types and states, counted anew, must be
 * those that searches look at. One finding does not stop the others.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/span_block.h"
#include "indexer/index/trace_write.h"

enum { ID_BYTES = 8, ARENA = 512 << 20 };

struct check {
	struct db *db;
	void (*report)(void *ctx, const char *what, const char *detail);
	void *ctx;
	struct span_codec *codec;
	struct arena arena; /* of the trace under way, as are the others */
	char id[LIMIT_TRACE_ID + 1];
	struct field_list spans; /* of struct otlp_span */
};

static void finding(struct check *c, const char *what, const char *detail)
{
	char text[1024];

	snprintf(text, sizeof(text), "trace %s%s%s", c->id, *detail ? ": " : "",
		 detail);
	c->report(c->ctx, what, text);
}

/* --- blocks -------------------------------------------------------------- */

static bool ids_agree(const struct otlp_span *spans, size_t n, struct str ids)
{
	if (ids.n != n * ID_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(spans[i].span_id,
			    str_n(ids.p + i * ID_BYTES, ID_BYTES)))
			return false;
	return true;
}

static int check_block(struct check *c, struct str block, struct str ids,
		       struct err *e)
{
	struct otlp_span *spans;
	size_t n;

	if (span_block_unpack(c->codec, block, &c->arena, &spans, &n, e) < 0) {
		if (e->kind != ERR_CORRUPT)
			return -1;
		finding(c, "stored spans are damaged", e->msg);
		return 0;
	}
	if (!ids_agree(spans, n, ids))
		finding(c, "ids of spans differ from those beside them", "");
	for (size_t i = 0; i < n; i++) {
		struct otlp_span *s =
			message_list_add(&c->spans, sizeof(*s), &c->arena);

		if (!s)
			return arena_full(&c->arena, e);
		*s = spans[i];
	}
	return 0;
}

static int check_blocks(struct check *c, int64_t row, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, c->db, STMT_TRACE_BLOCK_EACH, BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		if (check_block(c, cursor_str(&q, 0), cursor_str(&q, 1), e) < 0)
			return -1;
	return rc;
}

static int by_id(const void *pa, const void *pb)
{
	const struct otlp_span *a = pa;
	const struct otlp_span *b = pb;

	return str_cmp(a->span_id, b->span_id);
}

static void check_ids(struct check *c)
{
	struct otlp_span *s = c->spans.items;

	if (c->spans.n)
		qsort(s, c->spans.n, sizeof(*s), by_id);
	for (size_t i = 1; i < c->spans.n; i++)
		if (by_id(&s[i - 1], &s[i]) == 0)
			finding(c, "a span is there twice", "");
}

/* --- kinds --------------------------------------------------------------- */

/* The rows of trace_span in order, against the spans counted anew. */
static int check_kinds(struct check *c, int64_t row, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct span_kind *k;
	size_t n = span_kinds(c->spans.items, c->spans.n, &k);
	size_t at = 0;
	bool good = true;
	int rc = cursor_open(&q, c->db, STMT_CHECK_TRACE_KINDS, BINDS(B(row)),
			     e);

	while (rc == 0 && (rc = cursor_next(&q, e)) > 0) {
		good &= at < n && str_eq(k[at].name, cursor_str(&q, 0)) &&
			str_eq(k[at].type, cursor_str(&q, 1)) &&
			k[at].status == cursor_i64(&q, 2) &&
			k[at].count == cursor_i64(&q, 3);
		at++;
		rc = 0;
	}
	free(k);
	if (rc == 0 && (!good || at != n))
		finding(c, "names of spans differ from what searches see", "");
	return rc;
}

/* --- all ----------------------------------------------------------------- */

static int check_trace(struct check *c, int64_t row, int64_t spans,
		       struct err *e)
{
	char text[80];

	arena_reset(&c->arena);
	c->spans = (struct field_list){NULL, 0};
	if (check_blocks(c, row, e) < 0)
		return -1;
	if ((int64_t)c->spans.n != spans) {
		snprintf(text, sizeof(text), "%" PRId64 ", found %zu", spans,
			 c->spans.n);
		finding(c, "a trace has another number of spans", text);
	}
	check_ids(c);
	return check_kinds(c, row, e);
}

/* The one behind this row, which it becomes; 0 where there is none. */
static int check_next(struct check *c, int64_t *row, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct str id;
	int64_t spans;
	int rc;

	if (cursor_open(&q, c->db, STMT_CHECK_TRACE_NEXT, BINDS(B(*row)), e) <
	    0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	*row = cursor_i64(&q, 0);
	spans = cursor_i64(&q, 2);
	id = cursor_str(&q, 1);
	snprintf(c->id, sizeof(c->id), "%.*s", STR_ARG(id));
	cursor_close(&q);
	return check_trace(c, *row, spans, e) < 0 ? -1 : 1;
}

int traces_check(struct db *db,
		 void (*report)(void *ctx, const char *what,
				const char *detail),
		 void *ctx, struct err *e)
{
	struct check c = {.db = db, .report = report, .ctx = ctx};
	int64_t row = 0;
	int rc;

	c.codec = span_codec_new();
	arena_init(&c.arena, ARENA);
	do {
		rc = check_next(&c, &row, e);
	} while (rc > 0);
	arena_fini(&c.arena);
	span_codec_free(c.codec);
	return rc;
}
