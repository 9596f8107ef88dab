-- Records are JSON in `data`; what is filtered, sorted, summed or unique has a column of its own. Instants are
-- microseconds since 1970 (UTC), dates are days since 1970, points are millionths, ids are 16 bytes. Tables of users
-- are keyed by the user first.

CREATE TABLE users (
    id      BLOB PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    data    TEXT
) STRICT;

CREATE TABLE missions (
    id      BLOB PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    data    TEXT
) STRICT;

CREATE TABLE packs (
    id      BLOB PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    data    TEXT
) STRICT;

-- Optimistic versions are the database's job too: a root begins at 1 and rises by 1.
CREATE TRIGGER users_begin AFTER INSERT ON users WHEN NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'version conflict'); END;
CREATE TRIGGER users_rise BEFORE UPDATE OF version ON users WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'version conflict'); END;
CREATE TRIGGER missions_begin AFTER INSERT ON missions WHEN NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'version conflict'); END;
CREATE TRIGGER missions_rise BEFORE UPDATE OF version ON missions WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'version conflict'); END;
CREATE TRIGGER packs_begin AFTER INSERT ON packs WHEN NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'version conflict'); END;
CREATE TRIGGER packs_rise BEFORE UPDATE OF version ON packs WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'version conflict'); END;

CREATE TABLE tasks (
    user_id      BLOB NOT NULL REFERENCES users (id),
    id           BLOB NOT NULL,
    mission_id   BLOB NOT NULL,
    status       TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    completed_at INTEGER,
    due_at       INTEGER,
    verified_at  INTEGER,
    is_valid     INTEGER,
    data         TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX tasks_due ON tasks (due_at) WHERE status = 'in_progress' AND due_at IS NOT NULL;
CREATE INDEX tasks_started ON tasks (started_at, mission_id);
CREATE INDEX tasks_completed ON tasks (completed_at, mission_id) WHERE completed_at IS NOT NULL;
CREATE INDEX tasks_verified ON tasks (verified_at, mission_id, is_valid, status) WHERE verified_at IS NOT NULL;

CREATE TABLE participations (
    user_id    BLOB NOT NULL REFERENCES users (id),
    mission_id BLOB NOT NULL,
    data       TEXT NOT NULL,
    PRIMARY KEY (user_id, mission_id)
) STRICT;

CREATE TABLE rewards (
    user_id      BLOB NOT NULL REFERENCES users (id),
    id           BLOB NOT NULL UNIQUE,
    reward_type  TEXT NOT NULL,
    source_id    BLOB NOT NULL,
    mission_id   BLOB,
    status       TEXT NOT NULL,
    total_micros INTEGER NOT NULL,
    claimed_at   INTEGER,
    expires_at   INTEGER,
    data         TEXT NOT NULL,
    PRIMARY KEY (user_id, id),
    UNIQUE (reward_type, source_id)
) STRICT;
CREATE INDEX rewards_claimed ON rewards (claimed_at, status, user_id, total_micros, mission_id)
    WHERE claimed_at IS NOT NULL;
CREATE INDEX rewards_due ON rewards (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;

CREATE TABLE reviews (
    user_id BLOB NOT NULL REFERENCES users (id),
    id      BLOB NOT NULL UNIQUE,
    status  TEXT NOT NULL,
    data    TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;
CREATE INDEX reviews_by_status ON reviews (status, id);

CREATE TABLE check_in_days (
    user_id       BLOB NOT NULL REFERENCES users (id),
    date          INTEGER NOT NULL,
    id            BLOB NOT NULL,
    checked_in_at INTEGER NOT NULL,
    data          TEXT NOT NULL,
    PRIMARY KEY (user_id, date)
) STRICT;
CREATE INDEX check_in_days_by_time ON check_in_days (checked_in_at);

CREATE TABLE sightings (
    user_id BLOB NOT NULL REFERENCES users (id),
    device  TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_by_device ON sightings (device, seen_at);

-- Keys are bytes: a source or id of a sender may hold any character.
CREATE TABLE claims (
    kind     TEXT NOT NULL,
    key      BLOB NOT NULL,
    holder   BLOB NOT NULL,
    taken_at INTEGER,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_inbound ON claims (taken_at) WHERE kind = 'inbound';

CREATE TABLE budgets (
    mission_id    BLOB PRIMARY KEY NOT NULL,
    points_micros INTEGER NOT NULL,
    grants        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Receipt, audit log and outbox in one row. (caller, command) is empty once the receipt's time is over; a row without
-- a request tells of an erased user, and stays only until its events have left.
CREATE TABLE journal (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    root_kind   TEXT NOT NULL,
    root_id     BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    name        TEXT NOT NULL,
    caller      BLOB,
    command     BLOB,
    fingerprint BLOB,
    request     TEXT,
    answer      TEXT,
    outbox      TEXT,
    sent_at     INTEGER,
    UNIQUE (caller, command)
) STRICT;
CREATE INDEX journal_unsent ON journal (number, recorded_at) WHERE outbox IS NOT NULL AND sent_at IS NULL;
CREATE INDEX journal_by_root ON journal (root_id, number);

CREATE TABLE counters (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('catalogue', 0), ('receipts_cleared', 0);
