/* SPDX-License-Identifier: Apache-2.0 */
/* backup.h - the copy under way, if there is one (internal).
 *
 * SQLite's online copy runs on the writer's own connection, a slice between
 * two transactions at a time: what is written meanwhile goes into the copy,
 * too, so it is the index as it is when the last slice is done.
 */
#ifndef ORRERY_INDEX_BACKUP_H
#define ORRERY_INDEX_BACKUP_H

struct backup;
/* Give up the copy, on the writer's thread or after it; NULL is fine. */
void backup_drop(struct backup *b);

#endif
