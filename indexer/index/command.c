/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - the table of commands: names, fields, apply functions.
 *
 * A new command is an enum value, a struct, its fields here, and one row of
 * command_types.
 */
#include "indexer/index/command.h"

#include <assert.h>
#include <stddef.h>

#include "indexer/index/apply.h"
#include "indexer/index/gc.h"
#include "indexer/index/limits.h"
#include "indexer/index/logged_model.h"
#include "indexer/index/points.h"
#include "indexer/index/project.h"
#include "indexer/index/trace.h"

const char *const run_status_names[] = {
	"", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", NULL};

#define FIELD(s, kind, json, member, how)                                      \
	{                                                                      \
		.name = (json), .type = (kind), .flags = (how),                \
		.offset = offsetof(struct s, member)                           \
	}
#define TEXT(s, member)      FIELD(s, FIELD_STR, #member, member, 0)
#define NEEDED(s, member)    FIELD(s, FIELD_STR, #member, member, FIELD_FILLED)
#define NUMBER(s, member)    FIELD(s, FIELD_I64, #member, member, 0)
#define FLAG(s, member)      FIELD(s, FIELD_BOOL, #member, member, 0)
#define ANSWER(s, json, mem) FIELD(s, FIELD_STR, json, mem, 0)
#define RUN_ID(s)                                                              \
	{                                                                      \
		.name = "run_id", .alias = "run_uuid", .type = FIELD_STR,      \
		.flags = FIELD_FILLED, .offset = offsetof(struct s, run_id)    \
	}
/* A run, or else a logged model, or else a trace. */
#define OWNER(s)                                                               \
	{.name = "run_id",                                                     \
	 .alias = "run_uuid",                                                  \
	 .type = FIELD_STR,                                                    \
	 .offset = offsetof(struct s, run_id)},                                \
		TEXT(s, model_id), TEXT(s, trace_id)
#define LIST(s, member, of)                                                    \
	{                                                                      \
		.name = #member, .type = FIELD_LIST,                           \
		.offset = offsetof(struct s, member), .sub = &(of)             \
	}

static const struct field key_value_rows[] = {
	NEEDED(key_value, key),
	TEXT(key_value, value),
};
const struct field_set key_value_fields =
	FIELD_SET(key_value_rows, struct key_value);

static const struct field key_points_rows[] = {
	NEEDED(key_points, key),
	FIELD(key_points, FIELD_F64, "value", value, FIELD_REQUIRED),
	FIELD(key_points, FIELD_I64, "timestamp", timestamp, FIELD_REQUIRED),
	NUMBER(key_points, step),
	TEXT(key_points, model_id),
	TEXT(key_points, dataset_name),
	TEXT(key_points, dataset_digest),
};
const struct field_set key_points_fields =
	FIELD_SET(key_points_rows, struct key_points);

static const struct field experiment_create_in[] = {
	NEEDED(cmd_experiment_create, name),
	TEXT(cmd_experiment_create, artifact_location),
	LIST(cmd_experiment_create, tags, key_value_fields),
};
static const struct field experiment_create_out[] = {
	ANSWER(cmd_experiment_create, "experiment_id", ret_experiment_id),
};
static const struct field experiment_update_in[] = {
	NEEDED(cmd_experiment_update, experiment_id),
	NEEDED(cmd_experiment_update, new_name),
};
static const struct field experiment_in[] = {
	NEEDED(cmd_experiment, experiment_id),
};
/* The last row is left out by untag. */
static const struct field experiment_tag_in[] = {
	NEEDED(cmd_experiment_tag, experiment_id),
	NEEDED(cmd_experiment_tag, key),
	TEXT(cmd_experiment_tag, value),
};
static const struct field run_create_in[] = {
	TEXT(cmd_run_create, experiment_id),
	TEXT(cmd_run_create, run_name),
	TEXT(cmd_run_create, user_id),
	NUMBER(cmd_run_create, start_time),
	LIST(cmd_run_create, tags, key_value_fields),
	TEXT(cmd_run_create, dir),
};
static const struct field run_create_out[] = {
	ANSWER(cmd_run_create, "run_id", ret_run_id),
};
static const struct field run_update_in[] = {
	RUN_ID(cmd_run_update),
	{.name = "status",
	 .type = FIELD_ENUM,
	 .offset = offsetof(struct cmd_run_update, status),
	 .names = run_status_names},
	NUMBER(cmd_run_update, end_time),
	TEXT(cmd_run_update, run_name),
	TEXT(cmd_run_update, dir),
};
static const struct field run_in[] = {
	RUN_ID(cmd_run),
};
static const struct field run_log_in[] = {
	RUN_ID(cmd_run_log),
	LIST(cmd_run_log, metrics, key_points_fields),
	LIST(cmd_run_log, params, key_value_fields),
	LIST(cmd_run_log, tags, key_value_fields),
};
static const struct field run_untag_in[] = {
	RUN_ID(cmd_run_untag),
	NEEDED(cmd_run_untag, key),
};
static const struct field input_dataset_rows[] = {
	NEEDED(input_dataset, name),
	NEEDED(input_dataset, digest),
	FIELD(input_dataset, FIELD_STR, "source_type", source_type,
	      FIELD_REQUIRED),
	FIELD(input_dataset, FIELD_STR, "source", source, FIELD_REQUIRED),
	TEXT(input_dataset, schema),
	TEXT(input_dataset, profile),
};
static const struct field_set input_dataset_fields =
	FIELD_SET(input_dataset_rows, struct input_dataset);
static const struct field run_input_rows[] = {
	{.name = "dataset",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct run_input, dataset),
	 .sub = &input_dataset_fields},
	LIST(run_input, tags, key_value_fields),
};
const struct field_set run_input_fields =
	FIELD_SET(run_input_rows, struct run_input);
