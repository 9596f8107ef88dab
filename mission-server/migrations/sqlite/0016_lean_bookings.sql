-- A booking is one row: it moves points from the issuer to the user, or back, so that the books balance by themselves. Its
-- two sides said the same twice.
DROP VIEW v_ledger;
CREATE TABLE wallet_bookings (
    number        INTEGER PRIMARY KEY,
    -- The nil id once erased.
    user_id       BLOB NOT NULL,
    grant_id      BLOB NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('grant', 'revocation')),
    amount_micros INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    booked_at     INTEGER NOT NULL,
    UNIQUE (user_id, grant_id, kind)
) STRICT;
INSERT INTO wallet_bookings (number, user_id, grant_id, kind, amount_micros, currency, booked_at)
    SELECT e.id, coalesce(a.user_id, zeroblob(16)), e.grant_id, e.kind, e.amount_micros, e.currency, e.booked_at
    FROM wallet_entries e JOIN wallet_accounts a ON a.id = e.account_id WHERE e.side = 'holder' ORDER BY e.id;

-- Of accounts only the ends are noted: what is booked later for an erased user goes to the account of the erased, which has
-- the nil id.
CREATE TABLE wallet_erasures (
    user_id   BLOB PRIMARY KEY NOT NULL,
    erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO wallet_erasures (user_id, erased_at)
    SELECT user_id, erased_at FROM wallet_accounts WHERE user_id IS NOT NULL AND erased_at IS NOT NULL;

DROP TABLE wallet_entries;
DROP TABLE wallet_accounts;
ALTER TABLE wallet_bookings RENAME TO wallet_entries;

CREATE VIEW v_ledger AS
SELECT
    number,
    lower(substr(hex(grant_id), 1, 8) || '-' || substr(hex(grant_id), 9, 4) || '-' || substr(hex(grant_id), 13, 4)
        || '-' || substr(hex(grant_id), 17, 4) || '-' || substr(hex(grant_id), 21)) AS grant_id,
    CASE WHEN user_id <> zeroblob(16) THEN lower(substr(hex(user_id), 1, 8) || '-' || substr(hex(user_id), 9, 4) || '-'
        || substr(hex(user_id), 13, 4) || '-' || substr(hex(user_id), 17, 4) || '-' || substr(hex(user_id), 21)) END AS user_id,
    kind,
    amount_micros / 1000000.0 AS points,
    amount_micros AS millionths,
    currency,
    strftime('%Y-%m-%dT%H:%M:%fZ', booked_at / 1000000.0, 'unixepoch') AS booked_at
FROM wallet_entries;

-- What counts for no user's score is counted at once: nobody else writes, so that nobody waits for its row. Only what an
-- update takes back is still noted.
DROP TRIGGER check_in_days_inserted;
CREATE TRIGGER check_in_days_inserted AFTER INSERT ON check_in_days BEGIN
    INSERT INTO activity_counts (hour, mission_id, started, completed, check_ins, claims, points_micros, verifications, verified)
        VALUES (NEW.checked_in_at - ((NEW.checked_in_at % 3600000000) + 3600000000) % 3600000000, zeroblob(16),
            0, 0, 1, 0, 0, 0, 0)
        ON CONFLICT (hour, mission_id) DO UPDATE SET check_ins = check_ins + 1;
END;
DROP TRIGGER tasks_inserted;
CREATE TRIGGER tasks_inserted AFTER INSERT ON tasks BEGIN
    INSERT INTO activity_counts (hour, mission_id, started, completed, check_ins, claims, points_micros, verifications, verified)
        VALUES (NEW.started_at - ((NEW.started_at % 3600000000) + 3600000000) % 3600000000, NEW.mission_id,
            1, 0, 0, 0, 0, 0, 0)
        ON CONFLICT (hour, mission_id) DO UPDATE SET started = started + 1;
    INSERT INTO activity (kind, times, at, mission_id)
        SELECT 2, 1, NEW.completed_at, NEW.mission_id WHERE NEW.completed_at IS NOT NULL;
    INSERT INTO activity (kind, times, at, mission_id) SELECT 6 + NEW.is_valid, 1, NEW.verified_at, NEW.mission_id
        WHERE NEW.verified_at IS NOT NULL AND (NEW.is_valid OR NEW.status <> 'pending_review');
END;
