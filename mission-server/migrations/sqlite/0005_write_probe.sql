-- A row that is written and deleted again where writes have failed, to see whether they succeed.
CREATE TABLE write_probe (
    id     INTEGER PRIMARY KEY NOT NULL,
    filler BLOB NOT NULL
) STRICT;
