//! The records that a decision reads. Absent from a table = not loaded; `None` in it = known not to exist.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{Receipt, ReceiptKey, catalog::PackRecord};
use crate::{
    MissionId, PackId, ReviewId, RewardId, TaskId, UserId,
    check_in::CheckInDay,
    decision::{BudgetReservation, Claim, Root, Version, WriteSet},
    fraud::{DeviceHash, Review},
    mission::{BudgetUse, Mission},
    reward::Reward,
    task::{Participation, Task},
    user::User,
};

/// Loaded rows by key; `None` = there is no such row.
pub type RecordTable<K, V> = BTreeMap<K, Option<V>>;

/// The holder of a claim: the id of a task, mission, user or pack.
pub type ClaimHolder = Uuid;

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $key:ty => $value:ty, $root:expr;)*) => {
        /// Records by key, as loaded or as written.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Records { $($(#[$doc])* pub $field: RecordTable<$key, $value>,)* }

        /// Keys of records.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct RecordKeys { $($(#[$doc])* pub $field: BTreeSet<$key>,)* }

        impl Records {
            /// Puts newer records over these.
            pub fn extend(&mut self, newer: Records) {
                $(self.$field.extend(newer.$field);)*
            }

            /// Whether there is none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                true $(&& self.$field.is_empty())*
            }

            /// How many there are, those included of which it is known that they do not exist.
            #[must_use]
            pub fn len(&self) -> usize {
                0 $(+ self.$field.len())*
            }

            /// Notes of these keys that there are no such records, where nothing is known of them yet.
            pub fn note_absent(&mut self, keys: &RecordKeys) {
                $(for key in &keys.$field {
                    self.$field.entry(key.clone()).or_insert(None);
                })*
            }

            /// Removes all records below a root.
            pub fn remove_root(&mut self, root: Root) {
                $({
                    let root_of: fn(&$key) -> Root = $root;
                    self.$field.retain(|key, _| root_of(key) != root);
                })*
            }

            /// The roots below which the records lie.
            #[must_use]
            pub fn roots(&self) -> BTreeSet<Root> {
                let mut roots = BTreeSet::new();
                $(roots.extend(self.$field.keys().map($root));)*
                roots
            }
        }

        impl RecordKeys {
            /// Adds more keys.
            pub fn extend(&mut self, more: RecordKeys) {
                $(self.$field.extend(more.$field);)*
            }

            /// The roots below which the records lie.
            #[must_use]
            pub fn roots(&self) -> BTreeSet<Root> {
                let mut roots = BTreeSet::new();
                $(roots.extend(self.$field.iter().map($root));)*
                roots
            }

            /// The records of these keys, each looked up in `all`; one that is not there is `None`.
            #[must_use]
            pub fn pick(&self, all: &Records) -> Records {
                let mut picked = Records::default();
                $(for key in &self.$field {
                    picked.$field.insert(key.clone(), all.$field.get(key).cloned().flatten());
                })*
                picked
            }
        }

        impl<'a> Snapshot<'a> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// [`MissingRecords`] where it was not loaded, which never means that it does not exist.
                pub fn $field(&self, key: &$key) -> Result<Option<&'a $value>, MissingRecords> {
                    if let Some(written) = self.decided.writes.$field.get(key) {
                        return Ok(written.as_ref());
                    }
                    match self.loaded.records.$field.get(key) {
                        Some(found) => Ok(found.as_ref()),
                        None => {
                            let mut missing = ReadSet::default();
                            missing.records.$field.insert(key.clone());
                            Err(MissingRecords(Box::new(missing)))
                        }
                    }
                }
            )*
        }
    };
}

tables! {
    /// The user's own record.
    user: UserId => User, |key| Root::User(*key);
    /// A task.
    task: (UserId, TaskId) => Task, |key| Root::User(key.0);
    /// What the user has done with a mission.
    participation: (UserId, MissionId) => Participation, |key| Root::User(key.0);
    /// A reward.
    reward: (UserId, RewardId) => Reward, |key| Root::User(key.0);
    /// A review.
    review: (UserId, ReviewId) => Review, |key| Root::User(key.0);
    /// A check-in day.
    check_in_day: (UserId, NaiveDate) => CheckInDay, |key| Root::User(key.0);
    /// A mission.
    mission: MissionId => Mission, |key| Root::Mission(*key);
    /// A pack.
    pack: PackId => PackRecord, |key| Root::Pack(*key);
}

/// The keys of everything to load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Roots whose versions are needed; those of the records are needed as well.
    pub roots: BTreeSet<Root>,
    /// Records.
    pub records: RecordKeys,
    /// Claims whose holders are needed.
    pub claims: BTreeSet<Claim>,
    /// Missions whose budget use is needed.
    pub budgets: BTreeSet<MissionId>,
    /// Devices whose users are needed.
    pub devices: BTreeSet<DeviceHash>,
    /// Remembered answers of commands whose caller named the key.
    pub receipts: BTreeSet<ReceiptKey>,
    /// Answers of commands whose key the engine made, with the root in whose journal they are: asked for only where
    /// nobody knows whether such a command was committed.
    pub unkeyed: BTreeSet<(Root, ReceiptKey)>,
}

