/* SPDX-License-Identifier: Apache-2.0 */
/* apply.h - the functions behind command_types (internal).
 *
 * Each applies one kind of command on the writer thread, within a savepoint;
 * it checks rights and input itself. 0, or -1 with e set.
 */
#ifndef ORRERY_INDEX_APPLY_H
#define ORRERY_INDEX_APPLY_H

#include "indexer/index/writer.h"

typedef int apply_fn(struct writer *w, struct command *c, struct err *e);

apply_fn apply_experiment_create, apply_experiment_update,
	apply_experiment_delete, apply_experiment_restore, apply_experiment_tag,
	apply_experiment_untag;
apply_fn apply_run_create, apply_run_update, apply_run_delete,
	apply_run_restore, apply_run_log, apply_run_untag;
apply_fn apply_artifact_put, apply_artifact_mkdir, apply_artifact_move,
	apply_artifact_delete, apply_artifact_set;
apply_fn apply_call;

#endif
