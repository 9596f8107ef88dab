-- What is kept for a time is found by its age; journal entries are, by their number.
-- When these expired was not kept.
UPDATE tasks SET due_at = started_at WHERE status = 'expired' AND due_at IS NULL;
CREATE INDEX tasks_expired ON tasks (due_at) WHERE status = 'expired';
