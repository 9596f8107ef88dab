//! What must be true after every batch, whatever was asked.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{
    MissionId, RewardId, TaskId, UserId,
    event::IntegrationEvent,
    mission::{BudgetUse, Mission},
    ports::queries::UserExport,
    reward::{Reward, RewardStatus},
    task::{Task, TaskStatus},
};
use rust_decimal::Decimal;

/// What was seen before, to see what must not change.
#[derive(Default)]
pub struct Books {
    tasks: BTreeMap<TaskId, Task>,
    rewards: BTreeMap<RewardId, Reward>,
}

impl Books {
    /// An erased user's records go.
    pub fn forget(&mut self, user: UserId) {
        self.tasks.retain(|_, task| task.user_id != user);
        self.rewards.retain(|_, reward| reward.user_id != user);
    }

    pub fn check(&mut self, exports: &[UserExport], missions: &[Mission], told: &[IntegrationEvent]) {
        let granted = grants(told);
        for held in exports {
            for task in &held.tasks {
                self.check_task(task, held);
            }
            check_open_tasks(held);
            for reward in &held.rewards {
                self.check_reward(reward, &granted);
            }
            check_sums(held);
            check_days(held);
            check_erasure(held);
        }
        check_budgets(exports, missions);
    }

    fn check_task(&mut self, task: &Task, held: &UserExport) {
        let progress = task.progress;
        assert!(progress.current() <= progress.target(), "progress is clamped");
        if let Some(before) = self.tasks.get(&task.id) {
            assert!(
                before.progress.current() <= progress.current(),
                "progress never goes down"
            );
            if before.status == TaskStatus::Completed {
                assert_eq!(
                    task.status,
                    TaskStatus::Completed,
                    "what is completed stays completed"
                );
                assert_eq!(task.completed_at, before.completed_at);
                assert_eq!(task.reward_id, before.reward_id);
            }
        }
        let reward = task
            .reward_id
            .and_then(|id| held.rewards.iter().find(|reward| reward.id == id));
        if task.status == TaskStatus::Completed {
            assert!(progress.is_complete(), "only full progress completes");
            assert!(reward.is_some(), "a completed task has its reward");
        }
        let granted = reward.is_some_and(|reward| reward.claimed_at.is_some());
        assert_eq!(task.reward_claimed, granted, "task and reward agree on the claim");
        self.tasks.insert(task.id, task.clone());
    }

    fn check_reward(&mut self, reward: &Reward, granted: &BTreeMap<RewardId, Grant>) {
        let grant = granted.get(&reward.id);
        let is_granted = reward.claimed_at.is_some();
        assert!(
            is_granted || reward.status != RewardStatus::Claimed,
            "a claimed reward says when"
        );
        assert_eq!(
            is_granted,
            grant.is_some(),
            "every grant is told, and nothing else is"
        );
        let revoked = is_granted && reward.status == RewardStatus::Revoked;
        assert_eq!(
            revoked,
            grant.is_some_and(|grant| grant.revoked),
            "every revocation is told"
        );
        if let Some(grant) = grant {
            assert_eq!(grant.points, reward.amount.total());
        }
        if let Some(before) = self.rewards.get(&reward.id) {
            assert_eq!(
                reward.amount, before.amount,
                "amounts are fixed when they are earned"
            );
            let is_final = matches!(
                before.status,
                RewardStatus::Revoked | RewardStatus::Expired | RewardStatus::Rejected
            );
            assert!(
                !is_final || reward.status == before.status,
                "{before:?} became {reward:?}"
            );
        }
        self.rewards.insert(reward.id, reward.clone());
    }
}

struct Grant {
    points: Decimal,
    revoked: bool,
}

