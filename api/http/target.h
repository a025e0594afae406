/* SPDX-License-Identifier: Apache-2.0 */
/* target.h - a request target: path, query, and captures decoded once. */
#ifndef ORRERY_HTTP_TARGET_H
#define ORRERY_HTTP_TARGET_H

#include "indexer/base/arena.h"

void target_split(struct str target, struct str *ret_path,
		  struct str *ret_query);
/* Every escape of the path is %XX, and none of them %00. */
bool target_path_valid(struct str path);
/* Percent-decoded once; slices without escapes are not copied. Refuses bad
 * escapes, NUL and what is not UTF-8. */
int target_decode(struct str raw, struct arena *a, struct str *ret,
		  struct err *e);

#endif
