//! The contract of stores, and what is SQLite's own.

mod batches;
mod constraints;
mod durability;
mod feed;
mod journal;
mod plans;
mod retention;
mod sums;

use tempfile::TempDir;

use super::{SqliteOptions, SqliteStore};
pub(crate) use crate::store::tests::{block_on, builders};

/// A store in a folder of its own, which goes with it.
pub(crate) struct TestStore {
    pub(crate) store: SqliteStore,
    pub(crate) url: String,
    _folder: TempDir,
}

pub(crate) async fn test_store() -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("mission.db").display());
    let store = SqliteStore::open(&url, SqliteOptions::default()).await.unwrap();
    TestStore {
        store,
        url,
        _folder: folder,
    }
}

mod contract {
    use std::cell::RefCell;

    use super::{TestStore, block_on, test_store};

    thread_local! {
        /// Keeps a test's folder until its thread ends.
        static KEPT: RefCell<Vec<TestStore>> = const { RefCell::new(Vec::new()) };
    }

    mission_core::store_contract!(block_on, async {
        let test_store = test_store().await;
        let store = test_store.store.clone();
        KEPT.with_borrow_mut(|kept| kept.push(test_store));
        store
    });
}
