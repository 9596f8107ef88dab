//! The wallet as a consumer of events: books once, and forgets the erased.

use std::{cell::Cell, collections::BTreeMap};

use mission_core::{
    EventId, Points, UserId,
    event::{IntegrationEvent, RewardClaimed, RewardRevoked, UserErased},
    reward::RewardType,
    testing::{at, points, user},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sqlx::migrate::Migrator;
use uuid::Uuid;

use super::*;
use crate::store::tests::block_on;

fn claimed(grant: u64, who: u64, amount: &str) -> CloudEvent {
    let event = RewardClaimed {
        reward_id: RewardId(Uuid::from_u128(u128::from(grant))),
        user_id: user(who),
        source_id: Uuid::nil(),
        reward_type: RewardType::MissionComplete,
        points: points(amount),
        bonus_points: Points::ZERO,
        total_points: points(amount).get(),
        currency: "POINTS".to_owned(),
        claimed_at: at("2026-01-05T10:00:00Z"),
        mission_version: None,
    };
    envelope(&IntegrationEvent::RewardClaimed(event))
}

fn revoked(grant: u64, who: u64, amount: &str) -> CloudEvent {
    let event = RewardRevoked {
        reward_id: RewardId(Uuid::from_u128(u128::from(grant))),
        user_id: user(who),
        total_points: points(amount).get(),
        currency: "POINTS".to_owned(),
        experience_points: 0,
        mining_boost_percent: mission_core::Percent::ZERO,
        badge_id: None,
        reason: "a mistake".to_owned(),
        revoked_at: at("2026-01-06T10:00:00Z"),
    };
    envelope(&IntegrationEvent::RewardRevoked(event))
}

fn erased(who: u64) -> CloudEvent {
    envelope(&IntegrationEvent::UserErased(UserErased {
        user_id: user(who),
        erased_at: at("2026-01-07T10:00:00Z"),
    }))
}

fn envelope(event: &IntegrationEvent) -> CloudEvent {
    event
        .to_cloud_event(EventId(Uuid::from_u128(1)), "/test", None)
        .unwrap()
}

async fn balance(wallet: &Wallet, who: u64) -> String {
    wallet.balance(user(who)).await.unwrap().to_string()
}

/// One delivery in a random history.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    Grant(u64),
    Revocation(u64),
    Erasure(u64),
}

/// Who holds a grant, and how much it is: fixed by the grant, as it is in life.
fn holder(grant: u64) -> u64 {
    grant % 3
}

fn amount(grant: u64) -> i64 {
    1_250_001 * i64::try_from(grant + 1).unwrap()
}

fn deliveries() -> impl Strategy<Value = Vec<Vec<Delivery>>> {
    let delivery = prop_oneof![
        6 => (0_u64..8).prop_map(Delivery::Grant),
        3 => (0_u64..8).prop_map(Delivery::Revocation),
        1 => (0_u64..3).prop_map(Delivery::Erasure),
    ];
    prop::collection::vec(prop::collection::vec(delivery, 1..6), 1..12)
}

fn micros(amount: i64) -> String {
    mission_core::points::total_from_millionths(amount).to_string()
}

/// The migrations before bookings were one row.
fn older(migrations: &Migrator) -> Migrator {
    let older = migrations
        .iter()
        .filter(|migration| migration.version <= 15)
        .cloned();
    Migrator {
        migrations: older.collect::<Vec<_>>().into(),
        ..Migrator::DEFAULT
    }
}

