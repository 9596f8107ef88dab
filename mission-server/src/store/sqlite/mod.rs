//! The store on SQLite: one file, one connection that writes, readers beside it.
//!
//! A batch costs two trips to the connection's thread, one to load and one to commit, whatever its size: each binds
//! whole tables as JSON texts. `PRAGMA synchronous = FULL` in front of the write-ahead log makes a commit durable
//! before anybody hears of it.

mod analytics;
mod check;
mod commit;
mod connection;
mod gauges;
mod housekeeping;
mod load;
mod outbox;
mod probe;
mod queries;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::store::{Change, CommitOutcome, Store, StoreError},
};
use tokio::sync::Notify;

pub use crate::store::PrunedRows;
#[cfg(feature = "server")]
pub(crate) use connection::check_folder;
pub(crate) use connection::{Database, Durability, SqlBuilder, failure};
pub use connection::{OpenError, SqliteOptions};
pub(crate) use load::ResultRow;
pub(crate) use rows::Rows;

use crate::store::record::unavailable;

/// Everything in one SQLite file. Clones share it.
///
/// ```
/// use mission_core::ports::queries::Queries;
/// use mission_server::store::sqlite::{SqliteOptions, SqliteStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let folder = tempfile::tempdir()?;
/// let url = format!("sqlite://{}", folder.path().join("mission.db").display());
/// let store = SqliteStore::open(&url, SqliteOptions::default()).await?;
/// assert_eq!(store.catalog_version().await?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(crate) database: Database,
    outbox_notify: Arc<Notify>,
}

impl SqliteStore {
    /// Opens a file such as `sqlite://mission.db`, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the address is none of a file, the file cannot be opened, or the schema cannot be brought up to date.
    pub async fn open(url: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        Ok(SqliteStore {
            database: Database::open(url, options).await?,
            outbox_notify: Arc::new(Notify::new()),
        })
    }

    /// Notified whenever a commit has put events into the outbox: what a relay waits for.
    #[must_use]
    pub fn outbox_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.outbox_notify)
    }

    /// Answers when the database can be read.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let answer = sqlx::query("SELECT 1 FROM counters LIMIT 1").fetch_one(self.database.readers());
        answer.await.map(|_| ()).map_err(unavailable)
    }

    /// Closes the file. What uses the store afterwards fails or opens it again.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        load::load(&mut self.database.lock_writer().await?, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let outcomes = commit::commit(&mut self.database.lock_writer().await?, changes).await?;
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
