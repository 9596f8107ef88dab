// One verdict a change, whatever its neighbours do. Included by a module that knows how to make a store: `test_store`.

use std::cell::Cell;

use mission_core::{
    MissionId,
    engine::ReadSet,
    mission::{Budget, BudgetUse},
    ports::store::{Change, Claim, CommitOutcome, Root, Store, StoreError, BudgetReservation, Version},
    testing::{points, user},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use crate::store::tests::{
    block_on,
    builders::{change, day, erasure, fresh, noon, reward},
};
use CommitOutcome::{Committed, Conflict};

async fn version(store: &impl Store, who: u64) -> u64 {
    let root = Root::User(user(who));
    let keys = ReadSet {
        roots: [root].into(),
        ..ReadSet::default()
    };
    store.load(&keys).await.unwrap().versions[&root].0
}

/// Something that stands against one change of a batch.
fn spoiled(kind: usize) -> Change {
    let mut bad = change(5, 0);
    match kind {
        0 => {
            bad.expected.insert(Root::User(user(5)), Version(3));
        }
        1 => {
            bad.write_set.claims.insert(Claim::Policy, fresh());
        }
        2 => {
            let reward = reward(5, Uuid::from_u128(77));
            bad.write_set
                .writes
                .reward
                .insert((user(5), reward.id), Some(reward));
        }
        3 => bad.journal[0].request.receipt.command = Uuid::from_u128(88).into(),
        _ => {
            let take = BudgetReservation {
                used: BudgetUse::one(11.into()),
                limit: Budget {
                    max_points: Some(points("10")),
                    max_grants: None,
                },
            };
            bad.write_set.reservations.insert(MissionId(Uuid::from_u128(99)), take);
        }
    }
    bad
}

#[test]
fn one_conflict_leaves_its_neighbours_whole() {
    for kind in 0..5 {
        block_on(async {
            let Some(test_store) = test_store().await else { return };
            let store = &test_store.store;
            let mut first = change(1, 0);
            first.write_set.claims.insert(Claim::Policy, fresh());
            let source = reward(1, Uuid::from_u128(77));
            first
                .write_set
                .writes
                .reward
                .insert((user(1), source.id), Some(source));
            first.journal[0].request.receipt.command = Uuid::from_u128(88).into();
            assert_eq!(store.commit(&[first]).await.unwrap(), [Committed]);
            let batch = [change(4, 0), spoiled(kind), change(6, 0)];
            assert_eq!(
                store.commit(&batch).await.unwrap(),
                [Committed, Conflict, Committed],
                "kind {kind}"
            );
            let versions = [
                version(store, 4).await,
                version(store, 5).await,
                version(store, 6).await,
            ];
            assert_eq!(versions, [1, 0, 1]);
        });
    }
}

#[test]
fn a_claim_moves_along_the_changes_of_one_batch() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = &test_store.store;
        let claim = || Claim::MissionCode("watch".parse().unwrap());
        let holders: Vec<Uuid> = (0..4).map(|_| fresh()).collect();
        let mut taking: Vec<Change> = (0..4).map(|who| change(who, 0)).collect();
        for (one, holder) in taking.iter_mut().zip(&holders) {
            one.write_set.claims.insert(claim(), *holder);
        }
        // The third lets go of it first; the fourth comes too late again.
        taking[2].write_set.releases.insert(claim());
        let outcomes = store.commit(&taking).await.unwrap();
        assert_eq!(outcomes, [Committed, Conflict, Committed, Conflict]);
        let keys = ReadSet {
            claims: [claim()].into(),
            ..ReadSet::default()
        };
        let loaded = store.load(&keys).await.unwrap();
        assert_eq!(loaded.claims[&claim()], Some(holders[2]));
        let mut releasing = change(0, 1);
        releasing.write_set.releases.insert(claim());
        assert_eq!(store.commit(&[releasing]).await.unwrap(), [Committed]);
        assert_eq!(store.load(&keys).await.unwrap().claims[&claim()], None);
    });
}

