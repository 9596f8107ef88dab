-- What operators have changed. An erasure takes what an entry says of the user out of it.
CREATE TABLE audit (
    id          uuid PRIMARY KEY,
    recorded_at bigint NOT NULL,
    actor       uuid,
    subject     text NOT NULL,
    user_id     uuid,
    data        text NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
