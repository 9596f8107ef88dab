-- Erased users of whom the archive of the journal may still tell: a row goes once the archive was looked through.
CREATE TABLE archive_erasures (
    user_id   uuid PRIMARY KEY,
    erased_at bigint NOT NULL
);
INSERT INTO archive_erasures (user_id, erased_at)
    SELECT user_id, (extract(epoch FROM (data::json ->> 'erased_at')::timestamptz) * 1000000)::bigint FROM users
    WHERE data LIKE '%"erased_at":%' AND data::json ->> 'erased_at' IS NOT NULL;
