//! Plain maps that keep the promises of [`crate::ports::store::Store`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::{
    MissionId, PackId, UserId,
    engine::{AuditEntry, ClaimHolder, LoadedRecords, PackRecord, ReadSet, Receipt, ReceiptKey, Records},
    fraud::DeviceHash,
    mission::BudgetUse,
    ports::{
        bus::ParkedEvent,
        queries::{ActivityCounts, JournalPosition, JournalRecord, PACK_VERSIONS_KEPT, StreakCounts},
        store::{
            Change, Claim, CommitOutcome, Friendship, JournalEntry, Picture, RECEIPT_LIFETIME, Root, Version,
        },
    },
    reward::RewardType,
};

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) versions: BTreeMap<Root, Version>,
    pub(super) records: Records,
    pub(super) pack_versions: BTreeMap<(PackId, u64), PackRecord>,
    pub(super) claims: BTreeMap<Claim, ClaimHolder>,
    budgets: BTreeMap<MissionId, BudgetUse>,
    pub(super) devices: BTreeMap<DeviceHash, BTreeMap<UserId, DateTime<Utc>>>,
    pub(super) friendships: BTreeMap<(UserId, UserId), Friendship>,
    pub(super) pictures: Vec<Picture>,
    /// With the root in whose journal each was given.
    receipts: BTreeMap<ReceiptKey, (Root, Receipt)>,
    pub(super) outbox: BTreeMap<i64, JournalEntry>,
    pub(super) parked: BTreeMap<Root, ParkedEvent>,
    entries: i64,
    /// One reward a (type, source), one check-in day a (user, date): the constraints of a SQL store.
    reward_sources: BTreeMap<(RewardType, Uuid), crate::RewardId>,
    check_in_dates: BTreeMap<(UserId, NaiveDate), crate::CheckInDayId>,
    /// What erased users did, and evidence that was refused, by the hour.
    pub(super) counted: BTreeMap<(DateTime<Utc>, Option<MissionId>), ActivityCounts>,
    /// The streaks of erased users.
    pub(super) counted_streaks: BTreeMap<(NaiveDate, u32), StreakCounts>,
    pub(super) audit: Vec<AuditEntry>,
    /// Of users, without the missions of what they name.
    pub(super) journal: BTreeMap<JournalPosition, JournalRecord>,
    pub(super) catalog_version: u64,
}

impl Tables {
    pub(super) fn load(&self, keys: &ReadSet) -> LoadedRecords {
        LoadedRecords {
            versions: keys
                .all_roots()
                .into_iter()
                .map(|root| (root, self.version(root)))
                .collect(),
            records: keys.records.pick(&self.records),
            claims: keys
                .claims
                .iter()
                .map(|claim| (claim.clone(), self.claims.get(claim).copied()))
                .collect(),
            budgets: keys.budgets.iter().map(|id| (*id, self.budget(*id))).collect(),
            devices: keys
                .devices
                .iter()
                .map(|device| {
                    (
                        device.clone(),
                        self.devices.get(device).cloned().unwrap_or_default(),
                    )
                })
                .collect(),
            receipts: keys
                .all_receipts()
                .map(|key| (key, self.receipts.get(&key).map(|(_, receipt)| receipt.clone())))
                .collect(),
        }
    }

    fn version(&self, root: Root) -> Version {
        self.versions.get(&root).copied().unwrap_or_default()
    }

    pub(super) fn budget(&self, mission: MissionId) -> BudgetUse {
        self.budgets.get(&mission).copied().unwrap_or_default()
    }

    fn keep_pack_version(&mut self, pack: &PackRecord) {
        let known = self.pack_versions.entry((pack.id, pack.version));
        known.or_insert_with(|| pack.clone());
        self.pack_versions
            .retain(|(id, version), _| *id != pack.id || version + PACK_VERSIONS_KEPT > pack.version);
    }

