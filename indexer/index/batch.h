/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - records of a journal on their way into one command: from a file
 * of this host (drain_source.c) or out of a request's body (shipped.c). */
#ifndef ORRERY_INDEX_BATCH_H
#define ORRERY_INDEX_BATCH_H

#include "indexer/index/command.h"
#include "indexer/index/drain.h"
#include "indexer/journal/journal.h"

struct batch {
	struct cmd_journal *c;
	struct journal_line *lines; /* DRAIN_LINES of them, the caller's */
	size_t n, points;
};

bool batch_has_room(const struct batch *b);
/* Copies the record; ERR_CORRUPT where its points do not hold. */
int batch_add(struct batch *b, const struct journal_record *rec, struct err *e);
/* Lines and ends of a batch of at least one record. */
int batch_finish(struct batch *b, struct str journal_id, struct err *e);
/* Number of points in a command. */
int64_t batch_points(const struct cmd_journal *c);

#endif
