//! The store over one SQL database: what every database says in the same SQL stands beside this file, and a database
//! adds what is its own.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::{
        bus::ParkRequest,
        store::{Change, CommitOutcome, Store, StoreError},
    },
};
use tokio::{
    sync::{Mutex, Notify},
    time::Instant,
};

use super::{
    PoolUse, PrunedRows, keys::Keys, retention::RetainedTable, row::SqlRow, sql_builder::SqlBuilder, sums,
};

/// SQL in which the databases differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Whether the id before it is one of an array of ids.
    pub(crate) is_any_id: &'static str,
    /// The newest pictures of some bands; binds the bands and the number for each.
    pub(crate) newest_of_bands: &'static str,
    /// The accepted commands of users: user, number, instant, request, mission.
    pub(crate) accepted_commands: &'static str,
    /// What a statement joins so that others like it wait until it is committed; nothing where writes never overlap.
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "the feed is the server's")
    )]
    pub(crate) in_turn: &'static str,
    /// Journal entries in the order in which they came: number, root_kind, root_id, recorded_at, name, request, answer.
    pub(crate) journal_by_age: &'static str,
}

/// How much a write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Power loss.
    Full,
    /// The end of the process; not power loss, where the database offers the difference. What comes later is never
    /// kept without it.
    Relaxed,
}

/// A database that the store runs on.
pub(crate) trait SqlDatabase: Clone + Debug + Send + Sync + 'static {
    /// A row of an answer.
    type Row: SqlRow + Send + Sync;

    const DIALECT: Dialect;

    /// Reads with one statement, as of one moment.
    fn read(&self, query: SqlBuilder) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Runs one statement as a transaction.
    fn write(
        &self,
        durability: Durability,
        statement: SqlBuilder,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    fn load(&self, keys: &ReadSet) -> impl Future<Output = Result<LoadedRecords, StoreError>> + Send;

    fn commit(
        &self,
        changes: &[Change],
    ) -> impl Future<Output = Result<Vec<CommitOutcome>, StoreError>> + Send;

    /// Those shards of the outbox that this process sends; `None` where it is not divided.
    fn outbox_shards(&self) -> impl Future<Output = Result<Option<Vec<i64>>, StoreError>> + Send;

    /// Takes journal entries out of the outbox.
    fn mark_sent(&self, entries: &[i64]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes events that could not be sent.
    fn park(&self, events: &[ParkRequest]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Folds the first noted activity into the sums, once, and answers how many rows of it; another process that does the
    /// same is waited for.
    fn fold(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Removes receipts and inbound ids whose time is over.
    fn prune(&self, now: DateTime<Utc>) -> impl Future<Output = Result<PrunedRows, StoreError>> + Send;

    /// Removes the rows with these keys. It need not survive a power loss: they would be removed again.
    fn remove(&self, table: RetainedTable, keys: Keys)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The number of shards that [`Self::outbox_shards`] answered last.
    fn leased_shards(&self) -> Option<u64>;

    fn pool_use(&self) -> PoolUse;

    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The store in one SQL database: [`SqliteStore`](crate::store::sqlite::SqliteStore) or
/// [`PostgresStore`](crate::store::postgres::PostgresStore). Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqlStore<D> {
    pub(crate) database: D,
    outbox_notify: Arc<Notify>,
    /// When the last folding that was finished began.
    folded: Arc<Mutex<Option<Instant>>>,
}

#[allow(
    private_bounds,
    reason = "what a database offers the store is nobody else's business"
)]
impl<D: SqlDatabase> SqlStore<D> {
    pub(super) fn new(database: D) -> Self {
        SqlStore {
            database,
            outbox_notify: Arc::new(Notify::new()),
            folded: Arc::default(),
        }
    }

    /// Folds all activity that was noted before this into the sums behind leaderboards and analytics, which do so
    /// themselves before they answer. Done from time to time, it leaves little for them to do.
    pub async fn fold_activity(&self) {
        let asked = Instant::now();
        // Nearly always there is nothing, and nobody has to be waited for.
        let noted = SqlBuilder::new("SELECT 1 FROM activity ORDER BY id LIMIT 1");
        if matches!(self.database.read(noted).await, Ok(rows) if rows.is_empty()) {
            return;
        }
        let mut folded = self.folded.lock().await;
        if folded.is_some_and(|began| began >= asked) {
            return;
        }
        let began = Instant::now();
        loop {
            match self.database.fold().await {
                Ok(rows) if rows < sums::FOLDED_AT_ONCE as u64 => break,
                Ok(_) => {}
                // A database that can only be read still has the sums of what came before.
                Err(error) => {
                    tracing::warn!(%error, "leaderboards and analytics lag behind");
                    return;
                }
            }
        }
        *folded = Some(began);
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
        let query = SqlBuilder::new("SELECT 1 FROM counters LIMIT 1");
        self.database.read(query).await.map(drop)
    }

    /// Removes receipts of 24 hours ago, inbound ids of 30 days ago and the scores of weeks and months that began 70 days
    /// ago, a little at a time. The journal stays as the audit log. Several processes may do it at once.
    ///
    /// # Errors
    /// When the store cannot be written; what was removed until then stays so.
    pub async fn housekeeping(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
        let mut pruned = self.database.prune(now).await?;
        pruned.scores = sums::prune(&self.database, now).await?;
        Ok(pruned)
    }

    /// Writes something as large as a small batch, and deletes it again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        let write = SqlBuilder::new(
            "INSERT INTO write_probe (id, filler) VALUES (1, ?)
            ON CONFLICT (id) DO UPDATE SET filler = excluded.filler",
        );
        let write = write.with(vec![0_u8; 65536]);
        self.database.write(Durability::Full, write).await?;
        let delete = SqlBuilder::new("DELETE FROM write_probe");
        self.database.write(Durability::Full, delete).await.map(drop)
    }

    /// How its connections are used at this moment.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        self.database.pool_use()
    }

    /// The number of the 64 shards of the outbox whose events this process sends; `None` where it is not divided.
    #[must_use]
    pub fn outbox_shards(&self) -> Option<u64> {
        self.database.leased_shards()
    }

    /// The number of open reviews.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_reviews(&self) -> Result<u64, StoreError> {
        let query = SqlBuilder::new("SELECT count(*) FROM reviews WHERE status = 'open'");
        let rows = self.database.read(query).await?;
        rows.first().map_or(Ok(0), |row| row.count(0))
    }

    /// Leaves the outbox to other processes and closes all connections. What uses the store afterwards fails.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl<D: SqlDatabase> Store for SqlStore<D> {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        self.database.load(keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let outcomes = self.database.commit(changes).await?;
        let has_events = |change: &Change| change.journal.iter().any(|entry| !entry.events.is_empty());
        let any_committed = changes
            .iter()
            .zip(&outcomes)
            .any(|(change, outcome)| *outcome == CommitOutcome::Committed && has_events(change));
        if any_committed {
            self.outbox_notify.notify_one();
        }
        Ok(outcomes)
    }
}

/// Runs a statement that deletes a part of what is older than an instant or number, until nothing is left of it. Answers how
/// many rows went.
pub(super) async fn delete_in_parts(
    database: &impl SqlDatabase,
    delete: &'static str,
    before: i64,
) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let statement = SqlBuilder::new(delete).with(before);
        let gone = database.write(Durability::Relaxed, statement).await?.len();
        deleted += gone as u64;
        if gone == 0 {
            return Ok(deleted);
        }
    }
}
