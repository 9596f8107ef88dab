//! What must hold of a user's records after every commit that touches them.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    super::{
        missions,
        violation::{Guarantee, Violation, ensure},
    },
    Auditor,
};
use crate::{
    MissionId, PointsScale, RewardId, TaskId, UserId,
    decision::{Change, JournalEntry, Rejection, Reply, Root},
    fraud::ReviewStatus,
    mission::BudgetUse,
    reward::{Reward, RewardStatus},
    task::{Task, TaskStatus},
    testing::{
        mission_id,
        model::{CheckInModel, ExpectedCheckIn},
    },
};

/// What a reward takes of its mission's budget.
fn budget_use(reward: &Reward) -> Option<(MissionId, BudgetUse)> {
    let is_lost = matches!(
        reward.status,
        RewardStatus::Expired | RewardStatus::Rejected | RewardStatus::Revoked
    );
    let mission = reward.mission_id.filter(|_| reward.is_budgeted && !is_lost)?;
    Some((mission, BudgetUse::one(reward.amount.total())))
}

impl Auditor {
    pub(super) fn rewards_of(&self, user: UserId) -> impl Iterator<Item = &Reward> {
        let keys = (user, RewardId(Uuid::nil()))..=(user, RewardId(Uuid::max()));
        self.records
            .reward
            .range(keys)
            .filter_map(|(_, reward)| reward.as_ref())
    }

    fn tasks_of(&self, user: UserId) -> impl Iterator<Item = &Task> {
        let keys = (user, TaskId(Uuid::nil()))..=(user, TaskId(Uuid::max()));
        self.records
            .task
            .range(keys)
            .filter_map(|(_, task)| task.as_ref())
    }

    /// A user is erased: all records go, and the answers that were remembered. What was granted stays granted, and what was
    /// taken out of budgets taken.
    pub(super) fn erase(&mut self, user: UserId) {
        self.erased.insert(user);
        self.events.remove(&user);
        self.records.remove_root(Root::User(user));
        let history = self.requests.values_mut();
        for history in history.filter(|history| history.user == Some(user)) {
            history.forgotten = history.durable.drain(..).next().or(history.forgotten.take());
            history.settled = true;
        }
    }

    /// A check-in was decided: the naive model decides it too.
    pub(super) fn check_in(&mut self, user: UserId, entry: &JournalEntry) -> Result<(), Violation> {
        if self.erased.contains(&user) {
            let is_refused = entry.answer == Err(Rejection::UserErased);
            return ensure(is_refused, Guarantee::Erasure, || {
                format!("{user} is erased, and has checked in: {:?}", entry.answer)
            });
        }
        let policy = &self.policy;
        let model = self.check_ins.entry(user);
        let model = model.or_insert_with(|| CheckInModel::new(policy, PointsScale::default()));
        if let Some(zone) = entry.request.signals.zone {
            model.ask_for_zone(zone, entry.request.at);
        }
        let expected = model.check_in(entry.request.at);
        let decided = match &entry.answer {
            Ok(Reply::CheckedIn(done)) => Some(ExpectedCheckIn {
                date: done.day.date,
                streak: done.streak.current,
                longest: done.streak.longest,
                total: done.streak.total as usize,
                base: done.day.earned.base.get(),
                streak_bonus: done.day.earned.streak_bonus.get(),
                milestone_bonus: done.day.earned.milestone_bonus.get(),
                monthly_reward: done.day.earned.monthly_reward.get(),
                freezes_used: done.day.freezes_used,
                freezes_held: done.freezes_held,
            }),
            _ => None,
        };
        ensure(expected.ok() == decided, Guarantee::StreakAsModelled, || {
            format!(
                "{user} at {}: {decided:?}, and the model says {expected:?}",
                entry.request.at
            )
        })
    }

    /// The reviews of a change, and the rewards that they let go, before they are taken into the books.
    pub(super) fn reviews(&self, change: &Change) -> Result<(), Violation> {
        let mut approved: BTreeSet<RewardId> = BTreeSet::new();
        for (key, review) in &change.write_set.writes.review {
            let Some(review) = review else { continue };
            let before = self.records.review.get(key).and_then(Option::as_ref);
            ensure(
                before.is_none_or(|before| before.is_undecided() || before == review),
                Guarantee::HeldUntilApproved,
                || format!("a review is decided again: {before:?}, then {review:?}"),
            )?;
            if review.status == ReviewStatus::Approved {
                let is_second = review.subject.requested_by() != review.decided_by;
                ensure(is_second, Guarantee::HeldUntilApproved, || {
                    format!("who asked for it has approved it: {review:?}")
                })?;
                approved.extend(review.subject.rewards());
            }
        }
        for (key, reward) in &change.write_set.writes.reward {
            let before = self.records.reward.get(key).and_then(Option::as_ref);
            let was_held = before.is_some_and(|before| before.status == RewardStatus::Held);
            let Some(reward) = reward.as_ref().filter(|_| was_held) else {
                continue;
            };
            let is_let_go = matches!(reward.status, RewardStatus::Pending | RewardStatus::Claimed);
            ensure(
                !is_let_go || approved.contains(&reward.id),
                Guarantee::HeldUntilApproved,
                || format!("{} was held, and nobody approved it", reward.id),
            )?;
        }
        Ok(())
    }

