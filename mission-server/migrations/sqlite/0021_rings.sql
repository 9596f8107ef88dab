-- Rings of accounts that one person seems to run. `work` is what is still to be done with the members of a decided ring.
CREATE TABLE rings (
    id           BLOB PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL,
    status       TEXT NOT NULL,
    work         TEXT,
    found_at     INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    data         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rings_by_status ON rings (status, found_at, id);
CREATE INDEX rings_at_work ON rings (id) WHERE work IS NOT NULL;

-- `done_for` is when the decision was made that was last acted on with this member.
CREATE TABLE ring_members (
    ring_id    BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    invited_by BLOB,
    created_at INTEGER NOT NULL,
    added_at   INTEGER NOT NULL,
    done_for   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (ring_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ring_members_by_user ON ring_members (user_id);
CREATE INDEX ring_members_by_inviter ON ring_members (invited_by) WHERE invited_by IS NOT NULL;

-- When rings were looked for last: one server does it at a time.
INSERT INTO counters (name, value) VALUES ('rings_looked_for', 0);
