-- The embedded wallet's double-entry ledger: every booking is a pair of rows whose amounts add up to nothing.

CREATE TABLE wallet_accounts (
    id        INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL CHECK (kind IN ('issuer', 'user', 'erased')),
    -- Of a user. Stays as a tombstone after an erasure, when the rows have moved to the account of the erased.
    user_id   BLOB UNIQUE,
    erased_at INTEGER
) STRICT;
INSERT INTO wallet_accounts (id, kind) VALUES (1, 'issuer'), (2, 'erased');

CREATE TABLE wallet_entries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    grant_id      BLOB NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('grant', 'revocation')),
    side          TEXT NOT NULL CHECK (side IN ('issuer', 'holder')),
    account_id    INTEGER NOT NULL REFERENCES wallet_accounts (id),
    amount_micros INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    booked_at     INTEGER NOT NULL,
    UNIQUE (grant_id, kind, side)
) STRICT;
CREATE INDEX wallet_entries_of_holder ON wallet_entries (account_id, id, amount_micros) WHERE side = 'holder';
