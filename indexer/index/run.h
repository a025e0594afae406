/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - what commands about runs share (internal). */
#ifndef ORRERY_INDEX_RUN_H
#define ORRERY_INDEX_RUN_H

#include "indexer/index/writer.h"

/* The tag that always equals the run's name. */
#define RUN_NAME_TAG "mlflow.runName"

/* Write one tag of a run, cut at its limit: 1 where it was not so before,
 * else 0. The run's name follows RUN_NAME_TAG elsewhere (run_rename). */
int run_tag_set(struct writer *w, int64_t run_row, const struct key_value *kv,
		const char *what, struct err *e);
/* Give a run a name, its tag and its directory: dir where it is given (it
 * must be free), else made from the name. */
int run_rename(struct writer *w, const struct run_ref *run, struct str run_id,
	       struct str name, struct str dir, struct err *e);

#endif
