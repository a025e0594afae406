/* SPDX-License-Identifier: Apache-2.0 */
/* owner.h - whose a tree of artifacts is, as one number.
 *
 * Artifacts of runs, logged models and traces are rows of one table. Their
 * owner is one integer, so that one index serves all and whatever walks a
 * tree need not know whose it is: a run's row id as it is, a logged model's
 * with its sign turned, a trace's and 2^62 (row ids count up from 1 and never
 * come near).
 */
#ifndef ORRERY_INDEX_OWNER_H
#define ORRERY_INDEX_OWNER_H

#include <stdint.h>

enum owner_kind { OWNER_RUN, OWNER_MODEL, OWNER_TRACE, OWNER_KINDS };

#define OWNER_TRACES (INT64_C(1) << 62)

static inline int64_t logged_model_owner(int64_t model_row)
{
	return -model_row;
}

static inline int64_t trace_owner(int64_t trace_row)
{
	return OWNER_TRACES + trace_row;
}

static inline enum owner_kind owner_kind(int64_t owner)
{
	if (owner < 0)
		return OWNER_MODEL;
	return owner > OWNER_TRACES ? OWNER_TRACE : OWNER_RUN;
}

/* The row id of the run, model or trace itself. */
static inline int64_t owner_row(int64_t owner)
{
	if (owner < 0)
		return -owner;
	return owner > OWNER_TRACES ? owner - OWNER_TRACES : owner;
}

#endif
