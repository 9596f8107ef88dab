//! Looks up, within the transaction, all that could stand against the changes of a batch.

use mission_core::ports::store::{Change, StoreError};

use super::{
    connection::{WriterGuard, unavailable},
    rows::add_union,
};
use crate::store::{
    conflict_check::{ConflictCheck, ConflictKeys, ConflictRow},
    database::Durability,
    sql_builder::SqlBuilder,
};

/// Looks up all that could stand against the changes, with a script that has begun the transaction.
pub(super) async fn look_up(
    guard: &mut WriterGuard<'_>,
    mut script: SqlBuilder,
    changes: &[Change],
) -> Result<ConflictCheck, StoreError> {
    let keys = ConflictKeys::of(changes);
    add_union(&mut script, part::ALL, &keys.keys());
    let rows = guard.write(Durability::Full, script).await.map_err(unavailable)?;
    let mut known = ConflictCheck::default();
    for row in &rows {
        keys.add_row(&mut known, &ConflictRow::of(row)?)?;
    }
    Ok(known)
}

/// Each part answers which part it is, the place of what was asked, two numbers and two ids.
mod part {
    pub(super) const ALL: [&str; 8] = [USERS, MISSIONS, PACKS, CLAIMS, RECEIPTS, SOURCES, DAYS, BUDGETS];
    macro_rules! root {
        ($number:literal, $table:literal, $key:literal) => {
            concat!(
                "SELECT ",
                $number,
                ", j.key, t.version, NULL, NULL, NULL FROM json_each(?) j CROSS JOIN ",
                $table,
                " t ON t.",
                $key,
                " = unhex(j.value->>0)"
            )
        };
    }
    const USERS: &str = root!(0, "users", "user_id");
    const MISSIONS: &str = root!(1, "missions", "id");
    const PACKS: &str = root!(2, "packs", "id");
    const CLAIMS: &str = "SELECT 3, j.key, NULL, NULL, NULL, NULL FROM json_each(?) j
        CROSS JOIN claims t ON t.kind = j.value->>0 AND t.key = unhex(j.value->>1)";
    const RECEIPTS: &str = "SELECT 4, j.key, t.recorded_at, NULL, NULL, NULL FROM json_each(?) j
        CROSS JOIN journal t ON t.caller = unhex(j.value->>0) AND t.command = unhex(j.value->>1)";
    const SOURCES: &str = "SELECT 5, j.key, NULL, NULL, t.id, t.user_id FROM json_each(?) j
        CROSS JOIN rewards t ON t.reward_type = j.value->>0 AND t.source_id = unhex(j.value->>1)";
    const DAYS: &str = "SELECT 6, j.key, NULL, NULL, t.id, NULL FROM json_each(?) j
        CROSS JOIN check_in_days t ON t.user_id = unhex(j.value->>0) AND t.date = j.value->>1";
    const BUDGETS: &str = "SELECT 7, j.key, t.points_micros, t.grants, NULL, NULL FROM json_each(?) j
        CROSS JOIN budgets t ON t.mission_id = unhex(j.value->>0)";
}