    /// The rewards of a change, before they are taken into the books.
    pub(super) fn rewards(&mut self, change: &Change) -> Result<(), Violation> {
        // One reward of a change may be given back for another: what counts is the sum after it.
        let mut taken = BTreeSet::new();
        for (key, reward) in &change.write_set.writes.reward {
            let before = self.records.reward.get(key).and_then(Option::as_ref);
            let Some(reward) = reward else { continue };
            let source = (reward.reward_type, reward.source_id);
            let holder = *self.sources.entry(source).or_insert(reward.id);
            ensure(holder == reward.id, Guarantee::OneGrant, || {
                format!("{source:?} earned {holder} and {}", reward.id)
            })?;
            ensure(
                before.is_none_or(|before| before.amount == reward.amount),
                Guarantee::OneGrant,
                || format!("the amount of {} has changed: {before:?}", reward.id),
            )?;
            if let Some((mission, freed)) = before.and_then(budget_use) {
                let sum = self.budgets.entry(mission).or_default();
                *sum = sum.plus(freed.negated());
            }
            if let Some((mission, used)) = budget_use(reward) {
                let sum = self.budgets.entry(mission).or_default();
                *sum = sum.plus(used);
                taken.insert(mission);
            }
        }
        self.shadow_tasks(change);
        taken
            .into_iter()
            .try_for_each(|mission| self.check_budget(mission))
    }

    /// What tasks of shadow missions would have earned is counted as what rewards take.
    fn shadow_tasks(&mut self, change: &Change) {
        for (key, task) in &change.write_set.writes.task {
            let before = self.records.task.get(key).and_then(Option::as_ref);
            for (task, is_now) in [(before, false), (task.as_ref(), true)] {
                let Some(task) = task else { continue };
                for reward in task.would_earn.iter().flatten() {
                    let used = BudgetUse::one(reward.amount.total());
                    let sum = self.budgets.entry(task.mission_id).or_default();
                    *sum = sum.plus(if is_now { used } else { used.negated() });
                }
            }
        }
    }

    fn check_budget(&self, mission: MissionId) -> Result<(), Violation> {
        let used = self.budgets.get(&mission).copied().unwrap_or_default();
        let record = self.records.mission.get(&mission).and_then(Option::as_ref);
        let budget = record.and_then(|mission| mission.definition.budget);
        let is_kept = budget.is_none_or(|budget| budget.allows(used));
        ensure(is_kept, Guarantee::BudgetKept, || {
            format!("{mission} has spent {used:?} of {budget:?}")
        })
    }

    pub(super) fn points_of(&self, user: UserId) -> Decimal {
        let rewards = self.rewards_of(user);
        let claimed = rewards.filter(|reward| reward.status == RewardStatus::Claimed);
        claimed.map(|reward| reward.amount.total()).sum()
    }

    pub(super) fn check_user(&self, user: UserId) -> Result<(), Violation> {
        if self.erased.contains(&user) {
            let left = self.rewards_of(user).count() + self.tasks_of(user).count();
            ensure(left == 0, Guarantee::Erasure, || {
                format!("{user} is erased, and {left} tasks and rewards are left")
            })?;
        }
        let record = self.records.user.get(&user).and_then(Option::as_ref);
        let recorded = record.map_or(Decimal::ZERO, |record| record.points);
        let points = self.points_of(user);
        ensure(recorded == points, Guarantee::PointsAddUp, || {
            format!("{user} has {recorded} points, and claimed rewards of {points}")
        })?;
        let hidden = mission_id(missions::SHADOW);
        let granted = self
            .rewards_of(user)
            .find(|reward| reward.mission_id == Some(hidden));
        ensure(granted.is_none(), Guarantee::TaskSound, || {
            format!("a shadow mission has granted {granted:?}")
        })?;
        for reward in self.rewards_of(user) {
            let grant = self.grants.get(&reward.id);
            let is_revoked = reward.points_revoked_at().is_some();
            let is_told = grant.is_some() == reward.claimed_at.is_some()
                && grant.is_none_or(|grant| {
                    grant.points == reward.amount.total() && grant.is_revoked == is_revoked
                });
            ensure(is_told, Guarantee::OneGrant, || {
                format!(
                    "what was told of {} is not what became of it: {reward:?}",
                    reward.id
                )
            })?;
        }
        self.check_tasks(user)
    }

    fn check_tasks(&self, user: UserId) -> Result<(), Violation> {
        let mut open = BTreeSet::new();
        let (mut videos, mut visits) = (0, 0);
        for task in self.tasks_of(user) {
            let (current, target) = (task.progress.current(), task.progress.target());
            let is_complete = task.status == TaskStatus::Completed;
            let is_sound = current <= target
                && (!is_complete
                    || (task.progress.is_complete() && task.reward_id.is_some() != task.is_shadow()))
                && (!task.status.is_open() || open.insert((task.mission_id, task.period)));
            ensure(is_sound, Guarantee::TaskSound, || {
                format!("one of several that are open, or complete without reason: {task:?}")
            })?;
            if task.mission_id == mission_id(missions::VIDEOS) {
                videos += current;
            } else if task.mission_id == mission_id(missions::VISITS) {
                visits += current;
            }
        }
        let events = self.events.get(&user).copied().unwrap_or_default();
        ensure(videos == events, Guarantee::EventsCounted, || {
            format!("{user}: {events} events took effect, and {videos} are counted")
        })?;
        let total = self.records.user.get(&user).and_then(Option::as_ref);
        let total = total.map_or(0, |user| user.check_in.streak.total);
        let days = self
            .records
            .check_in_day
            .keys()
            .filter(|(of, _)| *of == user)
            .count();
        ensure(
            visits == u64::from(total) && days == total as usize,
            Guarantee::EventsCounted,
            || format!("{user}: {total} check-ins in all, {days} days, and {visits} are counted"),
        )
    }
}
