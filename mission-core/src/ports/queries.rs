//! Queries: lists, leaderboards, analytics and what a server needs at its start. Nothing is decided on them.

use std::{collections::BTreeMap, ops::AddAssign};

use async_trait::async_trait;
use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::{Picture, StoreError};
pub use crate::decision::CatalogRecords;
use crate::{
    MissionId, PackId, ReviewId, RewardId, TaskId, UserId,
    check_in::{CheckInDay, Zone},
    decision::{AuditEntry, Command, PackRecord, Receipt, ReceiptKey},
    fraud::{DeviceHash, Review, ReviewKind, ReviewStatus},
    mission::{BudgetUse, ShadowComparison},
    reward::{Reward, RewardStatus},
    task::{Participation, PerceptualHash, Task, TaskStatus},
    user::{InviteCode, User},
};

/// A part of a list: how many at most, and after which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// At most so many.
    pub limit: usize,
    /// Only what comes after this key in the list's order.
    pub after: Option<K>,
}

/// Which tasks of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter<'a> {
    /// Of one status, as it was last written down.
    pub status: Option<TaskStatus>,
    /// Of one mission.
    pub mission: Option<MissionId>,
    /// Of none of these missions.
    pub hidden: &'a [MissionId],
}

/// Whose doings analytics count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedMissions<'a> {
    /// Those of all missions but these, and what belongs to no mission.
    AllBut(&'a [MissionId]),
    /// Those of one mission.
    One(MissionId),
}

impl From<Option<MissionId>> for CountedMissions<'_> {
    fn from(mission: Option<MissionId>) -> Self {
        mission.map_or(CountedMissions::ALL, CountedMissions::One)
    }
}

impl CountedMissions<'_> {
    /// Those of all missions, and what belongs to none.
    pub const ALL: Self = CountedMissions::AllBut(&[]);

    /// Whether what a mission does is counted, or without one what belongs to none.
    #[must_use]
    pub fn holds(&self, mission: Option<MissionId>) -> bool {
        match self {
            CountedMissions::AllBut(hidden) => mission.is_none_or(|mission| !hidden.contains(&mission)),
            CountedMissions::One(wanted) => mission == Some(*wanted),
        }
    }
}

/// Which entries of the audit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    /// Of one operator.
    pub actor: Option<UserId>,
    /// About any of these things, by their ids (of a pack: its name), or about anything of a user, by the user's. All
    /// things where there is none.
    pub subjects: Vec<String>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// Which reviews.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReviewFilter {
    /// Of one status.
    pub status: Option<ReviewStatus>,
    /// Of one user.
    pub user: Option<UserId>,
    /// Of one kind.
    pub kind: Option<ReviewKind>,
    /// By who works on them, and when that is asked.
    pub assigned: Option<(Assignee, DateTime<Utc>)>,
}

/// Who works on a review at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// Nobody: it is not assigned, or the assignment has lapsed.
    Nobody,
    /// A reviewer.
    Reviewer(UserId),
}

impl Assignee {
    /// Who works on a review at an instant.
    #[must_use]
    pub fn of(review: &Review, at: DateTime<Utc>) -> Self {
        match review.assignment_at(at) {
            Some(assignment) => Assignee::Reviewer(assignment.reviewer),
            None => Assignee::Nobody,
        }
    }
}

/// A place in the journal of users' commands: user by user, each user's in the order in which they were carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPosition {
    /// Whose journal.
    pub user: UserId,
    /// The entry's number, which grows within a user's journal.
    pub number: i64,
}

/// A command of one user that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRecord {
    /// Its place.
    pub position: JournalPosition,
    /// When it counted.
    pub at: DateTime<Utc>,
    /// The zone that the caller's token asked for.
    pub zone: Option<Zone>,
    /// What was asked.
    pub command: Command,
    /// The mission of the task or reward that it names, where it is known.
    pub mission: Option<MissionId>,
}

/// A half-open stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant; `None` = since ever.
    pub from: Option<DateTime<Utc>>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
}

/// A leaderboard by the stretch of time whose claims count on it, in UTC.
///
/// ```
/// use mission_core::ports::queries::Board;
///
/// let at = "2026-11-29T10:00:00Z".parse().unwrap();
/// assert_eq!(Board::week_of(at).first_day(), "2026-11-23".parse().ok());
/// assert!(Board::month_of(at).holds(at));
/// assert_eq!(Board::all_time().first_day(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Board {
    span: BoardSpan,
    first_day: Option<NaiveDate>,
}

/// How long a leaderboard lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoardSpan {
    /// For ever.
    AllTime,
    /// A calendar month.
    Month,
    /// An ISO week, from Monday.
    Week,
}

