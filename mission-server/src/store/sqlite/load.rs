//! `Store::load`: one statement, so that versions and records are of one moment.

use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::StoreError,
};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    connection::{SqlBuilder, WriterGuard, unavailable},
    rows::Rows,
};
use crate::store::{
    load_query::{LoadQuery, LoadedRow},
    record::root_id,
};

/// Each part of the statement answers rows of one form: which part, the key's place among those that were asked for,
/// two numbers, two texts. Only the parts that are asked for are in it.
mod part {
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
        ($number:literal, $table:literal) => {
            concat!(
                "SELECT ",
                $number,
                ", j.key, t.version, NULL, NULL, t.data FROM json_each(?) j CROSS JOIN ",
                $table,
                " t ON t.id = unhex(j.value->>0)"
            )
        };
    }
    pub(super) const ROOT_USER: &str = root!(0, "users");
    pub(super) const ROOT_MISSION: &str = root!(1, "missions");
    pub(super) const ROOT_PACK: &str = root!(2, "packs");
    pub(super) const TASK: &str = below_user!(3, "tasks", "id", "unhex(j.value->>1)");
    pub(super) const PARTICIPATION: &str =
        below_user!(4, "participations", "mission_id", "unhex(j.value->>1)");
    pub(super) const REWARD: &str = below_user!(5, "rewards", "id", "unhex(j.value->>1)");
    pub(super) const REVIEW: &str = below_user!(6, "reviews", "id", "unhex(j.value->>1)");
    pub(super) const CHECK_IN_DAY: &str = below_user!(7, "check_in_days", "date", "j.value->>1");
    pub(super) const CLAIM: &str = "SELECT 8, j.key, NULL, NULL, hex(t.holder), NULL FROM json_each(?) j
        CROSS JOIN claims t ON t.kind = j.value->>0 AND t.key = unhex(j.value->>1)";
    pub(super) const BUDGET: &str =
        "SELECT 9, j.key, t.points_micros, t.grants, NULL, NULL FROM json_each(?) j
        CROSS JOIN budgets t ON t.mission_id = unhex(j.value->>0)";
    /// The latest fifty: more than any check looks at.
    pub(super) const DEVICE: &str =
        "SELECT 10, j.key, t.seen_at, NULL, hex(t.user_id), NULL FROM json_each(?) j
        CROSS JOIN sightings t ON t.device = j.value->>0 AND t.user_id IN (
            SELECT s.user_id FROM sightings s WHERE s.device = j.value->>0 ORDER BY s.seen_at DESC LIMIT 50)";
    pub(super) const RECEIPT: &str =
        "SELECT 11, j.key, t.recorded_at, NULL, lower(hex(t.fingerprint)), t.answer FROM json_each(?) j
        CROSS JOIN journal t ON t.caller = unhex(j.value->>0) AND t.command = unhex(j.value->>1)";
}

/// Reads what is asked for.
pub(super) async fn load(turn: &mut WriterGuard<'_>, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
    let asked = LoadQuery::of(keys);
    let mut loaded = asked.nothing_found();
    let script = script(&asked)?;
    if script.is_empty() {
        return Ok(loaded);
    }
    for row in turn.read(script).await.map_err(unavailable)? {
        asked.add_row(&mut loaded, &ResultRow(&row).loaded()?)?;
    }
    Ok(loaded)
}

fn script(asked: &LoadQuery<'_>) -> Result<SqlBuilder, StoreError> {
    let mut script = SqlBuilder::default();
    let mut add = |sql: &'static str, rows: Rows| -> Result<(), StoreError> {
        if !rows.is_empty() {
            if !script.is_empty() {
                script.then(" UNION ALL ");
            }
            script.then(sql).bind(rows.into_text())?;
        }
        Ok(())
    };
    add(
        part::ROOT_USER,
        ids(asked.users.iter().map(|root| root_id(*root))),
    )?;
    add(
        part::ROOT_MISSION,
        ids(asked.missions.iter().map(|root| root_id(*root))),
    )?;
    add(
        part::ROOT_PACK,
        ids(asked.packs.iter().map(|root| root_id(*root))),
    )?;
    add(
        part::TASK,
        pairs(asked.tasks.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    add(
        part::PARTICIPATION,
        pairs(asked.participations.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    add(
        part::REWARD,
        pairs(asked.rewards.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    add(
        part::REVIEW,
        pairs(asked.reviews.iter().map(|key| (key.0.0, key.1.0))),
    )?;
    let mut days = Rows::default();
    for (user, date) in &asked.days {
        days.row().id(user.0).date(*date);
    }
    add(part::CHECK_IN_DAY, days)?;
    let mut claims = Rows::default();
    for claim in &asked.claims {
        let (kind, key) = claim.storage_key();
        claims.row().text(kind).bytes(key.as_bytes());
    }
    add(part::CLAIM, claims)?;
    add(part::BUDGET, ids(asked.budgets.iter().map(|id| id.0)))?;
    let mut devices = Rows::default();
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

fn ids(ids: impl Iterator<Item = Uuid>) -> Rows {
    let mut rows = Rows::default();
    for id in ids {
        rows.row().id(id);
    }
    rows
}

fn pairs(pairs: impl Iterator<Item = (Uuid, Uuid)>) -> Rows {
    let mut rows = Rows::default();
    for (one, other) in pairs {
        rows.row().id(one).id(other);
    }
    rows
}

/// One row of an answer. What cannot be read is damage, not absence.
pub(crate) struct ResultRow<'r>(pub(crate) &'r SqliteRow);

impl<'r> ResultRow<'r> {
    pub(crate) fn get<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.0.try_get(column).map_err(unavailable)
    }

    pub(crate) fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        self.get::<&str>(column)?.parse().map_err(unavailable)
    }

    /// The row of a load.
    fn loaded(&self) -> Result<LoadedRow<'r>, StoreError> {
        Ok(LoadedRow {
            part: self.get(0)?,
            place: self.get(1)?,
            first: self.get(2)?,
            second: self.get(3)?,
            code: self.get(4)?,
            data: self.get(5)?,
        })
    }
}
