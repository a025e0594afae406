/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - all that can change the index, as C structs.
 *
 * A command is made with command_new, filled, and handed to index_submit; it
 * owns an arena for everything it points to. The writer applies it in a
 * savepoint and calls done on its own thread after COMMIT (err.kind tells
 * whether it took effect). done owns the command from then on: it must be
 * short, must not block, and ends with command_free.
 *
 * Things are named by their public ids, so the same structs come from HTTP
 * bodies, from a mount and from a journal. Each command is described once, in
 * the table of command_types: its name, its fields (field.h), its apply
 * function. A mount sends a command as {"command": name, ...fields} and a
 * daemon reads it with the same table. Members that begin with ret_ are
 * filled by apply and written back the same way.
 */
#ifndef ORRERY_INDEX_COMMAND_H
#define ORRERY_INDEX_COMMAND_H

#include "indexer/base/field.h"
#include "indexer/base/queue.h"
#include "indexer/formats/otlp.h"
#include "indexer/index/principal.h"
#include "indexer/journal/line.h"

struct writer;
struct command;

enum command_kind {
	COMMAND_EXPERIMENT_CREATE,
	COMMAND_EXPERIMENT_UPDATE,
	COMMAND_EXPERIMENT_DELETE,
	COMMAND_EXPERIMENT_RESTORE,
	COMMAND_EXPERIMENT_TAG,
	COMMAND_EXPERIMENT_UNTAG,
	COMMAND_RUN_CREATE,
	COMMAND_RUN_UPDATE,
	COMMAND_RUN_DELETE,
	COMMAND_RUN_RESTORE,
	COMMAND_RUN_LOG,
	COMMAND_RUN_UNTAG,
	COMMAND_RUN_INPUTS,
	COMMAND_RUN_OUTPUTS,
	COMMAND_RUN_LOG_MODEL,
	COMMAND_LOGGED_CREATE,
	COMMAND_LOGGED_FINALIZE,
	COMMAND_LOGGED_DELETE,
	COMMAND_LOGGED_PARAMS,
	COMMAND_LOGGED_TAGS,
	COMMAND_LOGGED_UNTAG,
	COMMAND_MODEL_CREATE,
	COMMAND_MODEL_RENAME,
	COMMAND_MODEL_UPDATE,
	COMMAND_MODEL_DELETE,
	COMMAND_MODEL_TAG,
	COMMAND_MODEL_UNTAG,
	COMMAND_MODEL_ALIAS,
	COMMAND_MODEL_UNALIAS,
	COMMAND_VERSION_CREATE,
	COMMAND_VERSION_UPDATE,
	COMMAND_VERSION_STAGE,
	COMMAND_VERSION_DELETE,
	COMMAND_VERSION_TAG,
	COMMAND_VERSION_UNTAG,
	COMMAND_TRACE_START,
	COMMAND_TRACE_END,
	COMMAND_TRACE_SPANS,
	COMMAND_TRACE_TAG,
	COMMAND_TRACE_UNTAG,
	COMMAND_TRACE_LINK_RUN,
	COMMAND_TRACE_LINK_PROMPTS,
	COMMAND_TRACE_DELETE,
	COMMAND_ASSESSMENT_CREATE,
	COMMAND_ASSESSMENT_UPDATE,
	COMMAND_ASSESSMENT_DELETE,
	COMMAND_ARTIFACT_PUT,
	COMMAND_ARTIFACT_MKDIR,
	COMMAND_ARTIFACT_MOVE,
	COMMAND_ARTIFACT_DELETE,
	COMMAND_ARTIFACT_SET,
	COMMAND_JOURNAL,
	COMMAND_PROJECTS, /* which there are (project.h) */
	COMMAND_GC,       /* a step of garbage collection (gc.h) */
	COMMAND_CALL, /* run a function on the writer (backup, checkpoint) */
	COMMAND_KINDS
};

/* Lanes take turns, so that none starves another. */
enum command_lane { LANE_API, LANE_JOURNAL, LANE_CRAWL, LANE_GC, LANES };