impl Board {
    /// The leaderboard of all claims.
    #[must_use]
    pub fn all_time() -> Self {
        Board {
            span: BoardSpan::AllTime,
            first_day: None,
        }
    }

    /// The leaderboard of the month that holds an instant.
    #[must_use]
    pub fn month_of(at: DateTime<Utc>) -> Self {
        let day = at.date_naive();
        Board {
            span: BoardSpan::Month,
            first_day: Some(day.with_day(1).unwrap_or(day)),
        }
    }

    /// The leaderboard of the week that holds an instant.
    #[must_use]
    pub fn week_of(at: DateTime<Utc>) -> Self {
        let week = at.date_naive().week(Weekday::Mon);
        Board {
            span: BoardSpan::Week,
            first_day: Some(week.checked_first_day().unwrap_or(NaiveDate::MIN)),
        }
    }

    /// How long it lasts.
    #[must_use]
    pub fn span(self) -> BoardSpan {
        self.span
    }

    /// The day on which it begins; `None` for the one of all time.
    #[must_use]
    pub fn first_day(self) -> Option<NaiveDate> {
        self.first_day
    }

    /// Whether a claim of this instant counts on it.
    #[must_use]
    pub fn holds(self, at: DateTime<Utc>) -> bool {
        self == match self.span {
            BoardSpan::AllTime => Board::all_time(),
            BoardSpan::Month => Board::month_of(at),
            BoardSpan::Week => Board::week_of(at),
        }
    }
}

/// One row of a leaderboard.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderboardRow {
    /// From 1; equal points share a rank.
    pub rank: u64,
    /// Who.
    pub user_id: UserId,
    /// What they have in the leaderboard's stretch of time.
    pub points: Decimal,
}

/// The width of an analytics bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// An hour.
    Hour,
    /// A day in UTC.
    Day,
}

/// What happened within a stretch of time. An erasure leaves it as it is: what erased users did stays counted, by the hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActivityCounts {
    /// Tasks started.
    pub started: u64,
    /// Tasks completed.
    pub completed: u64,
    /// Check-ins; 0 of a mission.
    pub check_ins: u64,
    /// Rewards claimed.
    pub claims: u64,
    /// Points claimed, less those that were taken back, each in the bucket in which that happened.
    pub points: Decimal,
    /// Evidence that was judged.
    pub verifications: u64,
    /// Evidence that was found good.
    pub verified: u64,
}

impl AddAssign for ActivityCounts {
    fn add_assign(&mut self, more: Self) {
        self.started += more.started;
        self.completed += more.completed;
        self.check_ins += more.check_ins;
        self.claims += more.claims;
        self.points += more.points;
        self.verifications += more.verifications;
        self.verified += more.verified;
    }
}

/// Users who checked in on one local date with streaks of one length. An erasure leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreakCounts {
    /// How many.
    pub users: u64,
    /// Those of them who had checked in on the date before as well.
    pub returned: u64,
}

/// Who came with each device, and when last.
pub type DeviceUsers = BTreeMap<DeviceHash, BTreeMap<UserId, DateTime<Utc>>>;

/// The tasks and rewards of one user that seem to have expired.
#[derive(Clone, Debug, PartialEq)]
pub struct DueExpiry {
    /// Who.
    pub user: UserId,
    /// Tasks.
    pub tasks: Vec<TaskId>,
    /// Rewards.
    pub rewards: Vec<RewardId>,
}

/// How many versions of a pack a store keeps.
pub const PACK_VERSIONS_KEPT: u64 = 100;

/// A version of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackVersion {
    /// From 1; raised by every change of the content.
    pub version: u64,
    /// When it was put in place.
    pub updated_at: DateTime<Utc>,
}

/// Everything held on one user, but for the journal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserExport {
    /// The user's record.
    pub user: Option<User>,
    /// All tasks, oldest first.
    pub tasks: Vec<Task>,
    /// All rewards, oldest first.
    pub rewards: Vec<Reward>,
    /// All check-in days, oldest first.
    pub check_in_days: Vec<CheckInDay>,
    /// All reviews, oldest first.
    pub reviews: Vec<Review>,
    /// What was done with each mission.
    pub participations: Vec<(MissionId, Participation)>,
}

/// Reads beside the command path. Lists are newest first, unless they say otherwise.
#[async_trait]
pub trait Queries: Send + Sync {
    /// Missions and packs, whole.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn catalog_records(&self) -> Result<CatalogRecords, StoreError>;

    /// The catalog's version alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn catalog_version(&self) -> Result<u64, StoreError>;

    /// A pack as it is, or as a version of it was that is kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn pack(&self, pack: PackId, version: Option<u64>) -> Result<Option<PackRecord>, StoreError>;

