//! SQL stores for the engine: one folder a database, held to the core's contract suite. What is the same in every
//! database lies beside them.

mod conflict_check;
pub(crate) mod database;
#[cfg(feature = "server")]
mod feed;
#[cfg(feature = "server")]
mod granted_points;
mod keys;
mod load_query;
#[cfg(feature = "server")]
pub(crate) mod maintenance;
pub(crate) mod micros;
mod outbox;
mod pool;
mod queries;
pub(crate) mod read_transaction;
pub(crate) mod record;
mod retention;
#[cfg(feature = "server")]
mod rings;
pub(crate) mod row;
mod schema;
pub(crate) mod sql_builder;
pub(crate) mod sums;
#[cfg(feature = "server")]
mod webhooks;
#[cfg(feature = "server")]
mod write_health;

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

pub use database::SqlStore;
pub use pool::PoolUse;
pub use retention::{OverdueRows, RetainedTable};
pub use schema::SchemaError;
#[cfg(feature = "server")]
pub use write_health::{FailingWrites, MonitoredStore, WriteHealth};

/// How long the id of an inbound event is remembered: longer than any late window and any broker's redelivery.
pub(crate) const INBOUND_LIFETIME: chrono::Duration = chrono::Duration::days(30);

/// The number of rows that housekeeping removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrunedRows {
    /// Receipts older than 24 hours.
    pub receipts: u64,
    /// Ids of inbound events older than 30 days.
    pub inbound: u64,
    /// Scores of weeks and months that began more than 70 days ago.
    pub scores: u64,
}
