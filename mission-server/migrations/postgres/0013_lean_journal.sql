-- The journal keeps what stays. What is to be sent stands in the outbox until it is sent; there it needs no journal entry.
ALTER TABLE outbox_entries ADD COLUMN root_kind text, ADD COLUMN envelope text;
UPDATE outbox_entries o SET root_kind = j.root_kind, envelope = j.outbox
    FROM journal j WHERE j.root_id = o.root_id AND j.number = o.number;
DELETE FROM outbox_entries WHERE envelope IS NULL;
ALTER TABLE outbox_entries ALTER COLUMN root_kind SET NOT NULL, ALTER COLUMN envelope SET NOT NULL;
-- These told of erased users, and stayed only until their events had left.
DELETE FROM journal WHERE request IS NULL;
ALTER TABLE journal DROP COLUMN outbox;

-- Only a command whose caller named an idempotency key has a receipt. The answer of any other stands in its journal entry,
-- where it is looked for once its commit was uncertain: a row, an index entry and a constraint less each.
ALTER TABLE journal ADD COLUMN answer text;