struct command {
	struct queue_node node;
	enum command_kind kind;
	enum command_lane lane;
	struct principal who;
	struct arena arena;
	void (*done)(struct command *c, void *ctx);
	void *ctx;
	struct err err;
	int64_t change; /* filled: the index as this command left it */
	/* A retried request is recognised by this key (Idempotency-Key, or
	 * "<mount id>:<sequence>"): the first answer is given again. */
	struct str once;
};

struct command_type {
	const char *name;     /* "run_create" */
	size_t size;          /* of the struct */
	struct field_set in;  /* members to be filled */
	struct field_set out; /* ret_ members */
	int (*apply)(struct writer *w, struct command *c, struct err *e);
};

extern const struct command_type command_types[COMMAND_KINDS];

/* Never NULL. The lane is LANE_API, the principal the owner until set. */
void *command_new(enum command_kind kind);
void command_free(struct command *c);
/* Kind by name, of those that can be sent as JSON; -1 if there is none. */
int command_kind_by_name(struct str name);
/* Fill the members of the set in, or those of out, from a JSON object; what
 * they point to is copied into the command's arena. (field_read_json itself
 * would zero the command's head.) field_write_json writes either set. */
int command_read(struct command *c, struct str json, struct err *e);
int command_read_answer(struct command *c, struct str json, struct err *e);

/* --- the commands ------------------------------------------------------ */

struct key_value { /* element of tag and param lists; fields in command.c */
	struct str key, value;
};

struct key_points { /* one metric point of a batch */
	struct str key;
	struct opt_f64 value;
	struct opt_i64 timestamp, step;
	struct str model_id, dataset_name, dataset_digest;
};

extern const struct field_set key_value_fields;  /* key required */
extern const struct field_set key_points_fields; /* key, value, timestamp */

struct cmd_experiment_create {
	struct command c;
	struct str name, artifact_location;
	struct field_list tags; /* of struct key_value */
	struct str ret_experiment_id;
};

struct cmd_experiment_update { /* rename */
	struct command c;
	struct str experiment_id, new_name;
};

struct cmd_experiment { /* delete, restore */
	struct command c;
	struct str experiment_id;
};

struct cmd_experiment_tag { /* set; untag uses key only */
	struct command c;
	struct str experiment_id, key, value;
};

struct cmd_run_create {
	struct command c;
	struct str experiment_id; /* absent: "0" */
	struct str run_name, user_id;
	struct opt_i64 start_time; /* absent: now */
	struct field_list tags;
	struct str dir; /* a mount's mkdir: the directory name wanted, which
			   must be free (ERR_EXISTS) */
	struct str ret_run_id;
};

enum run_status {
	RUN_RUNNING = 1,
	RUN_SCHEDULED,
	RUN_FINISHED,
	RUN_FAILED,
	RUN_KILLED
};
/* Names by number, "" first: also the FIELD_ENUM table. */
extern const char *const run_status_names[];

struct cmd_run_update {
	struct command c;
	struct str run_id;
	struct opt_i64 status; /* enum run_status */
	struct opt_i64 end_time;
	struct str run_name;
	struct str dir; /* a mount's rename: the new directory name */
};

struct cmd_run { /* delete, restore */
	struct command c;
	struct str run_id;
};

/* log-batch, and with one element log-metric, log-parameter, set-tag. All of
 * it or nothing: params first, then tags, then points. */
struct cmd_run_log {
	struct command c;
	struct str run_id;
	struct field_list metrics; /* of struct key_points */
	struct field_list params;  /* of struct key_value */
	struct field_list tags;    /* of struct key_value */
	bool single_param;         /* wording of MLflow's error */
};

struct cmd_run_untag {
	struct command c;
	struct str run_id, key;
};

/* log-inputs: datasets and logged models that a run took. What is there
 * already stays as it is. */
struct input_dataset {
	struct str name, digest, source_type, source, schema, profile;
};
struct run_input {
	struct input_dataset dataset;
	struct field_list tags; /* of struct key_value */
};
struct run_model { /* step: of an output */
	struct str model_id;
	struct opt_i64 step;
};
struct cmd_run_inputs {
	struct command c;
	struct str run_id;
	struct field_list datasets; /* of struct run_input */
	struct field_list models;   /* of struct run_model */
};
struct cmd_run_outputs {
	struct command c;
	struct str run_id;
	struct field_list models; /* of struct run_model */
};
extern const struct field_set run_input_fields, run_model_fields;

