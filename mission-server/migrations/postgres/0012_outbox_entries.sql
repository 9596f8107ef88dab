-- Which journal entries still have events to send: a small table of its own, so that a relay neither rewrites journal
-- rows nor looks for them among all.

CREATE TABLE outbox_entries (
    number      bigint PRIMARY KEY,
    root_id     uuid NOT NULL,
    recorded_at bigint NOT NULL,
    shard       smallint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
INSERT INTO outbox_entries (number, root_id, recorded_at, shard)
    SELECT number, root_id, recorded_at, shard FROM journal WHERE outbox IS NOT NULL AND sent_at IS NULL;
DROP INDEX journal_unsent;
ALTER TABLE journal DROP COLUMN sent_at;
