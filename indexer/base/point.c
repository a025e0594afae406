/* SPDX-License-Identifier: Apache-2.0 */
/* point.c - the orders of points are MLflow's; its rules are kept even where
 * NaN makes them odd: a NaN counts as 0 when the latest is sought, and comes
 * last in a history.
 */
#include "indexer/base/point.h"

#include <math.h>
#include <string.h>

#include "indexer/base/num.h"

bool point_same(const struct point *a, const struct point *b)
{
	return a->step == b->step && a->time == b->time &&
	       memcmp(&a->value, &b->value, sizeof(a->value)) == 0;
}

static int compare_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_f64(double a, double b)
{
	return a < b ? -1 : a > b;
}

bool point_later(const struct point *a, const struct point *b)
{
	double av = isnan(a->value) ? 0 : a->value;
	double bv = isnan(b->value) ? 0 : b->value;
	int d = compare_i64(a->step, b->step);

	if (!d)
		d = compare_i64(a->time, b->time);
	if (!d)
		d = compare_f64(av, bv);
	return d > 0;
}

int point_compare_history(const struct point *a, const struct point *b)
{
	int d = compare_i64(a->time, b->time);

	if (!d)
		d = compare_i64(a->step, b->step);
	if (!d)
		d = (isnan(a->value) != 0) - (isnan(b->value) != 0);
	return d ? d : compare_f64(a->value, b->value);
}

size_t point_text(const struct point *p, char out[POINT_TEXT_MAX])
{
	char *at = out;

	at += num_format_i64(p->step, at);
	*at++ = '\t';
	at += num_format_f64(p->value, at);
	*at++ = '\t';
	at += num_format_i64(p->time, at);
	*at++ = '\n';
	*at = '\0';
	return (size_t)(at - out);
}

size_t point_text_length(const struct point *p)
{
	char text[POINT_TEXT_MAX];

	return point_text(p, text);
}
