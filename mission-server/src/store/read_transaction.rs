//! One moment of a database, read on a connection of its own: nothing is written, nothing is brought up to date.

use mission_core::ports::store::StoreError;

use super::{row::SqlRow, sql_builder::SqlBuilder};

/// SQL of readers in which the databases differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadDialect {
    /// Whether the number before it is one of an array of numbers.
    pub(crate) is_any_number: &'static str,
    /// The commands of roots: root_id, number, recorded_at, name, caller, command, the seed of ids where
    /// the key is no longer kept, whether it was refused, request.
    pub(crate) commands: &'static str,
}

/// A transaction that only reads.
pub(crate) trait ReadTransaction: Send {
    /// A row of an answer.
    type Row: SqlRow + Send + Sync;

    const DIALECT: ReadDialect;

    /// Reads with one statement. All of them see the same moment.
    fn read(&mut self, query: SqlBuilder) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;
}
