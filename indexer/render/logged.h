/* SPDX-License-Identifier: Apache-2.0 */
/* logged.h - logged models, and what runs took and made, as MLflow's JSON. */
#ifndef ORRERY_RENDER_LOGGED_H
#define ORRERY_RENDER_LOGGED_H

#include "indexer/index/logged_model.h"
#include "indexer/render/render.h"

/* {"info": .., "data": ..} */
int render_logged_model(struct json_out *j, struct reader *rd,
			const struct logged_model *m, struct err *e);
/* The objects "inputs" and "outputs" of a run; models: with the logged models
 * among its inputs, which MLflow's searches leave out. */
int render_run_inputs(struct json_out *j, struct reader *rd,
		      const struct run *run, bool models, struct err *e);
/* One of its datasets: {"tags": .., "dataset": ..}; ERR_NOT_FOUND. */
int render_run_input(struct json_out *j, struct reader *rd, int64_t run_row,
		     int64_t dataset_row, struct err *e);
int render_run_outputs(struct json_out *j, struct reader *rd,
		       const struct run *run, struct err *e);

#endif
