/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h - packed columns of what searches filter and order by (internal
 * to indexer/index).
 *
 * Derived data in memory, shared by all readers of a process: the numbers of
 * every experiment and run, loaded when first asked for, and the latest
 * values of a metric key, one column per key that a search named, the least
 * recently used dropped beyond LIMIT_COLUMN_CACHE. They stand at one change
 * number; what changed since is read again by it.
 *
 * The hard part is whose snapshot they show. columns_lock brings reader and
 * columns to the same change: behind, the columns read what changed; ahead
 * (another reader moved them on), the reader takes a newer snapshot. Until
 * columns_unlock both stay so. What is needed longer is copied: no statement
 * of a search but those that fill columns runs under the lock.
 */
#ifndef ORRERY_INDEX_COLUMNS_H
#define ORRERY_INDEX_COLUMNS_H

#include <pthread.h>

#include "indexer/index/columns_table.h"
#include "indexer/index/columns_text.h"
#include "indexer/index/search.h"

#define COLUMN_NO_TIME INT64_MIN

/* By row id; status 0 where there is no such run. */
struct run_entry {
	int64_t start_time, end_time; /* COLUMN_NO_TIME where unset */
	uint64_t id_prefix;           /* first bytes of the public id */
	uint32_t experiment;          /* position in experiments */
	uint8_t status;
	bool deleted; /* itself; its experiment may be, too */
};

/* In order of arrival: a position is never used for another row. */
struct experiment_entry {
	int64_t row, project, created, updated;
	bool present, deleted;
};

struct columns {
	pthread_mutex_t lock;
	int64_t epoch, change; /* change -1: nothing is loaded */
	struct run_entry *runs;
	size_t nruns, runs_cap; /* nruns: greatest row id + 1 */
	struct experiment_entry *experiments;
	uint32_t *by_row; /* positions of experiments by row id */
	size_t nexperiments, experiments_cap;
	struct columns_table tables[TABLES];
	struct metric_column *metrics; /* most recently used first */
	size_t metric_bytes;
	struct text_columns texts;
};

/* Bits of a double; where a run has no value. NaN is METRIC_NAN. */
#define METRIC_MISSING UINT64_MAX
#define METRIC_NAN     UINT64_C(0x7ff8000000000000)

/* Both at one change number, which may be newer than the snapshot before. */
int columns_lock(struct columns *c, struct reader *rd, struct err *e);
void columns_unlock(struct columns *c);
/* Under the lock: the experiment of this row id; NULL if there is none. */
struct experiment_entry *columns_experiment(const struct columns *c,
					    int64_t row);
/* Under the lock: latest values by run row, nruns of them, valid until the
 * next call. */
int columns_metric(struct columns *c, struct reader *rd, struct str key,
		   const uint64_t **ret, struct err *e);
/* Under the lock: texts of runs, as text_columns_get has them. */
int columns_text(struct columns *c, struct reader *rd,
		 const struct text_origin *from, bool load,
		 struct text_column **ret, struct err *e);

#endif
