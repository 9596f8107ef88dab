//! What the connections promise: nothing answered is lost, nobody blocks readers, nothing stays half done.

use std::time::Duration;

use mission_core::{
    ports::{
        bus::Outbox,
        queries::Queries,
        store::{CommitOutcome, Store, StoreError},
    },
    testing::user,
};
use sqlx::{Connection, Row, SqliteConnection};

use super::{
    super::{OpenError, SqliteOptions, SqliteStore},
    block_on,
    builders::{change, noon},
    test_store,
};
use crate::store::{database::Durability, sql_builder::SqlBuilder};

async fn pragma(store: &SqliteStore, name: &'static str) -> String {
    let mut turn = store.database.lock_writer().await.unwrap();
    let rows = turn.read(SqlBuilder::new(name)).await.unwrap();
    rows[0]
        .try_get::<i64, _>(0)
        .map_or_else(|_| rows[0].get(0), |number| number.to_string())
}

#[test]
fn a_commit_is_synchronous_even_after_a_relaxed_write() {
    block_on(async {
        let store = test_store().await;
        let store = &store.store;
        assert_eq!(pragma(store, "PRAGMA journal_mode").await, "wal");
        assert_eq!(pragma(store, "PRAGMA foreign_keys").await, "1");
        const FULL: &str = "2";
        const NORMAL: &str = "1";
        for version in 0..3 {
            store.commit(&[change(1, version)]).await.unwrap();
            assert_eq!(pragma(store, "PRAGMA synchronous").await, FULL);
            store.sent(&[1], noon()).await.unwrap();
            assert_eq!(pragma(store, "PRAGMA synchronous").await, NORMAL);
        }
    });
}

#[test]
fn what_a_wallet_of_its_own_has_taken_survives_a_power_loss() {
    block_on(async {
        let store = test_store().await;
        let store = &store.store;
        for (wallet, synchronous) in [
            (store.durable_wallet(), "2"),
            (store.wallet(), "1"),
            (store.durable_wallet(), "2"),
        ] {
            wallet.book(&[]).await.unwrap();
            assert_eq!(pragma(store, "PRAGMA synchronous").await, synchronous);
        }
    });
}

#[test]
fn what_was_committed_is_there_after_a_restart_without_a_close() {
    block_on(async {
        let test_store = test_store().await;
        test_store.store.commit(&[change(1, 0)]).await.unwrap();
        // A second process that comes while the first one's log was never folded in.
        let again = SqliteStore::open(&test_store.url, SqliteOptions::default())
            .await
            .unwrap();
        assert!(again.user(user(1)).await.unwrap().is_some());
        assert_eq!(
            again.commit(&[change(1, 1)]).await.unwrap(),
            [CommitOutcome::Committed]
        );
        assert_eq!(
            test_store.store.commit(&[change(1, 1)]).await.unwrap(),
            [CommitOutcome::Conflict]
        );
        again.close().await;
    });
}

#[test]
fn readers_see_the_last_commit_and_wait_for_nobody() {
    block_on(async {
        let test_store = test_store().await;
        test_store.store.commit(&[change(1, 0)]).await.unwrap();
        let mut turn = test_store.store.database.lock_writer().await.unwrap();
        let script = SqlBuilder::new("BEGIN IMMEDIATE; UPDATE users SET data = NULL;");
        turn.write(Durability::Full, script).await.unwrap();
        let reading = (0..16).map(|_| test_store.store.user(user(1)));
        let answers = tokio::time::timeout(Duration::from_secs(2), futures_util::future::join_all(reading));
        for answer in answers.await.unwrap() {
            assert!(answer.unwrap().is_some());
        }
        // Dropped without an end, the transaction is rolled back before the next turn.
        drop(turn);
        test_store.store.commit(&[change(2, 0)]).await.unwrap();
        assert!(test_store.store.user(user(1)).await.unwrap().is_some());
        assert!(test_store.store.user(user(2)).await.unwrap().is_some());
    });
}

