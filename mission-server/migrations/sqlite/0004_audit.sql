-- What operators have changed. An erasure takes what an entry says of the user out of it.
CREATE TABLE audit (
    id          BLOB PRIMARY KEY NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor       BLOB,
    subject     TEXT NOT NULL,
    user_id     BLOB,
    data        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
