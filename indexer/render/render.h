/* SPDX-License-Identifier: Apache-2.0 */
/* render.h - entities as MLflow's JSON and as tables: what all faces show.
 *
 * Each function writes one entity that a reader found, within the reader's
 * snapshot. The JSON is MLflow's, member for member, with its rules of what
 * is left out (facts of the protocol: docs/mlflow.md).
 */
#ifndef ORRERY_RENDER_RENDER_H
#define ORRERY_RENDER_RENDER_H

#include "indexer/base/json_out.h"
#include "indexer/index/reader.h"

/* {"experiment_id": ..., "tags": [...]} */
int render_experiment(struct json_out *j, struct reader *rd,
		      const struct experiment *x, struct err *e);
/* The info object of a run. */
void render_run_info(struct json_out *j, const struct run *r);
/* {"info": .., "data": .., "inputs": .., "outputs": ..} */
int render_run(struct json_out *j, struct reader *rd, const struct run *r,
	       struct err *e);
/* {"key":..,"value":..,"timestamp":..,"step":..}; run_id left out if empty */
void render_metric(struct json_out *j, struct str key, const struct point *p,
		   struct str run_id);

/* Tables of the mounted tree. */
int render_latest_json(struct buf *b, struct reader *rd, int64_t run_row,
		       struct err *e);
int render_metrics_tsv(struct buf *b, struct reader *rd, int64_t run_row,
		       struct err *e);
int render_metrics_jsonl(struct buf *b, struct reader *rd, int64_t run_row,
			 struct err *e);
int render_runs_tsv(struct buf *b, struct reader *rd, int64_t experiment_row,
		    struct err *e);

#endif
