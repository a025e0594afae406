/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.h - making and bringing forward the schema (internal).
 *
 * schema.sql is the schema of SCHEMA_VERSION; the steps in migrate.c lead
 * there from each older one. A step and its version number are one
 * transaction. A database of a newer version is refused.
 */
#ifndef ORRERY_INDEX_MIGRATE_H
#define ORRERY_INDEX_MIGRATE_H

#include "indexer/index/db.h"

enum {
	SCHEMA_VERSION = 3,
	APPLICATION_ID = 0x4f525259, /* "ORRY" */
};

struct migration {
	int64_t to; /* the version it leads to, from the one before */
	const char *sql;
};

struct schema {
	int64_t version;
	const char *sql; /* makes a new database of that version */
	const struct migration *steps;
	size_t nsteps;
};

extern const struct schema schema_current;

/* Make or migrate; the writer's connection, no transaction open. */
int schema_apply(struct db *db, const struct schema *s, struct err *e);
/* For readers: ERR_UNSUPPORTED where the version is another one. */
int schema_check(struct db *db, struct err *e);

#endif
