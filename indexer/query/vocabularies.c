/* SPDX-License-Identifier: Apache-2.0 */
/* vocabularies.c - the vocabularies; see vocabulary.h. The order of rows is
 * the order in which messages list what is allowed. Keys are the canonical
 * names under which an index knows a field. */
#include "indexer/query/vocabulary.h"

/* An attribute's word and key, and whether it filters and orders. */
#define TEXT(word, key, filters, orders)                                       \
	{                                                                      \
		FAMILY_ATTRIBUTE, word, key, VALUE_TEXT, filters, orders       \
	}
#define NUMBER(word, key, filters, orders)                                     \
	{                                                                      \
		FAMILY_ATTRIBUTE, word, key, VALUE_NUMBER, filters, orders     \
	}
#define ID(word, key)                                                          \
	{                                                                      \
		FAMILY_ATTRIBUTE, word, key, VALUE_ID, true, true              \
	}
#define DATASET(key)                                                           \
	{                                                                      \
		FAMILY_DATASET, key, key, VALUE_TEXT, true, false              \
	}
#define END_OF_WORDS                                                           \
	{                                                                      \
		NULL                                                           \
	}
#define END_OF_KEYS                                                            \
	{                                                                      \
		.word = NULL                                                   \
	}

/* --- runs -------------------------------------------------------------- */

static const struct entity_word run_entities[] = {
	{"attributes", FAMILY_ATTRIBUTE, true},
	{"attribute", FAMILY_ATTRIBUTE, true},
	{"attr", FAMILY_ATTRIBUTE, true},
	{"run", FAMILY_ATTRIBUTE, true},
	{"metrics", FAMILY_METRIC, true},
	{"metric", FAMILY_METRIC, true},
	{"params", FAMILY_PARAM, true},
	{"param", FAMILY_PARAM, true},
	{"parameters", FAMILY_PARAM, true},
	{"parameter", FAMILY_PARAM, true},
	{"tags", FAMILY_TAG, true},
	{"tag", FAMILY_TAG, true},
	{"datasets", FAMILY_DATASET, false},
	{"dataset", FAMILY_DATASET, false},
	END_OF_WORDS,
};

static const struct fixed_key run_keys[] = {
	TEXT("run_id", "run_id", true, true),
	TEXT("run_name", "run_name", true, true),
	TEXT("run name", "run_name", true, true),
	TEXT("Run name", "run_name", true, true),
	TEXT("Run Name", "run_name", true, true),
	TEXT("status", "status", true, true),
	TEXT("user_id", "user_id", true, true),
	TEXT("artifact_uri", "artifact_uri", true, true),
	NUMBER("start_time", "start_time", true, true),
	NUMBER("created", "start_time", true, true),
	NUMBER("Created", "start_time", true, true),
	NUMBER("end_time", "end_time", true, true),
	DATASET("name"),
	DATASET("digest"),
	DATASET("context"),
	END_OF_KEYS,
};

const struct vocabulary vocabulary_runs = {run_entities, run_keys};

/* --- things that have attributes and tags -------------------------------- */

static const struct entity_word tagged_entities[] = {
	{"attribute", FAMILY_ATTRIBUTE, true},
	{"attributes", FAMILY_ATTRIBUTE, true},
	{"attr", FAMILY_ATTRIBUTE, true},
	{"tags", FAMILY_TAG, false},
	{"tag", FAMILY_TAG, false},
	END_OF_WORDS,
};

static const struct fixed_key experiment_keys[] = {
	TEXT("name", "name", true, true),
	NUMBER("creation_time", "creation_time", true, true),
	NUMBER("last_update_time", "last_update_time", true, true),
	ID("experiment_id", "experiment_id"),
	END_OF_KEYS,
};

const struct vocabulary vocabulary_experiments = {tagged_entities,
						  experiment_keys};

static const struct fixed_key model_keys[] = {
	TEXT("name", "name", true, true),
	NUMBER("last_updated_timestamp", "last_updated_timestamp", false, true),
	NUMBER("timestamp", "last_updated_timestamp", false, true),
	END_OF_KEYS,
};

const struct vocabulary vocabulary_models = {tagged_entities, model_keys};

static const struct fixed_key version_keys[] = {
	TEXT("name", "name", true, true),
	ID("version_number", "version_number"),
	TEXT("run_id", "run_id", true, false),
	TEXT("source_path", "source_path", true, false),
	NUMBER("creation_timestamp", "creation_timestamp", false, true),
	NUMBER("last_updated_timestamp", "last_updated_timestamp", false, true),
	END_OF_KEYS,
};

const struct vocabulary vocabulary_versions = {tagged_entities, version_keys};

/* --- logged models ----------------------------------------------------- */

