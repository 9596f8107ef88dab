//! The store that needs nothing: for tests, replay, and services that keep their state elsewhere.

mod outbox;
mod queries;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    EventId,
    engine::{LoadedRecords, ReadSet, Records},
    ports::{
        bus::{Backlog, Outbox, OutboxEvent, ParkRequest, ParkedEvent},
        store::{BlockingStore, Change, CommitOutcome, Store, StoreError},
    },
};
use tables::Tables;

/// Everything in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every event that waits, parked or not, in order, for callers without async.
    #[must_use]
    pub fn outbox(&self) -> Vec<OutboxEvent> {
        self.tables().waiting(usize::MAX, None)
    }

    /// Every record that there is, by its key.
    #[must_use]
    pub fn records(&self) -> Records {
        self.tables().records.clone()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        Ok(self.tables().load(keys))
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let mut tables = self.tables();
        Ok(changes.iter().map(|change| tables.commit(change)).collect())
    }
}

impl BlockingStore for MemoryStore {
    fn load(&mut self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        Ok(self.tables().load(keys))
    }

    fn commit(&mut self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let mut tables = self.tables();
        Ok(changes.iter().map(|change| tables.commit(change)).collect())
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn waiting(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<OutboxEvent>, StoreError> {
        Ok(self.tables().waiting(limit, Some(now)))
    }

    async fn sent(&self, entries: &[i64], _at: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables().sent(entries);
        Ok(())
    }

    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError> {
        self.tables().park(events);
        Ok(())
    }

    async fn parked(&self, after: Option<i64>, limit: usize) -> Result<Vec<ParkedEvent>, StoreError> {
        Ok(self.tables().parked(after, limit))
    }

    async fn retry_parked(&self, event: Option<EventId>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(self.tables().retry_parked(event, now))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(self.tables().backlog())
    }
}
