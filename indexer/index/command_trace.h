/* SPDX-License-Identifier: Apache-2.0 */
/* command_trace.h - fields of the commands about traces, for the table in
 * command.c alone, whose macros they use. */
#ifndef ORRERY_INDEX_COMMAND_TRACE_H
#define ORRERY_INDEX_COMMAND_TRACE_H

#define ENUM(s, member, table)                                                 \
	{                                                                      \
		.name = #member, .type = FIELD_ENUM,                           \
		.offset = offsetof(struct s, member), .names = (table)         \
	}
#define RAW(s, member) FIELD(s, FIELD_RAW, #member, member, 0)
#define IDS(s, member) FIELD(s, FIELD_STRS, #member, member, 0)

static const struct field trace_assessment_rows[] = {
	TEXT(trace_assessment, assessment_id),
	ENUM(trace_assessment, kind, assessment_kind_names),
	NEEDED(trace_assessment, name),
	RAW(trace_assessment, value),
	RAW(trace_assessment, error),
	TEXT(trace_assessment, source_type),
	TEXT(trace_assessment, source_id),
	TEXT(trace_assessment, run_id),
	TEXT(trace_assessment, span_id),
	TEXT(trace_assessment, rationale),
	TEXT(trace_assessment, overrides),
	FLAG(trace_assessment, valid),
	RAW(trace_assessment, metadata),
	NUMBER(trace_assessment, created),
	NUMBER(trace_assessment, updated),
};
const struct field_set trace_assessment_fields =
	FIELD_SET(trace_assessment_rows, struct trace_assessment);
static const struct field trace_start_in[] = {
	TEXT(cmd_trace_start, trace_id),
	NEEDED(cmd_trace_start, experiment_id),
	TEXT(cmd_trace_start, client_request_id),
	NUMBER(cmd_trace_start, request_time),
	NUMBER(cmd_trace_start, duration),
	ENUM(cmd_trace_start, state, trace_state_names),
	TEXT(cmd_trace_start, request_preview),
	TEXT(cmd_trace_start, response_preview),
	LIST(cmd_trace_start, metadata, key_value_fields),
	LIST(cmd_trace_start, tags, key_value_fields),
	LIST(cmd_trace_start, assessments, trace_assessment_fields),
};
static const struct field trace_start_out[] = {
	ANSWER(cmd_trace_start, "trace_id", ret_trace_id),
};
static const struct field trace_end_in[] = {
	NEEDED(cmd_trace_end, trace_id),
	NUMBER(cmd_trace_end, end_time),
	ENUM(cmd_trace_end, state, trace_state_names),
	LIST(cmd_trace_end, metadata, key_value_fields),
	LIST(cmd_trace_end, tags, key_value_fields),
};
/* The last row is left out by untag. */
static const struct field trace_tag_in[] = {
	NEEDED(cmd_trace_tag, trace_id),
	NEEDED(cmd_trace_tag, key),
	TEXT(cmd_trace_tag, value),
};
static const struct field trace_link_run_in[] = {
	IDS(cmd_trace_link_run, trace_ids),
	NEEDED(cmd_trace_link_run, run_id),
};
static const struct field prompt_version_rows[] = {
	NEEDED(prompt_version, name),
	NEEDED(prompt_version, version),
};
const struct field_set prompt_version_fields =
	FIELD_SET(prompt_version_rows, struct prompt_version);
static const struct field trace_link_prompts_in[] = {
	NEEDED(cmd_trace_link_prompts, trace_id),
	LIST(cmd_trace_link_prompts, prompts, prompt_version_fields),
};
static const struct field trace_delete_in[] = {
	NEEDED(cmd_trace_delete, experiment_id),
	IDS(cmd_trace_delete, trace_ids),
	NUMBER(cmd_trace_delete, max_time),
	NUMBER(cmd_trace_delete, max_traces),
};
static const struct field trace_delete_out[] = {
	FIELD(cmd_trace_delete, FIELD_I64, "deleted", ret_deleted, 0),
	FIELD(cmd_trace_delete, FIELD_BOOL, "more", ret_more, 0),
};
static const struct field assessment_create_in[] = {
	NEEDED(cmd_assessment_create, trace_id),
	{.name = "assessment",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct cmd_assessment_create, assessment),
	 .sub = &trace_assessment_fields},
};
static const struct field assessment_create_out[] = {
	ANSWER(cmd_assessment_create, "assessment_id", ret_assessment_id),
};
/* Delete takes the first two. */
static const struct field assessment_update_in[] = {
	NEEDED(cmd_assessment_update, trace_id),
	NEEDED(cmd_assessment_update, assessment_id),
	ENUM(cmd_assessment_update, kind, assessment_kind_names),
	TEXT(cmd_assessment_update, name),
	RAW(cmd_assessment_update, value),
	RAW(cmd_assessment_update, error),
	TEXT(cmd_assessment_update, rationale),
	RAW(cmd_assessment_update, metadata),
};

#endif
