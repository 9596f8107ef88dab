-- A revoked reward counts as negative when it was revoked; what erased users did stays counted.

ALTER TABLE rewards ADD COLUMN revoked_at INTEGER;
CREATE INDEX rewards_revoked ON rewards (revoked_at, total_micros, mission_id) WHERE revoked_at IS NOT NULL;
CREATE INDEX tasks_open ON tasks (mission_id) WHERE status IN ('in_progress', 'pending_review');

-- By the hour in which it happened; sixteen zero bytes stand for no mission.
CREATE TABLE erased_activity (
    hour          INTEGER NOT NULL,
    mission_id    BLOB NOT NULL,
    started       INTEGER NOT NULL,
    completed     INTEGER NOT NULL,
    check_ins     INTEGER NOT NULL,
    claims        INTEGER NOT NULL,
    points_micros INTEGER NOT NULL,
    verifications INTEGER NOT NULL,
    verified      INTEGER NOT NULL,
    PRIMARY KEY (hour, mission_id)
) STRICT, WITHOUT ROWID;
