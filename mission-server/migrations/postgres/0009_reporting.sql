-- What analysts read, described in docs/reporting.md: a view a thing of the domain, with typed columns. Tables may change with
-- any version; columns of these views stay. `OFFSET 0` keeps the planner from parsing the record anew for each column.

CREATE VIEW v_users AS
SELECT
    user_id AS id,
    (record #>> '{description,level}')::bigint AS named_level,
    (record ->> 'experience')::bigint AS experience,
    (record ->> 'points')::numeric AS points,
    record #>> '{description,country}' AS country,
    (record ->> 'first_seen_at')::timestamptz AS first_seen_at,
    (record ->> 'registered_at')::timestamptz AS registered_at,
    (record ->> 'erased_at')::timestamptz AS erased_at
FROM users CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed WHERE data IS NOT NULL;

CREATE VIEW v_missions AS
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
    (record ->> 'version')::bigint AS version
FROM missions CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed WHERE data IS NOT NULL;

CREATE VIEW v_user_tasks AS
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
FROM tasks CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed;

CREATE VIEW v_user_check_ins AS
SELECT
    user_id,
    (record #>> '{check_in,streak,current}')::bigint AS current_streak,
    (record #>> '{check_in,streak,longest}')::bigint AS longest_streak,
    (record #>> '{check_in,streak,total}')::bigint AS total_check_ins,
    (record #>> '{check_in,last_date}')::date AS last_date,
    (record #>> '{check_in,freezes_held}')::bigint AS freezes_held
FROM users CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed
WHERE data IS NOT NULL AND record #>> '{check_in,last_date}' IS NOT NULL;

CREATE VIEW v_check_in_days AS
SELECT
    id,
    user_id,
    (record ->> 'date')::date AS date,
    (record ->> 'streak')::bigint AS streak,
    (record #>> '{earned,base}')::numeric AS base_points,
    (record #>> '{earned,streak_bonus}')::numeric AS streak_bonus,
    (record #>> '{earned,milestone_bonus}')::numeric AS milestone_bonus,
    (record #>> '{earned,monthly_reward}')::numeric AS monthly_reward,
    (record ->> 'freezes_used')::bigint AS freezes_used,
    (record ->> 'checked_in_at')::timestamptz AS checked_in_at
FROM check_in_days CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed;

CREATE VIEW v_user_rewards AS
SELECT
    id,
    user_id,
    reward_type AS type,
    source_id,
    mission_id,
    status,
    (record #>> '{amount,points}')::numeric AS points,
    (record #>> '{amount,bonus_points}')::numeric AS bonus_points,
    total_micros AS total_millionths,
    record #>> '{amount,currency}' AS currency,
    (record ->> 'experience_points')::bigint AS experience_points,
    record ->> 'badge_id' AS badge_id,
    (record ->> 'earned_at')::timestamptz AS earned_at,
    (record ->> 'claimed_at')::timestamptz AS claimed_at,
    (record ->> 'expires_at')::timestamptz AS expires_at,
    (record ->> 'revoked_at')::timestamptz AS revoked_at
FROM rewards CROSS JOIN LATERAL (SELECT data::jsonb AS record OFFSET 0) parsed;

CREATE VIEW v_ledger AS
SELECT
    number,
    grant_id,
    nullif(user_id, '00000000-0000-0000-0000-000000000000'::uuid) AS user_id,
    kind,
    amount_micros::numeric / 1000000 AS points,
    amount_micros AS millionths,
    currency,
    timestamptz 'epoch' + booked_at * interval '1 microsecond' AS booked_at
FROM wallet_entries WHERE side = 'holder';
