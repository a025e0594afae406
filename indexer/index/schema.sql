-- Schema of the index, version 1. A new database is made by this file; an
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
	artifact_bytes INTEGER NOT NULL
) STRICT;

-- An experiment. Names are unique in a project over both lifecycles, and so
-- are directory names over all: what lies in the trash keeps its name.
-- A run counts as deleted when it is deleted itself or its experiment is:
-- so deleting an experiment is one row, and restoring it brings back just
-- the runs that its deletion took.
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
	UNIQUE (project, name)
) STRICT;
CREATE INDEX experiment_change ON experiment (change);

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
	lifecycle INTEGER NOT NULL DEFAULT 0,   -- its own; see experiment
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

-- Artifacts of a run: a tree. parent 0 is the root. A directory that was
-- removed with all below it has parent = -id until idle work has taken its
-- rows away.
CREATE TABLE artifact (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	run INTEGER NOT NULL REFERENCES run (id),
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
	UNIQUE (run, parent, name)
) STRICT;
CREATE INDEX artifact_change ON artifact (change);
CREATE INDEX artifact_list ON artifact (run, parent, id);
CREATE INDEX artifact_key ON artifact (key) WHERE key <> '';
CREATE INDEX artifact_detached ON artifact (parent) WHERE parent < 0;

-- Objects that nothing refers to any more, until gc removes their bytes.
CREATE TABLE garbage (
	key TEXT PRIMARY KEY,
	size INTEGER NOT NULL,
	time INTEGER NOT NULL,
	run INTEGER NOT NULL,                   -- whose it was, and its name
	name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX garbage_time ON garbage (time);

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
