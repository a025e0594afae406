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
apply_fn apply_run_inputs, apply_run_outputs, apply_run_log_model;
apply_fn apply_logged_create, apply_logged_finalize, apply_logged_delete,
	apply_logged_params, apply_logged_tags, apply_logged_untag;
apply_fn apply_model_create, apply_model_rename, apply_model_update,
	apply_model_delete, apply_model_tag, apply_model_untag,
	apply_model_alias, apply_model_unalias;
apply_fn apply_version_create, apply_version_update, apply_version_stage,
	apply_version_delete, apply_version_tag, apply_version_untag;
apply_fn apply_projects;
apply_fn apply_trace_start, apply_trace_end, apply_trace_spans, apply_trace_tag,
	apply_trace_untag, apply_trace_link_run, apply_trace_link_prompts,
	apply_trace_delete;
apply_fn apply_assessment_create, apply_assessment_update,
	apply_assessment_delete;
apply_fn apply_gc;
apply_fn apply_call;

#endif
