//! The store on PostgreSQL: any number of servers on one database, whole or divided by the hash of the user.
//!
//! A batch costs two round trips, one to load and one to commit, whatever its size: each is one statement that binds
//! whole tables as arrays. Nothing outlives a transaction, so that a pooler may stand between.

mod analytics;
mod batch;
mod breaker;
mod check;
mod commit;
mod connection;
mod gauges;
mod housekeeping;
mod load;
mod outbox;
mod probe;
mod queries;
mod removals;
mod rows;
mod sql_builder;
mod statements;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::{Change, CommitOutcome, Store, StoreError},
};
use tokio::sync::Notify;

pub(crate) use connection::{Database, failure};
pub use connection::{OpenError, PostgresOptions};
pub(crate) use load::ResultRow;
pub(crate) use rows::{Kind, Rows};
pub(crate) use sql_builder::SqlBuilder;

/// Everything in one PostgreSQL database. Clones share its connections.
///
/// ```no_run
/// use mission_core::ports::queries::Queries;
/// use mission_server::store::postgres::{PostgresOptions, PostgresStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let url = "postgres://mission@localhost/mission";
/// let store = PostgresStore::open(url, PostgresOptions::default()).await?;
/// assert_eq!(store.catalog_version().await?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pub(crate) database: Database,
    lease: outbox::Lease,
    outbox_notify: Arc<Notify>,
}

impl PostgresStore {
    /// Connects to an address such as `postgres://user:password@host/database`, and brings the schema up to date.
    ///
    /// # Errors
    /// When the address cannot be read, the database cannot be reached, or the schema cannot be brought up to date.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        Ok(PostgresStore {
            database: Database::open(url, options).await?,
            lease: outbox::Lease::new(options.outbox_lease),
            outbox_notify: Arc::new(Notify::new()),
        })
    }

    /// Notified whenever a commit of this process has put events into the outbox: what a relay waits for. Those of
    /// other processes are found by looking from time to time.
    #[must_use]
    pub fn outbox_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.outbox_notify)
    }

    /// Answers when the database can be read.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let answer = self
            .database
            .read(|| Ok(SqlBuilder::new("SELECT 1 FROM counters LIMIT 1")));
        answer.await.map(drop)
    }

    /// Leaves the outbox to other processes and closes all connections. What uses the store afterwards fails.
    pub async fn close(&self) {
        if let Err(error) = self.lease.release(&self.database).await {
            tracing::warn!(%error, "the shards of the outbox were not released; others take them over in seconds");
        }
        self.database.close().await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        load::load(&self.database, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let outcomes = commit::commit(&self.database, changes).await?;
        let tells = |change: &Change| change.journal.iter().any(|entry| !entry.events.is_empty());
        let told = changes
            .iter()
            .zip(&outcomes)
            .any(|(change, outcome)| *outcome == CommitOutcome::Committed && tells(change));
        if told {
            self.outbox_notify.notify_one();
        }
        Ok(outcomes)
    }
}
