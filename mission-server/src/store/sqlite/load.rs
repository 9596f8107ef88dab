//! `Store::load`: one statement, so that versions and records are of one moment.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    MissionId, ReviewId, RewardId, TaskId, UserId,
    engine::{Facts, Fingerprint, Keys, Receipt, ReceiptKey, Table},
    fraud::DeviceHash,
    mission::BudgetUse,
    points::total_from_micros,
    ports::store::{Claim, Root, StoreError, Version},
};
use serde::de::DeserializeOwned;
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    connection::{Script, Turn, unavailable},
    rows::Rows,
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
pub(super) async fn load(turn: &mut Turn<'_>, keys: &Keys) -> Result<Facts, StoreError> {
    let asked = Asked::of(keys);
    let mut facts = asked.nothing_found();
    let script = asked.script()?;
    if script.is_empty() {
        return Ok(facts);
    }
    for row in turn.read(script).await.map_err(unavailable)? {
        asked.take_in(&mut facts, &Found(&row))?;
    }
    Ok(facts)
}

/// What is asked for, in the order in which it is bound.
struct Asked<'k> {
    keys: &'k Keys,
    users: Vec<Root>,
    missions: Vec<Root>,
    packs: Vec<Root>,
    tasks: Vec<&'k (UserId, TaskId)>,
    participations: Vec<&'k (UserId, MissionId)>,
    rewards: Vec<&'k (UserId, RewardId)>,
    reviews: Vec<&'k (UserId, ReviewId)>,
    days: Vec<&'k (UserId, NaiveDate)>,
    claims: Vec<&'k Claim>,
    budgets: Vec<&'k MissionId>,
    devices: Vec<&'k DeviceHash>,
    receipts: Vec<&'k ReceiptKey>,
}

impl<'k> Asked<'k> {
    fn of(keys: &'k Keys) -> Self {
        let (mut users, mut missions, mut packs) = (Vec::new(), Vec::new(), Vec::new());
        for root in keys.all_roots() {
            match root {
                Root::User(_) => users.push(root),
                Root::Mission(_) => missions.push(root),
                Root::Pack(_) => packs.push(root),
            }
        }
        Asked {
            keys,
            users,
            missions,
            packs,
            tasks: keys.records.task.iter().collect(),
            participations: keys.records.participation.iter().collect(),
            rewards: keys.records.reward.iter().collect(),
            reviews: keys.records.review.iter().collect(),
            days: keys.records.check_in_day.iter().collect(),
            claims: keys.claims.iter().collect(),
            budgets: keys.budgets.iter().collect(),
            devices: keys.devices.iter().collect(),
            receipts: keys.receipts.iter().collect(),
        }
    }

