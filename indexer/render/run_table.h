/* SPDX-License-Identifier: Apache-2.0 */
/* run_table.h - the runs of an experiment as one text table.
 *
 * The columns are run_id, name, status, start_time and end_time, then
 * params.<key>, metrics.<key> (the latest value) and tags.<key> for every key
 * that any of the runs has, each group in order of key. A missing value is an
 * empty cell.
 */
#ifndef ORRERY_RENDER_RUN_TABLE_H
#define ORRERY_RENDER_RUN_TABLE_H

#include "indexer/base/str.h"
#include "indexer/index/reader.h"

enum {
	RUN_TABLE_KEYS = 16 << 20, /* bytes of the distinct keys */
	RUN_TABLE_LINE = 8 << 20,  /* bytes of one run's values */
};

/* A line per active run, in order of creation. ERR_TOO_LARGE beyond the
 * ceiling of b. */
int render_runs_tsv(struct buf *b, struct reader *rd, int64_t experiment_row,
		    struct err *e);

#endif
