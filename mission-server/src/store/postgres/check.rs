//! Locks what a batch changes, and looks up all that could stand against it.

use mission_core::ports::store::Change;
use uuid::Uuid;

use super::{
    connection::{Transaction, TransactionError},
    rows::{Rows, union_of},
};
use crate::store::{
    conflict_check::{ConflictCheck, ConflictKeys, ConflictRow},
    keys::Keys,
    record::root_id,
    sql_builder::SqlBuilder,
};

/// Locks roots and budgets in the order in which every commit does.
pub(super) async fn lock(transaction: &mut Transaction, changes: &[Change]) -> Result<(), TransactionError> {
    let touched = ConflictKeys::of(changes);
    for (sql, roots) in [
        (
            "SELECT 1 FROM users WHERE user_id = ANY(?) ORDER BY user_id FOR UPDATE",
            &touched.users,
        ),
        (
            "SELECT 1 FROM missions WHERE id = ANY(?) ORDER BY id FOR UPDATE",
            &touched.missions,
        ),
        (
            "SELECT 1 FROM packs WHERE id = ANY(?) ORDER BY id FOR UPDATE",
            &touched.packs,
        ),
    ] {
        let ids: Vec<Uuid> = roots.iter().map(|root| root_id(*root)).collect();
        if !ids.is_empty() {
            transaction.run(SqlBuilder::new(sql).with(ids)).await?;
        }
    }
    let budgets: Vec<Uuid> = touched.budgets.iter().map(|mission| mission.0).collect();
    if !budgets.is_empty() {
        // A row that is not there cannot be locked.
        let mut statement = SqlBuilder::new(
            "INSERT INTO budgets (mission_id, points_micros, grants) SELECT k.id, 0, 0 FROM ",
        );
        statement.rows(Rows::of_keys(Keys::Ids(budgets.clone())))?;
        statement.then(" AS k(id) ORDER BY k.id ON CONFLICT (mission_id) DO NOTHING");
        transaction.run(statement).await?;
        let lock =
            SqlBuilder::new("SELECT 1 FROM budgets WHERE mission_id = ANY(?) ORDER BY mission_id FOR UPDATE");
        transaction.run(lock.with(budgets)).await?;
    }
    Ok(())
}

/// Looks up all that could stand against the changes, as of one moment after the locks.
pub(super) async fn look_up(
    transaction: &mut Transaction,
    changes: &[Change],
) -> Result<ConflictCheck, TransactionError> {
    let keys = ConflictKeys::of(changes);
    let statement = union_of(PARTS, keys.keys())?;
    let mut known = ConflictCheck::default();
    if statement.is_empty() {
        return Ok(known);
    }
    for row in &transaction.run(statement).await? {
        keys.add_row(&mut known, &ConflictRow::of(row)?)?;
    }
    Ok(known)
}

/// The SQL before and after the keys of each part of the union.
const PARTS: [(&str, &str); 8] = [
    (
        "SELECT 0::bigint, k.place - 1, t.version, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(id, place) JOIN users t ON t.user_id = k.id",
    ),
    (
        "SELECT 1::bigint, k.place - 1, t.version, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(id, place) JOIN missions t ON t.id = k.id",
    ),
    (
        "SELECT 2::bigint, k.place - 1, t.version, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(id, place) JOIN packs t ON t.id = k.id",
    ),
    (
        "SELECT 3::bigint, k.place - 1, NULL::bigint, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(kind, key, place) JOIN claims t ON t.kind = k.kind AND t.key = k.key",
    ),
    (
        "SELECT 4::bigint, k.place - 1, t.recorded_at, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(caller, command, place) JOIN receipts t ON t.caller = k.caller
            AND t.command = k.command",
    ),
    (
        "SELECT 5::bigint, k.place - 1, NULL::bigint, NULL::bigint, t.reward_id, t.user_id FROM ",
        " WITH ORDINALITY AS k(reward_type, source_id, place) JOIN reward_sources t
            ON t.reward_type = k.reward_type AND t.source_id = k.source_id",
    ),
    (
        "SELECT 6::bigint, k.place - 1, NULL::bigint, NULL::bigint, t.id, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(user_id, date, place) JOIN check_in_days t ON t.user_id = k.user_id
            AND t.date = k.date",
    ),
    (
        "SELECT 7::bigint, k.place - 1, t.points_micros, t.grants, NULL::uuid, NULL::uuid FROM ",
        " WITH ORDINALITY AS k(id, place) JOIN budgets t ON t.mission_id = k.id",
    ),
];
