/* SPDX-License-Identifier: Apache-2.0 */
/* value.h - a value of a comparison, as its field takes it (internal to
 * indexer/query). */
#ifndef ORRERY_QUERY_VALUE_H
#define ORRERY_QUERY_VALUE_H

#include "indexer/query/lexer.h"
#include "indexer/query/vocabulary.h"

/* ERR_INVALID in MLflow's words where the field takes no such value. */
int value_parse(const struct field_ref *f, struct token t, struct arena *a,
		struct expr_value *ret, struct err *e);

#endif
