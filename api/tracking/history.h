/* SPDX-License-Identifier: Apache-2.0 */
/* history.h - the page token of a metric's history, and even sampling. */
#ifndef ORRERY_TRACKING_HISTORY_H
#define ORRERY_TRACKING_HISTORY_H

#include "indexer/base/err.h"
#include "indexer/base/point.h"
#include "indexer/base/str.h"

enum { HISTORY_TOKEN = 64 }; /* hex digits */

/* The token of the page that follows p; bound to its run and metric. */
void history_token(struct str run_id, struct str key, const struct point *p,
		   char out[HISTORY_TOKEN + 1]);
/* ERR_INVALID where it is none, or one of another history. */
int history_token_parse(struct str token, struct str run_id, struct str key,
			struct point *ret, struct err *e);

/* Sort steps and drop repetitions; returns how many are left. */
size_t history_distinct(int64_t *steps, size_t n);
/* Of distinct steps in order keep every (n / max)th, and the last, as MLflow
 * does; all of them where there are at most max. Returns how many are left:
 * max + 1 at most. */
size_t history_sample(int64_t *steps, size_t n, size_t max);
/* Whether step is among distinct steps in order. *at is where the last one
 * asked for belongs, 0 at first: steps that come in order cost next to
 * nothing. */
bool history_has(const int64_t *steps, size_t n, int64_t step, size_t *at);

#endif
