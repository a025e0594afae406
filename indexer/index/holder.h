/* SPDX-License-Identifier: Apache-2.0 */
/* holder.h - who keeps the WAL from starting over (internal).
 *
 * A reader of SQLite's WAL holds a lock on one of five bytes of index.db-shm.
 * Such locks are listed in /proc/locks; asking SQLite, or opening the file
 * once more, would cost this process its own.
 */
#ifndef ORRERY_INDEX_HOLDER_H
#define ORRERY_INDEX_HOLDER_H

#include <sys/types.h>

/* The process that holds a snapshot of the database at path, 0 where none is
 * found. A snapshot that needs nothing of the WAL does not count. */
pid_t wal_holder(const char *path);

#endif
