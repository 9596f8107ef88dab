//! Tables that are queues.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::connection::Database;

/// Rows that go before the next vacuum: some hundred pages, which are walked in a fraction of a millisecond.
const REMOVED: u64 = 20_000;

/// A table whose rows come at one end and go at the other.
///
/// Whoever looks for the first row walks over all that went before it, until the table is vacuumed. Autovacuum looks once a
/// minute, in which a busy server removes half a million rows, so the process that removes them has it done itself.
#[derive(Clone, Debug)]
pub(super) struct QueueTable {
    vacuum: &'static str,
    removed: Arc<AtomicU64>,
}

impl QueueTable {
    /// Events that wait to be sent.
    pub(super) fn outbox_entries() -> Self {
        QueueTable::vacuumed_by("VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) outbox_entries")
    }

    /// What waits to be folded into sums.
    pub(super) fn activity() -> Self {
        QueueTable::vacuumed_by("VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) activity")
    }

    /// What waits to be folded into the counts of streaks.
    pub(super) fn streak_notes() -> Self {
        QueueTable::vacuumed_by("VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) streak_notes")
    }

    fn vacuumed_by(vacuum: &'static str) -> Self {
        QueueTable {
            vacuum,
            removed: Arc::default(),
        }
    }

    /// Notes that rows went, and vacuums where many did. That it cannot be done is no failure: autovacuum comes later.
    pub(super) async fn removed(&self, database: &Database, rows: u64) {
        if self.removed.fetch_add(rows, Ordering::Relaxed) + rows < REMOVED {
            return;
        }
        self.removed.store(0, Ordering::Relaxed);
        if let Err(error) = database.execute_alone(self.vacuum).await {
            tracing::debug!(%error, statement = self.vacuum, "a table was not vacuumed");
        }
    }
}
