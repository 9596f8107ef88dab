//! What a server does with its store besides commands, queries and events.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{UserId, ports::store::StoreError};

use super::{
    PoolUse, PrunedRows,
    database::{SqlDatabase, SqlStore},
    retention::{OverdueRows, RetainedTable},
};

/// The care of a store, whatever its database; each is the method of [`SqlStore`] with its name.
#[async_trait]
pub(crate) trait Maintenance: Send + Sync {
    async fn housekeeping(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError>;
    async fn overdue(
        &self,
        table: RetainedTable,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Option<OverdueRows>, StoreError>;
    async fn remove_overdue(&self, rows: OverdueRows) -> Result<(), StoreError>;
    async fn archive_erasures(&self, limit: usize) -> Result<BTreeMap<UserId, DateTime<Utc>>, StoreError>;
    async fn erased_from_archive(&self, users: &[UserId]) -> Result<(), StoreError>;
    async fn probe_write(&self) -> Result<(), StoreError>;
    async fn open_reviews(&self) -> Result<u64, StoreError>;
    async fn fold_activity(&self);
    async fn close(&self);
    fn outbox_shards(&self) -> Option<u64>;
    fn pool_use(&self) -> PoolUse;
}

#[async_trait]
impl<D: SqlDatabase> Maintenance for SqlStore<D> {
    async fn housekeeping(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
        self.housekeeping(now).await
    }

    async fn overdue(
        &self,
        table: RetainedTable,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Option<OverdueRows>, StoreError> {
        self.overdue(table, before, limit).await
    }

    async fn remove_overdue(&self, rows: OverdueRows) -> Result<(), StoreError> {
        self.remove_overdue(rows).await
    }

    async fn archive_erasures(&self, limit: usize) -> Result<BTreeMap<UserId, DateTime<Utc>>, StoreError> {
        self.archive_erasures(limit).await
    }

    async fn erased_from_archive(&self, users: &[UserId]) -> Result<(), StoreError> {
        self.erased_from_archive(users).await
    }

    async fn probe_write(&self) -> Result<(), StoreError> {
        self.probe_write().await
    }

    async fn open_reviews(&self) -> Result<u64, StoreError> {
        self.open_reviews().await
    }

    async fn fold_activity(&self) {
        self.fold_activity().await;
    }

    async fn close(&self) {
        self.close().await;
    }

    fn outbox_shards(&self) -> Option<u64> {
        self.outbox_shards()
    }

    fn pool_use(&self) -> PoolUse {
        self.pool_use()
    }
}
