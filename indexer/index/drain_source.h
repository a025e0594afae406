/* SPDX-License-Identifier: Apache-2.0 */
/* drain_source.h - one journal that is being drained (internal).
 *
 * It has at most one command in flight: the next one begins where that ended,
 * and were it applied although that failed, records would be passed over.
 */
#ifndef ORRERY_INDEX_DRAIN_SOURCE_H
#define ORRERY_INDEX_DRAIN_SOURCE_H

#include "indexer/index/drain.h"
#include "indexer/journal/journal.h"

struct source {
	struct source *next;
	int64_t number; /* each has its own, for those who wait for it */
	struct journal_reader *r;
	int64_t committed;          /* the index has all up to here */
	struct cmd_journal *flying; /* handed to the writer */
	int64_t retry_at, pause_ms; /* after a failure; 0: none */
	bool stuck;                 /* nothing more is read from it */
	bool abandoned;             /* its mount is gone, */
	bool ended;                 /* and nothing is left to be taken */
};

/* Open DIR/id, as far as the index has it. */
struct source *source_open(const char *dir, const char *id, int64_t applied,
			   struct err *e);
void source_free(struct source *s);

/* A command with the next records; NULL where there are none, or (e->kind
 * set) where one does not hold. scratch has room for DRAIN_LINES. */
struct cmd_journal *source_batch(struct source *s, struct journal_line *scratch,
				 struct err *e);

#endif
