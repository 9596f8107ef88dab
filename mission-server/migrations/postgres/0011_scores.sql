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

CREATE FUNCTION note_task_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT 1, 1, NEW.started_at, NEW.mission_id
        UNION ALL SELECT 2, 1, NEW.completed_at, NEW.mission_id WHERE NEW.completed_at IS NOT NULL
        UNION ALL SELECT 6 + NEW.is_valid::int, 1, NEW.verified_at, NEW.mission_id
            WHERE NEW.verified_at IS NOT NULL AND (NEW.is_valid OR NEW.status <> 'pending_review');
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_inserted AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION note_task_inserted();

CREATE FUNCTION note_task_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT kind, sign, at, mission_id FROM (
            SELECT 1 AS kind, -1 AS sign, OLD.started_at AS at, OLD.mission_id AS mission_id
                WHERE OLD.started_at <> NEW.started_at
            UNION ALL SELECT 1, 1, NEW.started_at, NEW.mission_id WHERE OLD.started_at <> NEW.started_at
            UNION ALL SELECT 2, -1, OLD.completed_at, OLD.mission_id
                WHERE OLD.completed_at IS NOT NULL AND OLD.completed_at IS DISTINCT FROM NEW.completed_at
            UNION ALL SELECT 2, 1, NEW.completed_at, NEW.mission_id
                WHERE NEW.completed_at IS NOT NULL AND OLD.completed_at IS DISTINCT FROM NEW.completed_at
            UNION ALL SELECT 6 + OLD.is_valid::int, -1, OLD.verified_at, OLD.mission_id
                WHERE OLD.verified_at IS NOT NULL AND (OLD.is_valid OR OLD.status <> 'pending_review')
            UNION ALL SELECT 6 + NEW.is_valid::int, 1, NEW.verified_at, NEW.mission_id
                WHERE NEW.verified_at IS NOT NULL AND (NEW.is_valid OR NEW.status <> 'pending_review')) AS moved;
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_moved AFTER UPDATE ON tasks FOR EACH ROW
WHEN (OLD.started_at <> NEW.started_at OR OLD.completed_at IS DISTINCT FROM NEW.completed_at
    OR OLD.verified_at IS DISTINCT FROM NEW.verified_at OR OLD.is_valid IS DISTINCT FROM NEW.is_valid
    OR (OLD.status = 'pending_review') <> (NEW.status = 'pending_review'))
EXECUTE FUNCTION note_task_moved();

CREATE FUNCTION note_reward_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
        SELECT 4, 1, NEW.claimed_at, NEW.mission_id, CASE WHEN NEW.status = 'claimed' THEN NEW.user_id END,
            NEW.total_micros WHERE NEW.claimed_at IS NOT NULL
        UNION ALL SELECT 5, 1, NEW.revoked_at, NEW.mission_id, NULL, NEW.total_micros
            WHERE NEW.revoked_at IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER rewards_inserted AFTER INSERT ON rewards FOR EACH ROW
WHEN (NEW.claimed_at IS NOT NULL OR NEW.revoked_at IS NOT NULL)
EXECUTE FUNCTION note_reward_inserted();

CREATE FUNCTION note_reward_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
        SELECT 4, -1, OLD.claimed_at, OLD.mission_id, CASE WHEN OLD.status = 'claimed' THEN OLD.user_id END,
            OLD.total_micros WHERE OLD.claimed_at IS NOT NULL
        UNION ALL SELECT 4, 1, NEW.claimed_at, NEW.mission_id, CASE WHEN NEW.status = 'claimed' THEN NEW.user_id END,
            NEW.total_micros WHERE NEW.claimed_at IS NOT NULL
        UNION ALL SELECT 5, -1, OLD.revoked_at, OLD.mission_id, NULL, OLD.total_micros
            WHERE OLD.revoked_at IS NOT NULL
        UNION ALL SELECT 5, 1, NEW.revoked_at, NEW.mission_id, NULL, NEW.total_micros
            WHERE NEW.revoked_at IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER rewards_moved AFTER UPDATE ON rewards FOR EACH ROW
WHEN ((OLD.claimed_at IS NOT NULL OR NEW.claimed_at IS NOT NULL OR OLD.revoked_at IS NOT NULL
        OR NEW.revoked_at IS NOT NULL)
    AND (OLD.claimed_at IS DISTINCT FROM NEW.claimed_at OR OLD.revoked_at IS DISTINCT FROM NEW.revoked_at
        OR OLD.total_micros <> NEW.total_micros OR (OLD.status = 'claimed') <> (NEW.status = 'claimed')))
EXECUTE FUNCTION note_reward_moved();

-- What an erased user did stays counted; on boards nothing stays.
CREATE FUNCTION note_reward_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at, user_id, micros)
        VALUES (8, -1, OLD.claimed_at, OLD.user_id, OLD.total_micros);
    RETURN NULL;
END
$$;
CREATE TRIGGER rewards_deleted AFTER DELETE ON rewards FOR EACH ROW
WHEN (OLD.status = 'claimed' AND OLD.claimed_at IS NOT NULL)
EXECUTE FUNCTION note_reward_deleted();

CREATE FUNCTION note_check_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at) VALUES (3, 1, NEW.checked_in_at);
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO activity (kind, times, at) VALUES (3, -1, OLD.checked_in_at);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_in_days_inserted AFTER INSERT ON check_in_days FOR EACH ROW EXECUTE FUNCTION note_check_in();
CREATE TRIGGER check_in_days_moved AFTER UPDATE ON check_in_days FOR EACH ROW
WHEN (OLD.checked_in_at <> NEW.checked_in_at) EXECUTE FUNCTION note_check_in();
