//! The store that the settings name, opened, behind the ports that the rest of the server uses.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use mission_core::ports::{
    bus::Outbox,
    queries::Queries,
    store::{Store, StoreError},
};
use tokio::sync::Notify;

use super::{StartError, retention::RetentionJob};
#[cfg(feature = "postgres")]
use crate::store::postgres::{self, PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
use crate::store::sqlite::{self, SqliteOptions, SqliteStore};
use crate::{
    config::{DatabaseSettings, DatabaseUrl, RetentionSettings},
    feed::FeedStore,
    rings::RingStore,
    store::{MonitoredStore, PoolUse, SqlStore, WriteHealth, maintenance::Maintenance},
    uploads::UploadError,
    wallet::{LedgerDatabase, Wallet},
    webhooks::WebhookStore,
};

/// An open store.
#[derive(Clone)]
pub struct Storage {
    /// For commands.
    pub store: Arc<dyn Store>,
    /// How its commits end.
    pub writes: WriteHealth,
    /// For lists and records.
    pub queries: Arc<dyn Queries>,
    /// For events that have to leave.
    pub outbox: Arc<dyn Outbox>,
    /// Notified when there are new ones.
    pub outbox_notify: Arc<Notify>,
    /// The embedded ledger.
    pub wallet: Wallet,
    /// The ledger of a wallet of its own.
    pub durable_wallet: Wallet,
    /// Who is told of events by HTTP.
    pub webhooks: Arc<dyn WebhookStore>,
    /// Events, for who follows them.
    pub feed: Arc<dyn FeedStore>,
    /// Rings of accounts.
    pub rings: Arc<dyn RingStore>,
    maintenance: Arc<dyn Maintenance>,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file of SQLite.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// A PostgreSQL server.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// The server was built without it.
    #[error("this server was built without the store for `{0}`")]
    #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
    NotBuilt(String),
}

impl OpenError {
    /// Whether another try would end in the same way until somebody has put it right.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            OpenError::Sqlite(error) => error.is_permanent(),
            #[cfg(feature = "postgres")]
            OpenError::Postgres(error) => error.is_permanent(),
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            OpenError::NotBuilt(_) => true,
        }
    }
}

impl Storage {
    /// Opens the store that the settings name, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        let storage = match &settings.url {
            #[cfg(feature = "sqlite")]
            url @ DatabaseUrl::Sqlite(_) => {
                let store = SqliteStore::open(&url.to_string(), SqliteOptions::default()).await?;
                Storage::over(store)
            }
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => {
                let options = PostgresOptions {
                    connections: settings.connections,
                    prepared_statements: settings.prepared_statements,
                    ..PostgresOptions::default()
                };
                let store = PostgresStore::open(url.expose(), options).await?;
                Storage::over(store)
            }
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            other => return Err(OpenError::NotBuilt(other.to_string())),
        };
        // A migration may have noted all that ever happened; nobody is to wait for that in a request.
        storage.fold_activity().await;
        Ok(storage)
    }

    fn over<D: LedgerDatabase>(store: SqlStore<D>) -> Self {
        let writes = WriteHealth::default();
        Storage {
            store: Arc::new(MonitoredStore::new(store.clone(), writes.clone())),
            writes,
            queries: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            outbox_notify: store.outbox_notify(),
            wallet: store.wallet().cached(),
            durable_wallet: store.durable_wallet(),
            webhooks: Arc::new(store.clone()),
            feed: Arc::new(store.clone()),
            rings: Arc::new(store.clone()),
            maintenance: Arc::new(store),
        }
    }

    /// Folds what happened into the sums behind leaderboards and analytics, so that little is left for who reads them.
    pub async fn fold_activity(&self) {
        self.maintenance.fold_activity().await;
    }

    /// Removes what is no longer needed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn housekeeping(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let pruned = self.maintenance.housekeeping(now).await?;
        tracing::debug!(
            pruned.receipts,
            pruned.inbound,
            pruned.scores,
            "what is no longer needed was thrown away"
        );
        Ok(())
    }

    /// The job that removes what is kept for a time.
    ///
    /// # Errors
    /// When its archive cannot be opened.
    pub(super) fn retention(&self, settings: &RetentionSettings) -> Result<RetentionJob, UploadError> {
        RetentionJob::new(Arc::clone(&self.maintenance), settings)
    }

    /// How the store's connections are used at this moment.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        self.maintenance.pool_use()
    }

    /// The number of the 64 shards of the outbox whose events this server sends; `None` where they are not shared.
    #[must_use]
    pub fn outbox_shards(&self) -> Option<u64> {
        self.maintenance.outbox_shards()
    }

    /// The number of open reviews.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_reviews(&self) -> Result<u64, StoreError> {
        self.maintenance.open_reviews().await
    }

    /// Where the last write failed: looks whether one succeeds by now.
    pub async fn look_whether_writes_succeed(&self) {
        if self.writes.failing().is_some() {
            self.writes.note(&self.maintenance.probe_write().await);
        }
    }

    /// Closes the store; nothing can be read or written afterwards.
    pub async fn close(&self) {
        self.maintenance.close().await;
    }
}

/// Whether a file of SQLite has a folder to be in.
pub(super) fn check_folder(url: &DatabaseUrl) -> Result<(), StartError> {
    match url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(_) => {
            sqlite::check_folder(&url.to_string()).map_err(|reason| StartError::UnusableDatabase {
                url: url.to_string(),
                reason: reason.into(),
            })
        }
        _ => Ok(()),
    }
}

/// Makes the folder of a development server's database.
pub(super) fn make_folder(url: &DatabaseUrl) -> std::io::Result<()> {
    let DatabaseUrl::Sqlite(path) = url else {
        return Ok(());
    };
    path.parent()
        .filter(|folder| *folder != Path::new(""))
        .map_or(Ok(()), std::fs::create_dir_all)
}
