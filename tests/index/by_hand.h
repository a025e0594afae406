/* SPDX-License-Identifier: Apache-2.0 */
/* by_hand.h - an index changed behind the daemon's back. */
#ifndef ORRERY_TESTS_BY_HAND_H
#define ORRERY_TESTS_BY_HAND_H

#include <sqlite3.h>

#include "tests/index/fixture.h"

static inline void change_by_hand(struct fixture *fx, const char *sql)
{
	char path[300];
	sqlite3 *db;

	fx_close(fx);
	snprintf(path, sizeof(path), "%s/index.db", fx->dir);
	ok(sqlite3_open(path, &db) == SQLITE_OK &&
		   sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
	   sql);
	sqlite3_close(db);
	fx_open(fx);
}

#endif
