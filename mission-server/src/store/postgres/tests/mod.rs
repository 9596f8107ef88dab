//! The contract of stores, and what is PostgreSQL's own.

mod batches;
mod failures;
mod feed;
mod journal;
mod layouts;
mod plans;
mod retention;
mod servers;
#[cfg(target_os = "linux")]
mod socket;
mod sums;

use super::{PostgresOptions, PostgresStore};
use crate::services::Schema;

/// A store in a schema of its own, which goes with it.
pub(crate) struct TestStore {
    pub(crate) store: PostgresStore,
    pub(crate) schema: Schema,
}

/// Few connections, because many tests run at once.
pub(super) fn options() -> PostgresOptions {
    PostgresOptions {
        connections: 4,
        acquire_timeout: std::time::Duration::from_secs(30),
        ..PostgresOptions::default()
    }
}

/// A store; `None` where there is no PostgreSQL.
pub(crate) async fn test_store() -> Option<TestStore> {
    test_store_with(options()).await
}

pub(super) async fn test_store_with(options: PostgresOptions) -> Option<TestStore> {
    let schema = Schema::create()?;
    let store = PostgresStore::open(&schema.url, options).await.unwrap();
    Some(TestStore { store, schema })
}

mod contract {
    use std::cell::RefCell;

    use super::{TestStore, test_store};

    thread_local! {
        /// Keeps a test's schema until it is over.
        static KEPT: RefCell<Vec<TestStore>> = const { RefCell::new(Vec::new()) };
    }

    fn drive(case: impl Future<Output = ()>) {
        if crate::services::POSTGRES.find().is_some() {
            crate::store::tests::block_on(case);
            KEPT.take();
        }
    }

    mission_core::store_contract!(drive, async {
        let test_store = test_store().await.unwrap();
        let store = test_store.store.clone();
        KEPT.with_borrow_mut(|kept| kept.push(test_store));
        store
    });
}
