//! Records to write: plain ones, to be changed by whoever needs something special.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::{
    CheckInDayId, MissionId, Percent, ReviewId, RewardId, TaskId, UserId,
    check_in::{CheckInDay, Earned},
    engine::{PackRecord, pack_id},
    fraud::{Review, ReviewReason, ReviewStatus, ReviewSubject},
    mission::Period,
    ports::store::Change,
    reward::{Reward, RewardAmount, RewardStage, RewardStatus, RewardType},
    task::{Progress, Tally, Task, TaskStatus},
};

pub(super) fn task(user: UserId, id: Uuid, mission: MissionId, started_at: DateTime<Utc>) -> Task {
    Task {
        id: TaskId(id),
        user_id: user,
        mission_id: mission,
        mission_version: 3,
        status: TaskStatus::InProgress,
        progress: Progress::new(3, started_at),
        tally: Tally {
            distinct: ["north".to_owned(), "süd".to_owned()].into(),
            periods: [-1, 738_000].into(),
            by_key: [("o-1".to_owned(), 2)].into(),
        },
        days_away: 40,
        stages: 1,
        evidence: None,
        verification: None,
        uploads: Vec::new(),
        reward_id: None,
        reward_claimed: false,
        would_earn: None,
        started_at,
        completed_at: None,
        period: Period::Ever,
        due_at: None,
        version: 1,
    }
}

/// A pending reward of a task that nobody else has.
pub(super) fn reward(user: UserId, id: Uuid, points: u32, earned_at: DateTime<Utc>) -> Reward {
    Reward {
        id: RewardId(id),
        user_id: user,
        source_id: id,
        mission_id: None,
        mission_version: Some(3),
        stage: Some(RewardStage {
            task_id: TaskId(user.0),
            number: 2,
        }),
        is_budgeted: false,
        reward_type: RewardType::MissionComplete,
        status: RewardStatus::Pending,
        amount: RewardAmount::new(points.into(), 0.into()),
        experience_points: 0,
        mining_boost_percent: Percent::ZERO,
        badge_id: None,
        withheld: 3.into(),
        caps: vec!["pack/*/2026-W02".to_owned()],
        earned_at,
        claimed_at: None,
        revoked_at: None,
        expires_at: None,
    }
}

pub(super) fn day(id: Uuid, date: NaiveDate, checked_in_at: DateTime<Utc>) -> CheckInDay {
    CheckInDay {
        id: CheckInDayId(id),
        date,
        streak: 1,
        earned: Earned {
            base: 10.into(),
            ..Earned::default()
        },
        freezes_used: 0,
        dates_between: 0,
        checked_in_at,
    }
}

pub(super) fn review(user: UserId, id: Uuid, created_at: DateTime<Utc>) -> Review {
    Review {
        id: ReviewId(id),
        user_id: user,
        subject: ReviewSubject::Evidence { task: TaskId(id) },
        reasons: vec![
            ReviewReason::ManualReview,
            ReviewReason::Script("looks odd".to_owned()),
        ],
        device: None,
        status: ReviewStatus::Open,
        created_at,
        decided_at: None,
        decided_by: None,
        note: None,
        assignment: None,
        moderation: None,
    }
}

pub(super) fn pack(name: &str, updated_at: DateTime<Utc>) -> PackRecord {
    PackRecord {
        id: pack_id(name),
        name: name.to_owned(),
        files: [("pack.toml".to_owned(), format!("name = \"{name}\"\n"))].into(),
        policy: None,
        missions: Vec::new(),
        caps: Vec::new(),
        updated_at,
        version: 1,
    }
}

pub(super) fn write_task(change: &mut Change, task: Task) {
    let key = (task.user_id, task.id);
    change.write_set.writes.task.insert(key, Some(task));
}

pub(super) fn write_reward(change: &mut Change, reward: Reward) {
    let key = (reward.user_id, reward.id);
    change.write_set.writes.reward.insert(key, Some(reward));
}

pub(super) fn write_review(change: &mut Change, review: Review) {
    let key = (review.user_id, review.id);
    change.write_set.writes.review.insert(key, Some(review));
}

pub(super) fn write_day(change: &mut Change, user: UserId, day: CheckInDay) {
    let key = (user, day.date);
    change.write_set.writes.check_in_day.insert(key, Some(day));
}
