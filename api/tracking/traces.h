/* SPDX-License-Identifier: Apache-2.0 */
/* traces.h - what the calls about traces share.
 *
 * MLflow 2 and MLflow 3 have calls of the same paths below /api/2.0 and
 * /api/3.0 that take and answer different things: there is a group of routes
 * for either, and one for what both have. A trace made by one can be read by
 * the other.
 */
#ifndef ORRERY_TRACKING_TRACES_H
#define ORRERY_TRACKING_TRACES_H

#include "api/app.h"
#include "indexer/index/trace.h"

/* The tag that tells clients of MLflow 3 to ask for spans, not for files. */
#define SPANS_HERE "TRACKING_STORE"

/* An assessment as MLflow 3 sends it. */
struct assessment_source {
	struct opt_i64 type;
	struct str id;
};
struct assessment_failure { /* of who should have assessed */
	struct str code, message, stack;
};
struct assessment_feedback {
	struct str value; /* JSON */
	struct assessment_failure error;
};
struct assessment_serialized {
	struct str format, value; /* text that is JSON */
};
struct assessment_expectation {
	struct str value; /* JSON */
	struct assessment_serialized serialized;
};
struct assessment_issue {
	struct str name;
};
struct assessment_body {
	struct str id, name, span_id, rationale, overrides;
	struct assessment_source source;
	struct opt_i64 created, updated;
	struct opt_bool valid;
	struct str feedback, expectation, issue; /* JSON of those below */
	struct assessment_failure error;         /* where feedback has none */
	struct field_list metadata;              /* of struct field_pair */
};
extern const struct field_set assessment_fields;

/* The assessment that a body says. ERR_INVALID where it says none, or more
 * than one kind of it. */
int assessment_take(const struct assessment_body *b, struct arena *a,
		    struct trace_assessment *ret, struct err *e);

/* MLflow 2's search, which has its path in common with other calls. */
extern const struct field_set traces_search_2_fields;
route_fn traces_search_2;

/* Its name among the artifacts of a trace. */
#define TRACE_FILE "traces.json"

/* traces.json of a trace: put in place of the spans that it has, and sent as
 * made of them. */
void spans_file_put(struct call *c, struct str trace_id);
void spans_file_send(struct call *c, struct str trace_id);

#endif
