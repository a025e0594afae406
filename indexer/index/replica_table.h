/* SPDX-License-Identifier: Apache-2.0 */
/* replica_table.h - which tables a replica has, and by which statements
 * (internal).
 *
 * A kind is a thing with a change number of its own; its tables follow one
 * another, the thing's own first. Tables whose rows tell when they changed
 * are sent as what is newer; the others whole, in place of what was there.
 */
#ifndef ORRERY_INDEX_REPLICA_TABLE_H
#define ORRERY_INDEX_REPLICA_TABLE_H

#include "indexer/index/db.h"
#include "indexer/index/reader.h"

enum { REPLICA_COLUMNS = 24 }; /* of one table, at most */

enum replica_kind {
	REPLICA_KIND_PROJECT,
	REPLICA_KIND_EXPERIMENT,
	REPLICA_KIND_LOGGED,
	REPLICA_KIND_RUN,
	REPLICA_KIND_TRACE,
	REPLICA_KIND_MODEL,
	REPLICA_KIND_ARTIFACT,
	REPLICA_KIND_REMOVED, /* the last one of a change */
	REPLICA_KINDS
};

struct replica_table {
	const char *name;
	enum replica_kind kind;
	enum stmt_id rows, put, drop;
	int columns;   /* of a row as it is sent */
	int stored;    /* of them, given to put */
	int64_t after; /* column that says how far it was sent; -1: a count */
	bool newer;    /* rows takes the change from which on, too */
	bool kept;     /* rows stay when the thing comes again */
};

enum { REPLICA_TABLES = 31 };
extern const struct replica_table replica_tables[REPLICA_TABLES];
/* Where the tables of a kind begin; one more is the end of the last. */
extern const int replica_first[REPLICA_KINDS + 1];
extern const enum stmt_id replica_next[REPLICA_KINDS];

/* Tables of the schema that are none of the above, and why. */
struct replica_exception {
	const char *name, *why;
};
extern const struct replica_exception replica_exceptions[];
extern const size_t replica_nexceptions;

/* By enum thing: the statement that tells whether it is there; STMTS for
 * those whose removal is seen otherwise. */
extern const enum stmt_id replica_there[THINGS];

#endif