static const struct field run_model_rows[] = {
	NEEDED(run_model, model_id),
	NUMBER(run_model, step),
};
const struct field_set run_model_fields =
	FIELD_SET(run_model_rows, struct run_model);

static const struct field run_inputs_in[] = {
	RUN_ID(cmd_run_inputs),
	LIST(cmd_run_inputs, datasets, run_input_fields),
	LIST(cmd_run_inputs, models, run_model_fields),
};
static const struct field run_outputs_in[] = {
	RUN_ID(cmd_run_outputs),
	LIST(cmd_run_outputs, models, run_model_fields),
};
static const struct field run_log_model_in[] = {
	RUN_ID(cmd_run_log_model),
	FIELD(cmd_run_log_model, FIELD_RAW, "model", model, FIELD_REQUIRED),
};
static const struct field logged_create_in[] = {
	NEEDED(cmd_logged_create, experiment_id),
	TEXT(cmd_logged_create, name),
	TEXT(cmd_logged_create, model_type),
	TEXT(cmd_logged_create, source_run_id),
	LIST(cmd_logged_create, params, key_value_fields),
	LIST(cmd_logged_create, tags, key_value_fields),
};
static const struct field logged_create_out[] = {
	ANSWER(cmd_logged_create, "model_id", ret_model_id),
};
/* The last row is left out by delete. */
static const struct field logged_in[] = {
	NEEDED(cmd_logged, model_id),
	{.name = "status",
	 .type = FIELD_ENUM,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct cmd_logged, status),
	 .names = logged_status_names},
};
static const struct field logged_params_in[] = {
	NEEDED(cmd_logged_values, model_id),
	LIST(cmd_logged_values, params, key_value_fields),
};
static const struct field logged_tags_in[] = {
	NEEDED(cmd_logged_values, model_id),
	LIST(cmd_logged_values, tags, key_value_fields),
};
static const struct field logged_untag_in[] = {
	NEEDED(cmd_logged_untag, model_id),
	NEEDED(cmd_logged_untag, key),
};
static const struct field artifact_put_in[] = {
	OWNER(cmd_artifact_put),
	NEEDED(cmd_artifact_put, path),
	TEXT(cmd_artifact_put, key),
	FIELD(cmd_artifact_put, FIELD_I64, "size", size, FIELD_REQUIRED),
	TEXT(cmd_artifact_put, sha256),
	TEXT(cmd_artifact_put, crc32c),
	TEXT(cmd_artifact_put, sums),
	NUMBER(cmd_artifact_put, mtime),
	NUMBER(cmd_artifact_put, mode),
	FLAG(cmd_artifact_put, exclusive),
};
static const struct field artifact_put_out[] = {
	ANSWER(cmd_artifact_put, "replaced", ret_replaced),
};
static const struct field artifact_mkdir_in[] = {
	OWNER(cmd_artifact_mkdir),
	NEEDED(cmd_artifact_mkdir, path),
	NUMBER(cmd_artifact_mkdir, mode),
};
static const struct field artifact_move_in[] = {
	OWNER(cmd_artifact_move),
	NEEDED(cmd_artifact_move, path),
	TEXT(cmd_artifact_move, to_run_id),
	NEEDED(cmd_artifact_move, to_path),
	FLAG(cmd_artifact_move, no_replace),
};
static const struct field artifact_delete_in[] = {
	OWNER(cmd_artifact_delete),
	TEXT(cmd_artifact_delete, path),
	FLAG(cmd_artifact_delete, recursive),
	FLAG(cmd_artifact_delete, missing_ok),
};
static const struct field artifact_set_in[] = {
	OWNER(cmd_artifact_set),
	TEXT(cmd_artifact_set, path),
	NUMBER(cmd_artifact_set, mtime),
	NUMBER(cmd_artifact_set, mode),
};

