//! Several servers on one database.

use std::{collections::BTreeSet, time::Duration};

use chrono::DateTime;
use futures_util::future::join_all;
use mission_core::{
    engine::ReadSet,
    ports::{
        bus::Outbox,
        queries::Queries,
        store::{CommitOutcome, Root, Store, StoreError, Version},
    },
    testing::{active, definition, user},
};

use super::{
    super::{OpenError, PostgresOptions, PostgresStore},
    TestStore, options, test_store, test_store_with,
};
use crate::{
    services::Schema,
    store::{
        sql_builder::SqlBuilder,
        tests::{
            block_on,
            builders::{change, entry, event, noon},
        },
    },
};

async fn another(test_store: &TestStore, options: PostgresOptions) -> PostgresStore {
    PostgresStore::open(&test_store.schema.url, options)
        .await
        .unwrap()
}

async fn versions(store: &PostgresStore, users: u64) -> Vec<u64> {
    let roots: BTreeSet<Root> = (0..users).map(|who| Root::User(user(who))).collect();
    let keys = ReadSet {
        roots: roots.clone(),
        ..ReadSet::default()
    };
    let loaded = store.load(&keys).await.unwrap();
    roots.iter().map(|root| loaded.versions[root].0).collect()
}

#[test]
fn many_may_open_a_new_database_at_once() {
    let Some(schema) = Schema::create() else { return };
    block_on(async {
        let opening = (0..8).map(|_| PostgresStore::open(&schema.url, options()));
        for store in join_all(opening).await {
            store.unwrap().ping().await.unwrap();
        }
    });
}

#[test]
fn an_older_server_works_on_beside_a_newer_schema_but_does_not_start_on_it() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9999, 'of a newer server', TRUE, '', 0)";
        test_store
            .store
            .database
            .run(SqlBuilder::new(newer))
            .await
            .unwrap();
        test_store.store.commit(&[change(1, 0)]).await.unwrap();
        let refused = PostgresStore::open(&test_store.schema.url, options())
            .await
            .unwrap_err();
        assert!(
            refused.is_permanent() && refused.to_string().contains("migration 9999, newer"),
            "{refused}"
        );
    });
}

#[test]
fn a_write_is_tried_and_leaves_nothing_behind() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        for _ in 0..2 {
            test_store.store.probe_write().await.unwrap();
        }
        let left = test_store
            .store
            .database
            .run(SqlBuilder::new("SELECT 1 FROM write_probe"));
        assert!(left.await.unwrap().is_empty());
    });
}

/// Has the lease on the outbox renewed at once.
async fn renew_lease(store: &PostgresStore) {
    store.database.lease.expire().await;
    store.waiting(1, DateTime::UNIX_EPOCH).await.unwrap();
}

fn index(who: u64) -> usize {
    usize::try_from(who).unwrap()
}

/// Whatever their order, batches over the same users neither block nor fail each other: one of two wins each user.
#[test]
fn batches_of_several_servers_over_the_same_users_lose_nothing() {
    const USERS: u64 = 24;
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let stores = join_all((0..4).map(|_| another(&test_store, options()))).await;
        let transaction = stores.iter().enumerate().map(|(n, store)| async move {
            let mut won = vec![0; index(USERS)];
            for round in 0..6 {
                let versions = versions(store, USERS).await;
                let mut changes: Vec<_> = (0..USERS)
                    .filter(|who| (who + round) % 3 != 0)
                    .map(|who| (who, change(who, versions[index(who)])))
                    .collect();
                if n % 2 == 1 {
                    changes.reverse();
                }
                let (who, changes): (Vec<u64>, Vec<_>) = changes.into_iter().unzip();
                let outcomes = store.commit(&changes).await.unwrap();
                for (who, outcome) in who.into_iter().zip(outcomes) {
                    won[index(who)] += u64::from(outcome == CommitOutcome::Committed);
                }
            }
            won
        });
        let won = join_all(transaction).await;
        let sums: Vec<u64> = (0..index(USERS))
            .map(|who| won.iter().map(|won| won[who]).sum())
            .collect();
        assert_eq!(versions(&test_store.store, USERS).await, sums);
        assert!(
            sums.iter().all(|sum| *sum >= 4),
            "somebody wins every round: {sums:?}"
        );
    });
}

#[test]
fn a_change_of_a_mission_on_one_server_is_seen_on_another() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let other = another(&test_store, options()).await;
        let before = other.catalog_version().await.unwrap();
        let mission = active(1, definition("one"));
        let mut publish = change(1, 0);
        publish.expected.insert(Root::Mission(mission.id), Version(0));
        publish
            .write_set
            .writes
            .mission
            .insert(mission.id, Some(mission.clone()));
        test_store.store.commit(&[publish]).await.unwrap();
        let catalog = other.catalog_records().await.unwrap();
        assert_eq!(catalog.missions, [mission]);
        assert!(catalog.version > before);
    });
}

