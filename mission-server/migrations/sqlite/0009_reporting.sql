-- What analysts read, described in docs/reporting.md: a view a thing of the domain, with typed columns. Tables may change with
-- any version; columns of these views stay. Ids and instants are texts (RFC 9562, RFC 3339), points are numbers; what has to
-- be exact is summed in millionths.

CREATE VIEW v_users AS
SELECT
    data ->> '$.id' AS id,
    data ->> '$.description.level' AS named_level,
    data ->> '$.experience' AS experience,
    data ->> '$.points' AS points,
    data ->> '$.description.country' AS country,
    data ->> '$.first_seen_at' AS first_seen_at,
    data ->> '$.registered_at' AS registered_at,
    data ->> '$.erased_at' AS erased_at
FROM users WHERE data IS NOT NULL;

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
    data ->> '$.version' AS version
FROM missions WHERE data IS NOT NULL;

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
FROM tasks;

CREATE VIEW v_user_check_ins AS
SELECT
    data ->> '$.id' AS user_id,
    data ->> '$.check_in.streak.current' AS current_streak,
    data ->> '$.check_in.streak.longest' AS longest_streak,
    data ->> '$.check_in.streak.total' AS total_check_ins,
    data ->> '$.check_in.last_date' AS last_date,
    data ->> '$.check_in.freezes_held' AS freezes_held
FROM users WHERE data IS NOT NULL AND data ->> '$.check_in.last_date' IS NOT NULL;

CREATE VIEW v_check_in_days AS
SELECT
    data ->> '$.id' AS id,
    lower(substr(hex(user_id), 1, 8) || '-' || substr(hex(user_id), 9, 4) || '-' || substr(hex(user_id), 13, 4)
        || '-' || substr(hex(user_id), 17, 4) || '-' || substr(hex(user_id), 21)) AS user_id,
    data ->> '$.date' AS date,
    data ->> '$.streak' AS streak,
    data ->> '$.earned.base' AS base_points,
    data ->> '$.earned.streak_bonus' AS streak_bonus,
    data ->> '$.earned.milestone_bonus' AS milestone_bonus,
    data ->> '$.earned.monthly_reward' AS monthly_reward,
    data ->> '$.freezes_used' AS freezes_used,
    data ->> '$.checked_in_at' AS checked_in_at
FROM check_in_days;

CREATE VIEW v_user_rewards AS
SELECT
    data ->> '$.id' AS id,
    data ->> '$.user_id' AS user_id,
    reward_type AS type,
    data ->> '$.source_id' AS source_id,
    data ->> '$.mission_id' AS mission_id,
    status,
    data ->> '$.amount.points' AS points,
    data ->> '$.amount.bonus_points' AS bonus_points,
    total_micros AS total_millionths,
    data ->> '$.amount.currency' AS currency,
    data ->> '$.experience_points' AS experience_points,
    data ->> '$.badge_id' AS badge_id,
    data ->> '$.earned_at' AS earned_at,
    data ->> '$.claimed_at' AS claimed_at,
    data ->> '$.expires_at' AS expires_at,
    data ->> '$.revoked_at' AS revoked_at
FROM rewards;

CREATE VIEW v_ledger AS
SELECT
    e.id AS number,
    lower(substr(hex(e.grant_id), 1, 8) || '-' || substr(hex(e.grant_id), 9, 4) || '-' || substr(hex(e.grant_id), 13, 4)
        || '-' || substr(hex(e.grant_id), 17, 4) || '-' || substr(hex(e.grant_id), 21)) AS grant_id,
    CASE WHEN a.user_id IS NOT NULL THEN lower(substr(hex(a.user_id), 1, 8) || '-' || substr(hex(a.user_id), 9, 4) || '-' || substr(hex(a.user_id), 13, 4)
        || '-' || substr(hex(a.user_id), 17, 4) || '-' || substr(hex(a.user_id), 21)) END AS user_id,
    e.kind AS kind,
    e.amount_micros / 1000000.0 AS points,
    e.amount_micros AS millionths,
    e.currency AS currency,
    strftime('%Y-%m-%dT%H:%M:%fZ', e.booked_at / 1000000.0, 'unixepoch') AS booked_at
FROM wallet_entries e JOIN wallet_accounts a ON a.id = e.account_id WHERE e.side = 'holder';