/* log-model of MLflow 2: one more object in the array of the run's tag
 * mlflow.log-model.history. */
struct cmd_run_log_model {
	struct command c;
	struct str run_id;
	struct str model; /* JSON of the object */
};

/* Logged models (logged_model.h). */
struct cmd_logged_create {
	struct command c;
	struct str experiment_id, name, model_type, source_run_id;
	struct field_list params, tags; /* of struct key_value */
	struct str ret_model_id;
};
struct cmd_logged { /* finalize, delete */
	struct command c;
	struct str model_id;
	struct opt_i64 status; /* enum logged_status; finalize only */
};
struct cmd_logged_values { /* params, tags */
	struct command c;
	struct str model_id;
	struct field_list params, tags; /* of struct key_value */
};
struct cmd_logged_untag {
	struct command c;
	struct str model_id, key;
};

/* Registered models (registry.h): each command takes the name and what it is
 * about. */
struct cmd_model {
	struct command c;
	struct str name, new_name, description;
	struct str key, value;      /* tag, untag */
	struct str alias, version;  /* alias, unalias */
	struct field_list tags;     /* of struct key_value; create */
	struct opt_bool only_empty; /* delete: ERR_NOT_EMPTY with versions */
};

struct cmd_version {
	struct command c;
	struct str name, version, description;
	struct str key, value; /* tag, untag */
	struct str stage;
	struct opt_bool archive_existing_versions;
	struct str source, run_id, run_link, model_id; /* create */
	struct field_list tags;
	struct str ret_version;
};

/* Traces (trace.h). */

/* value, error and metadata are JSON. Of an issue the name is its id. */
struct trace_assessment {
	struct str assessment_id; /* absent: made */
	struct opt_i64 kind;      /* enum assessment_kind */
	struct str name, value;   /* value absent: null */
	struct str error;         /* of a feedback; absent: none, also below */
	struct str source_type, source_id, run_id, span_id, rationale;
	struct str overrides;            /* id of the one that it replaces */
	struct opt_bool valid;           /* absent: true */
	struct str metadata;             /* an object of texts */
	struct opt_i64 created, updated; /* ms; absent: now */
};
extern const struct field_set trace_assessment_fields;

/* MLflow 3 names the trace: what is there (spans may have come before) is
 * brought to what is said here; values that are not mentioned stay, and so do
 * previews where none are given. The trace has the metadata
 * mlflow.trace.infoFinalized from then on: spans no longer change its times,
 * session and token counts. An assessment that is there already is passed
 * over. MLflow 2 names none: a new one is made, and is in progress. */
struct cmd_trace_start {
	struct command c;
	struct str trace_id, experiment_id;
	struct str client_request_id; /* p NULL: none, also below */
	struct opt_i64 request_time;  /* ms; absent: now */
	struct opt_i64 duration;      /* ms; absent: not ended */
	struct opt_i64 state;         /* enum trace_state */
	struct str request_preview, response_preview;
	struct field_list metadata, tags; /* of struct key_value */
	struct field_list assessments;    /* of struct trace_assessment */
	struct str ret_trace_id;
};

/* MLflow 2: when and how it ended. */
struct cmd_trace_end {
	struct command c;
	struct str trace_id;
	struct opt_i64 end_time; /* ms; the duration follows */
	struct opt_i64 state;
	struct field_list metadata, tags; /* added to those there are */
};

/* Spans of some traces, all or nothing. Of a span, trace_id is passed over
 * but for the first one's, which the trace remembers where its public id does
 * not say the same; span_id has 8 bytes, parent_span_id 8 or none. Attributes
 * are what they mean: a text is that text, not JSON of it. A span whose id is
 * there replaces that one. A trace that is not there is made in the
 * experiment. As with MLflow, times follow the spans, and a root span
 * (without parent) says state and previews where they are open; metadata adds
 * up token counts and costs, and remembers session and user. */
struct trace_spans {
	struct str trace_id; /* public */
	const struct otlp_span *spans;
	size_t n;
};
struct cmd_trace_spans {
	struct command c;
	struct str experiment_id;
	const struct trace_spans *traces;
	size_t ntraces;
	/* The tag mlflow.trace.spansLocation that is left on each; absent:
	 * none. */
	struct str location;
	/* The trace must be there, and spans that are not among these go: a
	 * file traces.json written anew. */
	bool whole;
};

