/* SPDX-License-Identifier: Apache-2.0 */
/* trace_file.h - traces.json: the spans of a trace as MLflow's clients keep
 * them among artifacts.
 *
 * There are two schemas, of MLflow 2 and of MLflow 3, and a client of MLflow 2
 * refuses the newer one; each span remembers in which it came (otlp.h, form).
 * Read and written again, a file has the same content; members that neither
 * schema has are not kept. In both, an attribute is a string that holds JSON
 * text, while those of events are plain. Spans that came by OTLP are written
 * in the schema of MLflow 3.
 */
#ifndef ORRERY_FORMATS_TRACE_FILE_H
#define ORRERY_FORMATS_TRACE_FILE_H

#include "indexer/formats/otlp.h"

/* The attribute by which MLflow's spans say whose they are. */
#define SPAN_TRACE_ID "mlflow.traceRequestId"

/* Spans of a file, in the arena or pointing into json. ERR_MALFORMED or
 * ERR_INVALID with the place where it is wrong. */
int trace_file_read(struct str json, struct arena *a,
		    struct field_list *ret_spans, struct err *e);
/* The file of these spans; trace_id is the public id ("tr-..."). ERR_TOO_LARGE
 * where the arena is full. */
int trace_file_write(struct json_out *j, const struct field_list *spans,
		     struct str trace_id, struct arena *a, struct err *e);
/* Make a span what clients ask of one that comes as a message: it says whose
 * it is, and its values are plain. */
int trace_span_complete(struct otlp_span *s, struct str trace_id,
			struct arena *a, struct err *e);

#endif
