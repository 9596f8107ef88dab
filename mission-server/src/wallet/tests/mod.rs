//! The wallet as a consumer of events: books once, in pairs, and forgets the erased.

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

#[cfg(feature = "sqlite")]
mod sqlite {
    use sqlx::Row;

    use super::*;
    use crate::store::sqlite::tests::TestStore;

    async fn test_store() -> Option<TestStore> {
        Some(crate::store::sqlite::tests::test_store().await)
    }

    /// Sums over the whole ledger by account: kind of account, sum.
    async fn sums(test_store: &TestStore) -> BTreeMap<String, i64> {
        let rows = sqlx::query(
            "SELECT a.kind, sum(e.amount_micros) FROM wallet_entries e JOIN wallet_accounts a ON a.id = e.account_id
            GROUP BY a.kind",
        )
        .fetch_all(test_store.store.database.readers())
        .await
        .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    include!("suite.rs");
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;
    use crate::store::{
        postgres::tests::{TestStore, test_store},
        row::SqlRow as _,
        sql_builder::SqlBuilder,
    };

    /// Sums over the whole ledger by account: kind of account, sum.
    async fn sums(test_store: &TestStore) -> BTreeMap<String, i64> {
        let sql = "SELECT CASE WHEN side = 'issuer' THEN 'issuer'
                WHEN user_id = '00000000-0000-0000-0000-000000000000' THEN 'erased' ELSE 'user' END AS account,
                sum(amount_micros)::bigint FROM wallet_entries GROUP BY account";
        let rows = test_store.store.database.run(SqlBuilder::new(sql)).await.unwrap();
        let sums = rows
            .iter()
            .map(|row| (row.text(0).unwrap().to_owned(), row.number(1).unwrap()));
        sums.collect()
    }

    include!("suite.rs");
}
