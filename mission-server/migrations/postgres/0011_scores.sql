-- Leaderboards and analytics are kept as sums. What happened is noted in `activity` by triggers, in the transaction in
-- which it happens, and folded into the sums behind it: exactly once, because both are one transaction, and without a
-- row that all users share in anybody's commit. Whoever reads the sums folds what is noted first.

-- 1 task started, 2 completed, 3 check-in, 4 reward claimed, 5 points revoked, 6 evidence judged, 7 evidence judged good,
-- 8 points of a user alone. `times` is -1 where it is taken back. `user_id` is there where the points count on boards.
CREATE SEQUENCE activity_id CACHE 1;
CREATE TABLE activity (
    id         bigint PRIMARY KEY DEFAULT nextval('activity_id'),
    at         bigint NOT NULL,
    micros     bigint NOT NULL DEFAULT 0,
    kind       smallint NOT NULL,
    times      integer NOT NULL,
    mission_id uuid,
    user_id    uuid
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- `board` is 0 for all time, else the first day (since 1970) times 4, plus 1 for a month or 2 for a week.
CREATE TABLE scores (
    board   bigint NOT NULL,
    user_id uuid NOT NULL,
    points  bigint NOT NULL,
    PRIMARY KEY (board, user_id)
);
CREATE INDEX scores_by_points ON scores (board, points DESC, user_id);
CREATE INDEX scores_empty ON scores (board) WHERE points = 0;

-- The number of users whose points, without their last `width` bits, are `bucket`: ranks are sums over few of them.
CREATE TABLE score_counts (
    board  bigint NOT NULL,
    width  integer NOT NULL,
    bucket bigint NOT NULL,
    users  bigint NOT NULL,
    PRIMARY KEY (board, width, bucket)
) WITH (fillfactor = 50);

INSERT INTO activity (kind, times, at, mission_id)
    SELECT 1, 1, started_at, mission_id FROM tasks
    UNION ALL SELECT 2, 1, completed_at, mission_id FROM tasks WHERE completed_at IS NOT NULL
    UNION ALL SELECT 6 + is_valid::int, 1, verified_at, mission_id FROM tasks
        WHERE verified_at IS NOT NULL AND (is_valid OR status <> 'pending_review')
    UNION ALL SELECT 3, 1, checked_in_at, NULL FROM check_in_days;
INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
    SELECT 4, 1, claimed_at, mission_id, CASE WHEN status = 'claimed' THEN user_id END, total_micros FROM rewards
        WHERE claimed_at IS NOT NULL
    UNION ALL SELECT 5, 1, revoked_at, mission_id, NULL, total_micros FROM rewards WHERE revoked_at IS NOT NULL;

DROP INDEX tasks_started;
DROP INDEX tasks_completed;
DROP INDEX tasks_verified;
DROP INDEX rewards_claimed;
DROP INDEX rewards_revoked;
DROP INDEX check_in_days_by_time;

-- Triggers of a statement, not of a row: a batch of commits is a statement a table.
CREATE FUNCTION note_tasks_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT 1, 1, started_at, mission_id FROM inserted
        UNION ALL SELECT 2, 1, completed_at, mission_id FROM inserted WHERE completed_at IS NOT NULL
        UNION ALL SELECT 6 + is_valid::int, 1, verified_at, mission_id FROM inserted
            WHERE verified_at IS NOT NULL AND (is_valid OR status <> 'pending_review');
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_inserted AFTER INSERT ON tasks REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION note_tasks_inserted();

CREATE FUNCTION note_tasks_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT noted.* FROM before JOIN after USING (user_id, id) CROSS JOIN LATERAL (
            SELECT 1, -1, before.started_at, before.mission_id WHERE before.started_at <> after.started_at
            UNION ALL SELECT 1, 1, after.started_at, after.mission_id WHERE before.started_at <> after.started_at
            UNION ALL SELECT 2, -1, before.completed_at, before.mission_id
                WHERE before.completed_at IS NOT NULL AND before.completed_at IS DISTINCT FROM after.completed_at
            UNION ALL SELECT 2, 1, after.completed_at, after.mission_id
                WHERE after.completed_at IS NOT NULL AND before.completed_at IS DISTINCT FROM after.completed_at
            UNION ALL SELECT 6 + before.is_valid::int, -1, before.verified_at, before.mission_id
                WHERE before.verified_at IS NOT NULL AND (before.is_valid OR before.status <> 'pending_review')
            UNION ALL SELECT 6 + after.is_valid::int, 1, after.verified_at, after.mission_id
                WHERE after.verified_at IS NOT NULL AND (after.is_valid OR after.status <> 'pending_review')
        ) AS noted (kind, times, at, mission_id)
        WHERE before.started_at <> after.started_at OR before.completed_at IS DISTINCT FROM after.completed_at
            OR before.verified_at IS DISTINCT FROM after.verified_at
            OR before.is_valid IS DISTINCT FROM after.is_valid
            OR (before.status = 'pending_review') <> (after.status = 'pending_review');
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_updated AFTER UPDATE ON tasks REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_tasks_updated();

CREATE FUNCTION note_rewards_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
        SELECT 4, 1, claimed_at, mission_id, CASE WHEN status = 'claimed' THEN user_id END, total_micros
            FROM inserted WHERE claimed_at IS NOT NULL
        UNION ALL SELECT 5, 1, revoked_at, mission_id, NULL, total_micros FROM inserted WHERE revoked_at IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER rewards_inserted AFTER INSERT ON rewards REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION note_rewards_inserted();

CREATE FUNCTION note_rewards_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
        SELECT noted.* FROM before JOIN after USING (user_id, id) CROSS JOIN LATERAL (
            SELECT 4, -1, before.claimed_at, before.mission_id,
                    CASE WHEN before.status = 'claimed' THEN before.user_id END, before.total_micros
                WHERE before.claimed_at IS NOT NULL
            UNION ALL SELECT 4, 1, after.claimed_at, after.mission_id,
                    CASE WHEN after.status = 'claimed' THEN after.user_id END, after.total_micros
                WHERE after.claimed_at IS NOT NULL
            UNION ALL SELECT 5, -1, before.revoked_at, before.mission_id, NULL, before.total_micros
                WHERE before.revoked_at IS NOT NULL
            UNION ALL SELECT 5, 1, after.revoked_at, after.mission_id, NULL, after.total_micros
                WHERE after.revoked_at IS NOT NULL
        ) AS noted (kind, times, at, mission_id, user_id, micros)
        WHERE before.claimed_at IS DISTINCT FROM after.claimed_at
            OR before.revoked_at IS DISTINCT FROM after.revoked_at OR before.total_micros <> after.total_micros
            OR (before.status = 'claimed') <> (after.status = 'claimed');
    RETURN NULL;
END
$$;
CREATE TRIGGER rewards_updated AFTER UPDATE ON rewards REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_rewards_updated();

-- What an erased user did stays counted; on boards nothing stays.
CREATE FUNCTION note_rewards_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, user_id, micros)
        SELECT 8, -1, claimed_at, user_id, total_micros FROM deleted
        WHERE status = 'claimed' AND claimed_at IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER rewards_deleted AFTER DELETE ON rewards REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT EXECUTE FUNCTION note_rewards_deleted();

CREATE FUNCTION note_check_ins_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at) SELECT 3, 1, checked_in_at FROM inserted;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_in_days_inserted AFTER INSERT ON check_in_days REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION note_check_ins_inserted();

CREATE FUNCTION note_check_ins_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at)
        SELECT noted.* FROM before JOIN after USING (user_id, date)
            CROSS JOIN LATERAL (VALUES (3, -1, before.checked_in_at), (3, 1, after.checked_in_at))
                AS noted (kind, times, at)
        WHERE before.checked_in_at <> after.checked_in_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_in_days_updated AFTER UPDATE ON check_in_days
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_check_ins_updated();