impl ReadSet {
    /// Adds more keys.
    pub fn extend(&mut self, more: ReadSet) {
        self.roots.extend(more.roots);
        self.records.extend(more.records);
        self.claims.extend(more.claims);
        self.budgets.extend(more.budgets);
        self.devices.extend(more.devices);
        self.receipts.extend(more.receipts);
        self.unkeyed.extend(more.unkeyed);
    }

    /// Every receipt that is asked for.
    pub fn all_receipts(&self) -> impl Iterator<Item = ReceiptKey> {
        let unkeyed = self.unkeyed.iter().map(|(_, key)| *key);
        self.receipts.iter().copied().chain(unkeyed)
    }

    /// Whether there is nothing to load.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ReadSet::default()
    }

    /// Every root that is named, or holds a record that is.
    #[must_use]
    pub fn all_roots(&self) -> BTreeSet<Root> {
        &self.roots | &self.records.roots()
    }
}

/// The result of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedRecords {
    /// The version of every root that was named, or holds a record that was.
    pub versions: BTreeMap<Root, Version>,
    /// The records.
    pub records: Records,
    /// Who holds the claims.
    pub claims: RecordTable<Claim, ClaimHolder>,
    /// What is in use of the budgets; nothing where no row says otherwise.
    pub budgets: BTreeMap<MissionId, BudgetUse>,
    /// Who came with the devices, and when last. A store may leave out all but the latest fifty.
    pub devices: BTreeMap<DeviceHash, BTreeMap<UserId, DateTime<Utc>>>,
    /// The remembered answers.
    pub receipts: RecordTable<ReceiptKey, Receipt>,
}

impl LoadedRecords {
    /// Puts what a later load brought beside this.
    pub fn extend(&mut self, more: LoadedRecords) {
        self.versions.extend(more.versions);
        self.records.extend(more.records);
        self.claims.extend(more.claims);
        self.budgets.extend(more.budgets);
        self.devices.extend(more.devices);
        self.receipts.extend(more.receipts);
    }

    /// How many records, claims, budgets and devices are known: what a load adds raises it.
    #[must_use]
    pub fn known(&self) -> usize {
        self.records.len() + self.claims.len() + self.budgets.len() + self.devices.len()
    }
}

/// The records that a decision needs and that were not loaded. Not loaded never means that they do not exist.
#[derive(Debug)]
pub struct MissingRecords(pub Box<ReadSet>);

/// Loaded records, overlaid with what this batch has already decided for the same roots.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    pub(crate) loaded: &'a LoadedRecords,
    pub(crate) decided: &'a WriteSet,
}

impl<'a> Snapshot<'a> {
    /// A snapshot of loaded records alone, for tests and for callers without a batch.
    #[must_use]
    pub fn new(loaded: &'a LoadedRecords, decided: &'a WriteSet) -> Self {
        Snapshot { loaded, decided }
    }

    /// Who holds a claim.
    ///
    /// # Errors
    /// [`MissingRecords`] where it was not loaded.
    pub fn claim(&self, claim: &Claim) -> Result<Option<ClaimHolder>, MissingRecords> {
        if let Some(holder) = self.decided.claims.get(claim) {
            return Ok(Some(*holder));
        }
        if self.decided.releases.contains(claim) {
            return Ok(None);
        }
        self.loaded.claims.get(claim).copied().ok_or_else(|| {
            MissingRecords(Box::new(ReadSet {
                claims: BTreeSet::from([claim.clone()]),
                ..ReadSet::default()
            }))
        })
    }

    /// What is in use of a mission's budget.
    ///
    /// # Errors
    /// [`MissingRecords`] where it was not loaded.
    pub fn budget_use(&self, mission: MissionId) -> Result<BudgetUse, MissingRecords> {
        let loaded = self.loaded.budgets.get(&mission).ok_or_else(|| {
            MissingRecords(Box::new(ReadSet {
                budgets: BTreeSet::from([mission]),
                ..ReadSet::default()
            }))
        })?;
        let decided = self
            .decided
            .reservations
            .get(&mission)
            .copied()
            .unwrap_or_else(BudgetReservation::default);
        Ok(loaded.plus(decided.used))
    }

    /// Who came with a device, and when last: advisory.
    ///
    /// # Errors
    /// [`MissingRecords`] where it was not loaded.
    pub fn device_users(
        &self,
        device: &DeviceHash,
    ) -> Result<&'a BTreeMap<UserId, DateTime<Utc>>, MissingRecords> {
        self.loaded.devices.get(device).ok_or_else(|| {
            MissingRecords(Box::new(ReadSet {
                devices: BTreeSet::from([device.clone()]),
                ..ReadSet::default()
            }))
        })
    }
}
