-- What is counted by the hour without a record: what erased users did, and evidence that was refused.

ALTER TABLE erased_activity RENAME TO activity_counts;
