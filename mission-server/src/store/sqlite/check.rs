//! Looks up, within the transaction, all that could stand against the changes of a batch.

use mission_core::{
    ports::store::{Change, StoreError},
    serde_name,
};

use super::{
    connection::{Durability, SqlBuilder, WriterGuard, unavailable},
    load::ResultRow,
    rows::Rows,
};
use crate::store::{
    conflict_check::{ConflictCheck, ConflictKeys, ConflictRow},
    record::root_id,
};

/// Looks up all that could stand against the changes, with a script that has begun the transaction.
pub(super) async fn look_up(
    turn: &mut WriterGuard<'_>,
    mut script: SqlBuilder,
    changes: &[Change],
) -> Result<ConflictCheck, StoreError> {
    let touched = ConflictKeys::of(changes);
    add_to(&touched, &mut script)?;
    let durability = Durability::Full;
    let mut known = ConflictCheck::default();
    for row in turn.write(durability, script).await.map_err(unavailable)? {
        touched.add_row(&mut known, &known_row(&ResultRow(&row))?)?;
    }
    Ok(known)
}

fn add_to(touched: &ConflictKeys, script: &mut SqlBuilder) -> Result<(), StoreError> {
    let mut first = true;
    let mut add = |sql: &'static str, rows: Rows| -> Result<(), StoreError> {
        if !rows.is_empty() {
            if !std::mem::take(&mut first) {
                script.then(" UNION ALL ");
            }
            script.then(sql).bind(rows.into_text())?;
        }
        Ok(())
    };
    for (sql, roots) in [
        (sql::USERS, &touched.users),
        (sql::MISSIONS, &touched.missions),
        (sql::PACKS, &touched.packs),
    ] {
        let mut rows = Rows::default();
        for root in roots {
            rows.row().id(root_id(*root));
        }
        add(sql, rows)?;
    }
    let mut rows = Rows::default();
    for claim in &touched.claims {
        let (kind, key) = claim.storage_key();
        rows.row().text(kind).bytes(key.as_bytes());
    }
    add(sql::CLAIMS, rows)?;
    let mut rows = Rows::default();
    for key in &touched.receipts {
        rows.row().id(key.caller).id(key.command.0);
    }
    add(sql::RECEIPTS, rows)?;
    let mut rows = Rows::default();
    for (reward_type, source) in &touched.sources {
        rows.row().text(&serde_name(reward_type)).id(*source);
    }
    add(sql::SOURCES, rows)?;
    let mut rows = Rows::default();
    for (user, date) in &touched.days {
        rows.row().id(user.0).date(*date);
    }
    add(sql::DAYS, rows)?;
    let mut rows = Rows::default();
    for mission in &touched.budgets {
        rows.row().id(mission.0);
    }
    add(sql::BUDGETS, rows)
}

fn known_row(row: &ResultRow<'_>) -> Result<ConflictRow, StoreError> {
    let id = |column| match row.get::<Option<&str>>(column)? {
        Some(_) => row.id(column).map(Some),
        None => Ok(None),
    };
    Ok(ConflictRow {
        part: row.get(0)?,
        place: row.get(1)?,
        first: row.get(2)?,
        second: row.get(3)?,
        id: id(4)?,
        owner: id(5)?,
    })
}

/// Each part answers which part it is, the place of what was asked, two numbers and two ids.
mod sql {
    macro_rules! root {
        ($number:literal, $table:literal) => {
            concat!(
                "SELECT ",
                $number,
                ", j.key, t.version, NULL, NULL, NULL FROM json_each(?) j CROSS JOIN ",
                $table,
                " t ON t.id = unhex(j.value->>0)"
            )
        };
    }
    pub(super) const USERS: &str = root!(0, "users");
    pub(super) const MISSIONS: &str = root!(1, "missions");
    pub(super) const PACKS: &str = root!(2, "packs");
    pub(super) const CLAIMS: &str = "SELECT 3, j.key, NULL, NULL, NULL, NULL FROM json_each(?) j
        CROSS JOIN claims t ON t.kind = j.value->>0 AND t.key = unhex(j.value->>1)";
    pub(super) const RECEIPTS: &str = "SELECT 4, j.key, t.recorded_at, NULL, NULL, NULL FROM json_each(?) j
        CROSS JOIN journal t ON t.caller = unhex(j.value->>0) AND t.command = unhex(j.value->>1)";
    pub(super) const SOURCES: &str =
        "SELECT 5, j.key, NULL, NULL, hex(t.id), hex(t.user_id) FROM json_each(?) j
        CROSS JOIN rewards t ON t.reward_type = j.value->>0 AND t.source_id = unhex(j.value->>1)";
    pub(super) const DAYS: &str = "SELECT 6, j.key, NULL, NULL, hex(t.id), NULL FROM json_each(?) j
        CROSS JOIN check_in_days t ON t.user_id = unhex(j.value->>0) AND t.date = j.value->>1";
    pub(super) const BUDGETS: &str =
        "SELECT 7, j.key, t.points_micros, t.grants, NULL, NULL FROM json_each(?) j
        CROSS JOIN budgets t ON t.mission_id = unhex(j.value->>0)";
}
