//! Queries over plain maps: whole scans, which is what a store of this size can afford.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::{MemoryStore, tables::Tables};
use crate::{
    MissionId, ReviewId, RewardId, TaskId, UserId,
    check_in::CheckInDay,
    fraud::{Review, ReviewStatus},
    ports::{
        queries::{
            AnalyticsRow, Bucket, Catalogue, DueExpiry, LeaderboardRow, Page, Queries, TaskFilter, TimeRange,
            UserExport,
        },
        store::{Claim, StoreError},
    },
    reward::{Reward, RewardStatus},
    task::{Task, TaskStatus},
    user::{InviteCode, User},
};

#[async_trait]
impl Queries for MemoryStore {
    async fn catalogue(&self) -> Result<Catalogue, StoreError> {
        let tables = self.tables();
        Ok(Catalogue {
            version: tables.catalogue_version,
            missions: tables.records.mission.values().flatten().cloned().collect(),
            packs: tables.records.pack.values().flatten().cloned().collect(),
        })
    }

    async fn catalogue_version(&self) -> Result<u64, StoreError> {
        Ok(self.tables().catalogue_version)
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.tables().records.user.get(&user).cloned().flatten())
    }

    async fn invite_owner(&self, code: &InviteCode) -> Result<Option<UserId>, StoreError> {
        let claim = Claim::InviteCode(code.clone());
        Ok(self.tables().claims.get(&claim).copied().map(UserId))
    }

    async fn task(&self, user: UserId, task: TaskId) -> Result<Option<Task>, StoreError> {
        Ok(self.tables().records.task.get(&(user, task)).cloned().flatten())
    }

    async fn tasks(
        &self,
        user: UserId,
        filter: TaskFilter,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>, StoreError> {
        let mut tasks: Vec<Task> = self
            .tables()
            .tasks_of(user)
            .filter(|task| filter.status.is_none_or(|status| task.status == status))
            .filter(|task| filter.mission.is_none_or(|mission| task.mission_id == mission))
            .filter(|task| page.after.is_none_or(|after| task.id < after))
            .cloned()
            .collect();
        // Ids begin with their time, so that the newest has the highest.
        tasks.sort_by_key(|task| Reverse(task.id));
        tasks.truncate(page.limit);
        Ok(tasks)
    }

    async fn rewards(
        &self,
        user: UserId,
        status: Option<RewardStatus>,
        page: Page<RewardId>,
    ) -> Result<Vec<Reward>, StoreError> {
        let mut rewards: Vec<Reward> = self
            .tables()
            .rewards_of(user)
            .filter(|reward| status.is_none_or(|status| reward.status == status))
            .filter(|reward| page.after.is_none_or(|after| reward.id < after))
            .cloned()
            .collect();
        rewards.sort_by_key(|reward| Reverse(reward.id));
        rewards.truncate(page.limit);
        Ok(rewards)
    }

    async fn reward(&self, reward: RewardId) -> Result<Option<Reward>, StoreError> {
        Ok(self.tables().rewards().find(|found| found.id == reward).cloned())
    }

    async fn check_in_days(
        &self,
        user: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<CheckInDay>, StoreError> {
        let in_range = |day: &&CheckInDay| from <= day.date && day.date <= to;
        Ok(self.tables().days_of(user).filter(in_range).cloned().collect())
    }

    async fn review(&self, review: ReviewId) -> Result<Option<Review>, StoreError> {
        Ok(self.tables().reviews().find(|found| found.id == review).cloned())
    }

    async fn reviews(
        &self,
        status: Option<ReviewStatus>,
        page: Page<ReviewId>,
    ) -> Result<Vec<Review>, StoreError> {
        let mut reviews: Vec<Review> = self
            .tables()
            .reviews()
            .filter(|review| status.is_none_or(|status| review.status == status))
            .filter(|review| page.after.is_none_or(|after| review.id > after))
            .cloned()
            .collect();
        reviews.sort_by_key(|review| review.id);
        reviews.truncate(page.limit);
        Ok(reviews)
    }

    async fn leaderboard(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError> {
        let sums = self.tables().claimed_points(range, among);
        let mut rows: Vec<LeaderboardRow> = sums
            .iter()
            .map(|(user, points)| LeaderboardRow {
                rank: rank(&sums, *points),
                user_id: *user,
                points: *points,
            })
            .collect();
        rows.sort_by_key(|row| (row.rank, row.user_id));
        rows.truncate(limit);
        Ok(rows)
    }

    async fn leaderboard_row(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        user: UserId,
    ) -> Result<LeaderboardRow, StoreError> {
        let tables = self.tables();
        let own = tables.claimed_points(range, Some(&[user]));
        let points = own.get(&user).copied().unwrap_or_default();
        Ok(LeaderboardRow {
            rank: rank(&tables.claimed_points(range, among), points),
            user_id: user,
            points,
        })
    }

    async fn analytics(
        &self,
        range: TimeRange,
        bucket: Bucket,
        mission: Option<MissionId>,
    ) -> Result<Vec<AnalyticsRow>, StoreError> {
        let mut series = Series {
            range,
            bucket,
            rows: BTreeMap::new(),
        };
        self.tables().count_into(&mut series, mission);
        Ok(series.rows.into_values().collect())
    }

    async fn due_expiries(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueExpiry>, StoreError> {
        let tables = self.tables();
        let mut due: BTreeMap<UserId, DueExpiry> = BTreeMap::new();
        let of = |user| DueExpiry {
            user,
            tasks: Vec::new(),
            rewards: Vec::new(),
        };
        for task in tables.tasks() {
            if task.status == TaskStatus::InProgress && task.due_at.is_some_and(|end| end <= now) {
                let user = task.user_id;
                due.entry(user).or_insert_with(|| of(user)).tasks.push(task.id);
            }
        }
        for reward in tables.rewards() {
            if reward.status == RewardStatus::Pending && reward.status_at(now) == RewardStatus::Expired {
                let user = reward.user_id;
                due.entry(user)
                    .or_insert_with(|| of(user))
                    .rewards
                    .push(reward.id);
            }
        }
        Ok(due.into_values().take(limit).collect())
    }

    async fn export(&self, user: UserId) -> Result<UserExport, StoreError> {
        let tables = self.tables();
        Ok(UserExport {
            user: tables.records.user.get(&user).cloned().flatten(),
            tasks: tables.tasks_of(user).cloned().collect(),
            rewards: tables.rewards_of(user).cloned().collect(),
            check_in_days: tables.days_of(user).cloned().collect(),
            reviews: tables
                .reviews()
                .filter(|review| review.user_id == user)
                .cloned()
                .collect(),
            participations: tables
                .records
                .participation
                .iter()
                .filter(|(key, _)| key.0 == user)
                .filter_map(|(key, found)| Some((key.1, found.clone()?)))
                .collect(),
        })
    }
}

/// From 1: one more than there are users with more points.
fn rank(sums: &BTreeMap<UserId, Decimal>, points: Decimal) -> u64 {
    1 + sums.values().filter(|sum| **sum > points).count() as u64
}

/// Analytics in the making.
struct Series {
    range: TimeRange,
    bucket: Bucket,
    rows: BTreeMap<DateTime<Utc>, AnalyticsRow>,
}

impl Series {
    /// Counts something that happened at an instant, if that lies in the range.
    fn note(&mut self, at: Option<DateTime<Utc>>, count: impl FnOnce(&mut AnalyticsRow)) {
        let width = match self.bucket {
            Bucket::Hour => 3_600,
            Bucket::Day => 86_400,
        };
        if let Some(at) = at
            && contains(self.range, at)
            && let Some(start) = DateTime::from_timestamp(at.timestamp().div_euclid(width) * width, 0)
        {
            count(self.rows.entry(start).or_insert_with(|| AnalyticsRow {
                start,
                ..AnalyticsRow::default()
            }));
        }
    }
}

fn contains(range: TimeRange, at: DateTime<Utc>) -> bool {
    range.from.is_none_or(|from| from <= at) && at < range.to
}

impl Tables {
    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.records.task.values().flatten()
    }

    fn tasks_of(&self, user: UserId) -> impl Iterator<Item = &Task> {
        self.tasks().filter(move |task| task.user_id == user)
    }

    fn rewards(&self) -> impl Iterator<Item = &Reward> {
        self.records.reward.values().flatten()
    }

    fn rewards_of(&self, user: UserId) -> impl Iterator<Item = &Reward> {
        self.rewards().filter(move |reward| reward.user_id == user)
    }

    fn reviews(&self) -> impl Iterator<Item = &Review> {
        self.records.review.values().flatten()
    }

    fn days_of(&self, user: UserId) -> impl Iterator<Item = &CheckInDay> {
        self.records
            .check_in_day
            .range((user, NaiveDate::MIN)..=(user, NaiveDate::MAX))
            .filter_map(|(_, day)| day.as_ref())
    }

    /// Users who have claimed any points within a range, with their sums.
    fn claimed_points(&self, range: TimeRange, among: Option<&[UserId]>) -> BTreeMap<UserId, Decimal> {
        let among: Option<BTreeSet<&UserId>> = among.map(|users| users.iter().collect());
        let mut sums = BTreeMap::new();
        for reward in self.rewards() {
            let counts = reward.status == RewardStatus::Claimed
                && reward.claimed_at.is_some_and(|at| contains(range, at))
                && among.as_ref().is_none_or(|users| users.contains(&reward.user_id));
            if counts {
                *sums.entry(reward.user_id).or_insert(Decimal::ZERO) += reward.amount.total();
            }
        }
        sums.retain(|_, sum| !sum.is_zero());
        sums
    }

    fn count_into(&self, series: &mut Series, mission: Option<MissionId>) {
        let asked = |task: &&Task| mission.is_none_or(|mission| task.mission_id == mission);
        for task in self.tasks().filter(asked) {
            series.note(Some(task.started_at), |row| row.started += 1);
            series.note(task.completed_at, |row| row.completed += 1);
            if let Some(verification) = &task.verification {
                let valid = verification.is_valid;
                // What still waits for a reviewer was not judged yet.
                let judged = valid || task.status != TaskStatus::PendingReview;
                series.note(judged.then_some(verification.verified_at), |row| {
                    row.verifications += 1;
                    row.verified += u64::from(valid);
                });
            }
        }
        if mission.is_none() {
            for day in self.records.check_in_day.values().flatten() {
                series.note(Some(day.checked_in_at), |row| row.check_ins += 1);
            }
        }
        for reward in self.rewards() {
            if mission.is_none_or(|mission| reward.mission_id == Some(mission)) {
                // A claim that was revoked later did happen.
                series.note(reward.claimed_at, |row| {
                    row.claims += 1;
                    row.points += reward.amount.total();
                });
            }
        }
    }
}
