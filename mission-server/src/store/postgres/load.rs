//! `Store::load`: one statement, so that versions and records are of one moment.

use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::StoreError,
};

use super::{connection::Database, rows::union_of};
use crate::store::{
    database::SqlDatabase as _,
    load_query::{LoadQuery, LoadedRow},
    sql_builder::SqlBuilder,
};

/// Reads what is asked for.
pub(super) async fn load(database: &Database, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
    let query = LoadQuery::of(keys);
    let mut loaded = query.nothing_found();
    let statement = statement(&query)?;
    if statement.is_empty() {
        return Ok(loaded);
    }
    for row in &database.read(statement).await? {
        query.add_row(&mut loaded, &LoadedRow::of(row)?)?;
    }
    Ok(loaded)
}

pub(super) fn statement(query: &LoadQuery) -> Result<SqlBuilder, StoreError> {
    union_of(part::ALL, query.keys())
}

/// Each part of the statement answers rows of one form: which part, the key's place among those that were asked for,
/// two numbers, two texts. Only the parts that are asked for are in it.
///
/// Each key is looked up for itself (`LATERAL … LIMIT 1`): a join of sets would be planned as a scan while a table is
/// small, and a prepared plan stays when it has grown.
mod part {
    macro_rules! root {
        ($number:literal, $table:literal, $key:literal) => {
            (
                concat!(
                    "SELECT ",
                    $number,
                    "::bigint, k.place - 1, t.version, NULL::bigint, NULL::text, t.data FROM "
                ),
                concat!(
                    " WITH ORDINALITY AS k(id, place) CROSS JOIN LATERAL (SELECT version, data FROM ",
                    $table,
                    " WHERE ",
                    $key,
                    " = k.id LIMIT 1) t"
                ),
            )
        };
    }
    macro_rules! below_user {
        ($number:literal, $table:literal, $key:literal) => {
            (
                concat!(
                    "SELECT ",
                    $number,
                    "::bigint, k.place - 1, NULL::bigint, NULL::bigint, NULL::text, t.data FROM "
                ),
                concat!(
                    " WITH ORDINALITY AS k(user_id, key, place) CROSS JOIN LATERAL (SELECT data FROM ",
                    $table,
                    " s WHERE s.user_id = k.user_id AND s.",
                    $key,
                    " = k.key LIMIT 1) t"
                ),
            )
        };
    }
    pub(super) const ALL: [UnionPart; 13] = [
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
    /// The SQL before and after the keys of one part of the union.
    type UnionPart = (&'static str, &'static str);

    const ROOT_USER: UnionPart = root!(0, "users", "user_id");
    const ROOT_MISSION: UnionPart = root!(1, "missions", "id");
    const ROOT_PACK: UnionPart = root!(2, "packs", "id");
    const TASK: UnionPart = below_user!(3, "tasks", "id");
    const PARTICIPATION: UnionPart = below_user!(4, "participations", "mission_id");
    const REWARD: UnionPart = below_user!(5, "rewards", "id");
    const REVIEW: UnionPart = below_user!(6, "reviews", "id");
    const CHECK_IN_DAY: UnionPart = below_user!(7, "check_in_days", "date");
    const CLAIM: UnionPart = (
        "SELECT 8::bigint, k.place - 1, NULL::bigint, NULL::bigint, t.holder::text, NULL::text FROM ",
        " WITH ORDINALITY AS k(kind, key, place) CROSS JOIN LATERAL (SELECT holder FROM claims s
            WHERE s.kind = k.kind AND s.key = k.key LIMIT 1) t",
    );
    const BUDGET: UnionPart = (
        "SELECT 9::bigint, k.place - 1, t.points_micros, t.grants, NULL::text, NULL::text FROM ",
        " WITH ORDINALITY AS k(id, place) CROSS JOIN LATERAL (SELECT points_micros, grants FROM budgets
            WHERE mission_id = k.id LIMIT 1) t",
    );
    /// The latest fifty: more than any check looks at.
    const DEVICE: UnionPart = (
        "SELECT 10::bigint, k.place - 1, t.seen_at, NULL::bigint, t.user_id::text, NULL::text FROM ",
        " WITH ORDINALITY AS k(device, place) CROSS JOIN LATERAL (SELECT s.user_id, s.seen_at FROM sightings s
            WHERE s.device = k.device ORDER BY s.seen_at DESC LIMIT 50) t",
    );
    const RECEIPT: UnionPart = (
        "SELECT 11::bigint, k.place - 1, t.recorded_at, NULL::bigint, t.fingerprint, t.answer FROM ",
        " WITH ORDINALITY AS k(caller, command, place) CROSS JOIN LATERAL (SELECT recorded_at, fingerprint, answer
            FROM receipts s WHERE s.caller = k.caller AND s.command = k.command LIMIT 1) t",
    );
    const UNKEYED: UnionPart = (
        "SELECT 12::bigint, k.place - 1, t.recorded_at, NULL::bigint, NULL::text, t.answer FROM ",
        " WITH ORDINALITY AS k(root_id, command, place) CROSS JOIN LATERAL (SELECT recorded_at, answer
            FROM journal s WHERE s.root_id = k.root_id AND s.command = k.command AND s.answer IS NOT NULL LIMIT 1) t",
    );
}
