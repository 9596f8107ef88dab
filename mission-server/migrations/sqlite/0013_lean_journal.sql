-- The journal keeps what stays. What is to be sent stands in the outbox until it is sent; there it needs no journal entry.
DROP TRIGGER journal_inserted;
CREATE TABLE outbox (
    number      INTEGER PRIMARY KEY,
    root_kind   TEXT NOT NULL,
    root_id     BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    envelope    TEXT NOT NULL
) STRICT;
INSERT INTO outbox (number, root_kind, root_id, recorded_at, envelope)
    SELECT o.number, j.root_kind, o.root_id, o.recorded_at, j.outbox
    FROM outbox_entries o JOIN journal j USING (number) WHERE j.outbox IS NOT NULL;
DROP TABLE outbox_entries;
ALTER TABLE outbox RENAME TO outbox_entries;
-- These told of erased users, and stayed only until their events had left.
DELETE FROM journal WHERE request IS NULL AND caller IS NULL;
ALTER TABLE journal DROP COLUMN outbox;

-- (caller, command) is the receipt of a command whose caller named an idempotency key. Any other has the id that the engine
-- gave it here, and needs no place in the index: its answer is looked for in its root's entries once its commit was
-- uncertain.
ALTER TABLE journal ADD COLUMN engine_id BLOB;
UPDATE journal SET engine_id = command, caller = NULL, command = NULL, fingerprint = NULL
    WHERE caller = zeroblob(16) AND number > (SELECT value FROM counters WHERE name = 'receipts_cleared');
