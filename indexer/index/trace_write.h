/* SPDX-License-Identifier: Apache-2.0 */
/* trace_write.h - traces as commands need them (internal).
 *
 * trace.c: a trace itself, its tags and links. trace_spans.c: its spans, and
 * trace_summary.c what they say about it. assessment.c: assessments.
 */
#ifndef ORRERY_INDEX_TRACE_WRITE_H
#define ORRERY_INDEX_TRACE_WRITE_H

#include "indexer/index/trace.h"
#include "indexer/index/writer.h"

#define TRACE_FINALIZED   "mlflow.trace.infoFinalized"
#define TRACE_TOKEN_USAGE "mlflow.trace.tokenUsage"
#define TRACE_COST        "mlflow.trace.cost"
#define TRACE_SESSION     "mlflow.trace.session"
#define TRACE_USER        "mlflow.trace.user"

struct trace_ref {
	int64_t row, experiment, project, spans;
	bool deleted; /* its experiment is */
	int64_t time;
	struct opt_i64 duration;
	int state;
	bool has_request, has_response; /* previews */
	bool has_otel;
};

/* By public id, for a write: not found where who may not see it, ERR_DENIED
 * where who may only see it. */
int writer_trace(struct writer *w, const struct principal *who, struct str id,
		 struct trace_ref *ret, struct err *e);
/* 1, or 0 where there is none, or none that this principal may see. */
int writer_trace_find(struct writer *w, const struct principal *who,
		      struct str id, struct trace_ref *ret, struct err *e);
/* Something below it changed. */
int trace_touch(struct writer *w, int64_t row, struct err *e);

/* A new one, with nothing but links that were waiting for it; the id must be a
 * good one. ERR_EXISTS where some trace has it. */
struct trace_new {
	struct str id;
	int64_t experiment, project, time;
	struct opt_i64 duration;
	int state;
};
int trace_add(struct writer *w, const struct trace_new *t,
	      struct trace_ref *ret, struct err *e);
int trace_check_id(struct str id, struct err *e);

/* 1 where it was not so before. The value is cut where it is too long. */
int trace_set_tag(struct writer *w, int64_t row, struct str key,
		  struct str value, struct err *e);
int trace_set_metadata(struct writer *w, int64_t row, struct str key,
		       struct str value, struct err *e);
/* 1 with a copy in the arena, 0 where there is none. */
int trace_get_metadata(struct writer *w, int64_t row, const char *key,
		       struct arena *a, struct str *ret, struct err *e);

/* Assessments that are given with a trace; those there already are passed
 * over. 1 where any was added. */
int assessments_add(struct writer *w, int64_t trace, struct field_list list,
		    struct arena *a, struct err *e);

/* What a batch of spans does to its trace: those that came, those they
 * replaced. */
struct span_change {
	const struct otlp_span *came, *went;
	size_t ncame, nwent;
};
/* Times, state, previews, token counts and the like. 1 where anything
 * changed. */
int trace_summarize(struct writer *w, struct trace_ref *t,
		    const struct span_change *c, struct err *e);
/* Of a trace that is made for spans: times and state. */
void trace_outline(const struct otlp_span *spans, size_t n,
		   struct trace_new *ret);

/* Spans counted by name, type and status, in their order; *ret is to be
 * freed. */
struct span_kind {
	struct str name, type;
	int64_t status, count;
};
size_t span_kinds(const struct otlp_span *spans, size_t n,
		  struct span_kind **ret);

/* Are the spans of all traces what their rows say? In no transaction. */
int traces_check(struct db *db,
		 void (*report)(void *ctx, const char *what,
				const char *detail),
		 void *ctx, struct err *e);

/* Idle work: rows of traces that were deleted go, for some ms; 1 where some
 * are left (gc_rows.c). */
int trace_reap(struct writer *w, int64_t budget_ms, struct err *e);

#endif
