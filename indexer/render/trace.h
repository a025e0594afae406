/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - traces, their spans and assessments as MLflow's JSON.
 *
 * A trace has two forms: MLflow 3's, which is protobuf's JSON with dates and
 * maps, and MLflow 2's, with milliseconds and lists, and without previews and
 * assessments. Spans go out as OTLP's message or as the file traces.json
 * (trace_file.h).
 */
#ifndef ORRERY_RENDER_TRACE_H
#define ORRERY_RENDER_TRACE_H

#include "indexer/index/trace.h"
#include "indexer/render/render.h"

/* The info object of MLflow 3; of MLflow 2. */
int render_trace_info(struct json_out *j, struct reader *rd,
		      const struct trace *t, struct err *e);
int render_trace_info_2(struct json_out *j, struct reader *rd,
			const struct trace *t, struct err *e);
void render_assessment(struct json_out *j, struct str trace_id,
		       const struct assessment *x);

/* The spans of a trace with the ids of the trace, in the arena: those of a
 * file in the order of their arrival, so as they stood there; others the root
 * first, then by their start. */
int render_load_spans(struct reader *rd, const struct trace *t, struct arena *a,
		      struct field_list *ret, struct err *e);
/* {"trace_info": .., "spans": [..]} */
int render_trace(struct json_out *j, struct reader *rd, const struct trace *t,
		 struct arena *a, struct err *e);
/* Whether as many spans are there as its maker counted (MLflow 3 says how
 * many when it ends a trace). */
int render_trace_complete(struct reader *rd, const struct trace *t,
			  struct arena *a, bool *ret, struct err *e);

#endif
