/* SPDX-License-Identifier: Apache-2.0 */
/* num_scan.h - the inner step of reading a number, for json_pull, which meets
 * the digits anyway while it checks the grammar.
 */
#ifndef ORRERY_BASE_NUM_SCAN_H
#define ORRERY_BASE_NUM_SCAN_H

#include <stdbool.h>
#include <stdint.h>

/* digits * 10^exponent, correctly rounded; false where that takes the long
 * way (num_parse_f64 on the text) or is no finite double. */
bool num_compose(uint64_t digits, int64_t exponent, double *ret);

#endif