/// The roots whose events a server may send.
async fn told(store: &PostgresStore) -> BTreeSet<Root> {
    let waiting = store.waiting(1000, noon()).await.unwrap();
    waiting.iter().map(|outgoing| outgoing.root).collect()
}

async fn tell(store: &PostgresStore, users: u64) {
    let mut changes: Vec<_> = (0..users).map(|who| change(who, 0)).collect();
    for (who, change) in (0..).zip(&mut changes) {
        for _ in 0..2 {
            let mut entry = entry(who, noon());
            entry.events.push(event(user(who)));
            change.journal.push(entry);
        }
    }
    store.commit(&changes).await.unwrap();
}

fn lease(lease: Duration) -> PostgresOptions {
    PostgresOptions {
        outbox_lease: lease,
        ..options()
    }
}

#[test]
fn servers_share_the_outbox_and_none_sends_what_another_does() {
    const USERS: u64 = 300;
    block_on(async {
        let long = lease(Duration::from_secs(600));
        let Some(test_store) = test_store_with(long).await else {
            return;
        };
        let (one, two) = (&test_store.store, &another(&test_store, long).await);
        tell(one, USERS).await;
        assert_eq!(
            told(one).await.len() as u64,
            USERS,
            "alone, a server sends everything"
        );
        assert_eq!(told(two).await.len(), 0, "what one holds, another does not send");
        renew_lease(one).await;
        renew_lease(two).await;
        let (of_one, of_two) = (told(one).await, told(two).await);
        assert!(of_one.is_disjoint(&of_two));
        assert_eq!((of_one.len() + of_two.len()) as u64, USERS);
        let fair = index(USERS) / 4..index(USERS) * 3 / 4;
        assert!(fair.contains(&of_one.len()), "{} of {USERS}", of_one.len());
        one.close().await;
        renew_lease(two).await;
        assert_eq!(
            told(two).await.len() as u64,
            USERS,
            "who closes leaves all to the other"
        );
    });
}

#[test]
fn the_outbox_of_a_server_that_is_gone_is_taken_over() {
    block_on(async {
        let brief = lease(Duration::from_millis(400));
        let Some(test_store) = test_store_with(brief).await else {
            return;
        };
        let two = another(&test_store, brief).await;
        tell(&test_store.store, 20).await;
        assert_eq!(told(&test_store.store).await.len(), 20);
        let taken_over = async {
            while told(&two).await.len() < 20 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), taken_over)
            .await
            .expect("the other takes over");
    });
}

#[test]
fn a_connection_that_was_lost_is_replaced() {
    let Some(schema) = Schema::create() else { return };
    block_on(async {
        // Under a name of its own, so that no other test's connections are lost.
        let url = format!("{}&application_name={}", schema.url, schema.name);
        let store = PostgresStore::open(&url, options()).await.unwrap();
        store.commit(&[change(1, 0)]).await.unwrap();
        let lose = || {
            schema.run(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
                schema.name
            ));
        };
        for _ in 0..3 {
            lose();
            assert_eq!(
                versions(&store, 2).await[1],
                1,
                "a read goes on with another connection"
            );
        }
        lose();
        // Its outcome may be unknown; it is never wrong.
        let outcome = store.commit(&[change(1, 1)]).await;
        let version = versions(&store, 2).await[1];
        match outcome {
            Ok(outcomes) => assert_eq!((outcomes, version), (vec![CommitOutcome::Committed], 2)),
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
        assert_eq!(
            store.commit(&[change(2, 0)]).await.unwrap(),
            [CommitOutcome::Committed]
        );
    });
}

#[test]
fn a_database_that_cannot_be_opened_says_where_and_why_but_no_password() {
    block_on(async {
        let refused = |url: &'static str| PostgresStore::open(url, options());
        let nowhere = refused("postgres://me:hunter2@127.0.0.1:1/x").await.unwrap_err();
        let said = nowhere.to_string();
        assert!(
            matches!(nowhere, OpenError::Connect { .. }) && said.contains("127.0.0.1:1"),
            "{said}"
        );
        assert!(!format!("{said}{nowhere:?}").contains("hunter2"));
        for url in [
            "mission.db",
            "mysql://me:hunter2@db/x",
            "postgres://me:hunter2@db:port/x",
        ] {
            let refused = refused(url).await.unwrap_err();
            assert!(matches!(refused, OpenError::NotAnAddress), "{refused}");
            assert!(!format!("{refused}{refused:?}").contains("hunter2"));
        }
    });
}
