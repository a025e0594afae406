/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - the file into which a mount puts metric lines.
 *
 * An append must cost one write and no more, survive every crash of ours, and
 * be seen by the next reader. So it goes into a file in DATA/journal, named
 * by a random id, that the daemon drains all the time:
 *
 *	page 0          head, mapped by both sides: magic, id, how far the
 *	                file is written and committed, a hashed table of runs
 *	                with something pending
 *	from 64 KiB on  segments of 16 MiB with records, each laid down whole
 *	                by one write: length, CRC-32C, sequence, time of
 *	                acceptance, run and key by public name, parsed points
 *
 * The writer (a mount) makes a new file at each start, holds its flock, and
 * never continues an old one. The reader (the daemon) believes no byte: it
 * copies records out by pread, checks them, and stops at the first that does
 * not hold. Where to resume is never read from here: the index knows which
 * sequence of which id is applied. Left files (flock free) are drained to
 * their end, then removed. The head is a hint for waking and waiting; a wrong
 * one delays, never loses.
 *
 * When all is committed the writer starts over at the file's beginning, and a
 * segment all of whose records are committed is used again; format.h proves
 * why an old record cannot be taken for a new one. Segments are preallocated
 * one by one up to a limit, beyond which an append answers ERR_NO_SPACE and
 * takes nothing.
 *
 * What is applied is counted by journal id, so an index restored from a
 * backup (a new epoch) simply applies again what it lacks of the journals
 * that still hold it; records whose space was used again since are gone, and
 * journal_next then goes on behind the gap.
 */
#ifndef ORRERY_JOURNAL_JOURNAL_H
#define ORRERY_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum {
	JOURNAL_ID = 32, /* hex digits of an id */
	JOURNAL_SEGMENT = 16 << 20,
	JOURNAL_RECORD_MAX = 4 << 20, /* with its names and 32 bytes more */
	JOURNAL_NAME_MAX = 1024,      /* bytes of a run id, and of a key */
	JOURNAL_LIMIT_MIN = 64 << 10,
};

/* A journal in the making is DIR/<id>.new; those of the dead may go. */
#define JOURNAL_MAKING    ".new"
#define JOURNAL_LIMIT_MAX (INT64_C(64) << 30)

/* --- the side of a mount ------------------------------------------------ */

struct journal; /* shared by all threads of a mount: one lock inside */

/* dir exists; limit is the bytes of records the file may hold, brought into
 * JOURNAL_LIMIT_MIN..MAX. */
struct journal *journal_create(const char *dir, int64_t limit, struct err *e);
/* Removes the file if all of it is committed, else leaves it to the daemon. */
void journal_close(struct journal *j);
const char *journal_id(const struct journal *j);

/* Append one record: points of one series, packed by line.h. It is in the
 * page cache on return. ERR_NO_SPACE: the limit is reached, or the disk is
 * full, until the daemon has committed more (journal_wait). */
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
/* How many bytes of records fit before something must be committed. */
int64_t journal_free_bytes(struct journal *j);

/* --- the side of the daemon --------------------------------------------- */

struct journal_reader; /* one thread; journal_pending from any */

/* The last part of the path is the id: a file that does not hold it is
 * ERR_CORRUPT. */
struct journal_reader *journal_open(const char *path, struct err *e);
void journal_reader_close(struct journal_reader *r);
/* What cannot be a journal, or must not be applied, gets another name. */
void journal_set_aside(const char *dir, const char *id, const char *why);
const char *journal_reader_id(const struct journal_reader *r);
/* Who owns the file: decides as whom its records are applied. */
uid_t journal_reader_owner(const struct journal_reader *r);
/* The writer is gone: its flock is free. From then on journal_next goes to
 * the last whole record, whatever the head says. */
bool journal_abandoned(struct journal_reader *r);
/* The writer removed the file. */
bool journal_removed(const struct journal_reader *r);

struct journal_record {
	int64_t seq, accepted;
	struct str run_id, key, packed; /* in the reader's own buffer */
};

/* The next record after applied (the index's number), copied and checked.
 * 1 with a record, 0 when there is none, -1 with ERR_CORRUPT when what stands
 * there cannot be believed. Its sequence is applied + 1, or greater where the
 * index is older than the journal (see above). */
int journal_next(struct journal_reader *r, int64_t applied,
		 struct journal_record *ret, struct err *e);
/* Tell the writer how far the index has committed; wakes who waits. */
void journal_commit(struct journal_reader *r, int64_t seq);
/* How far the head says it is written. */
int64_t journal_reader_written(const struct journal_reader *r);
/* Anything written beyond the last journal_commit? With a run: of that run
 * (may err on the side of yes). ret_seq gets what to wait for. */
bool journal_pending(const struct journal_reader *r, struct str run_id,
		     int64_t *ret_seq);

/* --- the bell between them ---------------------------------------------- */

/* The writers ring the bell of the directory (a futex in DIR/bell) after each
 * append; that is a system call only while someone sleeps on it. */
struct journal_bell;
struct journal_bell *journal_bell_open(const char *dir, struct err *e);
void journal_bell_close(struct journal_bell *b);
uint32_t journal_bell_value(const struct journal_bell *b);
/* Sleep until the value differs from seen, wait_ms at most. */
void journal_bell_wait(struct journal_bell *b, uint32_t seen, int64_t wait_ms);
void journal_bell_ring(struct journal_bell *b);
/* Grows with each journal made in the directory: whether to look again. */
uint32_t journal_bell_files(const struct journal_bell *b);
void journal_bell_new_file(struct journal_bell *b);

#endif
