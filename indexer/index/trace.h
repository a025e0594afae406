/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - traces as readers see them; within reader_begin and reader_end
 * (reader.h).
 *
 * A trace belongs to an experiment and has spans (otlp.h, packed in blocks),
 * tags, metadata, assessments, links to runs and prompts, and a tree of
 * artifacts (whatever takes the owner of one takes trace_owner()). There is no
 * trash of traces: what is deleted is gone. The spans are what MLflow keeps in
 * traces.json; that file is never an artifact, who asks for it has it made of
 * them.
 */
#ifndef ORRERY_INDEX_TRACE_H
#define ORRERY_INDEX_TRACE_H

#include "indexer/formats/otlp.h"
#include "indexer/index/owner.h"
#include "indexer/index/reader.h"

enum trace_state {
	TRACE_UNSPECIFIED,
	TRACE_OK,
	TRACE_ERROR,
	TRACE_IN_PROGRESS,
	TRACE_STATES
};
/* MLflow 3's names by number ("STATE_UNSPECIFIED", "OK"), also the FIELD_ENUM
 * table. */
extern const char *const trace_state_names[];

/* Where a text has p NULL, it was not given. */
struct trace {
	int64_t row, change, experiment_row, project;
	struct str id, experiment_id, client_request_id;
	int64_t request_time; /* ms */
	struct opt_i64 duration;
	int state; /* enum trace_state */
	struct str request_preview, response_preview;
	struct str artifact_uri;
	/* The id of the trace that its spans had, 16 bytes, where it is not
	 * the one that "tr-<32 hex digits>" says; else empty. */
	struct str otel_id;
	int64_t spans;    /* how many */
	int64_t modified; /* ms of its last change of any kind */
};

/* ERR_NOT_FOUND "Trace with ID 'tr-...' not found." */
int trace_by_id(struct reader *rd, struct str id, struct arena *a,
		struct trace *ret, struct err *e);
int trace_by_row(struct reader *rd, int64_t row, struct arena *a,
		 struct trace *ret, struct err *e);

/* Without mlflow.artifactLocation, which artifact_uri says, unless somebody
 * set it. */
int trace_tags(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
	       struct err *e);
int trace_metadata(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		   struct err *e);
/* One value, copied into a; ERR_NOT_FOUND. */
int trace_tag(struct reader *rd, int64_t row, struct str key, struct arena *a,
	      struct str *ret, struct err *e);
int trace_metadatum(struct reader *rd, int64_t row, struct str key,
		    struct arena *a, struct str *ret, struct err *e);

/* All spans in order of arrival, in the arena; their trace_id is empty. *ret
 * is NULL where there are none. */
int trace_spans(struct reader *rd, int64_t row, struct arena *a,
		struct otlp_span **ret, size_t *ret_n, struct err *e);

/* What a trace was linked to: public ids of runs; "name/version". */
enum trace_link { LINK_RUN, LINK_PROMPT };
int trace_links(struct reader *rd, int64_t row, enum trace_link kind,
		int (*fn)(void *ctx, struct str target, struct err *e),
		void *ctx, struct err *e);

enum assessment_kind {
	ASSESSMENT_FEEDBACK,
	ASSESSMENT_EXPECTATION,
	ASSESSMENT_ISSUE,
	ASSESSMENT_KINDS
};
/* "feedback", "expectation", "issue" by number, also the FIELD_ENUM table. */
extern const char *const assessment_kind_names[];

/* value, error and metadata are JSON; of an issue the name is its id. Where a
 * text has p NULL, it was not given. */
struct assessment {
	int64_t row, trace_row;
	struct str id, name, value, error, source_type, source_id, run_id;
	struct str span_id, rationale, overrides, metadata;
	int kind; /* enum assessment_kind */
	bool valid;
	int64_t created, updated; /* ms */
};

/* In order of their making. */
int trace_assessments(struct reader *rd, int64_t row,
		      int (*fn)(void *ctx, const struct assessment *x,
				struct err *e),
		      void *ctx, struct err *e);
/* ERR_NOT_FOUND "Assessment with ID 'a-...' not found for trace 'tr-...'" */
int assessment_by_id(struct reader *rd, const struct trace *t, struct str id,
		     struct arena *a, struct assessment *ret, struct err *e);

/* The type of a span, "UNKNOWN" where it says none. */
struct str span_type(const struct otlp_span *s);

#endif
