/* SPDX-License-Identifier: Apache-2.0 */
/* shipped.h - records of a mount on another host, out of a request's body.
 *
 * Each journal is its principal's from the first record on: in the index it
 * goes by its id and that one's name; sent by another it is refused, so nobody
 * can move on what is not his, and no line counts twice. Nothing is parked
 * for them: what is on its way is seen by nobody yet.
 */
#ifndef ORRERY_INDEX_SHIPPED_H
#define ORRERY_INDEX_SHIPPED_H

#include "indexer/index/command.h"

/* A command with the records of body, which follow one another; the first of
 * them follows after, or later ones where those between are gone. As many as
 * one command takes; the rest is sent again. Without a record it only asks how
 * far the journal is applied. ERR_INVALID for whatever else body is. */
struct cmd_journal *shipped_batch(struct str id, int64_t after, struct str body,
				  const struct principal *who, struct err *e);

#endif
