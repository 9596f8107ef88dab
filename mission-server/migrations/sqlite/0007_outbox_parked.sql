-- Events that were not taken: of each root the first that waits, which holds back the later ones until it is tried again.
CREATE TABLE outbox_parked (
    root_id   BLOB NOT NULL,
    root_kind TEXT NOT NULL,
    entry     INTEGER NOT NULL,
    event_id  BLOB NOT NULL,
    attempts  INTEGER NOT NULL,
    since     INTEGER NOT NULL,
    retry_at  INTEGER NOT NULL,
    data      TEXT NOT NULL,
    PRIMARY KEY (root_id, root_kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_parked_by_entry ON outbox_parked (entry);
