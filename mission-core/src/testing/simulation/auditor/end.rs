//! What must hold when everything has come to rest: counted anew, and compared with every copy.

use std::collections::BTreeSet;

use super::{
    super::{
        violation::{Guarantee, Violation, ensure},
        wallet::Wallet,
    },
    Auditor,
};
use crate::{
    UserId,
    decision::{Catalog, ReadSet, Records},
    memory::MemoryStore,
    ports::store::BlockingStore,
};

impl Auditor {
    /// The store holds what was committed, and its sums are those of the records.
    pub(in super::super) fn check_store(&self, store: &mut MemoryStore) -> Result<(), Violation> {
        ensure(store.records() == self.records, Guarantee::Convergence, || {
            "the store does not hold what was committed".to_owned()
        })?;
        ensure(store.outbox().is_empty(), Guarantee::Convergence, || {
            format!("{} events wait in the outbox", store.outbox().len())
        })?;
        let keys = ReadSet {
            budgets: self.records.mission.keys().copied().collect(),
            ..ReadSet::default()
        };
        let loaded = BlockingStore::load(store, &keys).unwrap_or_default();
        for (mission, used) in loaded.budgets {
            let counted = self.budgets.get(&mission).copied().unwrap_or_default();
            ensure(used == counted, Guarantee::BudgetKept, || {
                format!("{mission} has {used:?} in use, and rewards of {counted:?}")
            })?;
        }
        let users: BTreeSet<UserId> = self.records.user.keys().copied().collect();
        users.into_iter().try_for_each(|user| self.check_user(user))
    }

    /// Every event that was taken has been decided.
    pub(in super::super) fn check_taken(&self, events: impl Iterator<Item = usize>) -> Result<(), Violation> {
        for event in events {
            let history = self.requests.get(&event);
            let is_decided = history.is_some_and(|history| history.settled || !history.durable.is_empty());
            ensure(is_decided, Guarantee::NoEventLost, || {
                format!("event {event} was taken, and nothing followed from it")
            })?;
        }
        Ok(())
    }

    /// Everything that was committed has arrived, and the wallet holds what the users' rewards say.
    pub(in super::super) fn check_wallet(&self, wallet: &Wallet) -> Result<(), Violation> {
        for (root, told) in &self.told {
            ensure(told.arrived == told.events.len(), Guarantee::Convergence, || {
                format!(
                    "{} events of {root:?}, and {} have arrived",
                    told.events.len(),
                    told.arrived
                )
            })?;
        }
        let revocations = self.grants.values().filter(|grant| grant.is_revoked).count();
        let expected = self.grants.len() + revocations;
        ensure(self.bookings.len() == expected, Guarantee::WalletExact, || {
            format!(
                "{expected} bookings are due, and {} are made",
                self.bookings.len()
            )
        })?;
        // Points of an erased user are nobody's.
        let users = self.records.user.keys();
        for user in users.filter(|user| !self.erased.contains(*user)) {
            let (balance, points) = (wallet.balance(*user), self.points_of(*user));
            ensure(balance == points, Guarantee::WalletExact, || {
                format!("{user} has {balance} in the wallet, and claimed rewards of {points}")
            })?;
        }
        Ok(())
    }

    /// A replica holds what was committed.
    pub(in super::super) fn check_replica(&self, records: &Records) -> Result<(), Violation> {
        ensure(*records == self.records, Guarantee::Convergence, || {
            "the replica does not hold what was committed".to_owned()
        })
    }

    /// An instance decides on the missions that were committed.
    pub(in super::super) fn check_catalog(&self, catalog: &Catalog) -> Result<(), Violation> {
        for mission in self.records.mission.values().flatten() {
            let known = catalog
                .mission(mission.id)
                .map(|compiled| compiled.mission.as_ref());
            ensure(known == Some(mission), Guarantee::Convergence, || {
                format!("an instance decides on {known:?}, and {mission:?} was committed")
            })?;
        }
        Ok(())
    }
}