#[test]
fn a_commit_whose_future_is_dropped_leaves_no_transaction_open() {
    block_on(async {
        let test_store = test_store().await;
        for micros in 0..40 {
            let changes: Vec<_> = (0..64).map(|n| change(1_000 * micros + n, 0)).collect();
            let committing = test_store.store.commit(&changes);
            let _ = tokio::time::timeout(Duration::from_micros(micros * 100), committing).await;
            let settled = change(1_000_000 + micros, 0);
            assert_eq!(
                test_store.store.commit(&[settled]).await.unwrap(),
                [CommitOutcome::Committed]
            );
            // Whole or not at all.
            let mut found = 0;
            for n in 0..64 {
                found += usize::from(
                    test_store
                        .store
                        .user(user(1_000 * micros + n))
                        .await
                        .unwrap()
                        .is_some(),
                );
            }
            assert!(found == 0 || found == 64, "{found} of 64");
        }
    });
}

#[test]
fn another_process_lock_is_waited_for() {
    block_on(async {
        let test_store = test_store().await;
        let mut other = SqliteConnection::connect(&test_store.url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let store = test_store.store.clone();
        let committing = tokio::spawn(async move { store.commit(&[change(1, 0)]).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!committing.is_finished());
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        assert_eq!(committing.await.unwrap().unwrap(), [CommitOutcome::Committed]);
    });
}

#[test]
fn a_lock_that_stays_is_said_to_be_an_unknown_outcome_and_heals() {
    block_on(async {
        let test_store = test_store().await;
        let impatient = SqliteOptions {
            busy_timeout: Duration::from_millis(20),
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&test_store.url, impatient).await.unwrap();
        let mut other = SqliteConnection::connect(&test_store.url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let failed = store.commit(&[change(1, 0)]).await;
        assert!(
            matches!(
                failed,
                Err(mission_core::ports::store::StoreError::Unavailable(_))
            ),
            "{failed:?}"
        );
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        assert_eq!(
            store.commit(&[change(1, 0)]).await.unwrap(),
            [CommitOutcome::Committed]
        );
    });
}

#[test]
fn many_may_open_the_same_new_file_at_once() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("new.db").display());
        let opening = (0..16).map(|_| SqliteStore::open(&url, SqliteOptions::default()));
        for store in futures_util::future::join_all(opening).await {
            store.unwrap().ping().await.unwrap();
        }
    });
}

#[test]
fn a_file_that_cannot_grow_takes_no_writes_until_it_can() {
    block_on(async {
        let test_store = test_store().await;
        let store = &test_store.store;
        store.probe_write().await.unwrap();
        let pages: u32 = pragma(store, "PRAGMA page_count").await.parse().unwrap();
        assert!(pages > 0);
        // SQLite takes the smallest number that is possible: as many as there are.
        pragma(store, "PRAGMA max_page_count = 1").await;
        let mut version = 0;
        let refused = loop {
            match store.commit(&[change(1, version)]).await {
                Ok(_) => version += 1,
                Err(refused) => break refused,
            }
        };
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        store.probe_write().await.unwrap_err();
        pragma(store, "PRAGMA max_page_count = 100000").await;
        store.probe_write().await.unwrap();
        assert_eq!(
            store.commit(&[change(1, version)]).await.unwrap(),
            [CommitOutcome::Committed]
        );
    });
}

#[test]
fn an_address_that_is_none_of_a_file_is_refused_with_the_way_out() {
    block_on(async {
        for url in ["sqlite::memory:", "postgres://localhost/x", "mission.db"] {
            let refused = SqliteStore::open(url, SqliteOptions::default())
                .await
                .unwrap_err();
            assert!(matches!(refused, OpenError::NotAFile { .. }), "{url}");
            assert!(refused.to_string().contains("use `sqlite://`"), "{refused}");
        }
        let nowhere = SqliteStore::open("sqlite:///no/such/folder/x.db", SqliteOptions::default()).await;
        assert!(matches!(nowhere, Err(OpenError::NoFolder { .. })), "{nowhere:?}");
    });
}

/// What it holds may have been written by one that was killed before it was on the disk.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_synchronized_is_not_read() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("mission.db-wal");
        // Nothing there can be.
        std::os::unix::fs::symlink("/proc/self/status", log).unwrap();
        let url = format!("sqlite://{}", folder.path().join("mission.db").display());
        let failed = SqliteStore::open(&url, SqliteOptions::default())
            .await
            .unwrap_err();
        assert!(
            matches!(
                &failed,
                OpenError::Open {
                    source: sqlx::Error::Io(_),
                    ..
                }
            ),
            "{failed:?}"
        );
        assert!(!failed.is_permanent());
    });
}
