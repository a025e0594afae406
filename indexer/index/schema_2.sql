-- From version 1 of the schema to version 2: projects, and names that tell them;
-- traces. Released: never changed.

CREATE TABLE project (
	id INTEGER PRIMARY KEY,
	path TEXT NOT NULL,                     -- group/subgroup/name
	title TEXT NOT NULL DEFAULT '',
	listed INTEGER NOT NULL DEFAULT 1,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX project_path ON project (path) WHERE listed = 1;
CREATE INDEX project_change ON project (change);

ALTER TABLE experiment ADD COLUMN
	full TEXT AS (CASE WHEN project > 0 THEN name || ' (' || project || ')'
		WHEN project = 0 THEN name END);
ALTER TABLE registered_model ADD COLUMN
	full TEXT AS (CASE WHEN project > 0 THEN name || ' (' || project || ')'
		WHEN project = 0 THEN name END);
DROP INDEX registered_model_order;
CREATE UNIQUE INDEX experiment_full ON experiment (full);
CREATE UNIQUE INDEX registered_model_full ON registered_model (full)
	WHERE gone = 0;

ALTER TABLE state ADD COLUMN traces INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN spans INTEGER NOT NULL DEFAULT 0;

-- A third kind of owners.
ALTER TABLE artifact DROP COLUMN run;
ALTER TABLE artifact DROP COLUMN model;
ALTER TABLE artifact ADD COLUMN
	run INTEGER AS (iif(owner BETWEEN 1 AND (1 << 62) - 1, owner, NULL));
ALTER TABLE artifact ADD COLUMN
	model INTEGER AS (iif(owner < 0, -owner, NULL));
ALTER TABLE artifact ADD COLUMN
	trace INTEGER AS (iif(owner > 1 << 62, owner - (1 << 62), NULL));

-- A trace: what an application did to answer one request. modified and change
-- follow all that hangs on it. One that is deleted is in experiment -1 at once,
-- under another id, and idle work takes its rows away. Its spans lie in blocks.
CREATE TABLE trace (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	uuid TEXT NOT NULL UNIQUE,              -- its public id: tr-...
	experiment INTEGER NOT NULL REFERENCES experiment (id),
	client_request TEXT,                    -- the id that its maker gave it
	time INTEGER NOT NULL,
	duration INTEGER,                       -- ms
	state INTEGER NOT NULL,                 -- enum trace_state
	request TEXT,                           -- previews
	response TEXT,
	otel BLOB NOT NULL DEFAULT x'',         -- spans' id of it, if not in uuid
	spans INTEGER NOT NULL DEFAULT 0,       -- how many
	artifacts_mtime INTEGER,                -- of the root of its artifacts
	artifacts_mode INTEGER,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL
) STRICT;
CREATE INDEX trace_change ON trace (change);
CREATE INDEX trace_time ON trace (experiment, time);
CREATE INDEX trace_client ON trace (client_request)
	WHERE client_request IS NOT NULL;

CREATE TABLE trace_tag (
	trace INTEGER NOT NULL REFERENCES trace (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	PRIMARY KEY (trace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_tag_key ON trace_tag (key, substr(value, 1, 200), trace);

-- What its maker said of it, beside tags: written with it.
CREATE TABLE trace_metadata (
	trace INTEGER NOT NULL REFERENCES trace (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	PRIMARY KEY (trace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_metadata_key
	ON trace_metadata (key, substr(value, 1, 200), trace);

-- Spans of a trace, packed, in order of arrival (span_block.h). The same id
-- is in none of its blocks twice.
CREATE TABLE trace_block (
	trace INTEGER NOT NULL REFERENCES trace (id),
	seq INTEGER NOT NULL,
	ids BLOB NOT NULL,                      -- of the spans, 8 bytes each
	data BLOB NOT NULL,
	PRIMARY KEY (trace, seq)
) STRICT;

-- Which kinds of spans a trace has, and how many of each: what a search by
-- name, type or status looks at. Derived, "check" compares it.
CREATE TABLE trace_span (
	trace INTEGER NOT NULL REFERENCES trace (id),
	name TEXT NOT NULL,
	type TEXT NOT NULL,
	status INTEGER NOT NULL,                -- enum otlp_status_code
	count INTEGER NOT NULL,
	PRIMARY KEY (trace, name, type, status)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_span_name ON trace_span (name, trace);

-- Runs (kind 0, by public id) and versions of prompts (kind 1, "name/1") that
-- a trace was linked to; what they name may go away.
CREATE TABLE trace_link (
	trace INTEGER NOT NULL REFERENCES trace (id),
	kind INTEGER NOT NULL,                  -- enum trace_link
	target TEXT NOT NULL,
	born INTEGER NOT NULL,
	PRIMARY KEY (trace, kind, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_link_target ON trace_link (kind, target, trace);

-- Links to traces that are not there yet: clients send those in their own time.
-- Kept a day. Each waits for a trace of its project.
CREATE TABLE trace_early_link (
	uuid TEXT NOT NULL,                     -- of the trace
	kind INTEGER NOT NULL,
	target TEXT NOT NULL,
	project INTEGER NOT NULL,
	time INTEGER NOT NULL,
	PRIMARY KEY (uuid, kind, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_early_link_time ON trace_early_link (time);

-- What was said about a trace or one of its spans. value, error and metadata
-- are JSON. NULL where not given.
CREATE TABLE assessment (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	trace INTEGER NOT NULL REFERENCES trace (id),
	uuid TEXT NOT NULL,                     -- its public id: a-...
	kind INTEGER NOT NULL,                  -- enum assessment_kind
	name TEXT NOT NULL,                     -- of an issue: its id
	value TEXT NOT NULL,
	error TEXT,
	source_type TEXT NOT NULL,
	source_id TEXT,
	run TEXT,
	span TEXT,
	rationale TEXT,
	overrides TEXT,                         -- the one it replaces
	valid INTEGER NOT NULL,
	metadata TEXT,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	UNIQUE (trace, uuid)
) STRICT;
CREATE INDEX assessment_name ON assessment (kind, name, trace);
