/* SPDX-License-Identifier: Apache-2.0 */
/* bulletin.h - one mapped page that all processes of a data directory share.
 *
 * The daemon posts the number of the last committed change there and wakes
 * who waits for it (a futex in the mapping), so a mount learns of a commit
 * without a query or a socket. The same page holds the checkpoint gate: while
 * the writer restarts the WAL the gate is closed and new snapshots wait.
 * Readers map it read-write only for the count of those who wait; a wrong
 * value in it can delay, never corrupt: the truth is in the database.
 */
#ifndef ORRERY_INDEX_BULLETIN_H
#define ORRERY_INDEX_BULLETIN_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/err.h"

struct bulletin;

/* The daemon makes it; others open it. epoch tells one incarnation of the
 * index from another (a restored one has a new epoch). */
struct bulletin *bulletin_create(const char *dir, int64_t epoch, struct err *e);
struct bulletin *bulletin_open(const char *dir, struct err *e);
void bulletin_close(struct bulletin *b);

int64_t bulletin_epoch(const struct bulletin *b);
int64_t bulletin_change(const struct bulletin *b);
void bulletin_post(struct bulletin *b, int64_t change);
/* Wait until the change differs from seen; returns the change there is. */
int64_t bulletin_wait(struct bulletin *b, int64_t seen, int64_t wait_ms);
/* Whether the daemon that made it still runs (its lock is held). */
bool bulletin_daemon_runs(const struct bulletin *b);

void bulletin_gate_close(struct bulletin *b);
void bulletin_gate_open(struct bulletin *b);
/* Wait while the gate is closed, 1 s at most. */
void bulletin_gate_pass(struct bulletin *b);

#endif
