-- Who wants to be told of events by HTTP, and what each is to be told. `data` has address, event types and secrets.
CREATE TABLE webhooks (
    id              BLOB PRIMARY KEY NOT NULL,
    data            TEXT NOT NULL,
    failing_since   INTEGER,
    disabled_at     INTEGER,
    disabled_reason TEXT
) STRICT;

-- One row an event and webhook: the event's id is the delivery's. `next_at` is when it is due, and while somebody sends it
-- when it is due again if nothing more is heard of it. 'waiting', 'delivered' or 'failed'.
CREATE TABLE webhook_deliveries (
    webhook_id   BLOB NOT NULL,
    event_id     BLOB NOT NULL,
    event_type   TEXT NOT NULL,
    user_id      BLOB NOT NULL,
    body         TEXT NOT NULL,
    status       TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,
    tried_at     INTEGER,
    answer       INTEGER,
    error        TEXT,
    PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_by_user ON webhook_deliveries (user_id);

-- Events as they left, for as long as somebody may want to follow them: filled while `feed_until` has not passed.
CREATE TABLE event_feed (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id   BLOB NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    user_id    BLOB NOT NULL,
    body       TEXT NOT NULL,
    told_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX event_feed_by_time ON event_feed (told_at);
CREATE INDEX event_feed_by_user ON event_feed (user_id);
INSERT INTO counters (name, value) VALUES ('feed_until', 0);
