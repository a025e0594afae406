/* SPDX-License-Identifier: Apache-2.0 */
/* trace_read.c - traces as readers see them. */
#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/limits.h"
#include "indexer/index/span_block.h"
#include "indexer/index/trace.h"

enum { URI_MAX = LIMIT_LOCATION + LIMIT_TRACE_ID + 64 };

/* Text of a row that is not in a column. */
struct made {
	char experiment[NUM_MAX], uri[URI_MAX];
};

static struct str make_uri(struct str location, struct str id, char *out)
{
	int n;

	while (location.n && location.p[location.n - 1] == '/')
		location.n--;
	n = snprintf(out, URI_MAX, "%.*s/traces/%.*s/artifacts",
		     STR_ARG(location), STR_ARG(id));
	return str_n(out, n < URI_MAX ? (size_t)n : URI_MAX - 1);
}

static struct str text(const struct cursor *q, int column)
{
	struct str s = cursor_str(q, column);

	if (cursor_null(q, column))
		return STR_NONE;
	return s.n ? s : STR("");
}

static void fill(const struct cursor *q, struct made *made, struct trace *ret)
{
	*ret = (struct trace){
		.row = cursor_i64(q, 0),
		.change = cursor_i64(q, 1),
		.experiment_row = cursor_i64(q, 2),
		.project = cursor_i64(q, 3),
		.id = cursor_str(q, 4),
		.client_request_id = text(q, 5),
		.request_time = cursor_i64(q, 6),
		.duration = {cursor_i64(q, 7), !cursor_null(q, 7)},
		.state = (int)cursor_i64(q, 8),
		.request_preview = text(q, 9),
		.response_preview = text(q, 10),
		.otel_id = cursor_str(q, 11),
		.spans = cursor_i64(q, 12),
		.modified = cursor_i64(q, 13),
	};
	ret->experiment_id =
		str_n(made->experiment,
		      num_format_i64(ret->experiment_row, made->experiment));
	ret->artifact_uri = make_uri(cursor_str(q, 14), ret->id, made->uri);
}

/* Texts that are not there stay so. */
static int copy_texts(struct str *const *texts, size_t n, struct arena *a,
		      struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!texts[i]->p)
			continue;
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return arena_full(a, e);
	}
	return 0;
}

static int copy(struct trace *t, struct arena *a, struct err *e)
{
	struct str *const texts[] = {
		&t->id,           &t->experiment_id,   &t->client_request_id,
		&t->artifact_uri, &t->request_preview, &t->response_preview,
		&t->otel_id};

	return copy_texts(texts, sizeof(texts) / sizeof(texts[0]), a, e);
}

