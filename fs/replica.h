/* SPDX-License-Identifier: Apache-2.0 */
/* replica.h - a copy of the index of a daemon on another host, kept up to date
 * by two threads of the mount.
 *
 * One follows the server's event stream and does nothing but tell the other
 * that something was committed; that one asks for pages, puts them into the
 * copy (indexer/index/replica_file.h), and fetches the points of runs that are
 * read. To all else the copy is a data directory like the daemon's own.
 * Without the server the copy is as it was last, and is read all the same.
 */
#ifndef ORRERY_FS_REPLICA_H
#define ORRERY_FS_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/err.h"

struct replica;

struct replica_options {
	const char *dir;   /* where the copy is; made if absent */
	const char *url;   /* of the daemon */
	const char *token; /* or NULL */
	int64_t wait_ms;   /* how long a first copy waits for a sign of it */
	/* Asked now and then during a first copy; true gives up. Or NULL. */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

/* Returns once there is something to read: at once where a copy is there from
 * before, however old; else when the first one is whole. A first copy that
 * breaks off goes on with the next start. ERR_UNAVAILABLE, ERR_TIMEOUT where
 * the server did not answer for wait_ms; ERR_UNSUPPORTED where its index has
 * another schema; ERR_BUSY where another mount keeps this copy. */
struct replica *replica_open(const struct replica_options *o, struct err *e);
void replica_close(struct replica *r);

/* Wait until the copy has that change; false after wait_ms. */
bool replica_wait(struct replica *r, int64_t change, int64_t wait_ms);

struct replica_wait {
	int64_t ms;
	bool (*cancelled)(void *ctx); /* or NULL; true gives up */
	void *ctx;
};
/* Have the points of a run fetched. ERR_UNAVAILABLE, ERR_TIMEOUT,
 * ERR_INTERRUPTED. */
int replica_points(struct replica *r, int64_t run, const struct replica_wait *w,
		   struct err *e);

struct replica_figures {
	bool connected;           /* the last request was answered */
	int64_t change;           /* nothing up to it is missing */
	int64_t behind_ms;        /* since nothing was missing; 0: now */
	int64_t pages, bytes;     /* received */
	int64_t fetches, fetched; /* points: runs, bytes */
	int64_t restarts;         /* copies that were begun anew */
};
void replica_figures(struct replica *r, struct replica_figures *ret);

#endif
