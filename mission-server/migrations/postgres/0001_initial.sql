-- Records are JSON texts in `data`; what is filtered, sorted, summed or unique has a column of its own. Instants are
-- microseconds since 1970 (UTC), dates are days since 1970, points are millionths.
--
-- Every table of users is keyed by the user first and has no unique constraint without the user, so that it can be
-- partitioned by hash, or distributed, without a change of the server. What must be unique over all users has a table
-- of its own (`claims`, `reward_sources`, `receipts`), keyed by what is unique. There are no foreign keys: every write
-- below a user is guarded by the version of the user's row in the same statement.

CREATE TABLE users (
    user_id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    data    text
) WITH (fillfactor = 80);

CREATE TABLE missions (
    id      uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    data    text
);

CREATE TABLE packs (
    id      uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    data    text
);

CREATE TABLE tasks (
    user_id      uuid NOT NULL,
    id           uuid NOT NULL,
    mission_id   uuid NOT NULL,
    status       text NOT NULL,
    started_at   bigint NOT NULL,
    completed_at bigint,
    due_at       bigint,
    verified_at  bigint,
    is_valid     boolean,
    data         text NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX tasks_due ON tasks (due_at) WHERE status = 'in_progress' AND due_at IS NOT NULL;
CREATE INDEX tasks_started ON tasks (started_at, mission_id);
CREATE INDEX tasks_completed ON tasks (completed_at, mission_id) WHERE completed_at IS NOT NULL;
CREATE INDEX tasks_verified ON tasks (verified_at, mission_id, is_valid, status) WHERE verified_at IS NOT NULL;

CREATE TABLE participations (
    user_id    uuid NOT NULL,
    mission_id uuid NOT NULL,
    data       text NOT NULL,
    PRIMARY KEY (user_id, mission_id)
);

CREATE TABLE rewards (
    user_id      uuid NOT NULL,
    id           uuid NOT NULL,
    reward_type  text NOT NULL,
    source_id    uuid NOT NULL,
    mission_id   uuid,
    status       text NOT NULL,
    total_micros bigint NOT NULL,
    claimed_at   bigint,
    expires_at   bigint,
    data         text NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX rewards_by_id ON rewards (id);
CREATE INDEX rewards_claimed ON rewards (claimed_at, status, user_id, total_micros, mission_id)
    WHERE claimed_at IS NOT NULL;
CREATE INDEX rewards_due ON rewards (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;

-- A source earns one reward of a type, over all users.
CREATE TABLE reward_sources (
    source_id   uuid NOT NULL,
    reward_type text NOT NULL,
    reward_id   uuid NOT NULL,
    user_id     uuid NOT NULL,
    PRIMARY KEY (source_id, reward_type)
);

CREATE TABLE reviews (
    user_id uuid NOT NULL,
    id      uuid NOT NULL,
    status  text NOT NULL,
    data    text NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX reviews_by_id ON reviews (id);
CREATE INDEX reviews_by_status ON reviews (status, id);

CREATE TABLE check_in_days (
    user_id       uuid NOT NULL,
    date          bigint NOT NULL,
    id            uuid NOT NULL,
    checked_in_at bigint NOT NULL,
    data          text NOT NULL,
    PRIMARY KEY (user_id, date)
);
CREATE INDEX check_in_days_by_time ON check_in_days (checked_in_at);

CREATE TABLE sightings (
    user_id uuid NOT NULL,
    device  text NOT NULL,
    seen_at bigint NOT NULL,
    PRIMARY KEY (user_id, device)
);
CREATE INDEX sightings_by_device ON sightings (device, seen_at);

-- Keys are bytes: a source or id of a sender may hold any character.
CREATE TABLE claims (
    kind     text NOT NULL,
    key      bytea NOT NULL,
    holder   uuid NOT NULL,
    taken_at bigint,
    PRIMARY KEY (kind, key)
);
CREATE INDEX claims_inbound ON claims (taken_at) WHERE kind = 'inbound';

CREATE TABLE budgets (
    mission_id    uuid PRIMARY KEY,
    points_micros bigint NOT NULL,
    grants        bigint NOT NULL
) WITH (fillfactor = 50);

-- The remembered answer of each command, for 24 hours.
CREATE TABLE receipts (
    caller      uuid NOT NULL,
    command     uuid NOT NULL,
    recorded_at bigint NOT NULL,
    fingerprint text NOT NULL,
    answer      text NOT NULL,
    PRIMARY KEY (caller, command)
);
-- Rows come in the order of time, so that a small index finds the old ones.
CREATE INDEX receipts_by_time ON receipts USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);

-- Audit log and outbox in one row. A root's numbers rise in the order of its commits, because a number is drawn only
-- after the root's row is locked. `shard` says which relay sends the events. A row without a request tells of an
-- erased user, and stays only until its events have left.
CREATE SEQUENCE journal_number CACHE 1;
CREATE TABLE journal (
    root_id     uuid NOT NULL,
    number      bigint NOT NULL DEFAULT nextval('journal_number'),
    root_kind   text NOT NULL,
    shard       smallint NOT NULL,
    recorded_at bigint NOT NULL,
    name        text NOT NULL,
    caller      uuid,
    command     uuid,
    refusal     text,
    request     text,
    outbox      text,
    sent_at     bigint,
    PRIMARY KEY (root_id, number)
);
CREATE INDEX journal_unsent ON journal (number, shard, recorded_at) WHERE outbox IS NOT NULL AND sent_at IS NULL;

-- Which server relays which part of the outbox, and until when, by the database's clock.
CREATE TABLE outbox_relays (
    id      uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
CREATE TABLE outbox_shards (
    shard        smallint PRIMARY KEY,
    holder       uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO outbox_shards (shard) SELECT generate_series(0, 63);

CREATE TABLE counters (
    name  text PRIMARY KEY,
    value bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO counters (name, value) VALUES ('catalogue', 0);
