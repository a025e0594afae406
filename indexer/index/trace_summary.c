/* SPDX-License-Identifier: Apache-2.0 */
/* trace_summary.c - what spans say about their trace.
 *
 * As MLflow's server does it: the trace lasts from the first start to the last
 * end; a root span says state and previews where they are open; token counts
 * and costs add up, less those of spans that were replaced. Where the trace's
 * own record came already (metadata infoFinalized), times, session and what
 * was counted stand as it said.
 */
#include "indexer/base/scope.h"
#include "indexer/index/span_text.h"
#include "indexer/index/trace_write.h"

enum { NS_PER_MS = 1000000, SUMMARY_ARENA = 1 << 20 };

/* --- times, state, previews ---------------------------------------------- */

struct summary {
	struct writer *w;
	struct trace_ref *t;
	const struct span_change *c;
	bool finalized, changed;
};

/* Of a step, which returns 1 where it changed anything. */
static int note(struct summary *s, int rc)
{
	s->changed |= rc > 0;
	return rc;
}

struct times {
	int64_t start, end; /* ms */
	bool ended;
};

static struct times times_of(const struct otlp_span *s, size_t n)
{
	struct times t = {.start = INT64_MAX};

	for (size_t i = 0; i < n; i++) {
		int64_t start = (int64_t)(s[i].start / NS_PER_MS);
		int64_t end = (int64_t)(s[i].end / NS_PER_MS);

		if (start < t.start)
			t.start = start;
		if (s[i].end && (!t.ended || end > t.end))
			t.end = end;
		t.ended |= s[i].end != 0;
	}
	return t;
}

/* NULL where there is none among them. */
static const struct otlp_span *root_of(const struct otlp_span *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is_root(&s[i]))
			return &s[i];
	return NULL;
}

static int state_of(const struct otlp_span *root)
{
	return root->status.code == OTLP_ERROR ? TRACE_ERROR : TRACE_OK;
}

void trace_outline(const struct otlp_span *spans, size_t n,
		   struct trace_new *ret)
{
	const struct otlp_span *root = root_of(spans, n);
	struct times t = times_of(spans, n);

	ret->time = t.start;
	ret->duration = (struct opt_i64){t.end - t.start, t.ended};
	ret->state = root ? state_of(root) : TRACE_IN_PROGRESS;
}

static void stretch(struct trace_ref *t, const struct times *by)
{
	int64_t end = t->duration.set ? t->time + t->duration.v : by->end;

	if (by->start < t->time)
		t->time = by->start;
	if (!by->ended)
		return;
	if (by->end > end)
		end = by->end;
	t->duration = (struct opt_i64){end - t->time, true};
}

static struct bind preview(struct buf *b, const struct otlp_span *root,
			   const char *key, const char *role)
{
	const struct otlp_value *v =
		root ? otlp_find(&root->attributes, key) : NULL;

	if (!v || v->kind == OTLP_NONE)
		return B_NULL;
	span_preview(b, v, role);
	return buf_ok(b) && b->n ? B(buf_view(b)) : B_NULL;
}

static int set_outline(struct summary *s, struct err *e)
{
	const struct span_change *c = s->c;
	struct trace_ref *t = s->t;
	SCOPED(buf_fini) struct buf request;
	SCOPED(buf_fini) struct buf response;
	const struct otlp_span *root = root_of(c->came, c->ncame);
	struct times times = times_of(c->came, c->ncame);
	struct bind in = B_NULL;
	struct bind out = B_NULL;

	buf_init(&request, SPAN_TEXT_MAX);
	buf_init(&response, SPAN_TEXT_MAX);
	if (!s->finalized)
		stretch(t, &times);
	if (root &&
	    (t->state == TRACE_IN_PROGRESS || t->state == TRACE_UNSPECIFIED))
		t->state = state_of(root);
	if (!t->has_request)
		in = preview(&request, root, "mlflow.spanInputs", "user");
	if (!t->has_response)
		out = preview(&response, root, "mlflow.spanOutputs",
			      "assistant");
	if (db_exec(&s->w->db, STMT_TRACE_SET,
		    BINDS(B(t->row), B(t->experiment), B(t->time),
			  B(t->duration), B((int64_t)t->state), B_NULL, in,
			  out),
		    e) < 0)
		return -1;
	return db_changes(&s->w->db) > 0;
}

/* --- sums ---------------------------------------------------------------- */

static bool sum_up(struct span_sums *s, const struct span_change *c)
{
	bool said = false;

	for (size_t i = 0; i < c->ncame; i++)
		said |= span_sums_add_span(s, &c->came[i], 1);
	for (size_t i = 0; i < c->nwent; i++)
		said |= span_sums_add_span(s, &c->went[i], -1);
	return said;
}

static int add_sums(struct summary *s, enum span_sums_kind kind,
		    const char *key, struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	SCOPED(buf_fini) struct buf b;
	struct span_sums sums = {.kind = kind};
	struct str old = STR_NONE;
	int rc;

	arena_init(&a, SUMMARY_ARENA);
	buf_init(&b, SUMMARY_ARENA);
	if (!sum_up(&sums, s->c))
		return 0;
	rc = trace_get_metadata(s->w, s->t->row, key, &a, &old, e);
	if (rc < 0 || (rc > 0 && s->finalized))
		return rc < 0 ? -1 : 0;
	span_sums_add(&sums, old, 1);
	span_sums_json(&b, &sums);
	return trace_set_metadata(s->w, s->t->row, str_from(key), buf_view(&b),
				  e);
}

/* --- session, user ------------------------------------------------------- */

/* The first that a span says, kept where there is none. */
static int keep_first(struct summary *s, const char *attribute, const char *key,
		      struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	SCOPED(buf_fini) struct buf b;
	struct str old;
	int rc;

	arena_init(&a, SUMMARY_ARENA);
	buf_init(&b, SPAN_TEXT_MAX);
	for (size_t i = 0; i < s->c->ncame; i++)
		if (span_attribute(&b, &s->c->came[i], attribute) && b.n)
			break;
	if (!b.n)
		return 0;
	rc = trace_get_metadata(s->w, s->t->row, key, &a, &old, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	return trace_set_metadata(s->w, s->t->row, str_from(key), buf_view(&b),
				  e);
}

/* --- all ----------------------------------------------------------------- */

int trace_summarize(struct writer *w, struct trace_ref *t,
		    const struct span_change *c, struct err *e)
{
	SCOPED(arena_fini) struct arena a;
	struct summary s = {.w = w, .t = t, .c = c};
	struct str flag;
	int rc;

	arena_init(&a, SUMMARY_ARENA);
	if (!c->ncame)
		return 0;
	rc = trace_get_metadata(w, t->row, TRACE_FINALIZED, &a, &flag, e);
	s.finalized = rc > 0;
	if (rc < 0 || note(&s, set_outline(&s, e)) < 0 ||
	    note(&s, add_sums(&s, SUMS_TOKENS, TRACE_TOKEN_USAGE, e)) < 0 ||
	    note(&s, add_sums(&s, SUMS_COSTS, TRACE_COST, e)) < 0)
		return -1;
	if (!s.finalized &&
	    note(&s, keep_first(&s, "session.id", TRACE_SESSION, e)) < 0)
		return -1;
	if (note(&s, keep_first(&s, "user.id", TRACE_USER, e)) < 0)
		return -1;
	return s.changed;
}
