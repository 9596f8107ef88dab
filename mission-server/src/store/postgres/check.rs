//! Locks what a batch changes, and looks up all that could stand against it.

use mission_core::{
    ports::store::{Change, StoreError},
    serde_name,
};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{
    connection::{Transaction, TransactionError},
    load::{ResultRow, ids, pairs},
    rows::{Kind, Rows},
    sql_builder::SqlBuilder,
};
use crate::store::{
    conflict_check::{ConflictCheck, ConflictKeys, ConflictRow},
    record::root_id,
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
            let mut script = SqlBuilder::new(sql);
            script.bind(ids)?;
            transaction.run(script).await?;
        }
    }
    let budgets: Vec<Uuid> = touched.budgets.iter().map(|mission| mission.0).collect();
    if !budgets.is_empty() {
        // A row that is not there cannot be locked.
        let mut script = SqlBuilder::new(
            "INSERT INTO budgets (mission_id, points_micros, grants) SELECT k.id, 0, 0 FROM ",
        );
        script.rows(ids(budgets.iter().copied()))?;
        script.then(" AS k(id) ORDER BY k.id ON CONFLICT (mission_id) DO NOTHING");
        transaction.run(script).await?;
        let mut script =
            SqlBuilder::new("SELECT 1 FROM budgets WHERE mission_id = ANY(?) ORDER BY mission_id FOR UPDATE");
        script.bind(budgets)?;
        transaction.run(script).await?;
    }
    Ok(())
}

/// Looks up all that could stand against the changes, as of one moment after the locks.
pub(super) async fn look_up(
    transaction: &mut Transaction,
    changes: &[Change],
) -> Result<ConflictCheck, TransactionError> {
    let touched = ConflictKeys::of(changes);
    let script = script(&touched)?;
    let mut known = ConflictCheck::default();
    if script.is_empty() {
        return Ok(known);
    }
    for row in transaction.run(script).await? {
        touched.add_row(&mut known, &known_row(&row)?)?;
    }
    Ok(known)
}

fn script(touched: &ConflictKeys) -> Result<SqlBuilder, StoreError> {
    let mut script = SqlBuilder::default();
    let mut add = |before: &'static str, rows: Rows, after: &'static str| -> Result<(), StoreError> {
        if !rows.is_empty() {
            if !script.is_empty() {
                script.then(" UNION ALL ");
            }
            script.then(before).rows(rows)?.then(after);
        }
        Ok(())
    };
    for (before, roots, after) in [
        (
            "SELECT 0, k.place, t.version, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
            &touched.users,
            " WITH ORDINALITY AS k(id, place) JOIN users t ON t.user_id = k.id",
        ),
        (
            "SELECT 1, k.place, t.version, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
            &touched.missions,
            " WITH ORDINALITY AS k(id, place) JOIN missions t ON t.id = k.id",
        ),
        (
            "SELECT 2, k.place, t.version, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
            &touched.packs,
            " WITH ORDINALITY AS k(id, place) JOIN packs t ON t.id = k.id",
        ),
    ] {
        add(before, ids(roots.iter().map(|root| root_id(*root))), after)?;
    }
    let mut claims = Rows::of(&[Kind::Text, Kind::Bytes]);
    for claim in &touched.claims {
        let (kind, key) = claim.storage_key();
        claims.row().text(kind).bytes(key);
    }
    add(
        "SELECT 3, k.place, NULL::bigint, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        claims,
        " WITH ORDINALITY AS k(kind, key, place) JOIN claims t ON t.kind = k.kind AND t.key = k.key",
    )?;
    let receipts = touched.receipts.iter();
    add(
        "SELECT 4, k.place, t.recorded_at, NULL::bigint, NULL::uuid, NULL::uuid FROM ",
        pairs(receipts.map(|key| (key.caller, key.command.0))),
        " WITH ORDINALITY AS k(caller, command, place) JOIN receipts t ON t.caller = k.caller
            AND t.command = k.command",
    )?;
    let mut sources = Rows::of(&[Kind::Text, Kind::Id]);
    for (reward_type, source) in &touched.sources {
        sources.row().text(serde_name(reward_type)).id(*source);
    }
    add(
        "SELECT 5, k.place, NULL::bigint, NULL::bigint, t.reward_id, t.user_id FROM ",
        sources,
        " WITH ORDINALITY AS k(reward_type, source_id, place) JOIN reward_sources t
            ON t.reward_type = k.reward_type AND t.source_id = k.source_id",
    )?;
    let mut days = Rows::of(&[Kind::Id, Kind::Number]);
    for (user, date) in &touched.days {
        days.row().id(user.0).date(*date);
    }
    add(
        "SELECT 6, k.place, NULL::bigint, NULL::bigint, t.id, NULL::uuid FROM ",
        days,
        " WITH ORDINALITY AS k(user_id, date, place) JOIN check_in_days t ON t.user_id = k.user_id
            AND t.date = k.date",
    )?;
    add(
        "SELECT 7, k.place, t.points_micros, t.grants, NULL::uuid, NULL::uuid FROM ",
        ids(touched.budgets.iter().map(|mission| mission.0)),
        " WITH ORDINALITY AS k(id, place) JOIN budgets t ON t.mission_id = k.id",
    )?;
    Ok(script)
}

fn known_row(row: &PgRow) -> Result<ConflictRow, StoreError> {
    let row = ResultRow(row);
    Ok(ConflictRow {
        part: row.get::<i32>(0)?.into(),
        place: row.get::<i64>(1)? - 1,
        first: row.get(2)?,
        second: row.get(3)?,
        id: row.get(4)?,
        owner: row.get(5)?,
    })
}
