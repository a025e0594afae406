/* SPDX-License-Identifier: Apache-2.0 */
/* replica_wire.h - how a page lies in bytes (internal).
 *
 * A record is its type and its values; a value is a type and a number or
 * bytes. Nothing that is read is believed: a number of columns, a length, a
 * type beyond what there is ends the reading with ERR_CORRUPT.
 */
#ifndef ORRERY_INDEX_REPLICA_WIRE_H
#define ORRERY_INDEX_REPLICA_WIRE_H

#include "indexer/index/replica.h"
#include "indexer/index/replica_table.h"

/* Below RECORD_DROP: a row of the table of that number. */
enum replica_record {
	RECORD_DROP = 64,    /* thing, row, parent, name: it is no more */
	RECORD_GAP = 65,     /* run: its points are not all here */
	RECORD_REFUSED = 66, /* a row of refused */
	RECORD_BLOCK = 67,   /* rows of the points of one run */
	RECORD_SERIES = 68,
	RECORD_TAIL = 69,
	RECORD_END = 70,
	RECORDS
};

/* Appends; the end tells whether there was room. */
void record_begin(struct buf *b, enum replica_record type);
void record_i64(struct buf *b, int64_t v);
void record_str(struct buf *b, struct str s);
/* The first n columns of the cursor's row. */
void record_row(struct buf *b, const struct cursor *q, int n);

/* The page of these records. */
int page_seal(const struct replica_head *h, struct buf *records,
	      struct buf *out, struct err *e);

struct page_reader {
	struct buf records;
	const unsigned char *p, *end;
};

/* The head, and the records unpacked; page_close in any case. */
int page_open(struct page_reader *r, struct str page, struct replica_head *h,
	      struct err *e);
void page_close(struct page_reader *r);
/* The next record, its values pointing into the page: its type in *ret; 0 at
 * the end. */
int page_next(struct page_reader *r, enum replica_record *ret,
	      struct bind values[REPLICA_COLUMNS], struct err *e);

#endif