    pub(super) fn commit(&mut self, change: &Change) -> CommitOutcome {
        self.forget_old_receipts(change);
        if !self.allows(change) {
            return CommitOutcome::Conflict;
        }
        for (root, version) in &change.expected {
            self.versions.insert(*root, version.next());
            if !matches!(root, Root::User(_)) {
                self.catalog_version += 1;
            }
        }
        let write_set = &change.write_set;
        for user in &write_set.erasures {
            self.erase(*user);
        }
        for (key, reward) in &write_set.writes.reward {
            if let Some(reward) = reward {
                self.reward_sources
                    .insert((reward.reward_type, reward.source_id), key.1);
            }
        }
        for (key, day) in &write_set.writes.check_in_day {
            if let Some(day) = day {
                self.check_in_dates.insert(*key, day.id);
            }
        }
        for pack in write_set.writes.pack.values().flatten() {
            self.keep_pack_version(pack);
        }
        self.records.extend(write_set.writes.clone());
        for claim in &write_set.releases {
            self.claims.remove(claim);
        }
        self.claims.extend(
            write_set
                .claims
                .iter()
                .map(|(claim, holder)| (claim.clone(), *holder)),
        );
        for (mission, reservation) in &write_set.reservations {
            let sum = self.budget(*mission).plus(reservation.used);
            self.budgets.insert(*mission, sum);
        }
        for ((device, user), seen) in &write_set.sightings {
            self.devices
                .entry(device.clone())
                .or_default()
                .insert(*user, *seen);
        }
        Friendship::merge_latest(&mut self.friendships, &write_set.friendships);
        self.pictures.extend(&write_set.pictures);
        for ((hour, mission), count) in &write_set.refused_evidence {
            let counted = self.counted.entry((*hour, Some(*mission))).or_default();
            counted.verifications += count;
        }
        self.audit.extend(write_set.audit.iter().cloned());
        for entry in &change.journal {
            self.record(entry);
        }
        CommitOutcome::Committed
    }

    fn allows(&self, change: &Change) -> bool {
        let write_set = &change.write_set;
        let versions = change
            .expected
            .iter()
            .all(|(root, version)| self.version(*root) == *version);
        let claims = write_set
            .claims
            .keys()
            .all(|claim| !self.claims.contains_key(claim) || write_set.releases.contains(claim));
        let receipts = change
            .journal
            .iter()
            .all(|entry| !self.receipts.contains_key(&entry.request.receipt));
        let budgets = write_set
            .reservations
            .iter()
            .all(|(mission, reservation)| reservation.fits(self.budget(*mission)));
        let mut sources = BTreeSet::new();
        let rewards = write_set.writes.reward.iter().all(|(key, reward)| {
            reward.as_ref().is_none_or(|reward| {
                let source = (reward.reward_type, reward.source_id);
                let holder = self.reward_sources.get(&source);
                sources.insert(source) && holder.is_none_or(|holder| *holder == key.1)
            })
        });
        let days = write_set.writes.check_in_day.iter().all(|(key, day)| {
            day.as_ref()
                .is_none_or(|day| self.check_in_dates.get(key).is_none_or(|known| *known == day.id))
        });
        versions && claims && receipts && budgets && rewards && days
    }

    fn forget_old_receipts(&mut self, change: &Change) {
        for entry in &change.journal {
            let key = &entry.request.receipt;
            if self
                .receipts
                .get(key)
                .is_some_and(|(_, receipt)| entry.request.at - receipt.at >= RECEIPT_LIFETIME)
            {
                self.receipts.remove(key);
            }
        }
    }

    fn record(&mut self, entry: &JournalEntry) {
        let receipt = Receipt {
            fingerprint: entry.request.fingerprint,
            at: entry.request.at,
            answer: entry.answer.clone(),
        };
        self.receipts.insert(entry.request.receipt, (entry.root, receipt));
        self.entries += 1;
        if let (Root::User(user), Ok(_)) = (entry.root, &entry.answer) {
            let position = JournalPosition {
                user,
                number: self.entries,
            };
            let record = JournalRecord {
                position,
                at: entry.request.at,
                zone: entry.request.signals.zone,
                command: entry.request.command.clone(),
                mission: None,
            };
            self.journal.insert(position, record);
        }
        if !entry.events.is_empty() {
            self.outbox.insert(self.entries, entry.clone());
        }
    }

    fn erase(&mut self, user: UserId) {
        self.keep_counts_of(user);
        self.records.remove_root(Root::User(user));
        self.check_in_dates.retain(|key, _| key.0 != user);
        for users in self.devices.values_mut() {
            users.remove(&user);
        }
        self.friendships
            .retain(|(one, other), _| *one != user && *other != user);
        self.pictures.retain(|picture| picture.user != user);
        for entry in self.audit.iter_mut().filter(|entry| entry.user_id == Some(user)) {
            (entry.before, entry.after) = (None, None);
        }
        self.journal.retain(|position, _| position.user != user);
        self.receipts
            .retain(|key, (root, _)| key.caller != user.0 && *root != Root::User(user));
    }
}
