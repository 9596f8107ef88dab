//! The store for commands: two verbs, both in batches.

use async_trait::async_trait;

use crate::decision::{LoadedRecords, ReadSet};
pub use crate::{
    decision::{BudgetReservation, Change, Claim, JournalEntry, Picture, Root, Version, WriteSet},
    event::Friendship,
};

/// The outcome of one change of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is durable.
    Committed,
    /// Nothing of it was written: a version, claim, budget, receipt or constraint stood against it.
    Conflict,
}

/// A failure of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written, and the same changes will fail again.
    #[error("refused: {0}")]
    Refused(String),
    /// It may or may not have been written.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// The store of the command path. Held to the suite in `testing::contract`.
///
/// `load` shows each root's records and version as of one moment. `commit` treats each change on its own, in
/// order; changes of one commit never share a root. It answers only when what it calls committed is durable.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads what is asked for; what does not exist is answered with `None`, never left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError>;

    /// Writes each change whole or not at all, and says which; one outcome a change, in order.
    ///
    /// # Errors
    /// When nothing can be said of the single changes: all were refused, or the outcome is unknown.
    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError>;
}

/// The same for programs without an async runtime.
pub trait BlockingStore {
    /// See [`Store::load`].
    ///
    /// # Errors
    /// See [`Store::load`].
    fn load(&mut self, keys: &ReadSet) -> Result<LoadedRecords, StoreError>;

    /// See [`Store::commit`].
    ///
    /// # Errors
    /// See [`Store::commit`].
    fn commit(&mut self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError>;
}

#[async_trait]
impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        (**self).load(keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        (**self).commit(changes).await
    }
}

/// How long an idempotency key's answer is remembered.
pub const RECEIPT_LIFETIME: chrono::Duration = chrono::Duration::hours(24);
