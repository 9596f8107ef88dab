//! What each table holds of users, what an erasure leaves of it, and where an export has it. A table or a column that is
//! not here fails the test: whoever adds one says here what becomes of it.

use std::collections::BTreeMap;

/// What a column has of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing.
    Nothing,
    /// The user's id or what is personal, until the erasure.
    Erased,
    /// The same, and what is on its way when the user is erased still leaves; then it is gone.
    OnItsWay,
    /// The user's id, also after the erasure, for a reason; nothing else that is personal.
    Id(&'static str),
}

/// Where an export has what a table holds of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exported {
    /// In this part of it.
    In(&'static str),
    /// Nowhere, for a reason.
    Not(&'static str),
}

/// One table.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: BTreeMap<&'static str, Holds>,
    pub(super) exported: Exported,
}

const OF_NOBODY: Exported = Exported::Not("it holds nothing of users");
const SUMS: Exported = Exported::Not("a sum of what is exported");
const COPIES: Exported = Exported::Not("events about what is exported, on their way to others");

/// The tables of a database; a column that only one of them has is named with it, such as `shard@postgres`.
struct Tables(&'static str, Vec<Table>);

impl Tables {
    fn table(mut self, name: &'static str, columns: &[(&'static str, Holds)], exported: Exported) -> Tables {
        let (database, mut known) = (self.0, BTreeMap::new());
        for (names, holds) in columns {
            for name in names.split_whitespace() {
                let (name, only) = name.split_once('@').unwrap_or((name, database));
                if only == database {
                    known.insert(name, *holds);
                }
            }
        }
        let (name, only) = name.split_once('@').unwrap_or((name, database));
        if only == database {
            self.1.push(Table {
                name,
                columns: known,
                exported,
            });
        }
        self
    }
}