    fn script(&self) -> Result<Script, StoreError> {
        let mut script = Script::default();
        let mut add = |sql: &'static str, rows: Rows| -> Result<(), StoreError> {
            if !rows.is_empty() {
                if !script.is_empty() {
                    script.then(" UNION ALL ");
                }
                script.then(sql).bind(rows.into_text())?;
            }
            Ok(())
        };
        add(part::ROOT_USER, ids(self.users.iter().map(|root| root_id(*root))))?;
        add(
            part::ROOT_MISSION,
            ids(self.missions.iter().map(|root| root_id(*root))),
        )?;
        add(part::ROOT_PACK, ids(self.packs.iter().map(|root| root_id(*root))))?;
        add(part::TASK, pairs(self.tasks.iter().map(|key| (key.0.0, key.1.0))))?;
        add(
            part::PARTICIPATION,
            pairs(self.participations.iter().map(|key| (key.0.0, key.1.0))),
        )?;
        add(
            part::REWARD,
            pairs(self.rewards.iter().map(|key| (key.0.0, key.1.0))),
        )?;
        add(
            part::REVIEW,
            pairs(self.reviews.iter().map(|key| (key.0.0, key.1.0))),
        )?;
        let mut days = Rows::default();
        for (user, date) in &self.days {
            days.row().id(user.0).date(*date);
        }
        add(part::CHECK_IN_DAY, days)?;
        let mut claims = Rows::default();
        for claim in &self.claims {
            let (kind, key) = claim.storage_key();
            claims.row().text(kind).bytes(key.as_bytes());
        }
        add(part::CLAIM, claims)?;
        add(part::BUDGET, ids(self.budgets.iter().map(|id| id.0)))?;
        let mut devices = Rows::default();
        for device in &self.devices {
            devices.row().text(device.as_str());
        }
        add(part::DEVICE, devices)?;
        let receipts = self.receipts.iter();
        add(
            part::RECEIPT,
            pairs(receipts.map(|key| (key.caller, key.command.0))),
        )?;
        Ok(script)
    }

    /// The answer of an empty store.
    fn nothing_found(&self) -> Facts {
        let keys = self.keys;
        let roots = [&self.users, &self.missions, &self.packs];
        Facts {
            versions: roots
                .into_iter()
                .flatten()
                .map(|root| (*root, Version(0)))
                .collect(),
            records: keys.records.pick(&mission_core::engine::Records::default()),
            claims: keys.claims.iter().map(|claim| (claim.clone(), None)).collect(),
            budgets: keys
                .budgets
                .iter()
                .map(|id| (*id, BudgetUse::default()))
                .collect(),
            devices: keys
                .devices
                .iter()
                .map(|device| (device.clone(), BTreeMap::new()))
                .collect(),
            receipts: keys.receipts.iter().map(|key| (*key, None)).collect(),
        }
    }

    fn take_in(&self, facts: &mut Facts, row: &Found<'_>) -> Result<(), StoreError> {
        let part: i64 = row.get(0)?;
        let place = usize::try_from(row.get::<i64>(1)?).map_err(unavailable)?;
        let records = &mut facts.records;
        match part {
            0..=2 => {
                let roots = [&self.users, &self.missions, &self.packs];
                let root = roots.into_iter().nth(usize::try_from(part).map_err(unavailable)?);
                let Some(root) = root.and_then(|roots| roots.get(place)) else {
                    return Err(unavailable("a root was found that nobody asked for"));
                };
                let version = u64::try_from(row.get::<i64>(2)?).map_err(unavailable)?;
                facts.versions.insert(*root, Version(version));
                match root {
                    Root::User(id) => row.fill_if_asked(&mut records.user, id),
                    Root::Mission(id) => row.fill_if_asked(&mut records.mission, id),
                    Root::Pack(id) => row.fill_if_asked(&mut records.pack, id),
                }
            }
            3 => row.fill(&mut records.task, self.tasks.get(place)),
            4 => row.fill(&mut records.participation, self.participations.get(place)),
            5 => row.fill(&mut records.reward, self.rewards.get(place)),
            6 => row.fill(&mut records.review, self.reviews.get(place)),
            7 => row.fill(&mut records.check_in_day, self.days.get(place)),
            8 => {
                if let Some(&claim) = self.claims.get(place) {
                    facts.claims.insert(claim.clone(), Some(row.id(4)?));
                }
                Ok(())
            }
            9 => {
                if let Some(&mission) = self.budgets.get(place) {
                    let used = BudgetUse {
                        points: total_from_micros(row.get(2)?),
                        grants: row.get(3)?,
                    };
                    facts.budgets.insert(*mission, used);
                }
                Ok(())
            }
            10 => {
                let device = self.devices.get(place);
                if let Some(users) = device.and_then(|&device| facts.devices.get_mut(device)) {
                    users.insert(row.id(4)?.into(), instant(row.get(2)?)?);
                }
                Ok(())
            }
            _ => {
                if let (Some(&key), Some(answer)) = (self.receipts.get(place), row.get::<Option<&str>>(5)?) {
                    let fingerprint = row.get::<String>(4)?;
                    let receipt = Receipt {
                        fingerprint: Fingerprint::try_from(fingerprint).map_err(unavailable)?,
                        at: instant(row.get(2)?)?,
                        answer: from_json(answer)?,
                    };
                    facts.receipts.insert(*key, Some(receipt));
                }
                Ok(())
            }
        }
    }
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

/// The id under which a root is kept.
pub(super) fn root_id(root: Root) -> Uuid {
    match root {
        Root::User(id) => id.0,
        Root::Mission(id) => id.0,
        Root::Pack(id) => id.0,
    }
}

/// One row of an answer. What cannot be read is damage, not absence.
pub(crate) struct Found<'r>(pub(crate) &'r SqliteRow);

impl<'r> Found<'r> {
    pub(crate) fn get<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.0.try_get(column).map_err(unavailable)
    }

    pub(crate) fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        self.get::<&str>(column)?.parse().map_err(unavailable)
    }

    fn record<V: DeserializeOwned>(&self) -> Result<Option<V>, StoreError> {
        self.get::<Option<&str>>(5)?.map(from_json).transpose()
    }

    fn fill<K: Ord + Clone, V: DeserializeOwned>(
        &self,
        table: &mut Table<K, V>,
        key: Option<&&K>,
    ) -> Result<(), StoreError> {
        if let Some(&key) = key {
            table.insert(key.clone(), self.record()?);
        }
        Ok(())
    }

    fn fill_if_asked<K: Ord, V: DeserializeOwned>(
        &self,
        table: &mut Table<K, V>,
        key: &K,
    ) -> Result<(), StoreError> {
        if let Some(record) = table.get_mut(key) {
            *record = self.record()?;
        }
        Ok(())
    }
}

/// A record out of its JSON text.
pub(crate) fn from_json<V: DeserializeOwned>(text: &str) -> Result<V, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| unavailable(format_args!("a stored record cannot be read: {error}")))
}

/// An instant out of its microseconds since 1970.
pub(crate) fn instant(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| unavailable(format_args!("{micros} microseconds since 1970 are no instant")))
}
