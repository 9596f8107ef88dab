-- Who wants to be told of events by HTTP, and what each is to be told. `data` has address, event types and secrets.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY NOT NULL,
    data            text NOT NULL,
    failing_since   bigint,
    disabled_at     bigint,
    disabled_reason text
);

-- One row an event and webhook: the event's id is the delivery's. `next_at` is when it is due, and while somebody sends it
-- when it is due again if nothing more is heard of it. 'waiting', 'delivered' or 'failed'.
CREATE TABLE webhook_deliveries (
    webhook_id   uuid NOT NULL,
    event_id     uuid NOT NULL,
    event_type   text NOT NULL,
    user_id      uuid NOT NULL,
    body         text NOT NULL,
    status       text NOT NULL,
    attempts     bigint NOT NULL,
    created_at   bigint NOT NULL,
    next_at      bigint NOT NULL,
    tried_at     bigint,
    answer       bigint,
    error        text,
    PRIMARY KEY (webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_by_user ON webhook_deliveries (user_id);

-- Events as they left, for as long as somebody may want to follow them: filled while `feed_until` has not passed.
CREATE TABLE event_feed (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL UNIQUE,
    event_type text NOT NULL,
    user_id    uuid NOT NULL,
    body       text NOT NULL,
    told_at    bigint NOT NULL
);
CREATE INDEX event_feed_by_time ON event_feed (told_at);
CREATE INDEX event_feed_by_user ON event_feed (user_id);
INSERT INTO counters (name, value) VALUES ('feed_until', 0);
