//! Queries over plain maps: whole scans, which is what a store of this size can afford.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{MemoryStore, tables::Tables};
use crate::{
    MissionId, PackId, ReviewId, RewardId, TaskId, UserId,
    check_in::CheckInDay,
    engine::{AuditEntry, Command, PackRecord, ReadSet, Receipt, ReceiptKey, RecordTable},
    fraud::{DeviceHash, Review},
    mission::{BudgetUse, ShadowComparison},
    ports::{
        queries::{
            ActivityCounts, Assignee, AuditFilter, Board, Bucket, CatalogRecords, CountedMissions,
            DeviceUsers, DueExpiry, JournalPosition, JournalRecord, LeaderboardRow, PackVersion, Page,
            Queries, ReviewFilter, StreakCounts, TaskFilter, TimeRange, UserExport,
        },
        store::{Claim, Picture, Store as _, StoreError},
    },
    reward::{Reward, RewardStatus},
    task::{PerceptualHash, Task, TaskStatus},
    user::{InviteCode, User},
};

#[async_trait]
impl Queries for MemoryStore {
    async fn catalog_records(&self) -> Result<CatalogRecords, StoreError> {
        let tables = self.tables();
        Ok(CatalogRecords {
            version: tables.catalog_version,
            missions: tables.records.mission.values().flatten().cloned().collect(),
            packs: tables.records.pack.values().flatten().cloned().collect(),
        })
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        Ok(self.tables().catalog_version)
    }

    async fn pack(&self, pack: PackId, version: Option<u64>) -> Result<Option<PackRecord>, StoreError> {
        let tables = self.tables();
        Ok(match version {
            Some(version) => tables.pack_versions.get(&(pack, version)).cloned(),
            None => tables.records.pack.get(&pack).cloned().flatten(),
        })
    }

