/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.h - experiments as other commands need them (internal). */
#ifndef ORRERY_INDEX_EXPERIMENT_H
#define ORRERY_INDEX_EXPERIMENT_H

#include "indexer/index/writer.h"

struct experiment_ref {
	int64_t row, project;
	bool deleted;
};

/* The row of a public id. In the view of a project, 0 stands for the project's
 * own experiment "Default", its home, where it has one. */
int experiment_row(struct db *db, struct str id, int64_t *ret, struct err *e);
int experiment_home(struct db *db, int64_t *ret, struct err *e);
int experiment_not_found(int64_t row, struct err *e);
/* By public id, for a write: not found where who may not see it, ERR_DENIED
 * where who may only see. */
int writer_experiment(struct writer *w, const struct principal *who,
		      struct str id, struct experiment_ref *ret, struct err *e);
/* And ERR_STATE where it is deleted. In the view of a project that has no
 * experiment for id 0 yet, it is made. */
int writer_experiment_active(struct writer *w, struct command *c, struct str id,
			     struct experiment_ref *ret, struct err *e);

#endif
