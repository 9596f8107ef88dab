//! The contract of stores, and what is SQLite's own.

mod batches;
mod constraints;
mod durability;
mod journal;

use tempfile::TempDir;

use super::{SqliteOptions, SqliteStore};
pub(crate) use crate::store::tests::{block_on, builders};

/// A store in a folder of its own, which goes with it.
pub(crate) struct Scratch {
    pub(crate) store: SqliteStore,
    pub(crate) url: String,
    _folder: TempDir,
}

pub(crate) async fn scratch() -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("mission.db").display());
    let store = SqliteStore::open(&url, SqliteOptions::default()).await.unwrap();
    Scratch {
        store,
        url,
        _folder: folder,
    }
}

mod contract {
    use std::cell::RefCell;

    use super::{Scratch, block_on, scratch};

    thread_local! {
        /// Keeps a test's folder until its thread ends.
        static KEPT: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
    }

    mission_core::store_contract!(block_on, async {
        let scratch = scratch().await;
        let store = scratch.store.clone();
        KEPT.with_borrow_mut(|kept| kept.push(scratch));
        store
    });
}
