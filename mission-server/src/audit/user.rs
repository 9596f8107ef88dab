//! One user: rewards, bookings, tasks, check-ins and sums have to agree.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{
    RewardId, UserId,
    points::total_from_millionths,
    reward::{Reward, RewardStatus, RewardType},
    serde_name,
};
use rust_decimal::Decimal;

use super::{
    records::{StoredBooking, StoredCommand, StoredReward, StoredTask, UserRecords},
    report::{Deviation, DeviationKind, Findings, RecordedCommand, Unchecked},
};
use crate::store::{micros::total_micros, record::instant};

/// What the ledger is about to be told.
#[derive(Debug, Default)]
pub(super) struct WaitingBookings {
    pub(super) bookings: BTreeSet<(RewardId, bool)>,
}

/// What every user is held to.
#[derive(Debug)]
pub(super) struct UserCheck<'a> {
    pub(super) waiting: &'a WaitingBookings,
    /// When the oldest command of the journal was carried out.
    pub(super) journal_begins: Option<i64>,
}

impl UserCheck<'_> {
    pub(super) fn run(&self, user: UserId, records: &UserRecords, findings: &mut Findings<'_>) {
        let of_user = |deviation: Deviation| Deviation {
            user: Some(user),
            ..deviation
        };
        let mut add = |deviation: Deviation| findings.add(of_user(deviation));
        if records.user.is_none() {
            let found = format!(
                "{} and {}",
                of(records.rewards.len(), "reward"),
                of(records.tasks.len(), "task")
            );
            let missing = Deviation::new(DeviationKind::UserMissing, "a user's record", found);
            add(Deviation {
                command: records.last_command(),
                ..missing
            });
        }
        self.ledger(records, &mut add);
        for reward in records.rewards.values() {
            reward_columns(reward, records, &mut add);
            reward_source(reward, records, &mut add);
        }
        tasks(records, &mut add);
        check_ins(records, &mut add);
        sums(records, &mut add);
        for (why, count) in self.commands(user, records, findings) {
            findings.report.leave_out(why, count);
        }
    }

    /// Every grant and revocation is booked once, or about to be; and nothing else is.
    fn ledger(&self, records: &UserRecords, add: &mut impl FnMut(Deviation)) {
        let mut booked: BTreeMap<(RewardId, bool), StoredBooking> = BTreeMap::new();
        for booking in &records.bookings {
            booked.insert((booking.grant, booking.is_revocation), *booking);
        }
        for reward in records.rewards.values() {
            let record = &reward.record;
            for (is_revocation, due_at) in [(false, record.claimed_at), (true, record.points_revoked_at())] {
                let kind = booking_kind(is_revocation);
                let sign = if is_revocation { -1 } else { 1 };
                let due = sign * total_micros(&record.amount);
                let command = due_at.and_then(|at| command_at(records, at.timestamp_micros()));
                let about = |deviation: Deviation| Deviation {
                    command: command.clone().or_else(|| earned_by(records, record)),
                    ..of_reward(reward, deviation)
                };
                match (due_at, booked.remove(&(record.id, is_revocation))) {
                    (Some(_), Some(booking)) if booking.micros == due => {}
                    (Some(_), Some(booking)) => add(about(Deviation::new(
                        DeviationKind::BookingAmount,
                        format_args!("a {kind} of {}", total_from_millionths(due)),
                        format_args!("a {kind} of {}", total_from_millionths(booking.micros)),
                    ))),
                    (Some(_), None) if self.waiting.bookings.contains(&(record.id, is_revocation)) => {}
                    (Some(_), None) => add(about(Deviation::new(
                        DeviationKind::BookingMissing,
                        format_args!("a {kind} of {}", total_from_millionths(due)),
                        "no booking, and none in the outbox",
                    ))),
                    (None, Some(booking)) => add(about(Deviation::new(
                        DeviationKind::BookingNotDue,
                        format_args!("no {kind}: the reward is {}", serde_name(record.status)),
                        format_args!("a {kind} of {}", total_from_millionths(booking.micros)),
                    ))),
                    (None, None) => {}
                }
            }
        }
        for booking in booked.values() {
            let unknown = Deviation::new(
                DeviationKind::BookingUnknown,
                "no booking: the user has no such reward",
                format_args!(
                    "a {} of {}",
                    booking_kind(booking.is_revocation),
                    total_from_millionths(booking.micros)
                ),
            );
            add(Deviation {
                reward: Some(booking.grant),
                ..unknown
            });
        }
    }

    /// Every grant and revocation was asked for by a command that the journal has, as far as it goes back.
    fn commands(
        &self,
        user: UserId,
        records: &UserRecords,
        findings: &mut Findings<'_>,
    ) -> Vec<(Unchecked, u64)> {
        let mut before = 0;
        for reward in records.rewards.values() {
            let record = &reward.record;
            let moments = [
                ("granted", record.claimed_at),
                ("revoked", record.points_revoked_at()),
            ];
            for (what, at) in moments {
                let Some(at) = at.map(|at| at.timestamp_micros()) else {
                    continue;
                };
                if records.command_at(at).is_some() {
                    continue;
                }
                if self.journal_begins.is_none_or(|begins| at < begins) {
                    before += 1;
                    continue;
                }
                let expected = instant(at).map_or_else(|_| at.to_string(), |at| at.to_rfc3339());
                let unasked = Deviation::new(
                    DeviationKind::RewardCommand,
                    format_args!("a command of {expected}, at which the reward was {what}"),
                    "no such command",
                );
                findings.add(Deviation {
                    user: Some(user),
                    ..of_reward(reward, unasked)
                });
            }
        }
        vec![(Unchecked::RewardsBeforeJournal, before)]
    }
}

