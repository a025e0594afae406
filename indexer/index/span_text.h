/* SPDX-License-Identifier: Apache-2.0 */
/* span_text.h - what spans say, as text and numbers (internal).
 *
 * MLflow keeps a span as JSON in which each attribute is JSON as text once
 * more, laid out as Python does ("a": 1, "b": 2); searches for text look at
 * that, so this makes the same.
 */
#ifndef ORRERY_INDEX_SPAN_TEXT_H
#define ORRERY_INDEX_SPAN_TEXT_H

#include "indexer/formats/otlp.h"

enum { SPAN_TEXT_MAX = 64 << 20 }; /* bytes of one, at most */

/* "OK", "ERROR", "UNSET", by enum otlp_status_code. */
extern const char *const span_status_names[];

bool span_is_root(const struct otlp_span *s);
/* A value as JSON, laid out as Python does. */
void span_value_json(struct buf *b, const struct otlp_value *v);
/* The whole span. */
void span_content(struct buf *b, const struct otlp_span *s);
/* An attribute as text in b, emptied before; false where there is none. */
bool span_attribute(struct buf *b, const struct otlp_span *s, const char *key);

/* What a trace shows of its root span's inputs or outputs: the text of the
 * last message of this role, where there are messages in it as chat models
 * take and give them, else the value; cut at LIMIT_SPAN_PREVIEW. */
void span_preview(struct buf *b, const struct otlp_value *v, const char *role);

/* Token counts and costs, named numbers in JSON: MLflow's keys of each. */
enum span_sums_kind { SUMS_TOKENS, SUMS_COSTS };
enum { SUMS_MAX = 5 };
struct span_sums {
	enum span_sums_kind kind;
	struct {
		double v;
		bool set;
	} of[SUMS_MAX];
};
/* "input_tokens", ... ended by NULL. */
extern const char *const span_token_keys[], *const span_cost_keys[];
/* Add what JSON text says, so many times (-1: take away); what is no such
 * object says nothing. false where nothing was said. */
bool span_sums_add(struct span_sums *s, struct str json, double times);
/* The same of a span. */
bool span_sums_add_span(struct span_sums *s, const struct otlp_span *span,
			double times);
void span_sums_json(struct buf *b, const struct span_sums *s);

#endif
