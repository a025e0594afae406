-- What the index of a replica has beside the tables of every index: how far it
-- follows its server, and of which runs it holds the points (replica_file.h).

CREATE TABLE replica (
	id INTEGER PRIMARY KEY CHECK (id = 0),
	epoch INTEGER NOT NULL,         -- of the server's index; 0: none yet
	view INTEGER NOT NULL,          -- what of it this token may see
	change INTEGER NOT NULL,        -- place in the order of changes up to
	kind INTEGER NOT NULL,          -- which all was received
	row INTEGER NOT NULL,
	part INTEGER NOT NULL,
	after INTEGER NOT NULL,
	base INTEGER NOT NULL,          -- last change when nothing was missing
	began INTEGER NOT NULL,         -- server's change when the copy began
	level INTEGER NOT NULL          -- 1 once the first copy is whole
) STRICT;
INSERT INTO replica VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

-- Runs whose points are here; what is new comes with each page. Stale: some
-- were folded away before they came.
CREATE TABLE replica_run (
	run INTEGER PRIMARY KEY,
	stale INTEGER NOT NULL
) STRICT;
CREATE INDEX replica_run_stale ON replica_run (run) WHERE stale = 1;

-- Experiments that went away; what was in them is taken away in slices.
CREATE TABLE replica_gone (
	experiment INTEGER PRIMARY KEY
) STRICT;
