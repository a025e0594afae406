/* SPDX-License-Identifier: Apache-2.0 */
/* model_source.h - what a model version is made of (internal).
 *
 * A source is a URI as a client gives it: artifacts of a run or of a logged
 * model, by any of their names; another version; or something elsewhere, which
 * is noted and never fetched. A source is taken only if who registers it may
 * see what it names, and if it does not leave it again by "..".
 */
#ifndef ORRERY_INDEX_MODEL_SOURCE_H
#define ORRERY_INDEX_MODEL_SOURCE_H

#include "indexer/index/writer.h"

struct model_source {
	struct str source;   /* as it is to be stored */
	struct str location; /* where the files are */
	struct str run_id, model_id;
	bool copied; /* from another version */
};

/* Of a command that creates a version; strings point into it or the arena.
 * ERR_INVALID "Invalid model version source: ...". */
int model_source_resolve(struct writer *w, const struct cmd_version *x,
			 struct arena *a, struct model_source *ret,
			 struct err *e);

#endif
