-- What users have done with shadow missions is read by mission.

ALTER TABLE participations ADD COLUMN is_shadow integer;
CREATE INDEX participations_shadow ON participations (mission_id, user_id) WHERE is_shadow;

DROP VIEW v_missions;
CREATE VIEW v_missions AS
SELECT
    data ->> '$.id' AS id,
    data ->> '$.definition.code' AS code,
    data ->> '$.pack' AS pack,
    data ->> '$.status' AS status,
    data ->> '$.definition.type' AS type,
    data ->> '$.definition.category' AS category,
    data ->> '$.definition.frequency' AS frequency,
    data ->> '$.definition.target' AS target,
    data ->> '$.definition.reward.points' AS reward_points,
    data ->> '$.created_at' AS created_at,
    data ->> '$.version' AS version,
    coalesce(data ->> '$.definition.shadow', 0) AS shadow
FROM missions WHERE data IS NOT NULL;

-- Tasks of shadow missions are no user's own.
DROP VIEW v_user_tasks;
CREATE VIEW v_user_tasks AS
SELECT
    data ->> '$.id' AS id,
    data ->> '$.user_id' AS user_id,
    data ->> '$.mission_id' AS mission_id,
    data ->> '$.mission_version' AS mission_version,
    status,
    data ->> '$.progress.current' AS progress,
    data ->> '$.progress.target' AS target,
    data ->> '$.period' AS period,
    data ->> '$.started_at' AS started_at,
    data ->> '$.completed_at' AS completed_at,
    data ->> '$.reward_id' AS reward_id,
    data ->> '$.reward_claimed' AS reward_claimed
FROM tasks WHERE data ->> '$.would_earn' IS NULL;
