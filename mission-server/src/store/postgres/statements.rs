//! What a commit writes, a statement a table. Each takes its rows from one `unnest` and writes them in the order of
//! their keys, so that two batches never wait for each other in a circle.

use super::rows::Kind::{self, Flag, Id, Number, Text};

/// A table of a commit, in the order in which a commit locks them: roots first, what users share next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Users,
    Missions,
    Packs,
    Budgets,
    Claims,
    RewardSources,
    Receipts,
    Tasks,
    Participations,
    Rewards,
    Reviews,
    CheckInDays,
    Sightings,
    Friendships,
    Pictures,
    Activity,
    Audit,
    Journal,
    Catalog,
}

/// A statement around its rows.
#[derive(Debug)]
pub(super) struct Statement {
    /// The types of the columns of its rows.
    pub(super) kinds: &'static [Kind],
    /// What comes before the rows.
    pub(super) before: &'static str,
    /// The names of the rows' columns.
    pub(super) names: &'static str,
    /// What comes after.
    pub(super) after: &'static str,
    /// Whether something stands against the change if not every row is written.
    pub(super) whole: bool,
}

macro_rules! root {
    ($table:literal, $key:literal) => {
        Statement {
            kinds: &[Id, Number, Text],
            before: concat!(
                "INSERT INTO ",
                $table,
                " AS t (",
                $key,
                ", version, data) SELECT k.id, k.version + 1, k.data FROM "
            ),
            names: " AS k(id, version, data)",
            // Roots are never deleted, so that one that is seen to exist is updated. An empty text leaves the record
            // as it is.
            after: concat!(
                " WHERE k.version = 0 OR EXISTS (SELECT 1 FROM ",
                $table,
                " known WHERE known.",
                $key,
                " = k.id) ORDER BY k.id ON CONFLICT (",
                $key,
                ") DO UPDATE SET version = excluded.version,
                    data = CASE WHEN excluded.data = '' THEN t.data ELSE excluded.data END
                WHERE t.version = excluded.version - 1"
            ),
            whole: true,
        }
    };
}

impl Table {
    /// Whether the table holds the versions by which changes are guarded.
    pub(super) fn is_root(self) -> bool {
        matches!(self, Table::Users | Table::Missions | Table::Packs)
    }

    pub(super) fn statement(self) -> &'static Statement {
        match self {
            Table::Users => &const { root!("users", "user_id") },
            Table::Missions => &const { root!("missions", "id") },
            Table::Packs => &const { root!("packs", "id") },
            Table::Budgets => &BUDGETS,
            Table::Claims => &CLAIMS,
            Table::RewardSources => &REWARD_SOURCES,
            Table::Receipts => &RECEIPTS,
            Table::Tasks => &TASKS,
            Table::Participations => &PARTICIPATIONS,
            Table::Rewards => &REWARDS,
            Table::Reviews => &REVIEWS,
            Table::CheckInDays => &CHECK_IN_DAYS,
            Table::Sightings => &SIGHTINGS,
            Table::Friendships => &FRIENDSHIPS,
            Table::Pictures => &PICTURES,
            Table::Activity => &ACTIVITY,
            Table::Audit => &AUDIT,
            Table::Journal => &JOURNAL,
            Table::Catalog => &CATALOG,
        }
    }
}

/// A take that would not stay inside its limits is left out.
static BUDGETS: Statement = Statement {
    kinds: &[Id, Number, Number, Number, Number],
    before: "WITH k AS MATERIALIZED (SELECT l.* FROM ",
    names: " AS l(mission_id, points, grants, max_points, max_grants)",
    after: ") INSERT INTO budgets AS t (mission_id, points_micros, grants)
        SELECT k.mission_id, k.points, k.grants FROM k
        WHERE (coalesce(k.points <= k.max_points, TRUE) AND coalesce(k.grants <= k.max_grants, TRUE))
            OR EXISTS (SELECT 1 FROM budgets known WHERE known.mission_id = k.mission_id)
        ORDER BY k.mission_id
        ON CONFLICT (mission_id) DO UPDATE SET points_micros = t.points_micros + excluded.points_micros,
            grants = t.grants + excluded.grants
        WHERE EXISTS (SELECT 1 FROM k WHERE k.mission_id = t.mission_id
            AND coalesce(t.points_micros + k.points <= k.max_points, TRUE)
            AND coalesce(t.grants + k.grants <= k.max_grants, TRUE))",
    whole: true,
};

static CLAIMS: Statement = Statement {
    kinds: &[Text, Kind::Bytes, Id, Number],
    before: "INSERT INTO claims (kind, key, holder, taken_at) SELECT k.kind, k.key, k.holder, k.taken_at FROM ",
    names: " AS k(kind, key, holder, taken_at)",
    after: " ORDER BY k.kind, k.key",
    whole: true,
};

