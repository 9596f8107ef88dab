-- Rings of accounts that one person seems to run. `work` is what is still to be done with the members of a decided ring.
CREATE TABLE rings (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL,
    status       text NOT NULL,
    work         text,
    found_at     bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    data         text NOT NULL
);
CREATE INDEX rings_by_status ON rings (status, found_at, id);
CREATE INDEX rings_at_work ON rings (id) WHERE work IS NOT NULL;

-- `done_for` is when the decision was made that was last acted on with this member.
CREATE TABLE ring_members (
    ring_id    uuid NOT NULL,
    user_id    uuid NOT NULL,
    invited_by uuid,
    created_at bigint NOT NULL,
    added_at   bigint NOT NULL,
    done_for   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (ring_id, user_id)
);
CREATE INDEX ring_members_by_user ON ring_members (user_id);
CREATE INDEX ring_members_by_inviter ON ring_members (invited_by) WHERE invited_by IS NOT NULL;

-- When rings were looked for last: one server does it at a time.
INSERT INTO counters (name, value) VALUES ('rings_looked_for', 0);
