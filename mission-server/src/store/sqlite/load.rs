//! `Store::load`: one statement, so that versions and records are of one moment.

use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::StoreError,
};

use super::{
    connection::{Database, unavailable},
    rows::add_union,
};
use crate::store::{
    load_query::{LoadQuery, LoadedRow},
    sql_builder::SqlBuilder,
};

/// Each part of the statement answers rows of one form: which part, the key's place among those that were asked for,
/// two numbers, two texts. Only the parts that are asked for are in it.
mod part {
    pub(super) const ALL: [&str; 13] = [
        ROOT_USER,
        ROOT_MISSION,
        ROOT_PACK,
        TASK,
        PARTICIPATION,
        REWARD,
        REVIEW,
        CHECK_IN_DAY,
        CLAIM,
        BUDGET,
        DEVICE,
        RECEIPT,
        UNKEYED,
    ];
    macro_rules! below_user {
        ($number:literal, $table:literal, $key:literal, $value:literal) => {
            concat!(
                "SELECT ",
                $number,
                ", j.key, NULL, NULL, NULL, t.data FROM json_each(?) j CROSS JOIN ",
                $table,
                " t ON t.user_id = unhex(j.value->>0) AND t.",
                $key,
                " = ",
                $value
            )
        };
    }
    macro_rules! root {
        ($number:literal, $table:literal, $key:literal) => {
            concat!(
                "SELECT ",
                $number,
                ", j.key, t.version, NULL, NULL, t.data FROM json_each(?) j CROSS JOIN ",
                $table,
                " t ON t.",
                $key,
                " = unhex(j.value->>0)"
            )
        };
    }
    const ROOT_USER: &str = root!(0, "users", "user_id");
    const ROOT_MISSION: &str = root!(1, "missions", "id");
    const ROOT_PACK: &str = root!(2, "packs", "id");
    const TASK: &str = below_user!(3, "tasks", "id", "unhex(j.value->>1)");
    const PARTICIPATION: &str = below_user!(4, "participations", "mission_id", "unhex(j.value->>1)");
    const REWARD: &str = below_user!(5, "rewards", "id", "unhex(j.value->>1)");
    const REVIEW: &str = below_user!(6, "reviews", "id", "unhex(j.value->>1)");
    const CHECK_IN_DAY: &str = below_user!(7, "check_in_days", "date", "j.value->>1");
    const CLAIM: &str = "SELECT 8, j.key, NULL, NULL, hex(t.holder), NULL FROM json_each(?) j
        CROSS JOIN claims t ON t.kind = j.value->>0 AND t.key = unhex(j.value->>1)";
    const BUDGET: &str = "SELECT 9, j.key, t.points_micros, t.grants, NULL, NULL FROM json_each(?) j
        CROSS JOIN budgets t ON t.mission_id = unhex(j.value->>0)";
    /// The latest fifty: more than any check looks at.
    const DEVICE: &str = "SELECT 10, j.key, t.seen_at, NULL, hex(t.user_id), NULL FROM json_each(?) j
        CROSS JOIN sightings t ON t.device = j.value->>0 AND t.user_id IN (
            SELECT s.user_id FROM sightings s WHERE s.device = j.value->>0 ORDER BY s.seen_at DESC LIMIT 50)";
    const RECEIPT: &str =
        "SELECT 11, j.key, t.recorded_at, NULL, lower(hex(t.fingerprint)), t.answer FROM json_each(?) j
        CROSS JOIN journal t ON t.caller = unhex(j.value->>0) AND t.command = unhex(j.value->>1)";
    const UNKEYED: &str = "SELECT 12, j.key, t.recorded_at, NULL, NULL, t.answer FROM json_each(?) j
        CROSS JOIN journal t ON t.root_id = unhex(j.value->>0) AND t.engine_id = unhex(j.value->>1)
        WHERE t.answer IS NOT NULL";
}

/// Reads what is asked for: on the connection that writes, whose pages are in memory, or beside it while it is used.
pub(super) async fn load(database: &Database, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
    let query = LoadQuery::of(keys);
    let mut loaded = query.nothing_found();
    let mut statement = SqlBuilder::default();
    add_union(&mut statement, part::ALL, &query.keys());
    if statement.is_empty() {
        return Ok(loaded);
    }
    let rows = match database.try_lock_writer() {
        Some(mut guard) => guard.read(statement).await,
        None => database.query(statement).await,
    };
    for row in &rows.map_err(unavailable)? {
        query.add_row(&mut loaded, &LoadedRow::of(row)?)?;
    }
    Ok(loaded)
}
