/* SPDX-License-Identifier: Apache-2.0 */
/* trace_items.c - see trace_items.h. */
#include "indexer/index/trace_items.h"

#include <stdlib.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/span_block.h"
#include "indexer/index/span_text.h"
#include "indexer/query/match.h"

enum {
	NS_PER_MS = 1000000,
	MATCH_ARENA = 16 << 20,
	SPANS_ARENA = 256 << 20, /* one block unpacked */
};

struct walk {
	const struct items *of;
	struct match *matches; /* of the leaves */
	struct arena compiled, spans;
	struct buf texts[METRIC_DIMENSIONS]; /* of dimensions */
	struct buf text;                     /* of the value */
	int64_t row;                         /* of the trace */
};

static void walk_fini(struct walk *w)
{
	free(w->matches);
	arena_fini(&w->compiled);
	arena_fini(&w->spans);
	for (size_t i = 0; i < METRIC_DIMENSIONS; i++)
		buf_fini(&w->texts[i]);
	buf_fini(&w->text);
}

static int walk_init(struct walk *w, struct err *e)
{
	const struct items *of = w->of;

	arena_init(&w->compiled, MATCH_ARENA);
	arena_init(&w->spans, SPANS_ARENA);
	for (size_t i = 0; i < METRIC_DIMENSIONS; i++)
		buf_init(&w->texts[i], SPAN_TEXT_MAX);
	buf_init(&w->text, SPAN_TEXT_MAX);
	w->matches = calloc(of->nleaves + 1, sizeof(*w->matches));
	if (!w->matches)
		abort();
	for (size_t i = 0; i < of->nleaves; i++)
		if (match_compile(&w->matches[i], of->leaves[i], &w->compiled,
				  e) < 0)
			return -1;
	return 0;
}

static bool satisfies(const struct match *m, struct str text)
{
	if (m->cmp == CMP_IS_NULL || m->cmp == CMP_IS_NOT_NULL)
		return m->cmp == CMP_IS_NOT_NULL;
	return match_text(m, text);
}

/* --- traces -------------------------------------------------------------- */

/* The value of a tag or metadata as the text of a dimension or of the value;
 * p NULL where there is none. */
