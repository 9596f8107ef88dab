//! What a batch takes away before it writes: rare, so in statements of their own.

use chrono::{DateTime, Utc};
use mission_core::{UserId, ports::store::StoreError};
use uuid::Uuid;

use super::rows::{Kind, Rows};
use crate::store::sql_builder::SqlBuilder;

/// Rows that a commit deletes.
#[derive(Debug)]
pub(super) struct Removals {
    erased: Vec<Uuid>,
    /// When each of them was.
    erased_at: Vec<i64>,
    pub(super) tasks: Rows,
    pub(super) participations: Rows,
    pub(super) rewards: Rows,
    pub(super) reviews: Rows,
    pub(super) days: Rows,
    pub(super) claims: Rows,
}

impl Default for Removals {
    fn default() -> Self {
        let ids = || Rows::of(&[Kind::Id, Kind::Id]);
        Removals {
            erased: Vec::new(),
            erased_at: Vec::new(),
            tasks: ids(),
            participations: ids(),
            rewards: ids(),
            reviews: ids(),
            days: Rows::of(&[Kind::Id, Kind::Number]),
            claims: Rows::of(&[Kind::Text, Kind::Bytes]),
        }
    }
}

/// All that goes with a user, but for events that have not left yet.
const ERASURE: [&str; 17] = [
    "UPDATE audit SET data = (data::jsonb - 'before' - 'after')::text WHERE user_id = ANY(?)",
    "DELETE FROM reward_sources s USING rewards r WHERE r.user_id = ANY(?) AND s.source_id = r.source_id
        AND s.reward_type = r.reward_type AND s.reward_id = r.id",
    "DELETE FROM tasks WHERE user_id = ANY(?)",
    "DELETE FROM participations WHERE user_id = ANY(?)",
    "DELETE FROM rewards WHERE user_id = ANY(?)",
    "DELETE FROM reviews WHERE user_id = ANY(?)",
    "DELETE FROM check_in_days WHERE user_id = ANY(?)",
    "DELETE FROM sightings WHERE user_id = ANY(?)",
    "DELETE FROM friendships WHERE user_id = ANY(?)",
    "DELETE FROM friendships WHERE friend_id = ANY(?)",
    "DELETE FROM pictures WHERE user_id = ANY(?)",
    "DELETE FROM ring_members WHERE user_id = ANY(?)",
    "UPDATE ring_members SET invited_by = NULL WHERE invited_by = ANY(?)",
    "UPDATE users SET data = NULL WHERE user_id = ANY(?)",
    "DELETE FROM receipts WHERE caller = ANY(?)",
    "DELETE FROM receipts r USING journal j WHERE j.root_id = ANY(?) AND j.root_kind = 'user'
        AND r.caller = j.caller AND r.command = j.command",
    "DELETE FROM journal WHERE root_id = ANY(?) AND root_kind = 'user'",
];

/// The archive is looked through later.
const ARCHIVE_ERASURES: &str = "INSERT INTO archive_erasures (user_id, erased_at)
    SELECT * FROM unnest(?::uuid[], ?::bigint[]) ON CONFLICT (user_id) DO NOTHING";

impl Removals {
    /// Everything of a user goes.
    pub(super) fn erase(&mut self, user: UserId, at: Option<DateTime<Utc>>) {
        self.erased.push(user.0);
        self.erased_at.push(at.map_or(0, |at| at.timestamp_micros()));
    }

    /// The statements, in order.
    pub(super) fn take_statements(&mut self) -> Result<Vec<SqlBuilder>, StoreError> {
        let all = std::mem::take(self);
        let mut statements = Vec::new();
        if !all.erased.is_empty() {
            for sql in ERASURE {
                statements.push(SqlBuilder::new(sql).with(all.erased.clone()));
            }
            statements.push(
                SqlBuilder::new(ARCHIVE_ERASURES)
                    .with(all.erased)
                    .with(all.erased_at),
            );
        }
        let mut add = |before: &'static str, rows: Rows, after: &'static str| -> Result<(), StoreError> {
            if !rows.is_empty() {
                let mut statement = SqlBuilder::new(before);
                statement.rows(rows)?.then(after);
                statements.push(statement);
            }
            Ok(())
        };
        add(
            "DELETE FROM tasks t USING ",
            all.tasks,
            " AS k(user_id, key) WHERE t.user_id = k.user_id AND t.id = k.key",
        )?;
        add(
            "DELETE FROM participations t USING ",
            all.participations,
            " AS k(user_id, key) WHERE t.user_id = k.user_id AND t.mission_id = k.key",
        )?;
        add(
            "WITH gone AS (DELETE FROM rewards t USING ",
            all.rewards,
            " AS k(user_id, key) WHERE t.user_id = k.user_id AND t.id = k.key RETURNING t.*)
            DELETE FROM reward_sources s USING gone WHERE s.source_id = gone.source_id
                AND s.reward_type = gone.reward_type AND s.reward_id = gone.id",
        )?;
        add(
            "DELETE FROM reviews t USING ",
            all.reviews,
            " AS k(user_id, key) WHERE t.user_id = k.user_id AND t.id = k.key",
        )?;
        add(
            "DELETE FROM check_in_days t USING ",
            all.days,
            " AS k(user_id, key) WHERE t.user_id = k.user_id AND t.date = k.key",
        )?;
        add(
            "DELETE FROM claims t USING ",
            all.claims,
            " AS k(kind, key) WHERE t.kind = k.kind AND t.key = k.key",
        )?;
        Ok(statements)
    }
}
