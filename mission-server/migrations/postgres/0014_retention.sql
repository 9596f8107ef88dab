-- What is kept for a time is found by its age. Rows come in the order of time, so that an index grows at its end; a BRIN index
-- costs an insertion several times as much.
CREATE INDEX journal_by_time ON journal (recorded_at);
DROP INDEX receipts_by_time;
CREATE INDEX receipts_by_time ON receipts (recorded_at);
-- When these expired was not kept.
UPDATE tasks SET due_at = started_at WHERE status = 'expired' AND due_at IS NULL;
CREATE INDEX tasks_expired ON tasks (due_at) WHERE status = 'expired';
