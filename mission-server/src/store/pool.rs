//! The connections of a store at this moment, for operators.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Usage of a store's connection pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Open at most.
    pub most: usize,
    /// In use.
    pub in_use: usize,
    /// Open, and used by nobody.
    pub idle: usize,
    /// Uses that wait for one.
    pub waiting: usize,
}

/// The number of callers that wait for a connection. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters(Arc<AtomicUsize>);

impl Waiters {
    /// Counts one more, until what this gives is dropped.
    pub(super) fn one_more(&self) -> WaitGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        WaitGuard(&self.0)
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts one waiter until it is dropped.
pub(super) struct WaitGuard<'w>(&'w AtomicUsize);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