#[test]
fn an_erasure_frees_its_sources_for_the_rest_of_the_batch() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = &test_store.store;
        let with_reward = |who, version| {
            let mut one = change(who, version);
            let reward = reward(who, Uuid::from_u128(7));
            one.write_set
                .writes
                .reward
                .insert((user(who), reward.id), Some(reward));
            one
        };
        assert_eq!(store.commit(&[with_reward(1, 0)]).await.unwrap(), [Committed]);
        let batch = [erasure(1, 1), with_reward(2, 0)];
        assert_eq!(store.commit(&batch).await.unwrap(), [Committed, Committed]);
    });
}

#[test]
fn a_record_without_its_roots_version_is_refused_whole() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let mut stray = change(1, 0);
        let day = day("2026-01-05");
        stray
            .write_set
            .writes
            .check_in_day
            .insert((user(2), day.date), Some(day));
        let refused = test_store.store.commit(&[change(3, 0), stray]).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
        assert_eq!(version(&test_store.store, 3).await, 0);
    });
}

#[test]
fn records_can_go() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = &test_store.store;
        let (day, reward) = (day("2026-01-05"), reward(1, fresh()));
        let mut full = change(1, 0);
        let (day_key, reward_key) = ((user(1), day.date), (user(1), reward.id));
        full.write_set.writes.check_in_day.insert(day_key, Some(day));
        full.write_set.writes.reward.insert(reward_key, Some(reward));
        let mut empty = change(1, 1);
        empty.write_set.writes.check_in_day.insert(day_key, None);
        empty.write_set.writes.reward.insert(reward_key, None);
        empty.write_set.writes.user.insert(user(1), None);
        assert_eq!(store.commit(&[full]).await.unwrap(), [Committed]);
        assert_eq!(store.commit(&[empty]).await.unwrap(), [Committed]);
        let mut keys = ReadSet::default();
        keys.records.check_in_day.insert(day_key);
        keys.records.reward.insert(reward_key);
        keys.records.user.insert(user(1));
        let loaded = store.load(&keys).await.unwrap();
        assert_eq!(loaded.records, keys.records.pick(&Default::default()));
        assert_eq!(
            loaded.versions[&Root::User(user(1))].0,
            2,
            "a root's version stays"
        );
    });
}

/// Takes and give-backs in random batches: outcomes equal those of a naive sum, and no limit is ever passed.
#[test]
fn a_budget_is_never_overspent_by_random_batches() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let Some(test_store) = runtime.block_on(test_store()) else {
        return;
    };
    let who = Cell::new(0);
    let batches = prop::collection::vec(prop::collection::vec(-300_i64..700, 1..8), 1..6);
    let spend = async |batches: Vec<Vec<i64>>| {
        let mission = MissionId(fresh());
        let limit = Budget {
            max_points: Some(points("10")),
            max_grants: None,
        };
        let mut used = 0;
        for batch in &batches {
            let mut changes = Vec::new();
            let mut expected = Vec::new();
            for cents in batch {
                who.set(who.get() + 1);
                let mut one = change(who.get(), 0);
                let points = rust_decimal::Decimal::new(*cents, 2);
                let take = BudgetReservation {
                    used: BudgetUse { points, grants: 0 },
                    limit,
                };
                one.write_set.reservations.insert(mission, take);
                changes.push(one);
                let fits = *cents <= 0 || used + cents <= 1_000;
                used += if fits { *cents } else { 0 };
                expected.push(if fits { Committed } else { Conflict });
            }
            assert_eq!(test_store.store.commit(&changes).await.unwrap(), expected);
            let keys = ReadSet {
                budgets: [mission].into(),
                ..ReadSet::default()
            };
            let found = test_store.store.load(&keys).await.unwrap().budgets[&mission];
            assert_eq!(found.points, rust_decimal::Decimal::new(used, 2));
        }
    };
    let mut runner = TestRunner::new(Config {
        cases: 32,
        failure_persistence: None,
        ..Config::default()
    });
    let ran = runner.run(&batches, |batches| {
        runtime.block_on(spend(batches));
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn claims_of_any_text_never_meet() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let claim = |id: &str| Claim::Inbound {
            source: "s".to_owned(),
            id: id.to_owned(),
        };
        for (who, id) in (0..).zip(["a", "a\0", "a\0b", "", "A", "ä", "a'"]) {
            let mut one = change(who, 0);
            one.write_set.claims.insert(claim(id), user(who).0);
            one.journal[0].request.at = noon();
            assert_eq!(test_store.store.commit(&[one]).await.unwrap(), [Committed], "{id:?}");
        }
    });
}
