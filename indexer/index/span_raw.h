/* SPDX-License-Identifier: Apache-2.0 */
/* span_raw.h - what lies in the frame of a block of spans, for span_block.c
 * alone. */
#ifndef ORRERY_INDEX_SPAN_RAW_H
#define ORRERY_INDEX_SPAN_RAW_H

#include "indexer/formats/otlp.h"

/* Strings that have numbers in every block. They are part of the form: never
 * changed or moved, only added to together with a new version. */
enum { SPAN_KNOWN = 32 };
extern const char *const span_known[SPAN_KNOWN];

/* raw fails where it is too much. */
void span_raw_pack(const struct otlp_span *spans, size_t n, struct buf *raw);
int span_raw_unpack(struct str raw, struct arena *a, struct otlp_span **ret,
		    size_t *ret_n, struct err *e);

#endif
