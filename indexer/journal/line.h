/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - metric lines: their grammar, and how a journal packs them.
 *
 * A line is "value", "step value" or "step value timestamp", blanks or tabs
 * between and around; blank lines are skipped. A value is a decimal number as
 * C and Python print it (a leading '+' allowed; nan, inf, infinity in any
 * case); hex, 1e999, a step beyond int64, a negative timestamp are refused
 * with ERR_INVALID, saying which line and why.
 *
 * Packed, a point is a byte of flags, its step and its time where the line
 * has them (varints, the step's zigzag), and the eight bytes of its value.
 */
#ifndef ORRERY_JOURNAL_LINE_H
#define ORRERY_JOURNAL_LINE_H

#include "indexer/base/err.h"
#include "indexer/base/point.h"
#include "indexer/base/str.h"

enum {
	LINE_MAX_BYTES = 1024, /* of one line; longer is refused */
	POINT_PACKED_MAX = 1 + 10 + 10 + 8,
};

/* What a line states: it may lack its step or its time. */
struct journal_point {
	struct point p;
	bool has_step, has_time;
};

/* One line without its newline: 1 a point, 0 a blank line, -1 refused. */
int line_parse(struct str line, struct journal_point *ret, struct err *e);
/* Every full line of text, packed onto out (ready for journal_append).
 * *ret_points counts them; what follows the last newline is not touched and
 * its length is returned in *ret_tail. A bad line refuses the whole: out is
 * as it was. Beyond out's ceiling: ERR_TOO_LARGE, and out has failed. */
int lines_pack(struct str text, struct buf *out, size_t *ret_points,
	       size_t *ret_tail, struct err *e);

void points_pack(struct buf *out, const struct journal_point *p);
/* Number of points in a packed text, or -1 where it is not one. */
int64_t points_count(struct str packed);
/* Exactly n points, as points_count told; ERR_CORRUPT otherwise. */
int points_unpack(struct str packed, struct journal_point *out, size_t n,
		  struct err *e);

#endif
