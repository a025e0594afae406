/* SPDX-License-Identifier: Apache-2.0 */
/* told.h - where a daemon's objects are, for those beside it.
 *
 * A mount has no configuration of the daemon's: it is told by a file in the
 * data directory, DATA/store, which is the section `objects` of the daemon's
 * configuration, with what was found out of the store. It holds no secret:
 * who opens the same store does so with credentials of its own. Without it
 * the objects are in DATA/objects.
 */
#ifndef ORRERY_OBJECTS_TOLD_H
#define ORRERY_OBJECTS_TOLD_H

#include "indexer/objects/objects.h"

/* By the daemon, once the store is open and swept. */
int objects_tell(const char *data_dir, const struct conf_objects *c,
		 struct objects *o, struct err *e);
/* Into c, which has its defaults; they stay for DATA/objects. */
int objects_told(const char *data_dir, struct conf *c, struct err *e);

#endif
