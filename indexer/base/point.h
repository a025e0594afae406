/* SPDX-License-Identifier: Apache-2.0 */
/* point.h - one point of a metric: its order, and its form as a line of text.
 */
#ifndef ORRERY_BASE_POINT_H
#define ORRERY_BASE_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct point {
	int64_t step, time; /* time in ms since the epoch */
	double value;
};

/* Same bits: NaN equals NaN, 0.0 differs from -0.0. */
bool point_same(const struct point *a, const struct point *b);
/* MLflow's rule of the latest: greatest (step, time, value). */
bool point_later(const struct point *a, const struct point *b);
/* MLflow's order of history: time, step, value; NaN last. */
int point_compare_history(const struct point *a, const struct point *b);

/* "step TAB value TAB time LF"; the length alone, and the text. */
enum { POINT_TEXT_MAX = 80 };
size_t point_text_length(const struct point *p);
size_t point_text(const struct point *p, char out[POINT_TEXT_MAX]);

#endif
