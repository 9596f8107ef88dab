//! Whether what is written is kept: a database can answer every question and take nothing more, as on a full disk.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::{Change, CommitOutcome, Store, StoreError},
};

use super::granted_points::GrantedPoints;

/// Whether the last writes succeeded. Clones tell of the same ones.
#[derive(Clone, Debug, Default)]
pub struct WriteHealth(Arc<RwLock<Option<FailingWrites>>>);

/// Writes that fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingWrites {
    /// Since when none has succeeded.
    pub since: DateTime<Utc>,
    /// Why the last one failed.
    pub reason: String,
}

impl WriteHealth {
    /// Since when and why writes fail, if the last one did.
    #[must_use]
    pub fn failing(&self) -> Option<FailingWrites> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how a write ended. One that was refused for what it was says nothing of the next.
    pub fn note<T>(&self, outcome: &Result<T, StoreError>) {
        let reason = match outcome {
            Ok(_) => None,
            Err(StoreError::Unavailable(reason)) => Some(reason),
            Err(StoreError::Refused(_)) => return,
        };
        if reason.is_none() && self.failing().is_none() {
            return;
        }
        let mut failing = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match (reason, &mut *failing) {
            (None, _) => {
                *failing = None;
                tracing::info!("the database takes writes again");
            }
            (Some(reason), Some(known)) => known.reason.clone_from(reason),
            (Some(reason), None) => {
                tracing::error!(reason, "the database takes no writes");
                *failing = Some(FailingWrites {
                    since: SystemTime::now().into(),
                    reason: reason.clone(),
                });
            }
        }
    }
}

/// A store that records whether its commits succeed, and counts what they grant.
pub struct MonitoredStore<S> {
    store: S,
    writes: WriteHealth,
    granted: GrantedPoints,
}

impl<S> MonitoredStore<S> {
    /// The store, of whose commits `writes` tells from now on.
    pub fn new(store: S, writes: WriteHealth) -> Self {
        MonitoredStore {
            store,
            writes,
            granted: GrantedPoints::default(),
        }
    }
}

#[async_trait]
impl<S: Store> Store for MonitoredStore<S> {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        self.store.load(keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let outcome = self.store.commit(changes).await;
        self.writes.note(&outcome);
        if let Ok(outcomes) = &outcome {
            self.granted.count(changes, outcomes);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_fail_from_the_first_failure_until_one_succeeds() {
        let writes = WriteHealth::default();
        writes.note(&Ok(()));
        assert_eq!(writes.failing(), None);
        writes.note::<()>(&Err(StoreError::Refused("a bad one".to_owned())));
        assert_eq!(writes.failing(), None);
        writes.note::<()>(&Err(StoreError::Unavailable("full".to_owned())));
        let first = writes.failing().unwrap();
        writes.note::<()>(&Err(StoreError::Unavailable("still full".to_owned())));
        let second = writes.failing().unwrap();
        assert_eq!(
            (second.since, second.reason.as_str()),
            (first.since, "still full")
        );
        writes.note::<()>(&Err(StoreError::Refused("a bad one".to_owned())));
        assert!(writes.failing().is_some());
        writes.note(&Ok(()));
        assert_eq!(writes.failing(), None);
    }
}
