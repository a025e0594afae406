/* SPDX-License-Identifier: Apache-2.0 */
/* render.h - entities as MLflow's JSON: what all faces show.
 *
 * Each function writes one entity that a reader found, within the reader's
 * snapshot. The JSON is MLflow's, member for member, with its rules of what
 * is left out: an empty list, an end time that is not set; and of what is
 * not: a step of 0, a user that is "", the empty inputs and outputs of a run.
 */
#ifndef ORRERY_RENDER_RENDER_H
#define ORRERY_RENDER_RENDER_H

#include "indexer/base/json_out.h"
#include "indexer/index/reader.h"
#include "indexer/render/run_table.h"
#include "indexer/render/tables.h"

/* {"experiment_id": ..., "tags": [...]} */
int render_experiment(struct json_out *j, struct reader *rd,
		      const struct experiment *x, struct err *e);
/* The info object of a run. */
void render_run_info(struct json_out *j, const struct run *r);
/* {"info": .., "data": .., "inputs": .., "outputs": ..} */
int render_run(struct json_out *j, struct reader *rd, const struct run *r,
	       struct err *e);
/* The same as MLflow's searches show it: without the logged models that it
 * took as input. */
int render_found_run(struct json_out *j, struct reader *rd, const struct run *r,
		     struct err *e);
/* {"key":..,"value":..,"timestamp":..,"step":..}; run_id left out if empty */
void render_metric(struct json_out *j, struct str key, const struct point *p,
		   struct str run_id);

/* Entries of lists whose key is left out where the list is empty. */
struct render_list {
	struct json_out *j;
	const char *name;
	bool open;
};
void render_list_next(struct render_list *l); /* before each element */
void render_list_end(struct render_list *l);
/* For queries of params and tags: adds {"key":..,"value":..} to the
 * struct render_list. */
key_value_fn render_entry;

#endif
