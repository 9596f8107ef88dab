use chrono::Duration;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    ports::queries::DueExpiry,
    reward::{Reward, RewardStatus},
    task::{Task, TaskStatus},
    testing::{mission_id, user},
};

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn due<S: WholeStore>(fixture: &StoreFixture<'_, S>, limit: usize) -> Vec<DueExpiry> {
    let due = fixture.store.due_expiries(noon(), limit).await;
    let mut due = due.expect("`due_expiries` must answer");
    for one in &mut due {
        one.tasks.sort();
        one.rewards.sort();
    }
    due.sort_by_key(|one| one.user);
    due
}

pub(super) async fn what_is_due_is_found_until_it_is_written_down<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let task = |status, due_in: Option<i64>| Task {
        status,
        due_at: due_in.map(|seconds| noon() + Duration::seconds(seconds)),
        ..records::task(user(1), fixture.fresh(), mission_id(1), noon())
    };
    let reward = |status, expires_in: Option<i64>| Reward {
        status,
        expires_at: expires_in.map(|seconds| noon() + Duration::seconds(seconds)),
        ..records::reward(user(1), fixture.fresh(), 5, noon())
    };
    let due_task = task(TaskStatus::InProgress, Some(0));
    let due_reward = reward(RewardStatus::Pending, Some(-1));
    let tasks = [
        due_task.clone(),
        task(TaskStatus::InProgress, Some(1)),
        task(TaskStatus::InProgress, None),
        task(TaskStatus::PendingReview, Some(-1)),
        task(TaskStatus::Completed, Some(-1)),
        task(TaskStatus::Expired, Some(-1)),
    ];
    let rewards = [
        due_reward.clone(),
        reward(RewardStatus::Pending, Some(1)),
        reward(RewardStatus::Pending, None),
        reward(RewardStatus::Held, Some(-1)),
        reward(RewardStatus::Claimed, Some(-1)),
        reward(RewardStatus::Expired, Some(-1)),
    ];
    fixture
        .settle(user(1), |change| {
            tasks
                .into_iter()
                .for_each(|task| records::write_task(change, task));
            rewards
                .into_iter()
                .for_each(|reward| records::write_reward(change, reward));
        })
        .await;
    let expected = DueExpiry {
        user: user(1),
        tasks: vec![due_task.id],
        rewards: vec![due_reward.id],
    };
    assert_eq!(
        due(fixture, 10).await,
        [expected],
        "what is open and whose time has come"
    );
    fixture
        .settle(user(1), |change| {
            let expired = Task {
                status: TaskStatus::Expired,
                due_at: None,
                ..due_task
            };
            records::write_task(change, expired);
            let expired = Reward {
                status: RewardStatus::Expired,
                ..due_reward
            };
            records::write_reward(change, expired);
        })
        .await;
    assert_eq!(
        due(fixture, 10).await,
        [],
        "what was written down as expired is due no more"
    );
}

pub(super) async fn due_expiries_are_limited_by_users<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for n in 1..=3 {
        let ids = [fixture.fresh(), fixture.fresh()];
        fixture
            .settle(user(n), |change| {
                for id in ids {
                    let due = Task {
                        due_at: Some(noon()),
                        ..records::task(user(n), id, mission_id(1), noon())
                    };
                    records::write_task(change, due);
                }
            })
            .await;
    }
    let some = due(fixture, 2).await;
    assert!(
        (1..=2).contains(&some.len()),
        "some, but not more users than asked for: {some:?}"
    );
    let all = due(fixture, 10).await;
    assert_eq!(
        all.iter()
            .map(|one| (one.user, one.tasks.len()))
            .collect::<Vec<_>>(),
        [(user(1), 2), (user(2), 2), (user(3), 2)]
    );
}
