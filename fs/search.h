/* SPDX-License-Identifier: Apache-2.0 */
/* search.h - what searches find, as names and links.
 *
 * A search is one sentence (indexer/query/sentence.h) about one kind of thing.
 * The index answers it by rows; here each becomes a name and where its link
 * leads. A few results are kept: a listing takes one that the index has not
 * moved on from, a look-up of one of its names also one of just now,
 * so that to look at a thousand names is one search.
 *
 * One lock guards all, and one search runs at a time.
 */
#ifndef ORRERY_FS_SEARCH_H
#define ORRERY_FS_SEARCH_H

#include "fs/call.h"
#include "fs/problems.h"

struct search_hit {
	struct str name; /* in its result */
	struct str target;
	struct str id; /* resolves, too; the name where others have the same */
	int64_t mtime;
};

struct search_result {
	const struct search_hit *hits; /* in order */
	size_t n;
	int64_t found, offset; /* without limit; of the first hit */
};

struct searches;
struct searches *searches_new(void);
void searches_free(struct searches *s);
/* Sentences that were refused, and why; they have their own lock. */
struct problems *searches_refused(struct searches *s);

/* Kinds of things, by number: runs, models, versions. */
enum search_about { SEARCH_RUNS, SEARCH_MODELS, SEARCH_VERSIONS, SEARCHES };

/* Whether a name is a search at all; what is wrong is noted. ERR_INVALID. */
int search_check(struct fs_call *c, enum search_about about, struct str name,
		 struct err *e);
/* Its result, or one of just now (recent); valid until search_done.
 * Within a snapshot, which may be exchanged for a newer one. */
int search_find(struct fs_call *c, enum search_about about, struct str name,
		bool recent, struct search_result *ret, struct err *e);
void search_done(struct fs_call *c);

#endif