/// What this reward holds already is left as it is; what another holds fails. `OFFSET 0` has each source looked up for
/// itself, however small the table was when the statement was planned.
static REWARD_SOURCES: Statement = Statement {
    kinds: &[Id, Text, Id, Id],
    before: "INSERT INTO reward_sources (source_id, reward_type, reward_id, user_id)
        SELECT k.source_id, k.reward_type, k.reward_id, k.user_id FROM ",
    names: " AS k(source_id, reward_type, reward_id, user_id)",
    after: " WHERE NOT EXISTS (SELECT 1 FROM reward_sources known WHERE known.source_id = k.source_id
            AND known.reward_type = k.reward_type AND known.reward_id = k.reward_id OFFSET 0)
        ORDER BY k.source_id, k.reward_type",
    whole: false,
};

/// An answer is remembered for a day; afterwards its key can be given again.
static RECEIPTS: Statement = Statement {
    kinds: &[Id, Id, Number, Text, Text],
    before: "INSERT INTO receipts AS t (caller, command, recorded_at, fingerprint, answer)
        SELECT k.caller, k.command, k.recorded_at, k.fingerprint, k.answer FROM ",
    names: " AS k(caller, command, recorded_at, fingerprint, answer)",
    after: " ORDER BY k.caller, k.command
        ON CONFLICT (caller, command) DO UPDATE SET recorded_at = excluded.recorded_at,
            fingerprint = excluded.fingerprint, answer = excluded.answer
        WHERE excluded.recorded_at - t.recorded_at >= 86400000000",
    whole: true,
};

/// Of a task that has expired the record no longer says when, which is what it is kept by.
static TASKS: Statement = Statement {
    kinds: &[Id, Id, Id, Text, Number, Number, Number, Number, Flag, Text],
    before: "INSERT INTO tasks AS t (user_id, id, mission_id, status, started_at, completed_at, due_at, verified_at,
            is_valid, data)
        SELECT k.user_id, k.id, k.mission_id, k.status, k.started_at, k.completed_at, k.due_at, k.verified_at,
            k.is_valid, k.data FROM ",
    names: " AS k(user_id, id, mission_id, status, started_at, completed_at, due_at, verified_at, is_valid, data)",
    after: " ORDER BY k.user_id, k.id
        ON CONFLICT (user_id, id) DO UPDATE SET status = excluded.status, started_at = excluded.started_at,
            completed_at = excluded.completed_at,
            due_at = CASE WHEN excluded.status = 'expired' THEN t.due_at ELSE excluded.due_at END,
            verified_at = excluded.verified_at, is_valid = excluded.is_valid,
            data = excluded.data",
    whole: false,
};

static PARTICIPATIONS: Statement = Statement {
    kinds: &[Id, Id, Flag, Text],
    before: "INSERT INTO participations (user_id, mission_id, is_shadow, data)
        SELECT k.user_id, k.mission_id, k.is_shadow, k.data FROM ",
    names: " AS k(user_id, mission_id, is_shadow, data)",
    after: " ORDER BY k.user_id, k.mission_id
        ON CONFLICT (user_id, mission_id) DO UPDATE SET is_shadow = excluded.is_shadow, data = excluded.data",
    whole: false,
};

static REWARDS: Statement = Statement {
    kinds: &[Id, Id, Text, Id, Id, Text, Number, Number, Number, Number, Text],
    before: "INSERT INTO rewards (user_id, id, reward_type, source_id, mission_id, status, total_micros, claimed_at,
            expires_at, revoked_at, data)
        SELECT k.user_id, k.id, k.reward_type, k.source_id, k.mission_id, k.status, k.total_micros, k.claimed_at,
            k.expires_at, k.revoked_at, k.data FROM ",
    names: " AS k(user_id, id, reward_type, source_id, mission_id, status, total_micros, claimed_at, expires_at,
            revoked_at, data)",
    after: " ORDER BY k.user_id, k.id
        ON CONFLICT (user_id, id) DO UPDATE SET reward_type = excluded.reward_type, source_id = excluded.source_id,
            status = excluded.status, total_micros = excluded.total_micros, claimed_at = excluded.claimed_at,
            expires_at = excluded.expires_at, revoked_at = excluded.revoked_at, data = excluded.data",
    whole: false,
};

