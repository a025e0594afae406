/* SPDX-License-Identifier: Apache-2.0 */
/* told.h - where a daemon's objects are, for those beside it.
 *
 * A mount has no configuration of the daemon's: it is told by a file in the
 * data directory, DATA/store, which has the URL of the store in one line.
 * Without it the objects are in DATA/objects.
 */
#ifndef ORRERY_OBJECTS_TOLD_H
#define ORRERY_OBJECTS_TOLD_H

#include "indexer/objects/objects.h"

/* By the daemon, once the store is open. */
int objects_tell(const char *data_dir, const struct conf_objects *c,
		 struct err *e);
/* The store's URL, appended to url; nothing for DATA/objects. */
int objects_told(const char *data_dir, struct buf *url, struct err *e);

#endif