fn of(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn booking_kind(is_revocation: bool) -> &'static str {
    if is_revocation { "revocation" } else { "grant" }
}

fn command_at(records: &UserRecords, micros: i64) -> Option<RecordedCommand> {
    records.command_at(micros).and_then(StoredCommand::named)
}

/// The command that earned a reward.
fn earned_by(records: &UserRecords, reward: &Reward) -> Option<RecordedCommand> {
    command_at(records, reward.earned_at.timestamp_micros())
}

fn of_reward(reward: &StoredReward, deviation: Deviation) -> Deviation {
    Deviation {
        reward: Some(reward.record.id),
        mission: reward.record.mission_id,
        ..deviation
    }
}

/// What stands beside a record says the same.
fn reward_columns(reward: &StoredReward, records: &UserRecords, add: &mut impl FnMut(Deviation)) {
    let record = &reward.record;
    let micros = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.timestamp_micros());
    let said = |said: [String; 7]| said.join(", ");
    let of_record = said([
        serde_name(record.reward_type),
        record.source_id.to_string(),
        format!("{:?}", record.mission_id.map(|id| id.0)),
        serde_name(record.status),
        total_micros(&record.amount).to_string(),
        format!("{:?}", micros(record.claimed_at)),
        format!("{:?}", micros(record.points_revoked_at())),
    ]);
    let of_columns = said([
        reward.reward_type.clone(),
        reward.source_id.to_string(),
        format!("{:?}", reward.mission_id.map(|id| id.0)),
        reward.status.clone(),
        reward.total_micros.to_string(),
        format!("{:?}", reward.claimed_at),
        format!("{:?}", reward.revoked_at),
    ]);
    if of_record != of_columns {
        let differing = Deviation::new(DeviationKind::RewardColumns, of_record, of_columns);
        add(Deviation {
            command: earned_by(records, record),
            ..of_reward(reward, differing)
        });
    }
}

/// A reward comes from a task or a check-in day that is there and has earned it.
fn reward_source(reward: &StoredReward, records: &UserRecords, add: &mut impl FnMut(Deviation)) {
    let record = &reward.record;
    let expected = match record.reward_type {
        RewardType::MissionComplete | RewardType::SocialAction => {
            let task = records.tasks.get(&record.task_id());
            match (record.stage, task) {
                // Its task may have expired since, and be removed.
                (Some(_), _) => return,
                (None, Some(task)) if task.record.reward_id == Some(record.id) && is_earned(task) => return,
                (None, Some(task)) => (
                    format!("a completed task {} with this reward", task.id),
                    format!("it is {}, with {}", task.status, reward_of(task)),
                ),
                (None, None) => (
                    format!("the task {}", record.task_id()),
                    "no such task".to_owned(),
                ),
            }
        }
        RewardType::CheckInDaily | RewardType::CheckInMilestone => {
            if records.days.iter().any(|day| day.id.0 == record.source_id) {
                return;
            }
            (
                format!("the check-in {}", record.source_id),
                "no such check-in".to_owned(),
            )
        }
        RewardType::ReferralBonus | RewardType::ManualGrant => return,
    };
    let unearned = Deviation::new(DeviationKind::RewardSource, expected.0, expected.1);
    add(Deviation {
        command: earned_by(records, record),
        ..of_reward(reward, unearned)
    });
}

/// Whether a task has come so far that it has a reward; one that a reviewer refused keeps the refused reward.
fn is_earned(task: &StoredTask) -> bool {
    matches!(task.status.as_str(), "completed" | "pending_review" | "rejected")
}

