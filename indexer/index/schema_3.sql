-- From version 2 of the schema to version 3: sums of objects' blocks. Released:
-- never changed.

-- Sums of an object's blocks (sums.h), for objects of more than one; they go
-- when its bytes go.
CREATE TABLE object_sums (
	key TEXT PRIMARY KEY,
	sums BLOB NOT NULL
) STRICT, WITHOUT ROWID;
