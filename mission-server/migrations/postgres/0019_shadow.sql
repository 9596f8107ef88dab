-- What users have done with shadow missions is read by mission.

ALTER TABLE participations ADD COLUMN is_shadow boolean;
CREATE INDEX participations_shadow ON participations (mission_id, user_id) WHERE is_shadow;

CREATE OR REPLACE VIEW v_missions AS
SELECT
    id,
    record #>> '{definition,code}' AS code,
    record ->> 'pack' AS pack,
    record ->> 'status' AS status,
    record #>> '{definition,type}' AS type,
    record #>> '{definition,category}' AS category,
    record #>> '{definition,frequency}' AS frequency,
    (record #>> '{definition,target}')::bigint AS target,
    (record #>> '{definition,reward,points}')::numeric AS reward_points,
    (record ->> 'created_at')::timestamptz AS created_at,
    (record ->> 'version')::bigint AS version,
    coalesce((record #>> '{definition,shadow}')::boolean, FALSE) AS shadow
FROM missions CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed WHERE data IS NOT NULL;

-- Tasks of shadow missions are no user's own.
CREATE OR REPLACE VIEW v_user_tasks AS
SELECT
    id,
    user_id,
    mission_id,
    (record ->> 'mission_version')::bigint AS mission_version,
    status,
    (record #>> '{progress,current}')::bigint AS progress,
    (record #>> '{progress,target}')::bigint AS target,
    record ->> 'period' AS period,
    (record ->> 'started_at')::timestamptz AS started_at,
    (record ->> 'completed_at')::timestamptz AS completed_at,
    (record ->> 'reward_id')::uuid AS reward_id,
    (record ->> 'reward_claimed')::boolean AS reward_claimed
FROM tasks CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed WHERE record ->> 'would_earn' IS NULL;
