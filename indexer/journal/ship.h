/* SPDX-License-Identifier: Apache-2.0 */
/* ship.h - journals of this host on their way to a daemon elsewhere.
 *
 * A thread reads records out of the mount's own journal, by the reader that
 * the daemon uses for local ones, and posts them; what the daemon has
 * committed is committed in the journal's head, so its space is used again and
 * who waits is woken. Journals that killed mounts left in the directory are
 * sent as well, then removed. Where to resume is the daemon's to say: each
 * answer tells how far the journal is applied there.
 */
#ifndef ORRERY_JOURNAL_SHIP_H
#define ORRERY_JOURNAL_SHIP_H

#include "indexer/base/client.h"
#include "indexer/journal/journal.h"

struct shipper; /* any thread may ask */

struct ship_options {
	const char *dir; /* of journals */
	const char *own; /* id of the one that is written to */
	/* A connection to the daemon. */
	struct client *(*connect)(void *ctx, struct err *e);
	/* The change up to which readers of this host see the index; what a
	 * later one brought counts as committed once they see it, or a second
	 * after. NULL: they see all. */
	int64_t (*seen)(void *ctx);
	void *ctx;
};

struct shipper *ship_start(const struct ship_options *o, struct err *e);
void ship_stop(struct shipper *s);

/* Wait until the daemon has all up to seq of the own journal on its disk;
 * false on time-out. */
bool ship_wait(struct shipper *s, int64_t seq, int64_t wait_ms);
/* Whether the daemon cannot be reached, or refuses what it is sent; why is
 * appended to b (NULL: not asked for). */
bool ship_trouble(struct shipper *s, struct buf *b);

#endif
