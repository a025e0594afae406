/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every limit on what is stored, by name, in one place.
 *
 * Beyond a limit the user gets an error that names it; nothing is cut except
 * where it is said, and MLflow cuts too.
 */
#ifndef ORRERY_INDEX_LIMITS_H
#define ORRERY_INDEX_LIMITS_H

enum {
	LIMIT_KEY = 250,          /* characters of a param, metric, tag key */
	LIMIT_PARAM_VALUE = 6000, /* characters; longer is cut */
	LIMIT_TAG_VALUE = 8000,   /* characters; longer is cut */
	LIMIT_EXPERIMENT_TAG_VALUE = 20000, /* longer is refused */
	LIMIT_EXPERIMENT_NAME = 500,
	LIMIT_RUN_NAME = 500,
	LIMIT_USER = 256,
	LIMIT_LOCATION = 2048,
	LIMIT_MODEL_NAME = 256,
	LIMIT_MODEL_TAG_VALUE =
		100000,          /* also of versions; longer is refused */
	LIMIT_MODEL_TAGS = 1000, /* given with a creation */
	LIMIT_DESCRIPTION = 100000,
	LIMIT_ALIAS = 255,
	LIMIT_SOURCE = 4096,
	LIMIT_BATCH_METRICS = 1000,
	LIMIT_BATCH_PARAMS = 100,
	LIMIT_BATCH_TAGS = 100,
	LIMIT_BATCH = 1000,
	LIMIT_LOGGED_NAME = 500,     /* of a logged model, and its type */
	LIMIT_LOGGED_VALUE = 100000, /* of its params and tags */
	LIMIT_DATASET_NAME = 500,
	LIMIT_DATASET_DIGEST = 36,
	LIMIT_DATASET_SOURCE = 65535,
	LIMIT_DATASET_SCHEMA = 1048575,
	LIMIT_DATASET_PROFILE = 16777215,
	LIMIT_INPUT_TAG_KEY = 255,
	LIMIT_INPUT_TAG_VALUE = 500,
	LIMIT_INPUTS = 1000,           /* datasets, or models, of one call */
	LIMIT_MODEL_HISTORY = 1 << 20, /* bytes of a run's log-model tag */
	LIMIT_PROJECTS = 10000,        /* by configuration */
	LIMIT_PROJECT_LEVELS = 20,
	LIMIT_PROJECT_PART = 255,      /* bytes between slashes */
	LIMIT_TRACE_ID = 250,          /* characters */
	LIMIT_CLIENT_REQUEST_ID = 250, /* characters; longer is refused */
	LIMIT_TRACE_PREVIEW = 10000,   /* characters; longer is cut */
	LIMIT_SPAN_PREVIEW = 1000,     /* one that is made of a root span */
	LIMIT_TRACE_VALUE = 8000,      /* of a tag or metadata; longer is cut */
	LIMIT_TRACE_VALUES = 1000,     /* tags, or metadata, of one call */
	LIMIT_TRACE_SPANS = 100000,    /* spans of one trace */
	LIMIT_BATCH_SPANS = 10000,     /* spans of one call */
	LIMIT_SPAN_NAME = 65535,       /* bytes */
	LIMIT_SPAN_TYPE = 500,         /* characters; longer is cut */
	LIMIT_TRACE_LINKS = 100,       /* of one call */
	LIMIT_LINK_TARGET = 600,       /* a prompt's name and version */
	LIMIT_DELETE_TRACES = 400,     /* of one command; there may be more */
	LIMIT_DELETE_TRACE_IDS = 1000, /* named in one call */
	LIMIT_TRACE_ASSESSMENTS = 1000, /* given with a trace */
	LIMIT_ASSESSMENT_ID = 50,       /* characters; so is a span's here */
	LIMIT_ASSESSMENT_NAME = 250,
	LIMIT_ASSESSMENT_TEXT = 1 << 20, /* bytes: value, error, metadata,
					    rationale */
	LIMIT_ARTIFACT_PATH = 4096,
	LIMIT_ARTIFACT_DEPTH = 128,
	LIMIT_FILE_NAME = 255,
	LIMIT_FILTER = 64 * 1024, /* bytes of a search filter */
	LIMIT_SEARCH_EXPERIMENTS = 50000,
	LIMIT_SEARCH_RUNS = 50000,
	LIMIT_SEARCH_LOGGED = 50000,
	LIMIT_SEARCH_TRACES = 500,
	LIMIT_SEARCH_MODELS = 1000, /* registered ones */
	LIMIT_SEARCH_VERSIONS = 200000,
	LIMIT_HISTORY_PAGE = 25000,

	LIMIT_QUEUE_BYTES = 64 << 20,   /* commands waiting, per lane */
	LIMIT_COMMAND_BYTES = 40 << 20, /* what one command may hold */
	LIMIT_MOVE_ROWS = 10000,        /* a directory moved to another run */
	LIMIT_GROUP_MS = 50,            /* one transaction of the writer */
	LIMIT_WAL_BYTES = 16 << 20,     /* beyond it the gate closes */
	LIMIT_READ_MS = 30000,          /* a request's work in the index */
	LIMIT_RUN_CACHE = 4096,         /* runs that the writer remembers */
	LIMIT_IDLE_MS = 10,             /* a slice of work nobody waits for */
	LIMIT_GC_MS = 10,               /* one command of gc */
	LIMIT_GC_ROWS = 1000,           /* and what it may take away */
	LIMIT_REMOVED_DAYS = 7,         /* removals kept for caches */
	LIMIT_EARLY_LINK_HOURS = 24,    /* links to traces to come */
	LIMIT_ONCE_HOURS = 24,          /* answers kept for retries */
	LIMIT_REFUSED = 10000,          /* rows of refused lines kept */
	LIMIT_TAIL_CACHE = 32 << 20,    /* writer's decoded recent points */
	LIMIT_COLUMN_CACHE = 128 << 20, /* packed columns of search */
	LIMIT_TEXT_COLUMNS = 64 << 20,  /* those of texts */
	LIMIT_COLUMN_TEXT = 16 << 20,   /* different texts of one of them */
};

#endif
