-- Events that were not taken: of each root the first that waits, which holds back the later ones until it is tried again.
CREATE TABLE outbox_parked (
    root_id   uuid NOT NULL,
    root_kind text NOT NULL,
    entry     bigint NOT NULL,
    event_id  uuid NOT NULL,
    attempts  bigint NOT NULL,
    since     bigint NOT NULL,
    retry_at  bigint NOT NULL,
    data      text NOT NULL,
    PRIMARY KEY (root_id, root_kind)
);
CREATE INDEX outbox_parked_by_entry ON outbox_parked (entry);
