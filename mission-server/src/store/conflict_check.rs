//! Which changes of a batch can be committed: checked in order against the existing rows and the changes before them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    CheckInDayId, MissionId, RewardId, UserId,
    engine::ReceiptKey,
    mission::BudgetUse,
    points::total_from_millionths,
    ports::store::{Change, Claim, CommitOutcome, JournalEntry, RECEIPT_LIFETIME, Root, StoreError, Version},
    reward::RewardType,
    serde_name,
};
use uuid::Uuid;

use super::{
    keys::Keys,
    record::{days, instant, root_id, unavailable},
    row::SqlRow,
};

/// The source of a reward, unique among all rewards.
pub(crate) type RewardSource = (RewardType, Uuid);

/// The existing rows that the changes could conflict with.
#[derive(Debug, Default)]
pub(crate) struct ConflictCheck {
    versions: BTreeMap<Root, Version>,
    claims: BTreeSet<Claim>,
    receipts: BTreeMap<ReceiptKey, DateTime<Utc>>,
    sources: BTreeMap<RewardSource, (RewardId, UserId)>,
    days: BTreeMap<(UserId, NaiveDate), CheckInDayId>,
    budgets: BTreeMap<MissionId, BudgetUse>,
}

/// The keys of the look-up, by their position in the bound arrays.
#[derive(Default)]
pub(crate) struct ConflictKeys {
    pub(crate) users: Vec<Root>,
    pub(crate) missions: Vec<Root>,
    pub(crate) packs: Vec<Root>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) receipts: Vec<ReceiptKey>,
    pub(crate) sources: Vec<RewardSource>,
    pub(crate) days: Vec<(UserId, NaiveDate)>,
    pub(crate) budgets: Vec<MissionId>,
}

impl ConflictCheck {
    /// The outcome of each change, checked in order.
    pub(crate) fn outcomes(mut self, changes: &[Change]) -> Vec<CommitOutcome> {
        let judge = |change: &Change| {
            if self.allows(change) {
                self.apply(change);
                CommitOutcome::Committed
            } else {
                CommitOutcome::Conflict
            }
        };
        changes.iter().map(judge).collect()
    }

    fn allows(&self, change: &Change) -> bool {
        let write_set = &change.write_set;
        let versions = change
            .expected
            .iter()
            .all(|(root, version)| self.versions.get(root).copied().unwrap_or_default() == *version);
        let claims = write_set
            .claims
            .keys()
            .all(|claim| !self.claims.contains(claim) || write_set.releases.contains(claim));
        let mut keys = BTreeSet::new();
        let receipts = keyed(change).all(|entry| {
            let key = entry.request.receipt;
            let held = self.receipts.get(&key);
            keys.insert(key) && held.is_none_or(|at| entry.request.at - *at >= RECEIPT_LIFETIME)
        });
        let budgets = write_set.reservations.iter().all(|(mission, reservation)| {
            let in_use = self.budgets.get(mission).copied().unwrap_or_default();
            reservation.fits(in_use)
        });
        let mut sources = BTreeSet::new();
        let rewards = write_set.writes.reward.iter().all(|(key, reward)| {
            reward.as_ref().is_none_or(|reward| {
                let source = (reward.reward_type, reward.source_id);
                let holder = self.sources.get(&source);
                sources.insert(source) && holder.is_none_or(|(holder, _)| *holder == key.1)
            })
        });
        let days = write_set.writes.check_in_day.iter().all(|(key, day)| {
            let known = self.days.get(key);
            day.as_ref()
                .is_none_or(|day| known.is_none_or(|known| *known == day.id))
        });
        versions && claims && receipts && budgets && rewards && days
    }

    fn apply(&mut self, change: &Change) {
        let write_set = &change.write_set;
        for user in &write_set.erasures {
            self.sources.retain(|_, (_, owner)| owner != user);
            self.days.retain(|(owner, _), _| owner != user);
        }
        for claim in &write_set.releases {
            self.claims.remove(claim);
        }
        self.claims.extend(write_set.claims.keys().cloned());
        for entry in keyed(change) {
            self.receipts.insert(entry.request.receipt, entry.request.at);
        }
        for (mission, reservation) in &write_set.reservations {
            let sum = self.budgets.entry(*mission).or_default();
            *sum = sum.plus(reservation.used);
        }
        for (key, reward) in &write_set.writes.reward {
            if let Some(reward) = reward {
                self.sources
                    .insert((reward.reward_type, reward.source_id), (key.1, key.0));
            }
        }
    }
}

/// The entries whose receipts are remembered.
fn keyed(change: &Change) -> impl Iterator<Item = &JournalEntry> {
    change.journal.iter().filter(|entry| entry.request.keyed)
}

