/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - registered models and their versions as MLflow's JSON.
 *
 * Left out where they are empty: a model's description, lists. A version
 * always states its description, run_id and run_link, as MLflow does, and its
 * aliases wherever it is shown.
 */
#ifndef ORRERY_RENDER_REGISTRY_H
#define ORRERY_RENDER_REGISTRY_H

#include "indexer/base/json_out.h"
#include "indexer/index/registry.h"

/* With the newest version of each stage, tags and aliases. */
int render_registered_model(struct json_out *j, struct reader *rd,
			    const struct registered_model *m, struct err *e);
int render_model_version(struct json_out *j, struct reader *rd,
			 const struct model_version *v, struct err *e);

#endif