struct cmd_trace_tag { /* untag uses key only */
	struct command c;
	struct str trace_id, key, value;
};

/* Links that are there already stay as they are. Those to a trace that is not
 * there wait for it, LIMIT_EARLY_LINK_HOURS. */
struct cmd_trace_link_run {
	struct command c;
	struct field_list trace_ids; /* of struct str */
	struct str run_id;
};
struct prompt_version {
	struct str name, version;
};
extern const struct field_set prompt_version_fields;
struct cmd_trace_link_prompts {
	struct command c;
	struct str trace_id;
	struct field_list prompts; /* of struct prompt_version */
};

/* Those of the ids, where there are some, that lie in the experiment and not
 * after max_time; the oldest max_traces of them (absent or 0: all). Without
 * ids, max_time or max_traces is needed. One command deletes
 * LIMIT_DELETE_TRACES at most: while ret_more is set, send another (with
 * max_traces less by those deleted; the same idempotency key does no harm). */
struct cmd_trace_delete {
	struct command c;
	struct str experiment_id;
	struct field_list trace_ids; /* of struct str */
	struct opt_i64 max_time;     /* ms */
	struct opt_i64 max_traces;
	struct opt_i64 ret_deleted;
	struct opt_bool ret_more;
};

struct cmd_assessment_create {
	struct command c;
	struct str trace_id;
	struct trace_assessment assessment;
	struct str ret_assessment_id;
};

/* Of the assessment only what is given: name, value and error together (kind
 * says of what), rationale; metadata is merged into what there is. */
struct cmd_assessment_update { /* delete: the two ids alone */
	struct command c;
	struct str trace_id, assessment_id;
	struct opt_i64 kind; /* of value; absent: whatever it is */
	struct str name, value, error, rationale, metadata;
};

/* Artifacts of a run, or, where no run is named, of a logged model, or, where
 * none is named either, of a trace: a tree of its own per owner (owner.h).
 * Bytes lie in the object store already when these come; key tells where
 * (objects.h). */
struct cmd_artifact_put {
	struct command c;
	struct str run_id, model_id, trace_id, path;
	struct str key; /* in the object store; empty file: may be "" */
	struct opt_i64 size;
	struct str sha256; /* 64 hex digits; "" where size is 0 */
	struct str crc32c; /* 8 hex digits */
	struct str sums;   /* of its blocks (sums.h), in hex, or "" */
	struct opt_i64 mtime, mode;
	struct opt_bool exclusive; /* ERR_EXISTS where the path is taken */
	struct str ret_replaced;   /* key of the bytes it replaced, if any */
};

struct cmd_artifact_mkdir {
	struct command c;
	struct str run_id, model_id, trace_id, path;
	struct opt_i64 mode;
};

struct cmd_artifact_move {
	struct command c;
	struct str run_id, model_id, trace_id, path, to_run_id, to_path;
	struct opt_bool no_replace;
};

struct cmd_artifact_delete {
	struct command c;
	struct str run_id, model_id, trace_id, path;
	struct opt_bool recursive; /* else a directory must be empty */
	struct opt_bool missing_ok;
};

struct cmd_artifact_set { /* chmod, utimens */
	struct command c;
	struct str run_id, model_id, trace_id, path;
	struct opt_i64 mtime, mode;
};

/* Records drained from a journal: points of many runs, and how far they
 * reach. What is refused becomes a row of "refused", in the same
 * transaction. */
struct journal_line {
	struct str run_id, key;
	int64_t seq;      /* of the record it came in */
	int64_t accepted; /* ms; the timestamp of points without one */
	const struct journal_point *points;
	size_t count;
};

struct cmd_journal {
	struct command c;
	struct str journal_id;
	int64_t first_seq, last_seq; /* applied up to last_seq afterwards */
	const struct journal_line *lines;
	size_t nlines;
	/* The index must have all up to here, else nothing is taken. */
	int64_t after;
	int64_t ret_applied; /* how far it is applied, either way */
};

/* fn runs on the writer thread, between transactions. */
struct cmd_call {
	struct command c;
	int (*fn)(struct writer *w, void *arg, struct err *e);
	void *arg;
};

#endif