/* Of a registered model; where a tag is removed, its value is left out. */
static const struct field model_create_in[] = {
	NEEDED(cmd_model, name),
	TEXT(cmd_model, description),
	LIST(cmd_model, tags, key_value_fields),
};
static const struct field model_rename_in[] = {
	NEEDED(cmd_model, name),
	NEEDED(cmd_model, new_name),
};
static const struct field model_update_in[] = {
	NEEDED(cmd_model, name),
	TEXT(cmd_model, description),
};
static const struct field model_delete_in[] = {
	NEEDED(cmd_model, name),
	FLAG(cmd_model, only_empty),
};
static const struct field model_tag_in[] = {
	NEEDED(cmd_model, name),
	NEEDED(cmd_model, key),
	TEXT(cmd_model, value),
};
static const struct field model_alias_in[] = {
	NEEDED(cmd_model, name),
	NEEDED(cmd_model, alias),
	NEEDED(cmd_model, version),
};
static const struct field version_create_in[] = {
	NEEDED(cmd_version, name),
	NEEDED(cmd_version, source),
	TEXT(cmd_version, run_id),
	TEXT(cmd_version, run_link),
	TEXT(cmd_version, description),
	TEXT(cmd_version, model_id),
	LIST(cmd_version, tags, key_value_fields),
};
static const struct field version_create_out[] = {
	ANSWER(cmd_version, "version", ret_version),
};
static const struct field version_update_in[] = {
	NEEDED(cmd_version, name),
	NEEDED(cmd_version, version),
	TEXT(cmd_version, description),
};
static const struct field version_stage_in[] = {
	NEEDED(cmd_version, name),
	NEEDED(cmd_version, version),
	NEEDED(cmd_version, stage),
	FLAG(cmd_version, archive_existing_versions),
};
static const struct field version_tag_in[] = {
	NEEDED(cmd_version, name),
	NEEDED(cmd_version, version),
	NEEDED(cmd_version, key),
	TEXT(cmd_version, value),
};

#include "indexer/index/command_trace.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* The first n of the fields. */
#define SOME(label, s, fields, n, fn)                                          \
	{                                                                      \
		.name = (label), .size = sizeof(struct s),                     \
		.in = {(fields), (n), sizeof(struct s)},                       \
		.out = {NULL, 0, sizeof(struct s)}, .apply = (fn)              \
	}
#define COMMAND(label, s, fields, fn) SOME(label, s, fields, COUNT(fields), fn)
#define ANSWERING(label, s, fields, answer, fn)                                \
	{                                                                      \
		.name = (label), .size = sizeof(struct s),                     \
		.in = FIELD_SET(fields, struct s),                             \
		.out = FIELD_SET(answer, struct s), .apply = (fn)              \
	}

