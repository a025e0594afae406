/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - records of a journal as they travel from a mount on another host:
 * one after the other, each as it lies in the file (format.h), little endian,
 * under a CRC that begins with the journal's id.
 */
#ifndef ORRERY_JOURNAL_RECORD_H
#define ORRERY_JOURNAL_RECORD_H

#include "indexer/journal/journal.h"

enum {
	JOURNAL_BODY_MAX = 8 << 20, /* bytes of records in one request */
	JOURNAL_BODY_RECORDS = 4096,
};

/* Take the record at the front of s, checked; it points into s. 1 with one, 0
 * at the end, -1 with ERR_CORRUPT. id has JOURNAL_ID digits. */
int journal_record_take(const char *id, struct str *s,
			struct journal_record *ret, struct err *e);
/* Append it; its sizes are within the limits of journal.h. */
void journal_record_put(const char *id, const struct journal_record *r,
			struct buf *b);
bool journal_id_valid(struct str id);

#endif
