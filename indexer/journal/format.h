/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - how a journal file is laid out: seen by journal.c, reader.c
 * and record.c.
 *
 *	0       struct head, then the table of runs
 *	64 KiB  segment 0, 16 MiB long; segment 1; ... (the last may be cut)
 *
 * Records follow one another within a segment, without padding, and never
 * cross its end. Record n + 1 lies right behind record n, or at the beginning
 * of a segment all of whose records were committed when it was begun anew.
 *
 * Why an old record is never taken for a new one: sequences only grow, and
 * each is written to one file once (a failed write's sequence is used again,
 * at the same place, and was never a whole record). The reader that looks for
 * sequence n accepts only a record whose CRC holds and whose sequence, which
 * the CRC covers, is n. So what it finds is the n-th record, wherever it lies;
 * what else the space holds (records of an earlier round, cut in the middle
 * or whole) has another sequence or no valid CRC. The CRC begins with the
 * file's id, so blocks of another journal do not pass either.
 *
 * All numbers are little endian, for records travel as they lie here.
 */
#ifndef ORRERY_JOURNAL_FORMAT_H
#define ORRERY_JOURNAL_FORMAT_H

#include <stdint.h>

#include "indexer/base/crc32c.h"
#include "indexer/base/str.h"
#include "indexer/journal/journal.h"

enum {
	JOURNAL_HEAD = 64 << 10,
	JOURNAL_SLOTS = 4096,
	JOURNAL_SLOTS_AT = 4096,
};

#define JOURNAL_MAGIC "ORRJNL1\n"

/* Fields behind the id are hints that either side may read at any moment;
 * each has one side that writes it. */
struct journal_head {
	char magic[8];
	char id[JOURNAL_ID];
	_Alignas(64) int64_t written; /* writer: the last record's sequence */
	int64_t reused; /* writer: the greatest whose space was used again */
	_Alignas(64) int64_t committed; /* daemon: the index has all up to it */
	uint32_t commits;               /* daemon: futex, one up a commit */
	uint32_t waiting;               /* writer: someone waits for commits */
};

_Static_assert(sizeof(struct journal_head) <= JOURNAL_SLOTS_AT, "head");
_Static_assert(JOURNAL_SLOTS_AT + JOURNAL_SLOTS * 8 <= JOURNAL_HEAD, "table");

struct journal_record_head {
	uint32_t crc, length; /* length: of the whole record */
	int64_t seq, accepted;
	uint16_t run, key; /* bytes of the names, which follow in this order */
	uint32_t packed;   /* bytes of the points, which come last */
};

_Static_assert(sizeof(struct journal_record_head) == 32, "no padding");

/* The last sequence of the runs that share a slot. */
static inline int64_t *journal_slot(void *map, struct str run_id)
{
	char *table = (char *)map + JOURNAL_SLOTS_AT;

	return (int64_t *)(void *)table + str_hash(run_id) % JOURNAL_SLOTS;
}

static inline int64_t journal_segment_at(int64_t k)
{
	return JOURNAL_HEAD + k * JOURNAL_SEGMENT;
}

/* CRC of a record, but for its names and points: the caller goes on with
 * them. */
static inline uint32_t journal_crc(const char *id,
				   const struct journal_record_head *h)
{
	const char *from = (const char *)h + sizeof(h->crc);

	return crc32c(crc32c(0, id, JOURNAL_ID), from,
		      sizeof(*h) - sizeof(h->crc));
}

/* record.c: the head of a record at the front of s, with sizes that fit
 * together and into room. Nothing is said of its CRC. */
bool journal_head_at(struct str s, int64_t room, struct journal_record_head *h);
/* The record with sequence seq (0: any) at the front of s, whole. */
bool journal_record_at(const char *id, struct str s,
		       const struct journal_record_head *h, int64_t seq,
		       struct journal_record *ret);

#endif
