//! The store on SQLite: one file, one connection that writes, readers beside it.
//!
//! A batch costs two trips to the connection's thread, one to load and one to commit, whatever its size: each binds
//! whole tables as JSON texts. `PRAGMA synchronous = FULL` in front of the write-ahead log makes a commit durable
//! before anybody hears of it.

mod backup;
mod check;
mod commit;
mod connection;
mod database;
mod fold;
mod housekeeping;
mod load;
mod read_transaction;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod write;

use crate::store::SqlStore;

pub use crate::store::PrunedRows;
pub use backup::{Backup, BackupError, BackupProgress, ExistingFile, back_up};
#[cfg(feature = "server")]
pub(crate) use connection::check_folder;
pub(crate) use connection::failure;
pub use connection::{Database, OpenError, SqliteOptions};
pub(crate) use read_transaction::SqliteReadTransaction;
pub(crate) use rows::Rows;

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
pub type SqliteStore = SqlStore<Database>;

impl SqliteStore {
    /// Opens a file such as `sqlite://mission.db`, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the address is none of a file, the file cannot be opened, or the schema cannot be brought up to date.
    pub async fn open(url: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        Ok(SqlStore::new(Database::open(url, options).await?))
    }
}
