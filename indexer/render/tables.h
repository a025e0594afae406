/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - the metrics of a run as text tables, as the mounted tree shows
 * them.
 *
 * All are made whole, in memory, up to the ceiling of the buffer given: a
 * table beyond it, or of more than TABLE_POINTS points, is ERR_TOO_LARGE.
 * Where a key has several points of one step, metrics.tsv shows the one that
 * MLflow would call the latest; metrics.jsonl shows all, in lines of their
 * own. Metrics whose own key is "step" or "timestamp" have no place in
 * metrics.jsonl, whose lines use these names for themselves.
 */
#ifndef ORRERY_RENDER_TABLES_H
#define ORRERY_RENDER_TABLES_H

#include "indexer/base/str.h"
#include "indexer/index/reader.h"

enum { TABLE_POINTS = 2 << 20 }; /* of one table */

/* A cell: tab, newline and backslash as \t, \n and \\. */
void table_cell(struct buf *b, struct str s);

/* {"loss": 0.3, ...}: the latest value of each metric of a run. */
int render_latest_json(struct buf *b, struct reader *rd, int64_t run_row,
		       struct err *e);
/* A line per step, a column per key, blank where a key has no such step. */
int render_metrics_tsv(struct buf *b, struct reader *rd, int64_t run_row,
		       struct err *e);
/* A line per step and time: {"step":1,"timestamp":2,"loss":0.3}. */
int render_metrics_jsonl(struct buf *b, struct reader *rd, int64_t run_row,
			 struct err *e);
#endif