static REVIEWS: Statement = Statement {
    kinds: &[Id, Id, Text, Text],
    before: "INSERT INTO reviews (user_id, id, status, data) SELECT k.user_id, k.id, k.status, k.data FROM ",
    names: " AS k(user_id, id, status, data)",
    after: " ORDER BY k.user_id, k.id
        ON CONFLICT (user_id, id) DO UPDATE SET status = excluded.status, data = excluded.data",
    whole: false,
};

/// A date that another check-in has stays as it is.
static CHECK_IN_DAYS: Statement = Statement {
    kinds: &[Id, Number, Id, Number, Text],
    before: "INSERT INTO check_in_days AS t (user_id, date, id, checked_in_at, data)
        SELECT k.user_id, k.date, k.id, k.checked_in_at, k.data FROM ",
    names: " AS k(user_id, date, id, checked_in_at, data)",
    after: " ORDER BY k.user_id, k.date
        ON CONFLICT (user_id, date) DO UPDATE SET checked_in_at = excluded.checked_in_at, data = excluded.data
        WHERE t.id = excluded.id",
    whole: true,
};

static SIGHTINGS: Statement = Statement {
    kinds: &[Id, Text, Number],
    before: "INSERT INTO sightings (user_id, device, seen_at) SELECT k.user_id, k.device, k.seen_at FROM ",
    names: " AS k(user_id, device, seen_at)",
    after: " ORDER BY k.user_id, k.device ON CONFLICT (user_id, device) DO UPDATE SET seen_at = excluded.seen_at",
    whole: false,
};

/// Of what was told of two users the latest holds.
static FRIENDSHIPS: Statement = Statement {
    kinds: &[Id, Id, Flag, Number],
    before: "INSERT INTO friendships AS t (user_id, friend_id, are_friends, told_at)
        SELECT k.user_id, k.friend_id, k.are_friends, k.told_at FROM ",
    names: " AS k(user_id, friend_id, are_friends, told_at)",
    after: " ORDER BY k.user_id, k.friend_id
        ON CONFLICT (user_id, friend_id) DO UPDATE SET are_friends = excluded.are_friends, told_at = excluded.told_at
        WHERE excluded.told_at >= t.told_at",
    whole: false,
};

static PICTURES: Statement = Statement {
    kinds: &[Number, Id, Id, Id, Number],
    before: "INSERT INTO pictures (band, file_id, user_id, task_id, hash)
        SELECT k.band, k.file_id, k.user_id, k.task_id, k.hash FROM ",
    names: " AS k(band, file_id, user_id, task_id, hash)",
    after: "",
    whole: false,
};

/// Evidence that was refused.
static ACTIVITY: Statement = Statement {
    kinds: &[Number, Id, Number],
    before: "INSERT INTO activity (kind, times, at, mission_id) SELECT 6, k.refused, k.hour, k.mission_id FROM ",
    names: " AS k(hour, mission_id, refused)",
    after: "",
    whole: false,
};

static AUDIT: Statement = Statement {
    kinds: &[Id, Number, Id, Text, Id, Text],
    before: "INSERT INTO audit (id, recorded_at, actor, subject, user_id, data)
        SELECT k.id, k.recorded_at, k.actor, k.subject, k.user_id, k.data FROM ",
    names: " AS k(id, recorded_at, actor, subject, user_id, data)",
    after: "",
    whole: false,
};

/// The entries with their numbers, which are drawn in the order of the entries and after their roots are locked. They are
/// written by [`WRITE_JOURNAL`] and [`WRITE_OUTBOX`].
static JOURNAL: Statement = Statement {
    kinds: &[
        Number, Id, Text, Number, Number, Text, Id, Id, Text, Text, Text, Text,
    ],
    before: "SELECT nextval('journal_number') AS number, entry.* FROM (SELECT k.* FROM ",
    names:
        " AS k(place, root_id, root_kind, shard, recorded_at, name, caller, command, refusal, request, answer,
            envelope)",
    after: " ORDER BY k.place) AS entry",
    whole: false,
};

pub(super) const WRITE_JOURNAL: &str = "INSERT INTO journal (root_id, number, root_kind, shard, recorded_at, name, caller,
            command, refusal, request, answer)
        SELECT root_id, number, root_kind, shard::smallint, recorded_at, name, caller, command, refusal, request, answer
            FROM ";

pub(super) const WRITE_OUTBOX: &str =
    "INSERT INTO outbox_entries (number, root_id, root_kind, recorded_at, shard, envelope)
        SELECT number, root_id, root_kind, recorded_at, shard::smallint, envelope FROM ";

static CATALOG: Statement = Statement {
    kinds: &[Number],
    before: "UPDATE counters SET value = value + k.changes FROM ",
    names: " AS k(changes)",
    after: " WHERE name = 'catalogue'",
    whole: false,
};