/// User 1 has 10, and what comes for user 2, who was erased, goes to nobody.
async fn check_older_ledger(wallet: &Wallet) {
    let again = claimed(0, 1, "10");
    wallet.handle(&[again, claimed(3, 2, "1")]).await.unwrap();
    assert_eq!(
        (balance(wallet, 1).await, balance(wallet, 2).await),
        ("10".into(), "0".into())
    );
    assert_eq!(wallet.entries(user(1)).await.unwrap().len(), 1);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use sqlx::{Connection as _, Row};

    use super::*;
    use crate::store::sqlite::{SqliteOptions, SqliteStore, tests::TestStore};

    async fn test_store() -> Option<TestStore> {
        Some(crate::store::sqlite::tests::test_store().await)
    }

    /// Sums over the whole ledger by account: kind of account, sum.
    async fn sums(test_store: &TestStore) -> BTreeMap<String, i64> {
        let rows = sqlx::query(
            "SELECT CASE WHEN user_id = zeroblob(16) THEN 'erased' ELSE 'user' END AS account, sum(amount_micros)
            FROM wallet_entries GROUP BY account",
        )
        .fetch_all(test_store.store.database.readers())
        .await
        .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    #[test]
    fn an_older_ledger_keeps_its_bookings() {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("mission.db").display());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            let older = older(&sqlx::migrate!("migrations/sqlite"));
            older.run(&mut connection).await.unwrap();
            let (one, two) = (user(1).0.simple(), user(2).0.simple());
            let bookings = format!("INSERT INTO wallet_accounts (id, kind, user_id, erased_at)
                    VALUES (3, 'user', unhex('{one}'), NULL),
                        (4, 'user', unhex('{two}'), 5);
                INSERT INTO wallet_entries (grant_id, kind, side, account_id, amount_micros, currency, booked_at)
                    VALUES (zeroblob(16), 'grant', 'holder', 3, 10000000, 'POINTS', 1),
                        (zeroblob(16), 'grant', 'issuer', 1, -10000000, 'POINTS', 1),
                        (randomblob(16), 'grant', 'holder', 2, 7000000, 'POINTS', 1),
                        (randomblob(16), 'grant', 'issuer', 1, -7000000, 'POINTS', 1)");
            sqlx::raw_sql(&bookings).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            let store = SqliteStore::open(&url, SqliteOptions::default()).await.unwrap();
            check_older_ledger(&store.wallet()).await;
        });
    }

    include!("suite.rs");
}

#[cfg(feature = "postgres")]
mod postgres {
    use sqlx::Connection as _;

    use super::*;
    use crate::services::Schema;
    use crate::store::{
        postgres::{
            PostgresOptions, PostgresStore,
            tests::{TestStore, test_store},
        },
        row::SqlRow as _,
        sql_builder::SqlBuilder,
    };

    /// Sums over the whole ledger by account: kind of account, sum.
    async fn sums(test_store: &TestStore) -> BTreeMap<String, i64> {
        let sql =
            "SELECT CASE WHEN user_id = '00000000-0000-0000-0000-000000000000' THEN 'erased' ELSE 'user' END
                AS account,
                sum(amount_micros)::bigint FROM wallet_entries GROUP BY account";
        let rows = test_store.store.database.run(SqlBuilder::new(sql)).await.unwrap();
        let sums = rows
            .iter()
            .map(|row| (row.text(0).unwrap().to_owned(), row.number(1).unwrap()));
        sums.collect()
    }

    #[test]
    fn an_older_ledger_keeps_its_bookings() {
        block_on(async {
            let Some(schema) = Schema::create() else { return };
            let mut connection = sqlx::PgConnection::connect(&schema.url).await.unwrap();
            let older = older(&sqlx::migrate!("migrations/postgres"));
            older.run(&mut connection).await.unwrap();
            let (one, two) = (user(1), user(2));
            let bookings = format!(
                "INSERT INTO wallet_accounts (user_id, erased_at)
                    VALUES ('{one}', NULL), ('{two}', 5);
                INSERT INTO wallet_entries (user_id, grant_id, kind, side, amount_micros, currency, booked_at)
                    SELECT u.id, g.id, 'grant', s.side, s.sign * 10000000, 'POINTS', 1
                    FROM (VALUES ('{one}'::uuid)) AS u(id),
                        (VALUES ('00000000-0000-0000-0000-000000000000'::uuid)) AS g(id),
                        (VALUES ('issuer', -1), ('holder', 1)) AS s(side, sign)"
            );
            sqlx::raw_sql(&bookings).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            let store = PostgresStore::open(&schema.url, PostgresOptions::default())
                .await
                .unwrap();
            check_older_ledger(&store.wallet()).await;
        });
    }

    include!("suite.rs");
}