/// Every grant that a wallet would book, each once.
fn grants(told: &[IntegrationEvent]) -> BTreeMap<RewardId, Grant> {
    let mut grants: BTreeMap<RewardId, Grant> = BTreeMap::new();
    for event in told {
        match event {
            IntegrationEvent::RewardClaimed(claimed) => {
                let grant = Grant {
                    points: claimed.total_points,
                    revoked: false,
                };
                assert!(grants.insert(claimed.reward_id, grant).is_none(), "granted twice");
            }
            IntegrationEvent::RewardRevoked(revoked) => {
                let grant = grants
                    .get_mut(&revoked.reward_id)
                    .expect("only what was granted is revoked");
                assert!(!grant.revoked, "revoked twice");
                assert_eq!(grant.points, revoked.total_points);
                grant.revoked = true;
            }
            _ => {}
        }
    }
    grants
}

fn check_open_tasks(held: &UserExport) {
    let mut open = BTreeSet::new();
    for task in held.tasks.iter().filter(|task| task.status.is_open()) {
        assert!(
            open.insert((task.mission_id, task.period)),
            "two open tasks in one period"
        );
    }
}

fn check_sums(held: &UserExport) {
    let claimed = held
        .rewards
        .iter()
        .filter(|reward| reward.status == RewardStatus::Claimed);
    let points: Decimal = claimed.map(|reward| reward.amount.total()).sum();
    let recorded = held.user.as_ref().map_or(Decimal::ZERO, |user| user.points);
    assert_eq!(
        recorded, points,
        "a user's points are the sum of their claimed rewards"
    );
    let sources: BTreeSet<_> = held
        .rewards
        .iter()
        .map(|reward| (reward.reward_type, reward.source_id))
        .collect();
    assert_eq!(sources.len(), held.rewards.len(), "one reward a type and source");
}

fn check_days(held: &UserExport) {
    let Some(user) = &held.user else {
        return assert!(held.check_in_days.is_empty());
    };
    let streak = user.check_in.streak;
    assert!(streak.current <= streak.longest && streak.longest <= streak.total);
    assert_eq!(
        streak.total as usize,
        held.check_in_days.len(),
        "each day counts once"
    );
    assert!(
        held.check_in_days.is_sorted_by(|a, b| a.date < b.date),
        "dates only go on"
    );
    for day in &held.check_in_days {
        let of_day = || held.rewards.iter().filter(|reward| reward.source_id == day.id.0);
        let paid: Decimal = of_day().map(|reward| reward.amount.total()).sum();
        // A check-in that a reviewer refused earned nothing, whatever its rewards would have been.
        let is_refused = day.earned.total().is_zero() && of_day().all(|reward| reward.claimed_at.is_none());
        assert!(
            is_refused || paid == day.earned.total(),
            "a day's rewards are what it earned"
        );
    }
}

fn check_erasure(held: &UserExport) {
    if held
        .user
        .as_ref()
        .is_some_and(mission_core::user::User::is_erased)
    {
        let left = held.tasks.len() + held.rewards.len() + held.check_in_days.len() + held.reviews.len();
        assert_eq!(
            left + held.participations.len(),
            0,
            "of an erased user nothing is left: {held:?}"
        );
    }
}

/// What is in use of a budget never exceeds it. A budget that an operator lowers binds from then on only, so the
/// missions here keep theirs.
fn check_budgets(exports: &[UserExport], missions: &[Mission]) {
    let mut used: BTreeMap<MissionId, BudgetUse> = BTreeMap::new();
    for reward in exports.iter().flat_map(|held| &held.rewards) {
        let lost = matches!(
            reward.status,
            RewardStatus::Expired | RewardStatus::Rejected | RewardStatus::Revoked
        );
        if let Some(mission) = reward.mission_id.filter(|_| !lost) {
            let sum = used.entry(mission).or_default();
            *sum = sum.plus(BudgetUse::one(reward.amount.total()));
        }
    }
    for mission in missions {
        if let (Some(budget), Some(used)) = (&mission.definition.budget, used.get(&mission.id)) {
            assert!(
                budget.allows(*used),
                "`{}` spent {used:?} of {budget:?}",
                mission.definition.code
            );
        }
    }
}