const struct command_type command_types[COMMAND_KINDS] = {
	[COMMAND_EXPERIMENT_CREATE] =
		ANSWERING("experiment_create", cmd_experiment_create,
			  experiment_create_in, experiment_create_out,
			  apply_experiment_create),
	[COMMAND_EXPERIMENT_UPDATE] =
		COMMAND("experiment_update", cmd_experiment_update,
			experiment_update_in, apply_experiment_update),
	[COMMAND_EXPERIMENT_DELETE] =
		COMMAND("experiment_delete", cmd_experiment, experiment_in,
			apply_experiment_delete),
	[COMMAND_EXPERIMENT_RESTORE] =
		COMMAND("experiment_restore", cmd_experiment, experiment_in,
			apply_experiment_restore),
	[COMMAND_EXPERIMENT_TAG] =
		COMMAND("experiment_tag", cmd_experiment_tag, experiment_tag_in,
			apply_experiment_tag),
	[COMMAND_EXPERIMENT_UNTAG] =
		SOME("experiment_untag", cmd_experiment_tag, experiment_tag_in,
		     COUNT(experiment_tag_in) - 1, apply_experiment_untag),
	[COMMAND_RUN_CREATE] =
		ANSWERING("run_create", cmd_run_create, run_create_in,
			  run_create_out, apply_run_create),
	[COMMAND_RUN_UPDATE] = COMMAND("run_update", cmd_run_update,
				       run_update_in, apply_run_update),
	[COMMAND_RUN_DELETE] =
		COMMAND("run_delete", cmd_run, run_in, apply_run_delete),
	[COMMAND_RUN_RESTORE] =
		COMMAND("run_restore", cmd_run, run_in, apply_run_restore),
	[COMMAND_RUN_LOG] =
		COMMAND("run_log", cmd_run_log, run_log_in, apply_run_log),
	[COMMAND_RUN_UNTAG] = COMMAND("run_untag", cmd_run_untag, run_untag_in,
				      apply_run_untag),
	[COMMAND_RUN_INPUTS] = COMMAND("run_inputs", cmd_run_inputs,
				       run_inputs_in, apply_run_inputs),
	[COMMAND_RUN_OUTPUTS] = COMMAND("run_outputs", cmd_run_outputs,
					run_outputs_in, apply_run_outputs),
	[COMMAND_RUN_LOG_MODEL] =
		COMMAND("run_log_model", cmd_run_log_model, run_log_model_in,
			apply_run_log_model),
	[COMMAND_LOGGED_CREATE] = ANSWERING(
		"logged_model_create", cmd_logged_create, logged_create_in,
		logged_create_out, apply_logged_create),
	[COMMAND_LOGGED_FINALIZE] = COMMAND("logged_model_finalize", cmd_logged,
					    logged_in, apply_logged_finalize),
	[COMMAND_LOGGED_DELETE] =
		SOME("logged_model_delete", cmd_logged, logged_in,
		     COUNT(logged_in) - 1, apply_logged_delete),
	[COMMAND_LOGGED_PARAMS] =
		COMMAND("logged_model_params", cmd_logged_values,
			logged_params_in, apply_logged_params),
	[COMMAND_LOGGED_TAGS] = COMMAND("logged_model_tags", cmd_logged_values,
					logged_tags_in, apply_logged_tags),
	[COMMAND_LOGGED_UNTAG] = COMMAND("logged_model_untag", cmd_logged_untag,
					 logged_untag_in, apply_logged_untag),
	[COMMAND_MODEL_CREATE] = COMMAND("model_create", cmd_model,
					 model_create_in, apply_model_create),
	[COMMAND_MODEL_RENAME] = COMMAND("model_rename", cmd_model,
					 model_rename_in, apply_model_rename),
	[COMMAND_MODEL_UPDATE] = COMMAND("model_update", cmd_model,
					 model_update_in, apply_model_update),
	[COMMAND_MODEL_DELETE] = COMMAND("model_delete", cmd_model,
					 model_delete_in, apply_model_delete),
	[COMMAND_MODEL_TAG] =
		COMMAND("model_tag", cmd_model, model_tag_in, apply_model_tag),
	[COMMAND_MODEL_UNTAG] =
		SOME("model_untag", cmd_model, model_tag_in,
		     COUNT(model_tag_in) - 1, apply_model_untag),
	[COMMAND_MODEL_ALIAS] = COMMAND("model_alias", cmd_model,
					model_alias_in, apply_model_alias),
	[COMMAND_MODEL_UNALIAS] =
		SOME("model_unalias", cmd_model, model_alias_in,
		     COUNT(model_alias_in) - 1, apply_model_unalias),
	[COMMAND_VERSION_CREATE] =
		ANSWERING("version_create", cmd_version, version_create_in,
			  version_create_out, apply_version_create),
	[COMMAND_VERSION_UPDATE] =
		COMMAND("version_update", cmd_version, version_update_in,
			apply_version_update),
	[COMMAND_VERSION_STAGE] =
		COMMAND("version_stage", cmd_version, version_stage_in,
			apply_version_stage),
	[COMMAND_VERSION_DELETE] =
		SOME("version_delete", cmd_version, version_update_in, 2,
		     apply_version_delete),
	[COMMAND_VERSION_TAG] = COMMAND("version_tag", cmd_version,
					version_tag_in, apply_version_tag),
	[COMMAND_VERSION_UNTAG] =
		SOME("version_untag", cmd_version, version_tag_in,
		     COUNT(version_tag_in) - 1, apply_version_untag),
	[COMMAND_TRACE_START] =
		ANSWERING("trace_start", cmd_trace_start, trace_start_in,
			  trace_start_out, apply_trace_start),
	[COMMAND_TRACE_END] = COMMAND("trace_end", cmd_trace_end, trace_end_in,
				      apply_trace_end),
	[COMMAND_TRACE_SPANS] = SOME("trace_spans", cmd_trace_spans, NULL, 0,
				     apply_trace_spans),
	[COMMAND_TRACE_TAG] = COMMAND("trace_tag", cmd_trace_tag, trace_tag_in,
				      apply_trace_tag),
	[COMMAND_TRACE_UNTAG] =
		SOME("trace_untag", cmd_trace_tag, trace_tag_in,
		     COUNT(trace_tag_in) - 1, apply_trace_untag),
	[COMMAND_TRACE_LINK_RUN] =
		COMMAND("trace_link_run", cmd_trace_link_run, trace_link_run_in,
			apply_trace_link_run),
	[COMMAND_TRACE_LINK_PROMPTS] =
		COMMAND("trace_link_prompts", cmd_trace_link_prompts,
			trace_link_prompts_in, apply_trace_link_prompts),
	[COMMAND_TRACE_DELETE] =
		ANSWERING("trace_delete", cmd_trace_delete, trace_delete_in,
			  trace_delete_out, apply_trace_delete),
	[COMMAND_ASSESSMENT_CREATE] =
		ANSWERING("assessment_create", cmd_assessment_create,
			  assessment_create_in, assessment_create_out,
			  apply_assessment_create),
	[COMMAND_ASSESSMENT_UPDATE] =
		COMMAND("assessment_update", cmd_assessment_update,
			assessment_update_in, apply_assessment_update),
	[COMMAND_ASSESSMENT_DELETE] =
		SOME("assessment_delete", cmd_assessment_update,
		     assessment_update_in, 2, apply_assessment_delete),
	[COMMAND_ARTIFACT_PUT] =
		ANSWERING("artifact_put", cmd_artifact_put, artifact_put_in,
			  artifact_put_out, apply_artifact_put),
	[COMMAND_ARTIFACT_MKDIR] =
		COMMAND("artifact_mkdir", cmd_artifact_mkdir, artifact_mkdir_in,
			apply_artifact_mkdir),
	[COMMAND_ARTIFACT_MOVE] =
		COMMAND("artifact_move", cmd_artifact_move, artifact_move_in,
			apply_artifact_move),
	[COMMAND_ARTIFACT_DELETE] =
		COMMAND("artifact_delete", cmd_artifact_delete,
			artifact_delete_in, apply_artifact_delete),
	[COMMAND_ARTIFACT_SET] = COMMAND("artifact_set", cmd_artifact_set,
					 artifact_set_in, apply_artifact_set),
	[COMMAND_JOURNAL] =
		SOME("journal", cmd_journal, NULL, 0, journal_apply),
	[COMMAND_PROJECTS] =
		SOME("projects", cmd_projects, NULL, 0, apply_projects),
	[COMMAND_GC] = SOME("gc", cmd_gc, NULL, 0, apply_gc),
	[COMMAND_CALL] = SOME("call", cmd_call, NULL, 0, apply_call),
};
