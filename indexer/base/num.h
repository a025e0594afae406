/* SPDX-License-Identifier: Apache-2.0 */
/* num.h - numbers to text and back, exactly, whatever the locale.
 *
 * Doubles are printed in the shortest decimal form that reads back as the
 * same bits, as Python's repr does ("0.1", "1e-07", "1e+16", "5.0").
 */
#ifndef ORRERY_BASE_NUM_H
#define ORRERY_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/str.h"

enum { NUM_MAX = 32 }; /* bytes enough for any number, NUL included */

/* Decimal integer, optional sign, nothing else; false if not one or beyond
 * 64 bits. */
bool num_parse_i64(struct str s, int64_t *ret);
/* Decimal floating point as C and Python print it, with an optional leading
 * sign; nan, inf, infinity in any case. Hex and 1e999 are refused. */
bool num_parse_f64(struct str s, double *ret);
/* Both return the length; out has room for NUM_MAX bytes. */
size_t num_format_i64(int64_t v, char *out);
/* Finite values in shortest form, always with '.' or 'e'; else nan, inf or
 * -inf. */
size_t num_format_f64(double v, char *out);

#endif
