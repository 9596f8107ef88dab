use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    ports::store::Root,
    reward::{Reward, RewardStatus, RewardType},
    testing::{date, user},
};

pub(super) async fn a_source_earns_one_reward_of_a_type<S: WholeStore>(bench: &StoreFixture<'_, S>) {
    let source = bench.fresh();
    let reward = |who, reward_type| Reward {
        source_id: source,
        reward_type,
        ..records::reward(user(who), bench.fresh(), 5, noon())
    };
    let first = reward(1, RewardType::CheckInDaily);
    bench
        .settle(user(1), |change| records::write_reward(change, first.clone()))
        .await;
    bench
        .settle(user(1), |change| {
            records::write_reward(change, reward(1, RewardType::CheckInMilestone));
        })
        .await;
    for (who, version) in [(1, 2), (2, 0)] {
        let mut double = bench.change(user(who), version);
        records::write_reward(&mut double, reward(who, RewardType::CheckInDaily));
        bench
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
    bench
        .settle(user(1), |change| records::write_reward(change, claimed))
        .await;
}

pub(super) async fn two_rewards_of_one_source_in_one_change_are_refused<S: WholeStore>(
    bench: &StoreFixture<'_, S>,
) {
    let source = bench.fresh();
    let mut double = bench.change(user(1), 0);
    for _ in 0..2 {
        let reward = Reward {
            source_id: source,
            ..records::reward(user(1), bench.fresh(), 5, noon())
        };
        records::write_reward(&mut double, reward);
    }
    bench
        .refused(
            &double,
            "a change cannot bring two rewards of one source and type",
        )
        .await;
    assert_eq!(bench.version(Root::User(user(1))).await, 0);
}

pub(super) async fn a_user_has_one_check_in_a_date<S: WholeStore>(bench: &StoreFixture<'_, S>) {
    let today = date("2026-01-05");
    let day = || records::day(bench.fresh(), today, noon());
    bench
        .settle(user(1), |change| records::write_day(change, user(1), day()))
        .await;
    bench
        .settle(user(2), |change| records::write_day(change, user(2), day()))
        .await;
    let mut double = bench.change(user(1), 1);
    records::write_day(&mut double, user(1), day());
    bench
        .refused(
            &double,
            "a second check-in on a date is refused, even with the right version",
        )
        .await;
    let tomorrow = records::day(bench.fresh(), date("2026-01-06"), noon());
    bench
        .settle(user(1), |change| records::write_day(change, user(1), tomorrow))
        .await;
}
