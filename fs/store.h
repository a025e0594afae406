/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - where a mount's bytes come from and go to: the objects' store, the
 * drafts on their way there, the cache before it.
 *
 * A directory is opened at once. Any other store is joined by a thread, so
 * that a mount starts whatever the store does: where there are no
 * credentials, or nobody answers, that is logged once, reads and commits fail
 * for the time being, and who needs it next makes the thread try again.
 */
#ifndef ORRERY_FS_STORE_H
#define ORRERY_FS_STORE_H

#include "fs/call.h"
#include "indexer/base/conf.h"
#include "indexer/objects/cache.h"
#include "indexer/objects/draft.h"

struct store;

struct store_options {
	const char *data; /* directory of the daemon */
	const char *
		server; /* URL of a daemon elsewhere, whose HTTP is the store */
	const char *token; /* for that, or NULL */
	const char *cache; /* of the cache; NULL: DATA/cache */
	int64_t bytes;     /* in it at most; 0: as cache.h has it */
	int64_t floor;     /* free on its disk; 0: CACHE_FLOOR, or less */
};

struct store *store_open(const struct store_options *o, struct err *e);
/* Nothing of it is open any more. */
void store_close(struct store *s);
/* Its objects are files. */
bool store_is_files(const struct store *s);
/* ... or those of a daemon elsewhere. */
bool store_is_daemon(const struct store *s);
/* NULL with the reason where it is not there now. Waits for a try that is under
 * way, unless c may not; c NULL: it may. */
struct objects *store_objects(struct store *s, struct fs_call *c,
			      struct err *e);
/* The same without a word. */
struct objects *store_peek(struct store *s);
struct drafts *store_drafts(const struct store *s);
/* NULL where objects are files. */
struct cache *store_cache(const struct store *s);
/* Percent of an object's bytes that lie on this host. */
int store_near(const struct store *s, const struct cached_name *name);
/* What came of asking it: e NULL, all went well. */
void store_note(struct store *s, const struct err *e);
/* As far as is known. */
bool store_answers(const struct store *s);

#endif