/* 1 with the row, 0 where there is none. */
static int find(struct reader *rd, enum stmt_id id, struct bind by,
		struct arena *a, struct trace *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct made made;
	struct trace t;
	int rc;

	if (cursor_open(&q, reader_db(rd), id, &by, 1, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	fill(&q, &made, &t);
	if (copy(&t, a, e) < 0)
		return -1;
	*ret = t;
	return 1;
}

int trace_by_id(struct reader *rd, struct str id, struct arena *a,
		struct trace *ret, struct err *e)
{
	int rc = find(rd, STMT_TRACE_BY_ID, B(id), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "Trace with ID '%.*s' not found.", STR_ARG(id));
	return rc < 0 ? -1 : 0;
}

int trace_by_row(struct reader *rd, int64_t row, struct arena *a,
		 struct trace *ret, struct err *e)
{
	int rc = find(rd, STMT_TRACE_BY_ROW, B(row), a, ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "Trace not found.");
	return rc < 0 ? -1 : 0;
}

/* --- what hangs on one --------------------------------------------------- */

static int each_value(struct reader *rd, enum stmt_id id, int64_t row,
		      key_value_fn *fn, void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_trace(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), id, BINDS(B(row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), cursor_str(&q, 1),
			cursor_i64(&q, 2), e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int trace_tags(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
	       struct err *e)
{
	return each_value(rd, STMT_TRACE_TAG_EACH, row, fn, ctx, e);
}

int trace_metadata(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		   struct err *e)
{
	return each_value(rd, STMT_TRACE_METADATA_EACH, row, fn, ctx, e);
}

static int get_value(struct reader *rd, enum stmt_id id, int64_t row,
		     struct str key, struct arena *a, struct str *ret,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_trace(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), id, BINDS(B(row), B(key)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "the trace has no '%.*s' there", STR_ARG(key));
	return rc < 0 ? -1 : cursor_copy(&q, 0, a, ret, e);
}

int trace_tag(struct reader *rd, int64_t row, struct str key, struct arena *a,
	      struct str *ret, struct err *e)
{
	return get_value(rd, STMT_TRACE_TAG_GET, row, key, a, ret, e);
}

int trace_metadatum(struct reader *rd, int64_t row, struct str key,
		    struct arena *a, struct str *ret, struct err *e)
{
	return get_value(rd, STMT_TRACE_METADATA_GET, row, key, a, ret, e);
}

int trace_links(struct reader *rd, int64_t row, enum trace_link kind,
		int (*fn)(void *ctx, struct str target, struct err *e),
		void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (reader_sees_trace(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_TRACE_LINK_EACH,
			BINDS(B(row), B((int64_t)kind)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		rc = fn(ctx, cursor_str(&q, 0), e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

/* --- spans --------------------------------------------------------------- */

static int add_block(struct reader *rd, const struct cursor *q, struct arena *a,
		     struct field_list *to, struct err *e)
{
	struct otlp_span *spans;
	size_t n;

	if (span_block_unpack(reader_spans(rd), cursor_str(q, 0), a, &spans, &n,
			      e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct otlp_span *s = message_list_add(to, sizeof(*s), a);

		if (!s)
			return arena_full(a, e);
		*s = spans[i];
	}
	return 0;
}

int trace_spans(struct reader *rd, int64_t row, struct arena *a,
		struct otlp_span **ret, size_t *ret_n, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct field_list all = {NULL, 0};
	int rc;

	if (reader_sees_trace(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_TRACE_BLOCK_EACH, BINDS(B(row)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		if (add_block(rd, &q, a, &all, e) < 0)
			return -1;
	*ret = all.items;
	*ret_n = all.n;
	return rc;
}

/* --- assessments --------------------------------------------------------- */

static void fill_assessment(const struct cursor *q, struct assessment *ret)
{
	*ret = (struct assessment){
		.row = cursor_i64(q, 0),
		.trace_row = cursor_i64(q, 1),
		.id = text(q, 2),
		.kind = (int)cursor_i64(q, 3),
		.name = text(q, 4),
		.value = text(q, 5),
		.error = text(q, 6),
		.source_type = text(q, 7),
		.source_id = text(q, 8),
		.run_id = text(q, 9),
		.span_id = text(q, 10),
		.rationale = text(q, 11),
		.overrides = text(q, 12),
		.valid = cursor_i64(q, 13) != 0,
		.metadata = text(q, 14),
		.created = cursor_i64(q, 15),
		.updated = cursor_i64(q, 16),
	};
}

int trace_assessments(struct reader *rd, int64_t row,
		      int (*fn)(void *ctx, const struct assessment *x,
				struct err *e),
		      void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct assessment x;
	int rc;

	if (reader_sees_trace(rd, row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_ASSESSMENT_EACH, BINDS(B(row)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill_assessment(&q, &x);
		rc = fn(ctx, &x, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}

int assessment_by_id(struct reader *rd, const struct trace *t, struct str id,
		     struct arena *a, struct assessment *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct assessment x;
	struct str *const texts[] = {
		&x.id,        &x.name,     &x.value,     &x.error,
		&x.source_id, &x.run_id,   &x.span_id,   &x.source_type,
		&x.rationale, &x.metadata, &x.overrides,
	};
	int rc;

	if (reader_sees_trace(rd, t->row, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_ASSESSMENT_GET,
			BINDS(B(t->row), B(id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "Assessment with ID '%.*s' not found for trace "
			       "'%.*s'",
			       STR_ARG(id), STR_ARG(t->id));
	if (rc < 0)
		return -1;
	fill_assessment(&q, &x);
	if (copy_texts(texts, sizeof(texts) / sizeof(texts[0]), a, e) < 0)
		return -1;
	*ret = x;
	return 0;
}
