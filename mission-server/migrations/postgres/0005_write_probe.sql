-- A row that is written and deleted again where writes have failed, to see whether they succeed.
CREATE TABLE write_probe (
    id     bigint PRIMARY KEY,
    filler bytea NOT NULL
);
-- As large on the disk as it is.
ALTER TABLE write_probe ALTER COLUMN filler SET STORAGE EXTERNAL;
