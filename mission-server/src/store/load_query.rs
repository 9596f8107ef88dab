//! The query of a load, and how the rows of its answer become records.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use mission_core::{
    MissionId, ReviewId, RewardId, TaskId, UserId,
    engine::{Fingerprint, LoadedRecords, ReadSet, Receipt, ReceiptKey, RecordTable},
    fraud::DeviceHash,
    mission::BudgetUse,
    points::total_from_millionths,
    ports::store::{Claim, Root, StoreError, Version},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    keys::Keys,
    record::{days, from_json, instant, root_id, unavailable},
    row::SqlRow,
};

/// The keys of a load, in the order in which they are bound.
pub(crate) struct LoadQuery<'k> {
    keys: &'k ReadSet,
    pub(crate) users: Vec<Root>,
    pub(crate) missions: Vec<Root>,
    pub(crate) packs: Vec<Root>,
    pub(crate) tasks: Vec<&'k (UserId, TaskId)>,
    pub(crate) participations: Vec<&'k (UserId, MissionId)>,
    pub(crate) rewards: Vec<&'k (UserId, RewardId)>,
    pub(crate) reviews: Vec<&'k (UserId, ReviewId)>,
    pub(crate) days: Vec<&'k (UserId, NaiveDate)>,
    pub(crate) claims: Vec<&'k Claim>,
    pub(crate) budgets: Vec<&'k MissionId>,
    pub(crate) devices: Vec<&'k DeviceHash>,
    pub(crate) receipts: Vec<&'k ReceiptKey>,
    pub(crate) unkeyed: Vec<&'k (Root, ReceiptKey)>,
}

impl<'k> LoadQuery<'k> {
    pub(crate) fn of(keys: &'k ReadSet) -> Self {
        let (mut users, mut missions, mut packs) = (Vec::new(), Vec::new(), Vec::new());
        for root in keys.all_roots() {
            match root {
                Root::User(_) => users.push(root),
                Root::Mission(_) => missions.push(root),
                Root::Pack(_) => packs.push(root),
            }
        }
        LoadQuery {
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
            unkeyed: keys.unkeyed.iter().collect(),
        }
    }

    /// The keys of each part, by its number.
    pub(crate) fn keys(&self) -> [Keys; 13] {
        let roots = |roots: &[Root]| Keys::Ids(roots.iter().map(|root| root_id(*root)).collect());
        let receipts = self.receipts.iter();
        let devices = self.devices.iter();
        let unkeyed = self.unkeyed.iter();
        [
            roots(&self.users),
            roots(&self.missions),
            roots(&self.packs),
            Keys::IdPairs(self.tasks.iter().map(|key| (key.0.0, key.1.0)).collect()),
            Keys::IdPairs(self.participations.iter().map(|key| (key.0.0, key.1.0)).collect()),
            Keys::IdPairs(self.rewards.iter().map(|key| (key.0.0, key.1.0)).collect()),
            Keys::IdPairs(self.reviews.iter().map(|key| (key.0.0, key.1.0)).collect()),
            Keys::Numbered(self.days.iter().map(|key| (key.0.0, days(key.1))).collect()),
            Keys::of_claims(self.claims.iter().copied()),
            Keys::Ids(self.budgets.iter().map(|id| id.0).collect()),
            Keys::Texts(devices.map(|device| device.as_str().to_owned()).collect()),
            Keys::IdPairs(receipts.map(|key| (key.caller, key.command.0)).collect()),
            Keys::IdPairs(unkeyed.map(|key| (root_id(key.0), key.1.command.0)).collect()),
        ]
    }

    /// The answer of an empty store.
    pub(crate) fn nothing_found(&self) -> LoadedRecords {
        let keys = self.keys;
        let roots = [&self.users, &self.missions, &self.packs];
        LoadedRecords {
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
            receipts: keys.all_receipts().map(|key| (key, None)).collect(),
        }
    }