    async fn pack_versions(&self, pack: PackId) -> Result<Vec<PackVersion>, StoreError> {
        let tables = self.tables();
        let versions = tables.pack_versions.range((pack, 0)..=(pack, u64::MAX)).rev();
        let versions = versions.map(|((_, version), record)| PackVersion {
            version: *version,
            updated_at: record.updated_at,
        });
        Ok(versions.collect())
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
        filter: TaskFilter<'_>,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>, StoreError> {
        let mut tasks: Vec<Task> = self
            .tables()
            .tasks_of(user)
            .filter(|task| filter.status.is_none_or(|status| task.status == status))
            .filter(|task| filter.mission.is_none_or(|mission| task.mission_id == mission))
            .filter(|task| !filter.hidden.contains(&task.mission_id))
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

    async fn device_users(&self, devices: &[DeviceHash]) -> Result<DeviceUsers, StoreError> {
        let tables = self.tables();
        let known = devices
            .iter()
            .filter_map(|device| Some((device.clone(), tables.devices.get(device)?.clone())));
        Ok(known.filter(|(_, users)| !users.is_empty()).collect())
    }

    async fn friends(&self, user: UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let tables = self.tables();
        let of_user = tables
            .friendships
            .iter()
            .filter(|((one, _), told)| *one == user && told.are_friends);
        Ok(of_user.map(|((_, friend), _)| *friend).take(limit).collect())
    }

    async fn near_copies(&self, hash: PerceptualHash) -> Result<Vec<Picture>, StoreError> {
        let tables = self.tables();
        let mut newest: Vec<Picture> = tables.pictures.to_vec();
        newest.sort_unstable_by_key(|picture| std::cmp::Reverse(picture.file));
        let mut near = BTreeMap::new();
        for band in hash.bands() {
            let same_band = newest
                .iter()
                .filter(|picture| picture.hash.bands().any(|other| other == band));
            let compared = same_band.take(PerceptualHash::NEWEST as usize);
            near.extend(compared.map(|picture| (picture.file, *picture)));
        }
        near.retain(|_, picture| picture.hash.is_near(hash));
        Ok(near.into_values().collect())
    }

    async fn reviews(&self, filter: ReviewFilter, page: Page<ReviewId>) -> Result<Vec<Review>, StoreError> {
        let mut reviews: Vec<Review> = self
            .tables()
            .reviews()
            .filter(|review| filter.status.is_none_or(|status| review.status == status))
            .filter(|review| filter.user.is_none_or(|user| review.user_id == user))
            .filter(|review| filter.kind.is_none_or(|kind| review.subject.kind() == kind))
            .filter(|review| {
                filter
                    .assigned
                    .is_none_or(|(wanted, at)| Assignee::of(review, at) == wanted)
            })
            .filter(|review| page.after.is_none_or(|after| review.id > after))
            .cloned()
            .collect();
        reviews.sort_by_key(|review| review.id);
        reviews.truncate(page.limit);
        Ok(reviews)
    }

    async fn leaderboard(
        &self,
        board: Board,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError> {
        let sums = self.tables().claimed_points(board, among);
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
        board: Board,
        among: Option<&[UserId]>,
        user: UserId,
    ) -> Result<LeaderboardRow, StoreError> {
        let tables = self.tables();
        let own = tables.claimed_points(board, Some(&[user]));
        let points = own.get(&user).copied().unwrap_or_default();
        Ok(LeaderboardRow {
            rank: rank(&tables.claimed_points(board, among), points),
            user_id: user,
            points,
        })
    }

    async fn analytics(
        &self,
        range: TimeRange,
        bucket: Bucket,
        missions: CountedMissions<'_>,
    ) -> Result<BTreeMap<DateTime<Utc>, ActivityCounts>, StoreError> {
        let mut series: BTreeMap<DateTime<Utc>, ActivityCounts> = BTreeMap::new();
        for ((at, of), counts) in self.tables().happened() {
            if contains(range, at)
                && missions.holds(of)
                && let Some(start) = bucket_of(at, bucket)
            {
                *series.entry(start).or_default() += counts;
            }
        }
        Ok(series)
    }

    async fn analytics_by_mission(
        &self,
        range: TimeRange,
    ) -> Result<BTreeMap<MissionId, ActivityCounts>, StoreError> {
        let mut sums: BTreeMap<MissionId, ActivityCounts> = BTreeMap::new();
        for ((at, of), counts) in self.tables().happened() {
            if let Some(mission) = of.filter(|_| contains(range, at)) {
                *sums.entry(mission).or_default() += counts;
            }
        }
        Ok(sums)
    }

    async fn streak_counts(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<BTreeMap<(NaiveDate, u32), StreakCounts>, StoreError> {
        let mut counts = self.tables().streaks();
        counts.retain(|(date, _), _| (first..=last).contains(date));
        Ok(counts)
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

    async fn audit(&self, filter: &AuditFilter, page: Page<Uuid>) -> Result<Vec<AuditEntry>, StoreError> {
        let about = |entry: &AuditEntry, subject: &String| {
            entry.subject == *subject || entry.user_id.is_some_and(|user| user.to_string() == *subject)
        };
        let tables = self.tables();
        let wanted = tables.audit.iter().filter(|entry| {
            filter.actor.is_none_or(|actor| entry.actor == Some(actor))
                && (filter.subjects.is_empty() || filter.subjects.iter().any(|subject| about(entry, subject)))
                && filter.from.is_none_or(|from| from <= entry.at)
                && filter.to.is_none_or(|to| entry.at < to)
                && page.after.is_none_or(|after| entry.id < after)
        });
        let mut found: Vec<AuditEntry> = wanted.cloned().collect();
        found.sort_by_key(|entry| Reverse(entry.id));
        found.truncate(page.limit);
        Ok(found)
    }

    async fn journal(
        &self,
        of: Option<UserId>,
        page: Page<JournalPosition>,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let tables = self.tables();
        let records = &tables.records;
        let mission_of = |record: &JournalRecord| match (&record.command, record.command.task()) {
            (_, Some(task)) => {
                let task = records.task.get(&(record.position.user, task))?.as_ref();
                task.map(|task| task.mission_id)
            }
            (Command::ClaimReward(claim), None) => {
                let reward = records.reward.get(&(record.position.user, claim.reward))?;
                reward.as_ref()?.mission_id
            }
            _ => None,
        };
        let wanted = tables.journal.values().filter(|record| {
            of.is_none_or(|user| record.position.user == user)
                && page.after.is_none_or(|after| record.position > after)
        });
        let shown = wanted.take(page.limit).map(|record| JournalRecord {
            mission: mission_of(record),
            ..record.clone()
        });
        Ok(shown.collect())
    }

    async fn receipt(&self, key: ReceiptKey) -> Result<Option<Receipt>, StoreError> {
        let keys = ReadSet {
            receipts: [key].into(),
            ..ReadSet::default()
        };
        Ok(self.load(&keys).await?.receipts.remove(&key).flatten())
    }

    async fn open_tasks(&self, missions: &[MissionId]) -> Result<BTreeMap<MissionId, u64>, StoreError> {
        let tables = self.tables();
        let mut open = BTreeMap::new();
        let of_missions = |task: &&Task| task.status.is_open() && missions.contains(&task.mission_id);
        for task in tables.tasks().filter(of_missions) {
            *open.entry(task.mission_id).or_default() += 1;
        }
        Ok(open)
    }

    async fn budget_uses(
        &self,
        missions: &[MissionId],
    ) -> Result<BTreeMap<MissionId, BudgetUse>, StoreError> {
        let tables = self.tables();
        let uses = missions.iter().map(|id| (*id, tables.budget(*id)));
        Ok(uses.filter(|(_, used)| *used != BudgetUse::default()).collect())
    }

    async fn shadow_comparisons(
        &self,
        mission: MissionId,
        page: Page<UserId>,
    ) -> Result<Vec<(UserId, ShadowComparison)>, StoreError> {
        let tables = self.tables();
        let compared = tables.records.participation.iter().filter_map(|(key, known)| {
            let comparison = known.as_ref().filter(|_| key.1 == mission)?.comparison?;
            Some((key.0, comparison))
        });
        let compared = compared.filter(|(user, _)| page.after.is_none_or(|after| *user > after));
        Ok(compared.take(page.limit).collect())
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

/// The beginning of the bucket that holds an instant.
fn bucket_of(at: DateTime<Utc>, bucket: Bucket) -> Option<DateTime<Utc>> {
    let width = match bucket {
        Bucket::Hour => 3_600,
        Bucket::Day => 86_400,
    };
    DateTime::from_timestamp(at.timestamp().div_euclid(width) * width, 0)
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
    fn claimed_points(&self, board: Board, among: Option<&[UserId]>) -> BTreeMap<UserId, Decimal> {
        let among: Option<BTreeSet<&UserId>> = among.map(|users| users.iter().collect());
        let mut sums = BTreeMap::new();
        for reward in self.rewards() {
            let counts = reward.status == RewardStatus::Claimed
                && reward.claimed_at.is_some_and(|at| board.holds(at))
                && among.as_ref().is_none_or(|users| users.contains(&reward.user_id));
            if counts {
                *sums.entry(reward.user_id).or_insert(Decimal::ZERO) += reward.amount.total();
            }
        }
        sums.retain(|_, sum| !sum.is_zero());
        sums
    }

    /// What happened in all, by the moment and the mission.
    fn happened(&self) -> Vec<AnalyticsEvent> {
        let mut happened: Vec<AnalyticsEvent> = self
            .counted
            .iter()
            .map(|(key, counts)| (*key, counts.clone()))
            .collect();
        let mut note = |at: Option<DateTime<Utc>>, mission, counts| {
            happened.extend(at.map(|at| ((at, mission), counts)));
        };
        let nothing = ActivityCounts::default;
        for task in self.tasks() {
            let mission = Some(task.mission_id);
            let started = ActivityCounts {
                started: 1,
                ..nothing()
            };
            note(Some(task.started_at), mission, started);
            let completed = ActivityCounts {
                completed: 1,
                ..nothing()
            };
            note(task.completed_at, mission, completed);
            let verification = task.verification.as_ref();
            // What still waits for a reviewer was not judged yet.
            let judged =
                verification.filter(|found| found.is_valid || task.status != TaskStatus::PendingReview);
            let counts = ActivityCounts {
                verifications: 1,
                verified: judged.map_or(0, |found| found.is_valid.into()),
                ..nothing()
            };
            note(judged.map(|found| found.verified_at), mission, counts);
        }
        for day in self.records.check_in_day.values().flatten() {
            let counts = ActivityCounts {
                check_ins: 1,
                ..nothing()
            };
            note(Some(day.checked_in_at), None, counts);
        }
        for reward in self.rewards() {
            let points = reward.amount.total();
            let claimed = ActivityCounts {
                claims: 1,
                points,
                ..nothing()
            };
            note(reward.claimed_at, reward.mission_id, claimed);
            let taken_back = ActivityCounts {
                points: -points,
                ..nothing()
            };
            note(reward.points_revoked_at(), reward.mission_id, taken_back);
        }
        happened
    }

    /// Who checked in, by date and length of the streak.
    fn streaks(&self) -> BTreeMap<(NaiveDate, u32), StreakCounts> {
        let mut counts = self.counted_streaks.clone();
        for day in self.records.check_in_day.values().flatten() {
            let counts = counts.entry((day.date, day.counted_length())).or_default();
            counts.users += 1;
            counts.returned += u64::from(day.follows_the_day_before());
        }
        counts
    }

    /// Takes in what a user did who is about to be erased, by the hour.
    pub(super) fn keep_counts_of(&mut self, user: UserId) {
        let mut alone = Tables::default();
        alone.records.task = of_user(&self.records.task, user);
        alone.records.reward = of_user(&self.records.reward, user);
        alone.records.check_in_day = of_user(&self.records.check_in_day, user);
        for (key, streaks) in alone.streaks() {
            let counts = self.counted_streaks.entry(key).or_default();
            counts.users += streaks.users;
            counts.returned += streaks.returned;
        }
        for ((at, mission), counts) in alone.happened() {
            if let Some(hour) = bucket_of(at, Bucket::Hour) {
                *self.counted.entry((hour, mission)).or_default() += counts;
            }
        }
    }
}

fn of_user<K: Ord + Copy, V: Clone>(
    table: &RecordTable<(UserId, K), V>,
    user: UserId,
) -> RecordTable<(UserId, K), V> {
    let of_user = table.iter().filter(|((owner, _), _)| *owner == user);
    of_user.map(|(key, value)| (*key, value.clone())).collect()
}

/// One occurrence that analytics count: instant, mission, kind.
type AnalyticsEvent = ((DateTime<Utc>, Option<MissionId>), ActivityCounts);
