//! What each database is asked in its own words.

/// Where PostgreSQL and SQLite differ.
pub(super) struct Statements {
    /// Makes tables beside journal and outbox that keep what an erasure or the relay takes out of them. Triggers fill
    /// them in the same transaction.
    pub(super) keep: &'static str,
    /// Answers who gave each command that is remembered with its answer, and under which key.
    pub(super) receipts: &'static str,
    /// Answers each user, and whether they were erased.
    pub(super) users: &'static str,
}

pub(super) const POSTGRES: Statements = Statements {
    keep: "
        CREATE TABLE chaos_journal (number bigint, root_id uuid, name text, caller uuid, command uuid, refused boolean);
        CREATE TABLE chaos_outbox (number bigint, envelope text);
        CREATE FUNCTION chaos_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO chaos_journal VALUES
                (NEW.number, NEW.root_id, NEW.name, NEW.caller, NEW.command, NEW.refusal IS NOT NULL);
            RETURN NULL;
        END $$;
        CREATE TRIGGER chaos_keep AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION chaos_keep();
        CREATE FUNCTION chaos_keep_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO chaos_outbox VALUES (NEW.number, NEW.envelope);
            RETURN NULL;
        END $$;
        CREATE TRIGGER chaos_keep_events AFTER INSERT ON outbox_entries
            FOR EACH ROW EXECUTE FUNCTION chaos_keep_events()",
    receipts: "SELECT caller, command FROM receipts",
    users: "SELECT user_id, data::jsonb->>'erased_at' IS NOT NULL FROM users",
};

pub(super) const SQLITE: Statements = Statements {
    keep: r#"
        CREATE TABLE chaos_journal (number INTEGER, root_id BLOB, name TEXT, caller BLOB, command BLOB, refused BOOLEAN);
        CREATE TABLE chaos_outbox (number INTEGER, envelope TEXT);
        CREATE TRIGGER chaos_keep AFTER INSERT ON journal BEGIN
            INSERT INTO chaos_journal VALUES (NEW.number, NEW.root_id, NEW.name, NEW.caller, NEW.command,
                coalesce(NEW.answer NOT LIKE '{"Ok":%', FALSE));
        END;
        CREATE TRIGGER chaos_keep_events AFTER INSERT ON outbox_entries BEGIN
            INSERT INTO chaos_outbox VALUES (NEW.number, NEW.envelope);
        END"#,
    receipts: "SELECT caller, command FROM journal WHERE caller IS NOT NULL AND command IS NOT NULL",
    users: "SELECT user_id, data->>'erased_at' IS NOT NULL FROM users",
};
