-- Erased users of whom the archive of the journal may still tell: a row goes once the archive was looked through.
CREATE TABLE archive_erasures (
    user_id   BLOB PRIMARY KEY NOT NULL,
    erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO archive_erasures (user_id, erased_at)
    SELECT user_id, CAST(unixepoch(data ->> '$.erased_at', 'subsec') * 1000000 AS INTEGER) FROM users
    WHERE data LIKE '%"erased_at":%' AND data ->> '$.erased_at' IS NOT NULL;
