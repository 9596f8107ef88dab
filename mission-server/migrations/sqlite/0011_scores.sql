-- Leaderboards and analytics are kept as sums. What happened is noted in `activity` by triggers, in the transaction in
-- which it happens, and folded into the sums behind it: exactly once, because both are one transaction, and without a
-- row that all users share in anybody's commit. Whoever reads the sums folds what is noted first.

-- 1 task started, 2 completed, 3 check-in, 4 reward claimed, 5 points revoked, 6 evidence judged, 7 evidence judged good,
-- 8 points of a user alone. `times` is -1 where it is taken back. `user_id` is there where the points count on boards.
CREATE TABLE activity (
    id         INTEGER PRIMARY KEY,
    kind       INTEGER NOT NULL,
    times      INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    mission_id BLOB,
    user_id    BLOB,
    micros     INTEGER NOT NULL DEFAULT 0
) STRICT;

-- `board` is 0 for all time, else the first day (since 1970) times 4, plus 1 for a month or 2 for a week.
CREATE TABLE scores (
    board   INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    points  INTEGER NOT NULL,
    PRIMARY KEY (board, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX scores_by_points ON scores (board, points DESC, user_id);

-- The number of users whose points, without their last `width` bits, are `bucket`: ranks are sums over few of them.
CREATE TABLE score_counts (
    board  INTEGER NOT NULL,
    width  INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    users  INTEGER NOT NULL,
    PRIMARY KEY (board, width, bucket)
) STRICT, WITHOUT ROWID;

INSERT INTO activity (kind, times, at, mission_id)
    SELECT 1, 1, started_at, mission_id FROM tasks
    UNION ALL SELECT 2, 1, completed_at, mission_id FROM tasks WHERE completed_at IS NOT NULL
    UNION ALL SELECT 6 + is_valid, 1, verified_at, mission_id FROM tasks
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

CREATE TRIGGER tasks_inserted AFTER INSERT ON tasks BEGIN
    INSERT INTO activity (kind, times, at, mission_id) VALUES (1, 1, NEW.started_at, NEW.mission_id);
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT 2, 1, NEW.completed_at, NEW.mission_id WHERE NEW.completed_at IS NOT NULL;
    INSERT INTO activity (kind, times, at, mission_id) SELECT 6 + NEW.is_valid, 1, NEW.verified_at, NEW.mission_id
        WHERE NEW.verified_at IS NOT NULL AND (NEW.is_valid OR NEW.status <> 'pending_review');
END;
CREATE TRIGGER tasks_started_moved AFTER UPDATE OF started_at ON tasks WHEN OLD.started_at <> NEW.started_at BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        VALUES (1, -1, OLD.started_at, OLD.mission_id), (1, 1, NEW.started_at, NEW.mission_id);
END;
CREATE TRIGGER tasks_completed_moved AFTER UPDATE OF completed_at ON tasks
WHEN OLD.completed_at IS NOT NEW.completed_at BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT 2, -1, OLD.completed_at, OLD.mission_id WHERE OLD.completed_at IS NOT NULL
        UNION ALL SELECT 2, 1, NEW.completed_at, NEW.mission_id WHERE NEW.completed_at IS NOT NULL;
END;
CREATE TRIGGER tasks_verified_moved AFTER UPDATE OF verified_at, is_valid, status ON tasks
WHEN OLD.verified_at IS NOT NEW.verified_at OR OLD.is_valid IS NOT NEW.is_valid
    OR (OLD.status = 'pending_review') <> (NEW.status = 'pending_review') BEGIN
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT 6 + OLD.is_valid, -1, OLD.verified_at, OLD.mission_id
            WHERE OLD.verified_at IS NOT NULL AND (OLD.is_valid OR OLD.status <> 'pending_review')
        UNION ALL SELECT 6 + NEW.is_valid, 1, NEW.verified_at, NEW.mission_id
            WHERE NEW.verified_at IS NOT NULL AND (NEW.is_valid OR NEW.status <> 'pending_review');
END;

CREATE TRIGGER rewards_inserted AFTER INSERT ON rewards
WHEN NEW.claimed_at IS NOT NULL OR NEW.revoked_at IS NOT NULL BEGIN
    INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
        SELECT 4, 1, NEW.claimed_at, NEW.mission_id, CASE WHEN NEW.status = 'claimed' THEN NEW.user_id END,
            NEW.total_micros WHERE NEW.claimed_at IS NOT NULL
        UNION ALL SELECT 5, 1, NEW.revoked_at, NEW.mission_id, NULL, NEW.total_micros
            WHERE NEW.revoked_at IS NOT NULL;
END;
CREATE TRIGGER rewards_moved AFTER UPDATE OF status, claimed_at, revoked_at, total_micros ON rewards
WHEN (OLD.claimed_at IS NOT NULL OR NEW.claimed_at IS NOT NULL OR OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NOT NULL)
    AND (OLD.claimed_at IS NOT NEW.claimed_at OR OLD.revoked_at IS NOT NEW.revoked_at
        OR OLD.total_micros <> NEW.total_micros OR (OLD.status = 'claimed') <> (NEW.status = 'claimed')) BEGIN
    INSERT INTO activity (kind, times, at, mission_id, user_id, micros)
        SELECT 4, -1, OLD.claimed_at, OLD.mission_id, CASE WHEN OLD.status = 'claimed' THEN OLD.user_id END,
            OLD.total_micros WHERE OLD.claimed_at IS NOT NULL
        UNION ALL SELECT 4, 1, NEW.claimed_at, NEW.mission_id, CASE WHEN NEW.status = 'claimed' THEN NEW.user_id END,
            NEW.total_micros WHERE NEW.claimed_at IS NOT NULL
        UNION ALL SELECT 5, -1, OLD.revoked_at, OLD.mission_id, NULL, OLD.total_micros
            WHERE OLD.revoked_at IS NOT NULL
        UNION ALL SELECT 5, 1, NEW.revoked_at, NEW.mission_id, NULL, NEW.total_micros
            WHERE NEW.revoked_at IS NOT NULL;
END;
-- What an erased user did stays counted; on boards nothing stays.
CREATE TRIGGER rewards_deleted AFTER DELETE ON rewards
WHEN OLD.status = 'claimed' AND OLD.claimed_at IS NOT NULL BEGIN
    INSERT INTO activity (kind, times, at, user_id, micros)
        VALUES (8, -1, OLD.claimed_at, OLD.user_id, OLD.total_micros);
END;

CREATE TRIGGER check_in_days_inserted AFTER INSERT ON check_in_days BEGIN
    INSERT INTO activity (kind, times, at) VALUES (3, 1, NEW.checked_in_at);
END;
CREATE TRIGGER check_in_days_moved AFTER UPDATE OF checked_in_at ON check_in_days
WHEN OLD.checked_in_at <> NEW.checked_in_at BEGIN
    INSERT INTO activity (kind, times, at) VALUES (3, -1, OLD.checked_in_at), (3, 1, NEW.checked_in_at);
END;
