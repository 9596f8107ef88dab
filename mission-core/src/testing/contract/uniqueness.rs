use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    ports::store::Root,
    reward::{Reward, RewardStatus, RewardType},
    testing::{date, user},
};

pub(super) async fn a_source_earns_one_reward_of_a_type<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let source = fixture.fresh();
    let reward = |who, reward_type| Reward {
        source_id: source,
        reward_type,
        ..records::reward(user(who), fixture.fresh(), 5, noon())
    };
    let first = reward(1, RewardType::CheckInDaily);
    fixture
        .settle(user(1), |change| records::write_reward(change, first.clone()))
        .await;
    fixture
        .settle(user(1), |change| {
            records::write_reward(change, reward(1, RewardType::CheckInMilestone));
        })
        .await;
    for (who, version) in [(1, 2), (2, 0)] {
        let mut double = fixture.change(user(who), version);
        records::write_reward(&mut double, reward(who, RewardType::CheckInDaily));
        fixture
            .refused(
                &double,
                "a source earns one reward of each type, even with the right version",
            )
            .await;
    }
    let claimed = Reward {
        status: RewardStatus::Claimed,
        claimed_at: Some(noon()),
        ..first
    };
    fixture
        .settle(user(1), |change| records::write_reward(change, claimed))
        .await;
}

pub(super) async fn two_rewards_of_one_source_in_one_change_are_refused<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let source = fixture.fresh();
    let mut double = fixture.change(user(1), 0);
    for _ in 0..2 {
        let reward = Reward {
            source_id: source,
            ..records::reward(user(1), fixture.fresh(), 5, noon())
        };
        records::write_reward(&mut double, reward);
    }
    fixture
        .refused(
            &double,
            "a change cannot bring two rewards of one source and type",
        )
        .await;
    assert_eq!(fixture.version(Root::User(user(1))).await, 0);
}

pub(super) async fn a_user_has_one_check_in_a_date<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let today = date("2026-01-05");
    let day = || records::day(fixture.fresh(), today, noon());
    fixture
        .settle(user(1), |change| records::write_day(change, user(1), day()))
        .await;
    fixture
        .settle(user(2), |change| records::write_day(change, user(2), day()))
        .await;
    let mut double = fixture.change(user(1), 1);
    records::write_day(&mut double, user(1), day());
    fixture
        .refused(
            &double,
            "a second check-in on a date is refused, even with the right version",
        )
        .await;
    let tomorrow = records::day(fixture.fresh(), date("2026-01-06"), noon());
    fixture
        .settle(user(1), |change| records::write_day(change, user(1), tomorrow))
        .await;
}
