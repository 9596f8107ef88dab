-- A revoked reward counts as negative when it was revoked; what erased users did stays counted.

ALTER TABLE rewards ADD COLUMN revoked_at bigint;
CREATE INDEX rewards_revoked ON rewards (revoked_at, total_micros, mission_id) WHERE revoked_at IS NOT NULL;
CREATE INDEX tasks_open ON tasks (mission_id) WHERE status IN ('in_progress', 'pending_review');

-- By the hour in which it happened; the nil id stands for no mission.
CREATE TABLE erased_activity (
    hour          bigint NOT NULL,
    mission_id    uuid NOT NULL,
    started       bigint NOT NULL,
    completed     bigint NOT NULL,
    check_ins     bigint NOT NULL,
    claims        bigint NOT NULL,
    points_micros bigint NOT NULL,
    verifications bigint NOT NULL,
    verified      bigint NOT NULL,
    PRIMARY KEY (hour, mission_id)
);
