-- A booking is one row: it moves points from the issuer to the user, or back, so that the books balance by themselves. Its
-- two sides said the same twice.
DROP VIEW v_ledger;
DELETE FROM wallet_entries WHERE side = 'issuer';
-- Its name is another one where the table is divided.
DO $$
BEGIN
    EXECUTE format('ALTER TABLE wallet_entries DROP CONSTRAINT %I',
        (SELECT conname FROM pg_constraint WHERE conrelid = 'wallet_entries'::regclass AND contype = 'p'));
END
$$;
ALTER TABLE wallet_entries DROP COLUMN side;
ALTER TABLE wallet_entries ADD PRIMARY KEY (user_id, grant_id, kind);
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
FROM wallet_entries;

-- Of accounts only the ends are noted: what is booked later for an erased user goes to the account of the erased, which has
-- the nil id.
DELETE FROM wallet_accounts WHERE erased_at IS NULL;
ALTER TABLE wallet_accounts ALTER COLUMN erased_at SET NOT NULL;
ALTER TABLE wallet_accounts RENAME TO wallet_erasures;

-- What counts for no user's score is noted by the hour and mission: a row a batch, not one a record.
CREATE OR REPLACE FUNCTION note_check_ins_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity (kind, times, at)
        SELECT 3, count(*), checked_in_at - ((checked_in_at % 3600000000) + 3600000000) % 3600000000 AS hour
        FROM inserted GROUP BY hour;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION note_check_ins_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nearly always, for the trigger runs with every insertion.
    IF NOT EXISTS (SELECT FROM after) THEN
        RETURN NULL;
    END IF;
    INSERT INTO activity (kind, times, at)
        SELECT noted.* FROM before JOIN after USING (user_id, date)
            CROSS JOIN LATERAL (VALUES (3, -1, before.checked_in_at), (3, 1, after.checked_in_at))
                AS noted (kind, times, at)
        WHERE before.checked_in_at <> after.checked_in_at;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION note_tasks_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM inserted) THEN
        RETURN NULL;
    END IF;
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT kind, count(*), at - ((at % 3600000000) + 3600000000) % 3600000000 AS hour, mission_id FROM (
            SELECT 1 AS kind, started_at AS at, mission_id FROM inserted
            UNION ALL SELECT 2, completed_at, mission_id FROM inserted WHERE completed_at IS NOT NULL
            UNION ALL SELECT 6 + is_valid::int, verified_at, mission_id FROM inserted
                WHERE verified_at IS NOT NULL AND (is_valid OR status <> 'pending_review')) AS noted
        GROUP BY kind, hour, mission_id;
    RETURN NULL;
END
$$;
