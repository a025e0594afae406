/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - the file into which a mount puts metric lines.
 *
 * An append must cost one write and no more, survive every crash of ours, and
 * be seen by the next reader. So it goes into a file in DATA/journal, named
 * by a random id, that the daemon drains all the time:
 *
 *	page 0          head, mapped by both sides: magic, id, how far the
 *	                file is written and committed, a hashed table of runs
 *	                with something pending, whether the daemon sleeps
 *	from 64 KiB on  records, each laid down whole by one pwrite: length,
 *	                CRC-32C, sequence, time of acceptance, run and key by
 *	                public name, parsed points
 *
 * The writer (a mount) makes a new file at each start, holds its flock, and
 * never continues an old one. The reader (the daemon) believes no byte: it
 * copies records out by pread, checks them, and stops at the first that does
 * not hold. Where to resume is never read from here: the index knows which
 * sequence of which id is applied. Left files (flock free) are drained to
 * their end, then removed. The head is a hint for waking and waiting; a wrong
 * one delays, never loses.
 *
 * When the file is wholly committed the writer starts over at its beginning
 * (records carry ever-growing sequences, so an old record behind a new one is
 * told apart); it is grown by preallocated segments up to a limit, beyond
 * which an append answers ERR_NO_SPACE and takes nothing.
 */
#ifndef ORRERY_JOURNAL_JOURNAL_H
#define ORRERY_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum {
	JOURNAL_ID = 32, /* hex digits of an id */
	JOURNAL_SEGMENT = 16 << 20,
	JOURNAL_RECORD_MAX = 4 << 20,
};

/* --- the side of a mount ------------------------------------------------ */

struct journal; /* shared by all threads of a mount: one lock inside */

struct journal *journal_create(const char *dir, int64_t limit, struct err *e);
/* Removes the file if all of it is committed, else leaves it to the daemon. */
void journal_close(struct journal *j);
const char *journal_id(const struct journal *j);

/* Append one record: points of one series, packed by line.h. It is in the
 * page cache on return. */
int journal_append(struct journal *j, struct str run_id, struct str key,
		   struct str packed, int64_t accepted_ms, int64_t *ret_seq,
		   struct err *e);
/* fdatasync of what was appended. A failure ends the journal for good: every
 * later call fails. */
int journal_sync(struct journal *j, struct err *e);
/* Sequence of the last record; and whether all up to seq is committed. */
int64_t journal_written(const struct journal *j);
int64_t journal_committed(const struct journal *j);
/* Wait until seq is committed; false on time-out. */
bool journal_wait(struct journal *j, int64_t seq, int64_t wait_ms);
int64_t journal_free_bytes(const struct journal *j);

/* --- the side of the daemon --------------------------------------------- */

struct journal_reader;

/* e.kind ERR_CORRUPT where the file is not a journal. */
struct journal_reader *journal_open(const char *path, struct err *e);
void journal_reader_close(struct journal_reader *r);
const char *journal_reader_id(const struct journal_reader *r);
/* The writer is gone: its flock is free. */
bool journal_abandoned(struct journal_reader *r);

struct journal_record {
	int64_t seq, accepted;
	struct str run_id, key, packed; /* in the reader's own buffer */
};

/* The next record after applied (the index's number), copied and checked.
 * 1 with a record, 0 when there is none, -1 with ERR_CORRUPT when what stands
 * there cannot be believed. */
int journal_next(struct journal_reader *r, int64_t applied,
		 struct journal_record *ret, struct err *e);
/* Tell the writer how far the index has committed; wakes who waits. */
void journal_commit(struct journal_reader *r, int64_t seq);
/* Anything written and not committed? With a run: of that run (may err on
 * the side of yes). ret_seq gets how far it is written. */
bool journal_pending(const struct journal_reader *r, struct str run_id,
		     int64_t *ret_seq);
/* Sleep until any journal has something, or wait_ms passed: the writers ring
 * the bell of the directory (a futex in DIR/bell). */
struct journal_bell;
struct journal_bell *journal_bell_open(const char *dir, struct err *e);
void journal_bell_close(struct journal_bell *b);
uint32_t journal_bell_value(const struct journal_bell *b);
void journal_bell_wait(struct journal_bell *b, uint32_t seen, int64_t wait_ms);
void journal_bell_ring(struct journal_bell *b);

#endif
