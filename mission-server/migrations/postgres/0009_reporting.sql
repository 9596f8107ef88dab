-- What analysts read, described in docs/reporting.md: a view a thing of the domain, with typed columns. Tables may change with
-- any version; columns of these views stay.

CREATE VIEW v_users AS
SELECT
    user_id AS id,
    (data::jsonb #>> '{description,level}')::bigint AS named_level,
    (data::jsonb ->> 'experience')::bigint AS experience,
    (data::jsonb ->> 'points')::numeric AS points,
    data::jsonb #>> '{description,country}' AS country,
    (data::jsonb ->> 'first_seen_at')::timestamptz AS first_seen_at,
    (data::jsonb ->> 'registered_at')::timestamptz AS registered_at,
    (data::jsonb ->> 'erased_at')::timestamptz AS erased_at
FROM users WHERE data IS NOT NULL;

CREATE VIEW v_missions AS
SELECT
    id,
    data::jsonb #>> '{definition,code}' AS code,
    data::jsonb ->> 'pack' AS pack,
    data::jsonb ->> 'status' AS status,
    data::jsonb #>> '{definition,type}' AS type,
    data::jsonb #>> '{definition,category}' AS category,
    data::jsonb #>> '{definition,frequency}' AS frequency,
    (data::jsonb #>> '{definition,target}')::bigint AS target,
    (data::jsonb #>> '{definition,reward,points}')::numeric AS reward_points,
    (data::jsonb ->> 'created_at')::timestamptz AS created_at,
    (data::jsonb ->> 'version')::bigint AS version
FROM missions WHERE data IS NOT NULL;

CREATE VIEW v_user_tasks AS
SELECT
    id,
    user_id,
    mission_id,
    (data::jsonb ->> 'mission_version')::bigint AS mission_version,
    status,
    (data::jsonb #>> '{progress,current}')::bigint AS progress,
    (data::jsonb #>> '{progress,target}')::bigint AS target,
    data::jsonb ->> 'period' AS period,
    (data::jsonb ->> 'started_at')::timestamptz AS started_at,
    (data::jsonb ->> 'completed_at')::timestamptz AS completed_at,
    (data::jsonb ->> 'reward_id')::uuid AS reward_id,
    (data::jsonb ->> 'reward_claimed')::boolean AS reward_claimed
FROM tasks;

CREATE VIEW v_user_check_ins AS
SELECT
    user_id,
    (data::jsonb #>> '{check_in,streak,current}')::bigint AS current_streak,
    (data::jsonb #>> '{check_in,streak,longest}')::bigint AS longest_streak,
    (data::jsonb #>> '{check_in,streak,total}')::bigint AS total_check_ins,
    (data::jsonb #>> '{check_in,last_date}')::date AS last_date,
    (data::jsonb #>> '{check_in,freezes_held}')::bigint AS freezes_held
FROM users WHERE data IS NOT NULL AND data::jsonb #>> '{check_in,last_date}' IS NOT NULL;

CREATE VIEW v_check_in_days AS
SELECT
    id,
    user_id,
    (data::jsonb ->> 'date')::date AS date,
    (data::jsonb ->> 'streak')::bigint AS streak,
    (data::jsonb #>> '{earned,base}')::numeric AS base_points,
    (data::jsonb #>> '{earned,streak_bonus}')::numeric AS streak_bonus,
    (data::jsonb #>> '{earned,milestone_bonus}')::numeric AS milestone_bonus,
    (data::jsonb #>> '{earned,monthly_reward}')::numeric AS monthly_reward,
    (data::jsonb ->> 'freezes_used')::bigint AS freezes_used,
    (data::jsonb ->> 'checked_in_at')::timestamptz AS checked_in_at
FROM check_in_days;

CREATE VIEW v_user_rewards AS
SELECT
    id,
    user_id,
    reward_type AS type,
    source_id,
    mission_id,
    status,
    (data::jsonb #>> '{amount,points}')::numeric AS points,
    (data::jsonb #>> '{amount,bonus_points}')::numeric AS bonus_points,
    total_micros AS total_millionths,
    data::jsonb #>> '{amount,currency}' AS currency,
    (data::jsonb ->> 'experience_points')::bigint AS experience_points,
    data::jsonb ->> 'badge_id' AS badge_id,
    (data::jsonb ->> 'earned_at')::timestamptz AS earned_at,
    (data::jsonb ->> 'claimed_at')::timestamptz AS claimed_at,
    (data::jsonb ->> 'expires_at')::timestamptz AS expires_at,
    (data::jsonb ->> 'revoked_at')::timestamptz AS revoked_at
FROM rewards;

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