static const struct entity_word logged_entities[] = {
	{"attributes", FAMILY_ATTRIBUTE, false},
	{"attribute", FAMILY_ATTRIBUTE, false},
	{"attr", FAMILY_ATTRIBUTE, false},
	{"metrics", FAMILY_METRIC, true},
	{"metric", FAMILY_METRIC, true},
	{"params", FAMILY_PARAM, false},
	{"param", FAMILY_PARAM, false},
	{"tags", FAMILY_TAG, false},
	{"tag", FAMILY_TAG, false},
	END_OF_WORDS,
};

static const struct fixed_key logged_keys[] = {
	TEXT("name", "name", true, true),
	TEXT("model_id", "model_id", true, true),
	TEXT("model_type", "model_type", true, true),
	TEXT("status", "status", true, true),
	TEXT("source_run_id", "source_run_id", true, true),
	NUMBER("creation_timestamp", "creation_timestamp", true, true),
	NUMBER("creation_time", "creation_timestamp", true, true),
	NUMBER("last_updated_timestamp", "last_updated_timestamp", true, true),
	NUMBER("last_updated_time", "last_updated_timestamp", true, true),
	END_OF_KEYS,
};

const struct vocabulary vocabulary_logged_models = {logged_entities,
						    logged_keys};

/* --- traces ------------------------------------------------------------ */

#define SPAN(key)                                                              \
	{                                                                      \
		FAMILY_SPAN, key, key, VALUE_TEXT, true, false                 \
	}
#define PREFIX(of, word, family)                                               \
	{                                                                      \
		of, word, NULL, VALUE_TEXT, true, false, true, family          \
	}

static const struct entity_word trace_entities[] = {
	{"attribute", FAMILY_ATTRIBUTE, true},
	{"attributes", FAMILY_ATTRIBUTE, true},
	{"trace", FAMILY_ATTRIBUTE, true},
	{"tag", FAMILY_TAG, true},
	{"tags", FAMILY_TAG, true},
	{"request_metadata", FAMILY_METADATA, true},
	{"metadata", FAMILY_METADATA, true},
	{"span", FAMILY_SPAN, false},
	{"feedback", FAMILY_FEEDBACK, false},
	{"expectation", FAMILY_EXPECTATION, false},
	{"issue", FAMILY_ISSUE, false},
	END_OF_WORDS,
};

static const struct fixed_key trace_keys[] = {
	TEXT("request_id", "trace_id", true, true),
	TEXT("trace_id", "trace_id", true, true),
	NUMBER("timestamp_ms", "timestamp_ms", true, true),
	NUMBER("timestamp", "timestamp_ms", true, true),
	NUMBER("execution_time_ms", "execution_time_ms", true, true),
	NUMBER("execution_time", "execution_time_ms", true, true),
	NUMBER("end_time_ms", "end_time_ms", true, true),
	NUMBER("end_time", "end_time_ms", true, true),
	NUMBER("experiment_id", "experiment_id", false, true),
	TEXT("status", "status", true, true),
	TEXT("client_request_id", "client_request_id", true, false),
	TEXT("name", "name", true, true),
	TEXT("run_id", "run_id", true, true),
	{FAMILY_ATTRIBUTE, "prompt", "prompt", VALUE_PROMPT, true, false},
	TEXT("text", "text", true, false),
	SPAN("name"),
	SPAN("type"),
	SPAN("status"),
	SPAN("content"),
	PREFIX(FAMILY_SPAN, "attributes.", FAMILY_SPAN_ATTRIBUTE),
	{FAMILY_ISSUE, "id", "id", VALUE_TEXT, true, false},
	END_OF_KEYS,
};

const struct vocabulary vocabulary_traces = {trace_entities, trace_keys};

/* Conditions of metrics: what is counted must satisfy them. */

static const struct entity_word metric_entities[] = {
	{"trace", FAMILY_ATTRIBUTE, false},
	{"span", FAMILY_SPAN, false},
	{"assessment", FAMILY_ASSESSMENT, false},
	END_OF_WORDS,
};

static const struct fixed_key metric_keys[] = {
	TEXT("status", "status", true, false),
	PREFIX(FAMILY_ATTRIBUTE, "tag.", FAMILY_TAG),
	PREFIX(FAMILY_ATTRIBUTE, "metadata.", FAMILY_METADATA),
	SPAN("name"),
	SPAN("type"),
	SPAN("status"),
	{FAMILY_ASSESSMENT, "name", "name", VALUE_TEXT, true, false},
	{FAMILY_ASSESSMENT, "type", "type", VALUE_TEXT, true, false},
	END_OF_KEYS,
};

const struct vocabulary vocabulary_trace_metrics = {metric_entities,
						    metric_keys};
