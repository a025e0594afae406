/* SPDX-License-Identifier: Apache-2.0 */
/* logged.h - logged models as other commands need them (internal). */
#ifndef ORRERY_INDEX_LOGGED_H
#define ORRERY_INDEX_LOGGED_H

#include "indexer/index/logged_model.h"
#include "indexer/index/writer.h"

struct logged_ref {
	int64_t row, experiment, project;
	bool deleted;
};

/* By public id; not found where who may not see it. */
int writer_logged_seen(struct writer *w, const struct principal *who,
		       struct str id, struct logged_ref *ret, struct err *e);
/* For a write: ERR_DENIED where who may only see it. A deleted one is found,
 * as MLflow has it. */
int writer_logged(struct writer *w, const struct principal *who, struct str id,
		  struct logged_ref *ret, struct err *e);
/* Something below it changed. */
int logged_touch(struct writer *w, int64_t row, struct err *e);

/* The points among n that name a model, which must be there, are written to
 * that model's metrics, too. Before points_log, which takes them as the
 * run's. */
int logged_points(struct writer *w, const struct principal *who,
		  int64_t run_row, const struct key_points *p, size_t n,
		  struct err *e);

#endif
