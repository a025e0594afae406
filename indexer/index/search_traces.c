/* SPDX-License-Identifier: Apache-2.0 */
/* search_traces.c - traces as a kind of thing to search (search_kind.h). A
 * slot is a place in their packed table. A trace may have several runs, and
 * several assessments of a name: then several values lead to it. */
#include "indexer/base/scope.h"
#include "indexer/index/search_kind.h"
#include "indexer/index/trace.h"

static const struct table_entry *entry(const struct columns *c, size_t slot)
{
	return &c->tables[TABLE_TRACES].entries[slot];
}

static int64_t started(const struct columns *c, size_t slot)
{
	return entry(c, slot)->numbers[0];
}

static int64_t duration(const struct columns *c, size_t slot)
{
	return entry(c, slot)->numbers[1];
}

static int64_t state(const struct columns *c, size_t slot)
{
	return entry(c, slot)->numbers[2];
}

/* One that did not end ends when it began, as MLflow has it. */
static int64_t ended(const struct columns *c, size_t slot)
{
	int64_t start = started(c, slot);
	int64_t took = duration(c, slot);
	int64_t end;

	if (took == COLUMN_NO_TIME || __builtin_add_overflow(start, took, &end))
		return start;
	return end;
}

static int64_t experiment(const struct columns *c, size_t slot)
{
	return entry(c, slot)->owner;
}

static int64_t id_order(const struct columns *c, size_t slot)
{
	return entry(c, slot)->id_order;
}

static const struct text_source ids = {
	STMT_SEARCH_TRACE_ID_FIND, STMT_SEARCH_TRACE_ID_EACH,
	STMT_SEARCH_TRACE_ID_EACH, STMT_SEARCH_TRACE_ID_GET, false};
static const struct text_source clients = {STMT_SEARCH_TRACE_CLIENT_FIND,
					   STMT_SEARCH_TRACE_CLIENT_EACH, STMTS,
					   STMTS, false};
static const struct text_source tags = {
	STMT_SEARCH_TRACE_TAG_FIND, STMT_SEARCH_TRACE_TAG_EACH,
	STMT_SEARCH_TRACE_TAG_SORTED, STMT_SEARCH_TRACE_TAG_GET, true};
static const struct text_source metadata = {
	STMT_SEARCH_TRACE_METADATA_FIND, STMT_SEARCH_TRACE_METADATA_EACH,
	STMT_SEARCH_TRACE_METADATA_SORTED, STMT_SEARCH_TRACE_METADATA_GET,
	true};
/* The run that made it, which alone orders, and those it was linked to. */
static const struct text_source runs = {STMT_SEARCH_TRACE_RUN_FIND,
					STMT_SEARCH_TRACE_RUN_EACH,
					STMT_SEARCH_TRACE_METADATA_SORTED,
					STMT_SEARCH_TRACE_METADATA_GET, true};
static const struct text_source prompts = {STMT_SEARCH_TRACE_PROMPT_FIND,
					   STMT_SEARCH_TRACE_PROMPT_EACH, STMTS,
					   STMTS, false};
static const struct text_source feedback = {STMTS, STMT_SEARCH_FEEDBACK_EACH,
					    STMTS, STMTS, true};
static const struct text_source expectations = {
	STMTS, STMT_SEARCH_EXPECTATION_EACH, STMTS, STMTS, true};
static const struct text_source issue_ids = {
	STMT_SEARCH_ISSUE_FIND, STMT_SEARCH_ISSUE_EACH, STMTS, STMTS, false};

static const struct attribute attributes[] = {
	{"trace_id", .text = &ids},
	{"timestamp_ms", .number = started},
	{"execution_time_ms", .number = duration},
	{"end_time_ms", .number = ended},
	{"experiment_id", .number = experiment},
	{"status", .number = state, .number_names = trace_state_names},
	{"client_request_id", .text = &clients},
	{"name", .text = &tags, .text_key = "mlflow.traceName"},
	{"run_id", .text = &runs, .text_key = "mlflow.sourceRun"},
	{"prompt", .text = &prompts},
	{"text", .of_spans = true},
	{NULL},
};
static const struct attribute own_metadata[] = {
	{"mlflow.sourceRun", .text = &runs, .text_key = "mlflow.sourceRun"},
	{NULL},
};
static const struct attribute issues[] = {
	{"id", .text = &issue_ids},
	{NULL},
};

static int scope(const struct columns *c, const struct search *s,
		 const struct principal *who, struct slots *slots,
		 struct bitset *found, struct err *e)
{
	SCOPED(bitset_fini) struct bitset wanted = {0};
	const struct columns_table *t = &c->tables[TABLE_TRACES];

	table_slots(t, slots, found);
	if (wanted_experiments(c, s, who, &wanted, e) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++) {
		const struct experiment_entry *x =
			columns_experiment(c, t->entries[i].owner);

		if (x && bitset_has(&wanted, x - c->experiments))
			bitset_add(found, (int64_t)i);
	}
	return 0;
}

const struct search_kind search_kind_traces = {
	.name = "traces",
	.attributes = attributes,
	.tags = &tags,
	.metadata = &metadata,
	.own_metadata = own_metadata,
	.feedback = &feedback,
	.expectation = &expectations,
	.issues = issues,
	.spans = true,
	.unordered = {{started, true}, {id_order, false}},
	.ties = {{started, true}, {id_order, false}},
	.scope = scope,
};