static int fetch(struct walk *w, enum stmt_id id, struct str key,
		 struct buf *to, struct str *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	*ret = STR_NONE;
	if (cursor_open(&q, reader_db(w->of->rd), id, BINDS(B(w->row), B(key)),
			e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	buf_reset(to);
	buf_puts(to, "");
	buf_str(to, cursor_str(&q, 0));
	*ret = buf_view(to);
	return 0;
}

static int trace_dimensions(struct walk *w, int64_t state, struct item *x,
			    struct err *e)
{
	for (size_t i = 0; i < w->of->ndimensions; i++) {
		if (w->of->dimensions[i] == DIM_TRACE_STATUS)
			x->dimensions[i] = str_from(trace_state_names[state]);
		else if (fetch(w, STMT_TRACE_TAG_GET, STR("mlflow.traceName"),
			       &w->texts[i], &x->dimensions[i], e) < 0)
			return -1;
	}
	return 0;
}

/* The token count that its metadata tell. */
static int trace_tokens(struct walk *w, struct item *x, struct err *e)
{
	struct span_sums sums = {.kind = SUMS_TOKENS};
	struct str json;

	if (fetch(w, STMT_TRACE_METADATA_GET, STR("mlflow.trace.tokenUsage"),
		  &w->text, &json, e) < 0)
		return -1;
	span_sums_add(&sums, json, 1);
	x->has_value = sums.of[w->of->key].set;
	x->value = sums.of[w->of->key].v;
	return 0;
}

static int walk_trace(struct walk *w, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct item x = {.value = 1, .has_value = true};
	int64_t state;
	int rc;

	if (cursor_open(&q, reader_db(w->of->rd), STMT_METRIC_TRACE,
			BINDS(B(w->row)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	x.time = cursor_i64(&q, 0);
	if (w->of->value == ITEM_LATENCY) {
		x.has_value = !cursor_null(&q, 1);
		x.value = (double)cursor_i64(&q, 1);
	}
	state = cursor_i64(&q, 2);
	cursor_close(&q);
	if (state < 0 || state >= TRACE_STATES)
		state = 0;
	if ((w->of->value == ITEM_TOKENS && trace_tokens(w, &x, e) < 0) ||
	    trace_dimensions(w, state, &x, e) < 0)
		return -1;
	if (w->of->value == ITEM_TOKENS && !x.has_value)
		return 0;
	return w->of->fn(w->of->ctx, &x, e);
}

/* --- spans --------------------------------------------------------------- */

static struct str span_part(const struct otlp_span *s, struct str key)
{
	if (str_is(key, "name"))
		return s->name.n ? s->name : STR("");
	if (str_is(key, "type"))
		return span_type(s);
	return str_from(span_status_names[s->status.code]);
}

static struct str span_dimension(struct walk *w, size_t i,
				 const struct otlp_span *s)
{
	const char *key = "mlflow.llm.model";

	switch (w->of->dimensions[i]) {
	case DIM_SPAN_NAME:
		return span_part(s, STR("name"));
	case DIM_SPAN_TYPE:
		return span_part(s, STR("type"));
	case DIM_SPAN_STATUS:
		return span_part(s, STR("status"));
	case DIM_SPAN_PROVIDER:
		key = "mlflow.llm.provider";
		break;
	case DIM_SPAN_MODEL:
	case DIM_TRACE_NAME:
	case DIM_TRACE_STATUS:
	case DIM_ASSESSMENT_NAME:
	case DIM_ASSESSMENT_VALUE:
	case DIMENSIONS:
		break;
	}
	return span_attribute(&w->texts[i], s, key) ? buf_view(&w->texts[i])
						    : STR_NONE;
}

static void span_value(const struct walk *w, const struct otlp_span *s,
		       struct item *x)
{
	struct span_sums sums = {.kind = SUMS_COSTS};

	x->has_value = true;
	x->value = 1;
	if (w->of->value == ITEM_LATENCY) {
		x->has_value = s->end != 0;
		x->value = (double)((int64_t)(s->end - s->start) / NS_PER_MS);
	} else if (w->of->value == ITEM_COST) {
		span_sums_add_span(&sums, s, 1);
		x->has_value = sums.of[w->of->key].set;
		x->value = sums.of[w->of->key].v;
	}
}

static int walk_span(struct walk *w, const struct otlp_span *s, struct err *e)
{
	struct item x = {.time = (int64_t)(s->start / NS_PER_MS)};

	for (size_t i = 0; i < w->of->nleaves; i++)
		if (!satisfies(&w->matches[i],
			       span_part(s, w->of->leaves[i]->key)))
			return 0;
	span_value(w, s, &x);
	if (w->of->value == ITEM_COST && !x.has_value)
		return 0;
	for (size_t i = 0; i < w->of->ndimensions; i++)
		x.dimensions[i] = span_dimension(w, i, s);
	return w->of->fn(w->of->ctx, &x, e);
}

static int walk_spans(struct walk *w, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct otlp_span *spans;
	size_t n;
	int rc;

	if (cursor_open(&q, reader_db(w->of->rd), STMT_TRACE_BLOCK_EACH,
			BINDS(B(w->row)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		arena_reset(&w->spans);
		if (span_block_unpack(reader_spans(w->of->rd),
				      cursor_str(&q, 0), &w->spans, &spans, &n,
				      e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (walk_span(w, &spans[i], e) < 0)
				return -1;
	}
	return rc;
}

/* --- assessments --------------------------------------------------------- */

static struct str assessment_part(const struct assessment *x, struct str key)
{
	if (str_is(key, "name"))
		return x->name;
	return str_from(assessment_kind_names[x->kind]);
}

/* Truths and numbers; the answers of built-in judges count as truths. */
static bool said_number(struct str json, double *ret)
{
	*ret = str_is(json, "true") || str_is(json, "\"yes\"");
	if (*ret > 0 || str_is(json, "false") || str_is(json, "\"no\""))
		return true;
	return num_parse_f64(json, ret);
}

static int walk_assessment(void *ctx, const struct assessment *a, struct err *e)
{
	struct walk *w = ctx;
	struct item x = {.time = a->created, .value = 1, .has_value = true};

	for (size_t i = 0; i < w->of->nleaves; i++)
		if (!satisfies(&w->matches[i],
			       assessment_part(a, w->of->leaves[i]->key)))
			return 0;
	if (w->of->value == ITEM_SAID)
		x.has_value = said_number(a->value, &x.value);
	for (size_t i = 0; i < w->of->ndimensions; i++)
		x.dimensions[i] = w->of->dimensions[i] == DIM_ASSESSMENT_NAME
					  ? a->name
					  : a->value;
	return w->of->fn(w->of->ctx, &x, e);
}

static int walk_assessments(struct walk *w, struct err *e)
{
	return trace_assessments(w->of->rd, w->row, walk_assessment, w, e);
}

int items_each(const struct items *of, const int64_t *rows, size_t n,
	       struct err *e)
{
	static int (*const walks[])(struct walk * w, struct err * e) = {
		[METRIC_TRACES] = walk_trace,
		[METRIC_SPANS] = walk_spans,
		[METRIC_ASSESSMENTS] = walk_assessments};
	SCOPED(walk_fini) struct walk w = {.of = of};

	if (walk_init(&w, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		w.row = rows[i];
		if (walks[of->view](&w, e) < 0 ||
		    db_in_time(reader_db(of->rd), e) < 0)
			return -1;
	}
	return 0;
}
