-- Which journal entries still have events to send: a small table of its own, so that a relay neither rewrites journal
-- rows nor looks for them among all.

CREATE TABLE outbox_entries (
    number      INTEGER PRIMARY KEY,
    root_id     BLOB NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_entries (number, root_id, recorded_at)
    SELECT number, root_id, recorded_at FROM journal WHERE outbox IS NOT NULL AND sent_at IS NULL;
DROP INDEX journal_unsent;
ALTER TABLE journal DROP COLUMN sent_at;

CREATE TRIGGER journal_inserted AFTER INSERT ON journal WHEN NEW.outbox IS NOT NULL BEGIN
    INSERT INTO outbox_entries (number, root_id, recorded_at) VALUES (NEW.number, NEW.root_id, NEW.recorded_at);
END;