/// All tables of `sqlite` or `postgres`.
pub(super) fn tables(database: &'static str) -> Vec<Table> {
    use Exported::{In, Not};
    use Holds::{Erased, Id, Nothing, OnItsWay};
    Tables(database, Vec::new())
        // What users own.
        .table("users", &[
            ("user_id data", Id("the id stays taken: a tombstone, whose tokens are answered 410")),
            ("version", Nothing),
        ], In("profile"))
        .table("tasks", &[
            ("user_id", Erased),
            ("data", Id("an operator who was erased has judged another user's evidence")),
            ("id mission_id status started_at completed_at due_at verified_at is_valid", Nothing),
        ], In("tasks"))
        .table("participations", &[("user_id", Erased), ("mission_id is_shadow data", Nothing)], In("participations"))
        .table("rewards", &[
            ("user_id", Erased),
            ("source_id data", Id("the inviter's reward names the invitee, for whom it is paid once")),
            ("id reward_type mission_id status total_micros claimed_at expires_at revoked_at", Nothing),
        ], In("rewards"))
        .table("reward_sources@postgres", &[
            ("user_id", Erased),
            ("source_id", Id("the inviter's reward names the invitee, for whom it is paid once")),
            ("reward_type reward_id", Nothing),
        ], In("rewards"))
        .table("reviews", &[
            ("user_id", Erased),
            ("data assigned_to", Id("an operator who was erased has decided another user's, or works on it")),
            ("id status kind assigned_until", Nothing),
        ], In("reviews"))
        .table("ring_members", &[
            ("user_id invited_by", Erased),
            ("ring_id created_at added_at done_for", Nothing),
        ], In("rings"))
        .table("rings", &[
            ("data", Id("an operator who was erased has decided on others; the device that others share")),
            ("id version status work found_at last_seen_at", Nothing),
        ], In("rings"))
        .table("check_in_days", &[("user_id", Erased), ("date id checked_in_at data", Nothing)], In("check_ins"))
        .table("sightings", &[("user_id device", Erased), ("seen_at", Nothing)], In("devices"))
        .table("friendships", &[("user_id friend_id", Erased), ("are_friends told_at", Nothing)], In("friends"))
        .table("pictures", &[("user_id", Erased), ("band file_id task_id hash", Nothing)],
            Not("hashes of the uploads that `tasks` lists"))
        .table("wallet_entries", &[
            ("user_id", Erased),
            ("number grant_id kind amount_micros currency booked_at", Nothing),
        ], In("ledger"))
        .table("wallet_erasures", &[
            ("user_id", Id("what is booked later goes to nobody's account")),
            ("erased_at", Nothing),
        ], Not("it is written with the erasure"))
        .table("archive_erasures", &[
            ("user_id", Id("until the archive of the journal was looked through")),
            ("erased_at", Nothing),
        ], Not("it is written with the erasure"))
        // What happened.
        .table("journal", &[
            ("root_id", Id("that the user was erased, and nothing else")),
            ("caller@sqlite", Erased),
            ("caller@postgres", Id("an operator's key, from which the ids of another user's reward follow")),
            ("request answer", Id("others' commands name their invitee, friend or operator")),
            ("number root_kind recorded_at name command refusal@postgres shard@postgres", Nothing),
            ("engine_id@sqlite fingerprint@sqlite", Nothing),
        ], In("commands"))
        .table("receipts@postgres", &[
            ("caller", Erased),
            ("answer", Id("others' commands name their invitee, friend or operator, for 24 hours")),
            ("command recorded_at fingerprint", Nothing),
        ], Not("answers that the user has got"))
        .table("audit", &[
            ("actor subject user_id data", Id("which operator has changed something of whom, without what it was")),
            ("id recorded_at", Nothing),
        ], In("changes"))
        .table("claims", &[
            ("key", Id("an invitee is counted once, whoever tells it")),
            ("holder", Id("by it the sweep knows an erased user's file, and a message is acted on once, for 30 days")),
            ("kind taken_at", Nothing),
        ], Not("names that are taken; the user's own are in `profile`"))
        // Sums.
        .table("activity", &[
            ("user_id", OnItsWay),
            ("id kind times at mission_id micros", Nothing),
        ], SUMS)
        .table("scores", &[("user_id", Erased), ("board points", Nothing)], SUMS)
        .table("score_counts", &[("board width bucket users", Nothing)], OF_NOBODY)
        .table("activity_counts", &[
            ("hour mission_id started completed check_ins claims points_micros verifications verified", Nothing),
        ], OF_NOBODY)
        .table("streak_counts", &[("date length users returned", Nothing)], OF_NOBODY)
        .table("streak_notes@postgres", &[("id dates lengths users returned", Nothing)], OF_NOBODY)
        .table("budgets", &[("mission_id points_micros grants", Nothing)], OF_NOBODY)
        // On the way to others.
        .table("outbox_entries", &[
            ("root_id envelope", OnItsWay),
            ("number root_kind recorded_at shard@postgres", Nothing),
        ], COPIES)
        .table("outbox_parked", &[
            ("root_id data", OnItsWay),
            ("root_kind entry event_id attempts since retry_at", Nothing),
        ], COPIES)
        .table("outbox_relays@postgres", &[("id seen_at", Nothing)], OF_NOBODY)
        .table("outbox_shards@postgres", &[("shard holder leased_until", Nothing)], OF_NOBODY)
        .table("webhook_deliveries", &[
            ("user_id", Erased),
            ("body", Id("an inviter's event names the invitee; an erased user's own goes once it has left")),
            ("webhook_id event_id event_type status attempts created_at next_at tried_at answer error", Nothing),
        ], COPIES)
        .table("event_feed", &[
            ("user_id body", Id("for 24 hours: that the user was erased, and who invited them")),
            ("number event_id event_type told_at", Nothing),
        ], COPIES)
        // What authors and operators make.
        .table("missions", &[("id version data", Nothing)], OF_NOBODY)
        .table("packs", &[("id version data", Nothing)], OF_NOBODY)
        .table("pack_versions", &[("pack_id version updated_at data", Nothing)], OF_NOBODY)
        .table("webhooks", &[
            ("data", Id("which operator has made it")),
            ("id failing_since disabled_at disabled_reason", Nothing),
        ], Not("an operator's work, not a user's"))
        // The database's own.
        .table("counters", &[("name value", Nothing)], OF_NOBODY)
        .table("write_probe", &[("id filler", Nothing)], OF_NOBODY)
        .table("_sqlx_migrations", &[
            ("version description installed_on success checksum execution_time", Nothing),
        ], OF_NOBODY)
        .table("sqlite_sequence@sqlite", &[("name seq", Nothing)], OF_NOBODY)
        .1
}
