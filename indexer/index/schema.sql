-- Schema of the index, version 3. A new database is made by this file; an
-- older one is brought here by the steps in migrate.c.
--
-- Conventions
--   id        row id inside; AUTOINCREMENT, so that none is used twice
--   lifecycle 0 active, 1 deleted (in the trash)
--   change    number of the transaction that last changed the row
--   born      number of the transaction that made it
--   created, updated, modified, deleted_time, time   ms since 1970
-- Names, keys and values are TEXT (UTF-8). Everything is STRICT.

-- One row: where the index stands. It is written once per transaction.
CREATE TABLE state (
	id INTEGER PRIMARY KEY CHECK (id = 0),
	schema INTEGER NOT NULL,        -- the same as user_version
	epoch INTEGER NOT NULL,         -- one incarnation; a restore makes a new one
	change INTEGER NOT NULL,        -- of the last transaction
	forgotten INTEGER NOT NULL,     -- removals up to this change are no longer kept
	last_series INTEGER NOT NULL,   -- id given last to a series
	experiments INTEGER NOT NULL,   -- totals; derived, "check" compares them
	runs INTEGER NOT NULL,
	series INTEGER NOT NULL,
	points INTEGER NOT NULL,
	artifacts INTEGER NOT NULL,     -- files, without directories
	artifact_bytes INTEGER NOT NULL,
	traces INTEGER NOT NULL DEFAULT 0,
	spans INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A project, as GitLab numbers it (project.h). One that is not listed any more
-- keeps what is in it, and its path is free.
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

-- An experiment. Names are unique in a project over both lifecycles, and so
-- are directory names over all: what lies in the trash keeps its name. Outside
-- of its project "full" is its name, unique over all; dir is its file form.
-- A run counts as deleted when it is deleted itself or its experiment is:
-- so deleting an experiment is one row, and restoring it brings back just
-- the runs that its deletion took.
-- What gc has begun to take away is in a project below zero, which nobody sees:
-- an experiment in one of its own, where it holds no name any more; runs,
-- logged models and traces in experiment -1, which every index has for that
-- (gc_rows.c).
CREATE TABLE experiment (
	id INTEGER PRIMARY KEY AUTOINCREMENT,   -- its public id is this number
	project INTEGER NOT NULL DEFAULT 0,     -- 0: of no project
	name TEXT NOT NULL,
	dir TEXT NOT NULL UNIQUE,               -- its name as a file name
	artifact_location TEXT NOT NULL,
	lifecycle INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	deleted_time INTEGER,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	full TEXT AS (CASE WHEN project > 0 THEN name || ' (' || project || ')'
		WHEN project = 0 THEN name END),
	UNIQUE (project, name)
) STRICT;
CREATE UNIQUE INDEX experiment_full ON experiment (full);
CREATE INDEX experiment_change ON experiment (change);
CREATE INDEX experiment_trash ON experiment (deleted_time) WHERE lifecycle = 1;

CREATE TABLE experiment_tag (
	experiment INTEGER NOT NULL REFERENCES experiment (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	PRIMARY KEY (experiment, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX experiment_tag_key ON experiment_tag (key, value, experiment);

-- A run. modified and change follow everything below it: its params, tags,
-- metrics and artifacts.
CREATE TABLE run (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	uuid TEXT NOT NULL UNIQUE,              -- its public id
	experiment INTEGER NOT NULL REFERENCES experiment (id),
	name TEXT NOT NULL,
	dir TEXT NOT NULL,                      -- made unique in the experiment
	user TEXT NOT NULL,
	status INTEGER NOT NULL,                -- enum run_status
	start_time INTEGER NOT NULL,
	end_time INTEGER,
	lifecycle INTEGER NOT NULL DEFAULT 0,   -- its own; see experiment; 2: gc
	deleted_time INTEGER,
	artifacts_mtime INTEGER,                -- of the root of its artifacts
	artifacts_mode INTEGER,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	UNIQUE (experiment, dir)
) STRICT;
CREATE INDEX run_change ON run (change);
CREATE INDEX run_experiment ON run (experiment);  -- ordered by id
CREATE INDEX run_start ON run (experiment, lifecycle, start_time);
CREATE INDEX run_trash ON run (deleted_time) WHERE lifecycle = 1;

-- Params are written once; the primary key serves a run, the index a search.
CREATE TABLE param (
	run INTEGER NOT NULL REFERENCES run (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	change INTEGER NOT NULL,                -- born, too: params never change
	PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX param_key ON param (key, value, run);

CREATE TABLE tag (
	run INTEGER NOT NULL REFERENCES run (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_key ON tag (key, value, run);

-- Tags that were deleted or overwritten by nothing: kept until gc.
CREATE TABLE tag_trash (
	id INTEGER PRIMARY KEY,
	run INTEGER NOT NULL REFERENCES run (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	time INTEGER NOT NULL
) STRICT;
CREATE INDEX tag_trash_run ON tag_trash (run);
CREATE INDEX tag_trash_time ON tag_trash (time);

-- A series: the points of one metric key of one run. Ids come from
-- state.last_series. There is no index on change or on the latest value: a
-- wide batch would dirty one page of it per key; run_change leads here.
CREATE TABLE series (
	run INTEGER NOT NULL REFERENCES run (id),
	id INTEGER NOT NULL,
	key TEXT NOT NULL,
	count INTEGER NOT NULL,                 -- points
	text INTEGER NOT NULL,                  -- bytes of its lines of text
	latest_step INTEGER NOT NULL,           -- MLflow's rule: greatest step,
	latest_time INTEGER NOT NULL,           -- then time, then value
	latest_bits INTEGER NOT NULL,           -- the value's 64 bits
	last_step INTEGER NOT NULL,             -- of the point that came last
	last_time INTEGER NOT NULL,
	min_step INTEGER NOT NULL,
	max_step INTEGER NOT NULL,
	min_time INTEGER NOT NULL,
	max_time INTEGER NOT NULL,
	block_count INTEGER NOT NULL DEFAULT 0, -- so many of count, and of text,
	block_text INTEGER NOT NULL DEFAULT 0,  -- are in blocks, the rest in tails
	folded INTEGER NOT NULL DEFAULT 0,      -- tails up to this seq are in blocks
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX series_run_key ON series (run, key);
CREATE INDEX series_key ON series (key, run);

-- Recent points: one row per run and commit, all series of the run together
-- (tail.h). seq is the number of the change. Points of a series in rows up to
-- its "folded" are in its blocks and are passed over here.
CREATE TABLE tail (
	run INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Older points of one series, packed, in order of arrival (block.h).
CREATE TABLE block (
	id INTEGER PRIMARY KEY,
	series INTEGER NOT NULL,
	start INTEGER NOT NULL,                 -- bytes of text before it
	first INTEGER NOT NULL,                 -- points before it
	count INTEGER NOT NULL,
	text INTEGER NOT NULL,
	min_step INTEGER NOT NULL,
	max_step INTEGER NOT NULL,
	min_time INTEGER NOT NULL,
	max_time INTEGER NOT NULL,
	sorted INTEGER NOT NULL,                -- in the order of history
	data BLOB NOT NULL,
	UNIQUE (series, start)
) STRICT;

-- A dataset as runs name it: what was first logged under a name and digest in
-- an experiment stays.
CREATE TABLE dataset (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	experiment INTEGER NOT NULL REFERENCES experiment (id),
	name TEXT NOT NULL,
	digest TEXT NOT NULL,
	source_type TEXT NOT NULL,
	source TEXT NOT NULL,
	schema TEXT NOT NULL,                   -- '' where there is none
	profile TEXT NOT NULL,
	born INTEGER NOT NULL,
	UNIQUE (experiment, name, digest)
) STRICT;
CREATE INDEX dataset_name ON dataset (name);
CREATE INDEX dataset_digest ON dataset (digest);

-- Datasets that a run took as input, and with which tags ("context").
CREATE TABLE run_input (
	run INTEGER NOT NULL REFERENCES run (id),
	dataset INTEGER NOT NULL REFERENCES dataset (id),
	born INTEGER NOT NULL,
	PRIMARY KEY (run, dataset)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_input_dataset ON run_input (dataset);

CREATE TABLE run_input_tag (
	run INTEGER NOT NULL,
	dataset INTEGER NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (run, dataset, key),
	FOREIGN KEY (run, dataset) REFERENCES run_input (run, dataset)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_input_tag_key ON run_input_tag (key, value, run);

-- A logged model: what log_model makes since MLflow 3. modified and change
-- follow everything below it; updated is the time that its users see. It has
-- a lifecycle of its own, whatever becomes of its experiment.
CREATE TABLE logged_model (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	uuid TEXT NOT NULL UNIQUE,              -- its public id: m-...
	experiment INTEGER NOT NULL REFERENCES experiment (id),
	name TEXT NOT NULL,                     -- many may have the same
	model_type TEXT NOT NULL,
	source_run TEXT NOT NULL,               -- public id, as it was given
	status INTEGER NOT NULL,                -- enum logged_status
	lifecycle INTEGER NOT NULL DEFAULT 0,
	deleted_time INTEGER,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	artifacts_mtime INTEGER,                -- of the root of its artifacts
	artifacts_mode INTEGER,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL
) STRICT;
CREATE INDEX logged_model_change ON logged_model (change);
CREATE INDEX logged_model_experiment ON logged_model (experiment);
CREATE INDEX logged_model_name ON logged_model (name);
CREATE INDEX logged_model_source ON logged_model (source_run);
CREATE INDEX logged_model_trash ON logged_model (deleted_time)
	WHERE lifecycle = 1;

CREATE TABLE logged_model_param (
	model INTEGER NOT NULL REFERENCES logged_model (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_model_param_key ON logged_model_param (key, value, model);

CREATE TABLE logged_model_tag (
	model INTEGER NOT NULL REFERENCES logged_model (id),
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	modified INTEGER NOT NULL,
	PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_model_tag_key ON logged_model_tag (key, value, model);

-- Points of runs that name a model, once more by model. The last of a model
-- and key, in the order of the primary key, is its latest value. The index
-- ends in the whole primary key: a search reads nothing else.
CREATE TABLE logged_model_metric (
	model INTEGER NOT NULL REFERENCES logged_model (id),
	key TEXT NOT NULL,
	time INTEGER NOT NULL,
	step INTEGER NOT NULL,
	run INTEGER NOT NULL REFERENCES run (id),
	dataset TEXT NOT NULL,                  -- its name and digest, '' where
	digest TEXT NOT NULL,                   -- none is named
	bits INTEGER NOT NULL,                  -- the value's 64 bits
	PRIMARY KEY (model, key, time, step, run, dataset, digest, bits)
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_model_metric_key ON logged_model_metric (key);
CREATE INDEX logged_model_metric_run ON logged_model_metric (run);
CREATE INDEX logged_model_metric_dataset ON logged_model_metric (dataset)
	WHERE dataset <> '';

-- Logged models that a run took as input (role 0) or made (role 1).
CREATE TABLE run_model (
	run INTEGER NOT NULL REFERENCES run (id),
	role INTEGER NOT NULL,
	model INTEGER NOT NULL REFERENCES logged_model (id),
	step INTEGER NOT NULL,                  -- of an output
	born INTEGER NOT NULL,
	PRIMARY KEY (run, role, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_model_model ON run_model (model);

-- Artifacts of a run, a logged model or a trace: a tree. The owner is the run's
-- id, or the model's with its sign turned, or the trace's and 2^62 (owner.h);
-- run, model and trace are the same once more, for joins. ("check" sees to it
-- that they exist: a reference would have SQLite look through all artifacts for
-- each run that goes.) parent 0 is the root. A directory that was removed with
-- all below it has parent = -id until idle work has taken its rows away.
CREATE TABLE artifact (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	owner INTEGER NOT NULL,
	parent INTEGER NOT NULL,
	name TEXT NOT NULL,
	is_dir INTEGER NOT NULL,
	key TEXT NOT NULL,                      -- in the object store; '' of none
	size INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	crc32c TEXT NOT NULL,
	mtime INTEGER NOT NULL,
	mode INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	run INTEGER AS (iif(owner BETWEEN 1 AND (1 << 62) - 1, owner, NULL)),
	model INTEGER AS (iif(owner < 0, -owner, NULL)),
	trace INTEGER AS (iif(owner > 1 << 62, owner - (1 << 62), NULL)),
	UNIQUE (owner, parent, name)
) STRICT;
CREATE INDEX artifact_change ON artifact (change);
CREATE INDEX artifact_list ON artifact (owner, parent, id);
CREATE INDEX artifact_key ON artifact (key) WHERE key <> '';
CREATE INDEX artifact_detached ON artifact (parent) WHERE parent < 0;

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

-- A registered model. Names are unique in a project, and so are "full" and
-- directory names over all. A version keeps its number for ever: last_version
-- is the one given last. A removed model is "gone" at once and holds no name
-- any more; idle work takes away its rows. updated is what MLflow shows;
-- modified and change follow its versions, tags and aliases, too.
CREATE TABLE registered_model (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project INTEGER NOT NULL DEFAULT 0,     -- 0: of no project
	name TEXT NOT NULL,
	dir TEXT NOT NULL,                      -- its name as a file name
	description TEXT NOT NULL,
	last_version INTEGER NOT NULL DEFAULT 0,
	gone INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	full TEXT AS (CASE WHEN project > 0 THEN name || ' (' || project || ')'
		WHEN project = 0 THEN name END)
) STRICT;
CREATE UNIQUE INDEX registered_model_name ON registered_model (project, name)
	WHERE gone = 0;
CREATE UNIQUE INDEX registered_model_dir ON registered_model (dir)
	WHERE gone = 0;
CREATE UNIQUE INDEX registered_model_full ON registered_model (full)
	WHERE gone = 0;
CREATE INDEX registered_model_gone ON registered_model (gone) WHERE gone = 1;
CREATE INDEX registered_model_change ON registered_model (change);

CREATE TABLE registered_model_tag (
	model INTEGER NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX registered_model_tag_key
	ON registered_model_tag (key, substr(value, 1, 200), model);

-- A version of a registered model. source is what was registered, location
-- the URI at which its files are found. run and logged_model are public ids,
-- '' where there is none; what they name need not exist.
CREATE TABLE model_version (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	model INTEGER NOT NULL REFERENCES registered_model (id),
	number INTEGER NOT NULL,
	stage INTEGER NOT NULL,                 -- enum model_stage
	description TEXT NOT NULL,
	source TEXT NOT NULL,
	location TEXT NOT NULL,
	run TEXT NOT NULL,
	run_link TEXT NOT NULL,
	logged_model TEXT NOT NULL,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	UNIQUE (model, number)
) STRICT;
CREATE INDEX model_version_stage ON model_version (model, stage, number);
CREATE INDEX model_version_change ON model_version (model, change);
CREATE INDEX model_version_run ON model_version (run);
CREATE INDEX model_version_source ON model_version (source);

CREATE TABLE model_version_tag (
	version INTEGER NOT NULL REFERENCES model_version (id) ON DELETE CASCADE,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (version, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_version_tag_key
	ON model_version_tag (key, substr(value, 1, 200), version);

-- A name for one version of a model, which may move to another.
CREATE TABLE model_alias (
	model INTEGER NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
	alias TEXT NOT NULL,
	version INTEGER NOT NULL REFERENCES model_version (id) ON DELETE CASCADE,
	modified INTEGER NOT NULL,
	born INTEGER NOT NULL,
	change INTEGER NOT NULL,
	PRIMARY KEY (model, alias)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_alias_version ON model_alias (version);

-- Objects that nothing refers to any more, until gc removes their bytes: it
-- claims some, and from then on no artifact may refer to them; it removes the
-- bytes, then the rows. time 0: with the next gc, however young.
CREATE TABLE garbage (
	key TEXT PRIMARY KEY,
	size INTEGER NOT NULL,
	time INTEGER NOT NULL,
	owner INTEGER NOT NULL,                 -- whose it was, and its name
	name TEXT NOT NULL,
	claimed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX garbage_time ON garbage (time);

-- Sums of an object's blocks (sums.h), for objects of more than one; they go
-- when its bytes go.
CREATE TABLE object_sums (
	key TEXT PRIMARY KEY,
	sums BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What went away, or lost its name, or moved to or from the trash: for caches
-- and replicas, kept seven days.
CREATE TABLE removed (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	thing INTEGER NOT NULL,                 -- enum thing
	project INTEGER NOT NULL,
	row INTEGER NOT NULL,
	parent INTEGER NOT NULL,
	parent_dir INTEGER NOT NULL,
	name TEXT NOT NULL,
	change INTEGER NOT NULL,
	time INTEGER NOT NULL
) STRICT;
CREATE INDEX removed_change ON removed (change);

-- How far each journal is applied.
CREATE TABLE journal (
	id TEXT PRIMARY KEY,
	applied_seq INTEGER NOT NULL,
	updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lines of journals that had to be refused.
CREATE TABLE refused (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	time INTEGER NOT NULL,
	run TEXT NOT NULL,                      -- as it was given
	key TEXT NOT NULL,
	why TEXT NOT NULL,
	journal TEXT NOT NULL,
	project INTEGER NOT NULL DEFAULT 0      -- of the run, where there is one
) STRICT;

-- Answers to requests that carried an idempotency key, kept a day.
CREATE TABLE once (
	key TEXT PRIMARY KEY,
	request BLOB NOT NULL,                  -- hash of what was asked
	answer TEXT NOT NULL,
	time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX once_time ON once (time);
