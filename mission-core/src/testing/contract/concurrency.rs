use std::collections::BTreeSet;

use super::{
    WholeStore,
    store_fixture::{StoreFixture, all_at_once},
};
use crate::{
    engine::ReadSet,
    mission::{Budget, BudgetUse},
    ports::store::{BudgetReservation, Change, Claim, CommitOutcome, Root},
    testing::{mission_id, user},
};

const MANY: u64 = 16;

async fn winners<S: WholeStore>(fixture: &StoreFixture<'_, S>, changes: &[Change]) -> usize {
    let outcomes = all_at_once(changes.iter().map(|change| fixture.commit_one(change))).await;
    assert_eq!(outcomes.len(), changes.len());
    outcomes
        .iter()
        .filter(|one| **one == CommitOutcome::Committed)
        .count()
}

pub(super) async fn of_many_at_once_one_wins_a_version<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for version in 0..4 {
        let changes: Vec<_> = (0..MANY).map(|_| fixture.change(user(1), version)).collect();
        assert_eq!(
            winners(fixture, &changes).await,
            1,
            "exactly one wins version {version}"
        );
        assert_eq!(fixture.version(Root::User(user(1))).await, version + 1);
    }
}

pub(super) async fn of_many_at_once_one_wins_a_claim<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let claiming = |n| {
        let mut change = fixture.change(user(n), 0);
        change.write_set.claims.insert(Claim::Policy, user(n).0);
        change
    };
    let changes: Vec<_> = (0..MANY).map(claiming).collect();
    assert_eq!(winners(fixture, &changes).await, 1, "exactly one gets the claim");
}

pub(super) async fn of_many_at_once_none_overspends_a_budget<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let limit = Budget {
        max_grants: Some(5),
        max_points: None,
    };
    let taking = |n| {
        let mut change = fixture.change(user(n), 0);
        let used = BudgetUse::one(1.into());
        change
            .write_set
            .reservations
            .insert(mission_id(1), BudgetReservation { used, limit });
        change
    };
    let changes: Vec<_> = (0..MANY).map(taking).collect();
    assert_eq!(
        winners(fixture, &changes).await,
        5,
        "as many as the budget carries"
    );
    let keys = ReadSet {
        budgets: BTreeSet::from([mission_id(1)]),
        ..ReadSet::default()
    };
    assert_eq!(fixture.load(keys).await.budgets[&mission_id(1)].grants, 5);
}

pub(super) async fn commits_in_opposite_orders_do_not_block_each_other<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    for version in 0..4 {
        let forward: Vec<_> = (0..8).map(|n| fixture.change(user(n), version)).collect();
        let backward: Vec<_> = (0..8).rev().map(|n| fixture.change(user(n), version)).collect();
        let outcomes = all_at_once([forward, backward].iter().map(|changes| fixture.commit(changes))).await;
        for n in 0..8 {
            let committed = [outcomes[0][n], outcomes[1][7 - n]]
                .iter()
                .filter(|one| **one == CommitOutcome::Committed)
                .count();
            assert_eq!(committed, 1, "each root is raised by one of the two commits");
        }
    }
}
