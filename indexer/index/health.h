/* SPDX-License-Identifier: Apache-2.0 */
/* health.h - a quick look at the database after a stop that was not clean
 * (internal). */
#ifndef ORRERY_INDEX_HEALTH_H
#define ORRERY_INDEX_HEALTH_H

#include "indexer/base/err.h"

/* Where a WAL was left, SQLite's quick_check; ERR_CORRUPT says what it found.
 * It stops after two seconds: a huge index is left to "orrery check". */
int health_after_crash(const char *dir, struct err *e);

#endif