impl ConflictKeys {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let mut touched = ConflictKeys::default();
        for change in changes {
            let write_set = &change.write_set;
            for root in change.expected.keys() {
                match root {
                    Root::User(_) => touched.users.push(*root),
                    Root::Mission(_) => touched.missions.push(*root),
                    Root::Pack(_) => touched.packs.push(*root),
                }
            }
            touched.claims.extend(write_set.claims.keys().cloned());
            let receipts = keyed(change).map(|entry| entry.request.receipt);
            touched.receipts.extend(receipts);
            let rewards = write_set.writes.reward.values().flatten();
            touched
                .sources
                .extend(rewards.map(|reward| (reward.reward_type, reward.source_id)));
            let days = write_set.writes.check_in_day.iter();
            touched
                .days
                .extend(days.filter(|(_, day)| day.is_some()).map(|(key, _)| *key));
            touched.budgets.extend(write_set.reservations.keys());
        }
        touched
    }

    /// The keys of each part, by its number.
    pub(crate) fn keys(&self) -> [Keys; 8] {
        let roots = |roots: &[Root]| Keys::Ids(roots.iter().map(|root| root_id(*root)).collect());
        let receipts = self.receipts.iter();
        let sources = self.sources.iter();
        [
            roots(&self.users),
            roots(&self.missions),
            roots(&self.packs),
            Keys::of_claims(self.claims.iter()),
            Keys::IdPairs(receipts.map(|key| (key.caller, key.command.0)).collect()),
            Keys::Sources(sources.map(|(kind, id)| (serde_name(kind), *id)).collect()),
            Keys::Numbered(
                self.days
                    .iter()
                    .map(|(user, date)| (user.0, days(*date)))
                    .collect(),
            ),
            Keys::Ids(self.budgets.iter().map(|mission| mission.0).collect()),
        ]
    }

    /// Puts one row of the answer in its place.
    ///
    /// # Errors
    /// When it cannot be read, which is damage.
    pub(crate) fn add_row(&self, known: &mut ConflictCheck, row: &ConflictRow) -> Result<(), StoreError> {
        let place = usize::try_from(row.place).map_err(unavailable)?;
        match row.part {
            part @ 0..=2 => {
                let roots = [&self.users, &self.missions, &self.packs];
                let roots = roots.into_iter().nth(usize::try_from(part).map_err(unavailable)?);
                if let Some(root) = roots.and_then(|roots| roots.get(place)) {
                    let version = u64::try_from(row.first()?).map_err(unavailable)?;
                    known.versions.insert(*root, Version(version));
                }
            }
            3 => known.claims.extend(self.claims.get(place).cloned()),
            4 => {
                if let Some(key) = self.receipts.get(place) {
                    known.receipts.insert(*key, instant(row.first()?)?);
                }
            }
            5 => {
                if let Some(source) = self.sources.get(place) {
                    let holder = (row.id()?.into(), row.owner.unwrap_or_default().into());
                    known.sources.insert(*source, holder);
                }
            }
            6 => {
                if let Some(key) = self.days.get(place) {
                    known.days.insert(*key, row.id()?.into());
                }
            }
            _ => {
                if let Some(mission) = self.budgets.get(place) {
                    let used = BudgetUse {
                        points: total_from_millionths(row.first()?),
                        grants: row.second.unwrap_or_default(),
                    };
                    known.budgets.insert(*mission, used);
                }
            }
        }
        Ok(())
    }
}

/// One row of the look-up; all parts share its columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConflictRow {
    /// Which part: roots of users, missions and packs, claims, receipts, sources, check-in days, budgets, from 0.
    pub(crate) part: i64,
    /// The place of what was asked for.
    pub(crate) place: i64,
    /// A version, an instant, or points in millionths.
    pub(crate) first: Option<i64>,
    /// A number of grants.
    pub(crate) second: Option<i64>,
    /// The id of a reward or a check-in day.
    pub(crate) id: Option<Uuid>,
    /// The owner of a reward.
    pub(crate) owner: Option<Uuid>,
}

impl ConflictRow {
    /// Reads the columns of a row.
    ///
    /// # Errors
    /// When one is not of its type.
    pub(crate) fn of(row: &impl SqlRow) -> Result<Self, StoreError> {
        Ok(ConflictRow {
            part: row.number(0)?,
            place: row.number(1)?,
            first: row.optional_number(2)?,
            second: row.optional_number(3)?,
            id: row.optional_id(4)?,
            owner: row.optional_id(5)?,
        })
    }

    fn first(&self) -> Result<i64, StoreError> {
        self.first.ok_or_else(|| {
            unavailable(format_args!(
                "part {} of a look-up came without its number",
                self.part
            ))
        })
    }

    fn id(&self) -> Result<Uuid, StoreError> {
        self.id.ok_or_else(|| {
            unavailable(format_args!(
                "part {} of a look-up came without its id",
                self.part
            ))
        })
    }
}
