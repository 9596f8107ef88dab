//! `Store::load`: one statement, so that versions and records are of one moment.

use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::StoreError,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    connection::Database,
    rows::{Kind, Rows},
    sql_builder::SqlBuilder,
};
use crate::store::{
    load_query::{LoadQuery, LoadedRow},
    record::{root_id, unavailable},
};

/// Reads what is asked for.
pub(super) async fn load(database: &Database, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
    let asked = LoadQuery::of(keys);
    let mut loaded = asked.nothing_found();
    if script(&asked)?.is_empty() {
        return Ok(loaded);
    }
    for row in database.read(|| script(&asked)).await? {
        asked.add_row(&mut loaded, &ResultRow(&row).loaded()?)?;
    }
    Ok(loaded)
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
                    ", k.place, t.version, NULL::bigint, NULL::text, t.data FROM "
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
                    ", k.place, NULL::bigint, NULL::bigint, NULL::text, t.data FROM "
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
    /// The SQL before and after the keys of one part of the union.
    pub(super) type UnionPart = (&'static str, &'static str);

    pub(super) const ROOT_USER: UnionPart = root!(0, "users", "user_id");
    pub(super) const ROOT_MISSION: UnionPart = root!(1, "missions", "id");
    pub(super) const ROOT_PACK: UnionPart = root!(2, "packs", "id");
    pub(super) const TASK: UnionPart = below_user!(3, "tasks", "id");
    pub(super) const PARTICIPATION: UnionPart = below_user!(4, "participations", "mission_id");
    pub(super) const REWARD: UnionPart = below_user!(5, "rewards", "id");
    pub(super) const REVIEW: UnionPart = below_user!(6, "reviews", "id");
    pub(super) const CHECK_IN_DAY: UnionPart = below_user!(7, "check_in_days", "date");
    pub(super) const CLAIM: UnionPart = (
        "SELECT 8, k.place, NULL::bigint, NULL::bigint, t.holder::text, NULL::text FROM ",
        " WITH ORDINALITY AS k(kind, key, place) CROSS JOIN LATERAL (SELECT holder FROM claims s
            WHERE s.kind = k.kind AND s.key = k.key LIMIT 1) t",
    );
    pub(super) const BUDGET: UnionPart = (
        "SELECT 9, k.place, t.points_micros, t.grants, NULL::text, NULL::text FROM ",
        " WITH ORDINALITY AS k(id, place) CROSS JOIN LATERAL (SELECT points_micros, grants FROM budgets
            WHERE mission_id = k.id LIMIT 1) t",
    );
    /// The latest fifty: more than any check looks at.
    pub(super) const DEVICE: UnionPart = (
        "SELECT 10, k.place, t.seen_at, NULL::bigint, t.user_id::text, NULL::text FROM ",
        " WITH ORDINALITY AS k(device, place) CROSS JOIN LATERAL (SELECT s.user_id, s.seen_at FROM sightings s
            WHERE s.device = k.device ORDER BY s.seen_at DESC LIMIT 50) t",
    );
    pub(super) const RECEIPT: UnionPart = (
        "SELECT 11, k.place, t.recorded_at, NULL::bigint, t.fingerprint, t.answer FROM ",
        " WITH ORDINALITY AS k(caller, command, place) CROSS JOIN LATERAL (SELECT recorded_at, fingerprint, answer
            FROM receipts s WHERE s.caller = k.caller AND s.command = k.command LIMIT 1) t",
    );
}

fn script(asked: &LoadQuery<'_>) -> Result<SqlBuilder, StoreError> {
    let mut script = SqlBuilder::default();
    let mut add = |(before, after): part::UnionPart, rows: Rows| -> Result<(), StoreError> {
        if !rows.is_empty() {
            if !script.is_empty() {
                script.then(" UNION ALL ");
            }
            script.then(before).rows(rows)?.then(after);
        }
        Ok(())
    };
    for (part, roots) in [
        (part::ROOT_USER, &asked.users),
        (part::ROOT_MISSION, &asked.missions),
        (part::ROOT_PACK, &asked.packs),
    ] {
        add(part, ids(roots.iter().map(|root| root_id(*root))))?;
    }
    add(
        part::TASK,
        pairs(asked.tasks.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    let participations = asked.participations.iter();
    add(
        part::PARTICIPATION,
        pairs(participations.map(|key| (key.0.0, key.1.0))),
    )?;
    add(
        part::REWARD,
        pairs(asked.rewards.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    add(
        part::REVIEW,
        pairs(asked.reviews.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    let mut days = Rows::of(&[Kind::Id, Kind::Number]);
    for (user, date) in &asked.days {
        days.row().id(user.0).date(*date);
    }
    add(part::CHECK_IN_DAY, days)?;
    let mut claims = Rows::of(&[Kind::Text, Kind::Bytes]);
    for claim in &asked.claims {
        let (kind, key) = claim.storage_key();
        claims.row().text(kind).bytes(key);
    }
    add(part::CLAIM, claims)?;
    add(part::BUDGET, ids(asked.budgets.iter().map(|id| id.0)))?;
    let mut devices = Rows::of(&[Kind::Text]);
    for device in &asked.devices {
        devices.row().text(device.as_str());
    }
    add(part::DEVICE, devices)?;
    let receipts = asked.receipts.iter();
    add(
        part::RECEIPT,
        pairs(receipts.map(|key| (key.caller, key.command.0))),
    )?;
    Ok(script)
}

pub(super) fn ids(ids: impl Iterator<Item = Uuid>) -> Rows {
    let mut rows = Rows::of(&[Kind::Id]);
    for id in ids {
        rows.row().id(id);
    }
    rows
}

pub(super) fn pairs(pairs: impl Iterator<Item = (Uuid, Uuid)>) -> Rows {
    let mut rows = Rows::of(&[Kind::Id, Kind::Id]);
    for (one, other) in pairs {
        rows.row().id(one).id(other);
    }
    rows
}

/// One row of an answer. What cannot be read is damage, not absence.
pub(crate) struct ResultRow<'r>(pub(crate) &'r PgRow);

impl<'r> ResultRow<'r> {
    pub(crate) fn get<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.0.try_get(column).map_err(unavailable)
    }

    /// The row of a load, whose places count from 1.
    fn loaded(&self) -> Result<LoadedRow<'r>, StoreError> {
        Ok(LoadedRow {
            part: self.get::<i32>(0)?.into(),
            place: self.get::<i64>(1)? - 1,
            first: self.get(2)?,
            second: self.get(3)?,
            code: self.get(4)?,
            data: self.get(5)?,
        })
    }
}
