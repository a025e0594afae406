/* SPDX-License-Identifier: Apache-2.0 */
/* part.h - where a part of an upload is put: what both who gives out the links
 * and who takes the parts must say alike. */
#ifndef ORRERY_TRACKING_PART_H
#define ORRERY_TRACKING_PART_H

#include "indexer/base/arena.h"

/* The target of its link; NULL where the arena is full. */
const char *part_target(struct arena *a, struct str upload, int64_t number);

#endif