    /// Puts one row of the answer in its place.
    ///
    /// # Errors
    /// When it cannot be read, which is damage.
    pub(crate) fn add_row(&self, loaded: &mut LoadedRecords, row: &LoadedRow<'_>) -> Result<(), StoreError> {
        let place = usize::try_from(row.place).map_err(unavailable)?;
        let records = &mut loaded.records;
        match row.part {
            0..=2 => {
                let roots = [&self.users, &self.missions, &self.packs];
                let root = roots
                    .into_iter()
                    .nth(usize::try_from(row.part).map_err(unavailable)?);
                let Some(root) = root.and_then(|roots| roots.get(place)) else {
                    return Err(unavailable("a root was found that nobody asked for"));
                };
                let version = u64::try_from(row.first()?).map_err(unavailable)?;
                loaded.versions.insert(*root, Version(version));
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
                    loaded.claims.insert(claim.clone(), Some(row.id()?));
                }
                Ok(())
            }
            9 => {
                if let Some(&mission) = self.budgets.get(place) {
                    let used = BudgetUse {
                        points: total_from_millionths(row.first()?),
                        grants: row.second.unwrap_or_default(),
                    };
                    loaded.budgets.insert(*mission, used);
                }
                Ok(())
            }
            10 => {
                let device = self.devices.get(place);
                if let Some(users) = device.and_then(|&device| loaded.devices.get_mut(device)) {
                    users.insert(row.id()?.into(), instant(row.first()?)?);
                }
                Ok(())
            }
            part => {
                let key = match part {
                    11 => self.receipts.get(place).copied(),
                    _ => self.unkeyed.get(place).map(|(_, key)| key),
                };
                if let (Some(&key), Some(answer)) = (key, row.data) {
                    let fingerprint = row.code.map(|code| Fingerprint::try_from(code.to_owned()));
                    let receipt = Receipt {
                        fingerprint: fingerprint.transpose().map_err(unavailable)?.unwrap_or_default(),
                        at: instant(row.first()?)?,
                        answer: from_json(answer)?,
                    };
                    loaded.receipts.insert(key, Some(receipt));
                }
                Ok(())
            }
        }
    }
}

/// One row of the answer; all parts of the statement share its columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadedRow<'r> {
    /// Which part: roots of users, missions and packs, tasks, participations, rewards, reviews, check-in days, claims,
    /// budgets, devices, receipts, answers of commands without a caller's key, from 0.
    pub(crate) part: i64,
    /// The key's place among those that were asked for.
    pub(crate) place: i64,
    /// A version, an instant, or points in millionths.
    pub(crate) first: Option<i64>,
    /// A number of grants.
    pub(crate) second: Option<i64>,
    /// An id, or a fingerprint in hexadecimal.
    pub(crate) code: Option<&'r str>,
    /// A record, or an answer.
    pub(crate) data: Option<&'r str>,
}

impl<'r> LoadedRow<'r> {
    /// Reads the columns of a row.
    ///
    /// # Errors
    /// When one is not of its type.
    pub(crate) fn of(row: &'r impl SqlRow) -> Result<Self, StoreError> {
        Ok(LoadedRow {
            part: row.number(0)?,
            place: row.number(1)?,
            first: row.optional_number(2)?,
            second: row.optional_number(3)?,
            code: row.optional_text(4)?,
            data: row.optional_text(5)?,
        })
    }

    fn first(&self) -> Result<i64, StoreError> {
        self.first.ok_or_else(|| {
            unavailable(format_args!(
                "part {} of a load came without its number",
                self.part
            ))
        })
    }

    fn id(&self) -> Result<Uuid, StoreError> {
        self.code.unwrap_or_default().parse().map_err(unavailable)
    }

    fn record<V: DeserializeOwned>(&self) -> Result<Option<V>, StoreError> {
        self.data.map(from_json).transpose()
    }

    fn fill<K: Ord + Clone, V: DeserializeOwned>(
        &self,
        table: &mut RecordTable<K, V>,
        key: Option<&&K>,
    ) -> Result<(), StoreError> {
        if let Some(&key) = key {
            table.insert(key.clone(), self.record()?);
        }
        Ok(())
    }

    fn fill_if_asked<K: Ord, V: DeserializeOwned>(
        &self,
        table: &mut RecordTable<K, V>,
        key: &K,
    ) -> Result<(), StoreError> {
        if let Some(record) = table.get_mut(key) {
            *record = self.record()?;
        }
        Ok(())
    }
}
