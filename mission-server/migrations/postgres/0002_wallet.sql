-- The embedded wallet's double-entry ledger: every booking is a pair of rows, one on the issuer's side and one on the
-- holder's, whose amounts add up to nothing. Both are kept below the holder.

CREATE TABLE wallet_accounts (
    user_id   uuid PRIMARY KEY,
    -- The account stays as a tombstone after an erasure, when its rows have moved to the account of the erased, which
    -- has the nil id.
    erased_at bigint
);

CREATE SEQUENCE wallet_number CACHE 1;
CREATE TABLE wallet_entries (
    user_id       uuid NOT NULL,
    grant_id      uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('grant', 'revocation')),
    side          text NOT NULL CHECK (side IN ('issuer', 'holder')),
    number        bigint NOT NULL DEFAULT nextval('wallet_number'),
    amount_micros bigint NOT NULL,
    currency      text NOT NULL,
    booked_at     bigint NOT NULL,
    PRIMARY KEY (user_id, grant_id, kind, side)
);
