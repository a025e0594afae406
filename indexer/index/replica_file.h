/* SPDX-License-Identifier: Apache-2.0 */
/* replica_file.h - the copy of an index, and how pages go into it.
 *
 * A directory that looks like a daemon's to readers: index.db of the same
 * schema, a bulletin, a lock. Each page is one transaction, and how far it
 * leads is in it: killed anywhere, the copy goes on from there. Readers see a
 * new number only when nothing is missing up to it. A new beginning is one
 * transaction from the first page to the last, so until its end readers have
 * what they had.
 *
 * It has one writer, which belongs to one thread at a time.
 */
#ifndef ORRERY_INDEX_REPLICA_FILE_H
#define ORRERY_INDEX_REPLICA_FILE_H

#include "indexer/index/replica.h"

struct replica_file;

/* Makes what is absent; a copy of another schema version is thrown away.
 * ERR_BUSY where another process keeps this copy. */
struct replica_file *replica_file_open(const char *dir, struct err *e);
void replica_file_close(struct replica_file *f);

/* Whether the server answers: what bulletin_daemon_runs tells. */
void replica_file_connected(struct replica_file *f, bool connected);

/* Whether a first copy was finished: then it can be read without a server. */
bool replica_file_level(const struct replica_file *f);
/* The last change up to which nothing is missing. */
int64_t replica_file_change(const struct replica_file *f);

/* What to ask for next. */
int replica_file_ask(struct replica_file *f, struct replica_ask *ret,
		     struct err *e);
/* ERR_UNSUPPORTED where the server's schema is another one. Where the head
 * says "over" nothing was done yet: call replica_file_restart, ask again. */
int replica_file_apply(struct replica_file *f, struct str page,
		       struct replica_head *ret, struct err *e);
int replica_file_restart(struct replica_file *f, struct err *e);

/* What of the points of q->run need not be sent again, before they are asked
 * for from their beginning. */
int replica_file_kept(struct replica_file *f, struct replica_points_ask *q,
		      struct err *e);
/* A page of the points of a run; *next is to be asked for, unless the head
 * says "level". ERR_CONFLICT: they changed meanwhile, begin again. */
int replica_file_points(struct replica_file *f, struct replica_points_ask *next,
			struct str page, struct replica_head *ret,
			struct err *e);
/* A run whose points are stale, after that one: 1, 0 there is none. */
int replica_file_stale(struct replica_file *f, int64_t after, int64_t *ret,
		       struct err *e);

/* Work left for later; true while there is more. */
bool replica_file_idle(struct replica_file *f);

/* For readers, within a snapshot: are the points of that run here? */
int replica_holds(struct reader *rd, int64_t run, struct err *e);

#endif
