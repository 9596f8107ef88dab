use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{WholeStore, store_fixture::StoreFixture};
use crate::{
    engine::ReadSet,
    mission::{Budget, BudgetUse},
    ports::store::{BudgetReservation, Change, CommitOutcome, Root},
    testing::{mission_id, points, user},
};

fn taking<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: u64, used: BudgetUse, limit: Budget) -> Change {
    let mut change = fixture.change(user(who), 0);
    change
        .write_set
        .reservations
        .insert(mission_id(1), BudgetReservation { used, limit });
    change
}

fn one(points: &str) -> BudgetUse {
    BudgetUse::one(crate::testing::points(points).get())
}

fn grants(most: u32) -> Budget {
    Budget {
        max_grants: Some(most),
        max_points: None,
    }
}

async fn in_use<S: WholeStore>(fixture: &StoreFixture<'_, S>) -> BudgetUse {
    let keys = ReadSet {
        budgets: BTreeSet::from([mission_id(1)]),
        ..ReadSet::default()
    };
    fixture.load(keys).await.budgets[&mission_id(1)]
}

pub(super) async fn a_budget_is_never_overspent<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture
        .committed(&taking(fixture, 1, one("10"), Budget::default()))
        .await;
    fixture
        .committed(&taking(fixture, 2, one("2.5"), grants(2)))
        .await;
    fixture
        .refused(
            &taking(fixture, 3, one("1"), grants(2)),
            "a take beyond the limit is refused",
        )
        .await;
    assert_eq!(
        in_use(fixture).await,
        BudgetUse {
            points: Decimal::new(125, 1),
            grants: 2
        },
        "what is in use is the sum of all takes"
    );
    let asked = [mission_id(1), mission_id(2)];
    let uses = fixture.store.budget_uses(&asked).await;
    let used = in_use(fixture).await;
    assert_eq!(
        uses,
        Ok([(mission_id(1), used)].into()),
        "of the second nothing is used"
    );
}

pub(super) async fn takes_of_one_commit_stay_inside_together<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let changes: Vec<_> = (0..5).map(|n| taking(fixture, n, one("1"), grants(3))).collect();
    let outcomes = fixture.commit(&changes).await;
    let (inside, beyond) = outcomes.split_at(3);
    assert!(
        inside.iter().all(|one| *one == CommitOutcome::Committed),
        "the first three fit: {outcomes:?}"
    );
    assert!(
        beyond.iter().all(|one| *one == CommitOutcome::Conflict),
        "the others do not: {outcomes:?}"
    );

    // A give-back frees what a later change of the same commit may take.
    let changes = [
        taking(fixture, 10, one("1").negated(), grants(3)),
        taking(fixture, 11, one("1"), grants(3)),
        taking(fixture, 12, one("1"), grants(3)),
    ];
    assert_eq!(
        fixture.commit(&changes).await,
        [
            CommitOutcome::Committed,
            CommitOutcome::Committed,
            CommitOutcome::Conflict
        ]
    );
    assert_eq!(in_use(fixture).await.grants, 3);
}

pub(super) async fn points_of_a_budget_are_exact<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let ten = Budget {
        max_points: Some(points("10")),
        max_grants: None,
    };
    fixture.committed(&taking(fixture, 1, one("9.999998"), ten)).await;
    fixture
        .refused(
            &taking(fixture, 2, one("0.000003"), ten),
            "a millionth of a point too much is too much",
        )
        .await;
    fixture.committed(&taking(fixture, 3, one("0.000002"), ten)).await;
    assert_eq!(in_use(fixture).await.points, Decimal::TEN);
    fixture.committed(&taking(fixture, 4, one("0"), ten)).await;
    fixture
        .refused(
            &taking(fixture, 5, one("0.000001"), ten),
            "a full budget carries no more points",
        )
        .await;
}

pub(super) async fn a_give_back_always_holds<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for n in 0..4 {
        fixture.committed(&taking(fixture, n, one("5"), grants(4))).await;
    }
    // The author lowered the limit since; giving back is right all the same.
    fixture
        .committed(&taking(fixture, 4, one("5").negated(), grants(1)))
        .await;
    assert_eq!(
        in_use(fixture).await,
        BudgetUse {
            points: 15.into(),
            grants: 3
        }
    );
    fixture
        .refused(
            &taking(fixture, 5, one("5"), grants(1)),
            "a lowered limit holds for new takes",
        )
        .await;
    for n in 6..9 {
        fixture
            .committed(&taking(fixture, n, one("5").negated(), grants(1)))
            .await;
    }
    assert_eq!(in_use(fixture).await, BudgetUse::default());
}

pub(super) async fn a_refused_take_writes_nothing<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let refused = taking(fixture, 1, one("1"), grants(0));
    fixture
        .refused(&refused, "a budget of no grants carries none")
        .await;
    assert_eq!(in_use(fixture).await, BudgetUse::default());
    assert_eq!(fixture.version(Root::User(user(1))).await, 0);
}
