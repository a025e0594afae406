/* SPDX-License-Identifier: Apache-2.0 */
/* restore.h - putting a copy of the index in place of the one there is. */
#ifndef ORRERY_INDEX_RESTORE_H
#define ORRERY_INDEX_RESTORE_H

#include "indexer/base/err.h"

/* Verify file, then make it the index of dir, on which no daemon may run. It
 * gets a new epoch, so that caches and replicas start again; what was there
 * stays beside it as index.db.before (with its -wal, if it has one). Journals
 * are kept: the next daemon applies what the copy lacks of them. */
int index_restore(const char *dir, const char *file, struct err *e);

#endif
