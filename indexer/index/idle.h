/* SPDX-License-Identifier: Apache-2.0 */
/* idle.h - what the writer does when nobody waits for it (internal): folding
 * points, taking away the rows of removed directories, forgetting what is
 * kept for a time only. In slices of LIMIT_IDLE_MS.
 */
#ifndef ORRERY_INDEX_IDLE_H
#define ORRERY_INDEX_IDLE_H

#include "indexer/index/writer.h"

bool idle_wanted(const struct writer *w);
/* One slice, in transactions of its own; what fails is logged. */
void idle_work(struct writer *w);

#endif