    /// The versions of a pack that are kept, newest first: the last [`PACK_VERSIONS_KEPT`].
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn pack_versions(&self, pack: PackId) -> Result<Vec<PackVersion>, StoreError>;

    /// A user's record.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// Whose an invite code is.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn invite_owner(&self, code: &InviteCode) -> Result<Option<UserId>, StoreError>;

    /// A user's task.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn task(&self, user: UserId, task: TaskId) -> Result<Option<Task>, StoreError>;

    /// A user's tasks.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn tasks(
        &self,
        user: UserId,
        filter: TaskFilter<'_>,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>, StoreError>;

    /// A user's rewards.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn rewards(
        &self,
        user: UserId,
        status: Option<RewardStatus>,
        page: Page<RewardId>,
    ) -> Result<Vec<Reward>, StoreError>;

    /// A reward of whatever user.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn reward(&self, reward: RewardId) -> Result<Option<Reward>, StoreError>;

    /// A user's check-in days from one date to another, both included, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn check_in_days(
        &self,
        user: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<CheckInDay>, StoreError>;

    /// A review of whatever user.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn review(&self, review: ReviewId) -> Result<Option<Review>, StoreError>;

    /// Reviews, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn reviews(&self, filter: ReviewFilter, page: Page<ReviewId>) -> Result<Vec<Review>, StoreError>;

    /// Who came with each of some devices, and when last; of many the latest fifty at least. A device with which nobody came
    /// is left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn device_users(&self, devices: &[DeviceHash]) -> Result<DeviceUsers, StoreError>;

    /// A user's friends as activity events told of them, at most so many.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn friends(&self, user: UserId, limit: usize) -> Result<Vec<UserId>, StoreError>;

    /// Uploaded images that look nearly like this, among the newest [`PerceptualHash::NEWEST`] of each of its bands.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn near_copies(&self, hash: PerceptualHash) -> Result<Vec<Picture>, StoreError>;

    /// Who has claimed the most, revoked rewards left out; equal points in the order of ids. `among` leaves it at some
    /// users.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn leaderboard(
        &self,
        board: Board,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError>;

    /// One user's row of the same leaderboard; nobody's is missing: without points it comes last.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn leaderboard_row(
        &self,
        board: Board,
        among: Option<&[UserId]>,
        user: UserId,
    ) -> Result<LeaderboardRow, StoreError>;

    /// What happened within a stretch of time, by the beginning of each bucket in which something did. A store may keep
    /// sums by the hour (UTC): then an hour counts whole where the stretch begins or ends within it.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn analytics(
        &self,
        range: TimeRange,
        bucket: Bucket,
        missions: CountedMissions<'_>,
    ) -> Result<BTreeMap<DateTime<Utc>, ActivityCounts>, StoreError>;

    /// What happened with each mission within a stretch of time, which counts as for [`Queries::analytics`].
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn analytics_by_mission(
        &self,
        range: TimeRange,
    ) -> Result<BTreeMap<MissionId, ActivityCounts>, StoreError>;

    /// Who checked in on each local date from the first to the last, by the length of the streak; of
    /// [`CheckInDay::LONGEST_COUNTED`] are those that are longer, too.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn streak_counts(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<BTreeMap<(NaiveDate, u32), StreakCounts>, StoreError>;

    /// Users with tasks or rewards that have expired by an instant and are not yet written down as expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn due_expiries(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueExpiry>, StoreError>;

    /// How many tasks are open, of each of these missions that has any: what an edit of them touches.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn open_tasks(&self, missions: &[MissionId]) -> Result<BTreeMap<MissionId, u64>, StoreError>;

    /// What is used up of the budgets of these missions, as far as anything was.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn budget_uses(&self, missions: &[MissionId])
    -> Result<BTreeMap<MissionId, BudgetUse>, StoreError>;

    /// What a shadow mission would have done for each user, beside the mission that it is compared with; in the order of the
    /// users' ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn shadow_comparisons(
        &self,
        mission: MissionId,
        page: Page<UserId>,
    ) -> Result<Vec<(UserId, ShadowComparison)>, StoreError>;

    /// Entries of the audit, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn audit(&self, filter: &AuditFilter, page: Page<Uuid>) -> Result<Vec<AuditEntry>, StoreError>;

    /// Commands that were carried out, of all users or of one. What was refused is not among them, nor what an erased
    /// user did.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn journal(
        &self,
        of: Option<UserId>,
        page: Page<JournalPosition>,
    ) -> Result<Vec<JournalRecord>, StoreError>;

    /// The remembered answer under a caller's key.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn receipt(&self, key: ReceiptKey) -> Result<Option<Receipt>, StoreError>;

    /// Everything held on a user.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn export(&self, user: UserId) -> Result<UserExport, StoreError>;
}