fn reward_of(task: &StoredTask) -> String {
    match task.record.reward_id {
        Some(reward) => format!("reward {reward}"),
        None => "no reward".to_owned(),
    }
}

/// A completed task has its reward, and knows whether it was claimed.
fn tasks(records: &UserRecords, add: &mut impl FnMut(Deviation)) {
    for task in records.tasks.values() {
        let reward = task.record.reward_id.and_then(|id| records.rewards.get(&id));
        let about = |deviation: Deviation| Deviation {
            mission: Some(task.mission),
            reward: task.record.reward_id,
            of: Some(format!("task {}", task.id)),
            command: task.completed_at.and_then(|at| command_at(records, at)),
            ..deviation
        };
        if task.status == "completed" && reward.is_none() && task.record.would_earn.is_none() {
            let missing = Deviation::new(
                DeviationKind::RewardMissing,
                "the reward of the completed task",
                reward_of(task),
            );
            add(about(missing));
        }
        let was_claimed = reward.is_some_and(|reward| reward.record.claimed_at.is_some());
        if was_claimed != task.record.reward_claimed {
            let said = |claimed: bool| if claimed { "claimed" } else { "not claimed" };
            add(about(Deviation::new(
                DeviationKind::TaskClaimed,
                format_args!("{}, as the reward says", said(was_claimed)),
                said(task.record.reward_claimed),
            )));
        }
    }
}

/// A check-in day has the rewards that it has earned.
fn check_ins(records: &UserRecords, add: &mut impl FnMut(Deviation)) {
    let by_source: BTreeMap<_, &StoredReward> = records
        .rewards
        .values()
        .map(|reward| ((reward.record.source_id, reward.record.reward_type), reward))
        .collect();
    for day in &records.days {
        let earned = day.earned;
        let extra = earned.milestone_bonus.get() + earned.monthly_reward.get();
        for (reward_type, points, bonus) in [
            (
                RewardType::CheckInDaily,
                earned.base.get(),
                earned.streak_bonus.get(),
            ),
            (RewardType::CheckInMilestone, extra, Decimal::ZERO),
        ] {
            let about = |deviation: Deviation| Deviation {
                of: Some(format!("check-in of {}", day.date)),
                command: command_at(records, day.checked_in_at.timestamp_micros()),
                ..deviation
            };
            let worth = |points: Decimal, bonus: Decimal| format!("{points} and a bonus of {bonus}");
            match by_source.get(&(day.id.0, reward_type)) {
                // A day whose rewards were refused earns nothing any more.
                Some(reward) if is_refused(&reward.record) => {}
                Some(reward) => {
                    let amount = &reward.record.amount;
                    let found = (amount.points.get(), amount.bonus_points.get());
                    if found != (points, bonus) {
                        let other = Deviation::new(
                            DeviationKind::CheckInAmount,
                            worth(points, bonus),
                            worth(found.0, found.1),
                        );
                        add(about(of_reward(reward, other)));
                    }
                }
                None if reward_type == RewardType::CheckInMilestone && extra.is_zero() => {}
                None => add(about(Deviation::new(
                    DeviationKind::RewardMissing,
                    format_args!("a reward {reward_type} of {}", worth(points, bonus)),
                    "no such reward",
                ))),
            }
        }
    }
}

fn is_refused(reward: &Reward) -> bool {
    matches!(reward.status, RewardStatus::Rejected | RewardStatus::Revoked)
}

/// What a user's record sums up.
fn sums(records: &UserRecords, add: &mut impl FnMut(Deviation)) {
    let Some(user) = &records.user else { return };
    let claimed = || {
        records
            .rewards
            .values()
            .map(|reward| &reward.record)
            .filter(|reward| reward.status == RewardStatus::Claimed)
    };
    let points: Decimal = claimed().map(|reward| reward.amount.total()).sum();
    let experience: u64 = claimed().map(|reward| u64::from(reward.experience_points)).sum();
    let mut compare = |kind, expected: String, found: String| {
        if expected != found {
            let differing = Deviation::new(kind, expected, found);
            add(Deviation {
                command: records.last_command(),
                ..differing
            });
        }
    };
    compare(
        DeviationKind::UserPoints,
        points.normalize().to_string(),
        user.points.normalize().to_string(),
    );
    compare(
        DeviationKind::UserExperience,
        experience.to_string(),
        user.experience.to_string(),
    );
    compare(
        DeviationKind::UserCheckIns,
        records.days.len().to_string(),
        user.check_in.streak.total.to_string(),
    );
}
