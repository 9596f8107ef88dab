//! The store on PostgreSQL: any number of servers on one database, whole or divided by the hash of the user.
//!
//! A batch costs two round trips, one to load and one to commit, whatever its size: each is one statement that binds
//! whole tables as arrays. Nothing outlives a transaction, so that a pooler may stand between.

mod batch;
mod breaker;
mod check;
mod commit;
mod connection;
mod database;
mod fold;
mod load;
mod queue_table;
mod read_transaction;
mod removals;
mod rows;
mod shards;
mod statements;
#[cfg(test)]
pub(crate) mod tests;

use crate::store::SqlStore;

pub use connection::{Database, OpenError, PostgresOptions};
pub(crate) use connection::{Transaction, failure};
pub(crate) use read_transaction::PostgresReadTransaction;
pub(crate) use rows::{Kind, Rows};

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
pub type PostgresStore = SqlStore<Database>;

impl PostgresStore {
    /// Connects to an address such as `postgres://user:password@host/database`, and brings the schema up to date.
    ///
    /// # Errors
    /// When the address cannot be read, the database cannot be reached, or the schema cannot be brought up to date.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        Ok(SqlStore::new(Database::open(url, options).await?))
    }
}
