//! The store that the settings name, opened, behind the ports that the rest of the server uses.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use mission_core::ports::{
    bus::Outbox,
    queries::Queries,
    store::{Store, StoreError},
};
use tokio::sync::Notify;

use crate::{
    config::DatabaseUrl,
    store::sqlite::{OpenError, SqliteOptions, SqliteStore},
    wallet::Wallet,
};

/// An open store.
#[derive(Clone)]
pub struct Storage {
    /// For commands.
    pub store: Arc<dyn Store>,
    /// For lists and records.
    pub queries: Arc<dyn Queries>,
    /// For events that have to leave.
    pub outbox: Arc<dyn Outbox>,
    /// Notified when there are new ones.
    pub told: Arc<Notify>,
    /// The embedded ledger.
    pub wallet: Wallet,
    sqlite: SqliteStore,
}

impl Storage {
    /// Opens the store at an address, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let sqlite = SqliteStore::open(&url.to_string(), SqliteOptions::default()).await?;
        Ok(Storage {
            store: Arc::new(sqlite.clone()),
            queries: Arc::new(sqlite.clone()),
            outbox: Arc::new(sqlite.clone()),
            told: sqlite.told(),
            wallet: sqlite.wallet(),
            sqlite,
        })
    }

    /// Throws away what is no longer needed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn housekeeping(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let forgotten = self.sqlite.housekeeping(now).await?;
        tracing::debug!(
            forgotten.receipts,
            forgotten.inbound,
            "what is no longer needed was thrown away"
        );
        Ok(())
    }

    /// Closes the store; nothing can be read or written afterwards.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }
}

/// Makes the folder of a development server's database.
pub(super) fn make_folder(url: &DatabaseUrl) -> std::io::Result<()> {
    let DatabaseUrl::Sqlite(path) = url;
    path.parent()
        .filter(|folder| *folder != Path::new(""))
        .map_or(Ok(()), std::fs::create_dir_all)
}
