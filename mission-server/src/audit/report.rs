//! What an audit finds, and what it could not look at.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mission_core::{MissionId, RewardId, UserId};
use serde::Serialize;

/// Which two things disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviationKind {
    /// A reward was granted or revoked, and the ledger has no booking of it; nor does one wait in the outbox.
    BookingMissing,
    /// A booking moves another amount than its reward has.
    BookingAmount,
    /// A booking in a user's account is of no reward of that user.
    BookingUnknown,
    /// A booking is of a reward that was not granted, or not revoked.
    BookingNotDue,
    /// What a record says and what is filtered and summed by differ.
    RewardColumns,
    /// No recorded command granted or revoked the reward at that moment.
    RewardCommand,
    /// A reward's task or check-in day is not there, or has not earned it.
    RewardSource,
    /// A completed task, or check-in day, has not the reward that it has earned.
    RewardMissing,
    /// A task says of its reward what the reward does not.
    TaskClaimed,
    /// A check-in's reward is of another amount than the day.
    CheckInAmount,
    /// Records lie below a user of whom there is none.
    UserMissing,
    /// A user's points are not the sum of the claimed rewards.
    UserPoints,
    /// A user's experience is not the sum of the claimed rewards.
    UserExperience,
    /// A user's number of check-ins is not that of the days.
    UserCheckIns,
    /// A score of a leaderboard is not the sum of the rewards that were claimed in its time.
    Score,
    /// The counts by which ranks are computed are not those of the scores.
    ScoreCount,
    /// A sum by hour and mission is not that of the records.
    HourlySum,
    /// How many users have checked in on a date with a streak of some length is not what the records say.
    StreakCount,
    /// What is used of a budget is not what its rewards hold.
    BudgetUse,
    /// The recorded commands, decided again, earn another amount.
    RecountAmount,
    /// The recorded commands, decided again, earn a reward that is not there.
    RecountMissing,
    /// No recorded command, decided again, earns the reward.
    RecountUnearned,
    /// A recorded command, decided again, is refused.
    RecountRefused,
}

/// A recorded command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedCommand {
    /// Its number in the journal.
    pub number: i64,
    /// When it counted.
    pub at: DateTime<Utc>,
    /// Its name.
    pub name: String,
}

/// One disagreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// Which two things disagree.
    pub kind: DeviationKind,
    /// Whose records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Of which mission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mission: Option<MissionId>,
    /// Which reward; its id is the grant id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardId>,
    /// What else it is about: a task, a check-in's date, a board, an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What the other records ask for.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// The command that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<RecordedCommand>,
}

impl Deviation {
    pub(super) fn new(
        kind: DeviationKind,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Deviation {
            kind,
            user: None,
            mission: None,
            reward: None,
            of: None,
            expected: expected.to_string(),
            found: found.to_string(),
            command: None,
        }
    }
}

/// Why something could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unchecked {
    /// Users who were erased: of them nothing is kept but bookings and sums.
    ErasedUsers,
    /// Bookings of erased users.
    ErasedBookings,
    /// Rewards that were granted before the journal begins.
    RewardsBeforeJournal,
    /// Rewards of users whose first commands are no longer in the journal: not decided again.
    RewardsBeforeRecount,
    /// Rewards that rest on commands whose ids are no longer kept: not decided again.
    RewardsWithoutId,
    /// Rewards of missions whose versions of the time are no longer kept: not decided again.
    RewardsOfUnknownVersion,
    /// Sums by hour or budgets that are above what the records say, as after an erasure, or once tasks that have expired were
    /// removed.
    SumsAboveRecords,
    /// Bookings that still wait in the outbox.
    BookingsWaiting,
}

/// What was looked at, and what came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Users with records.
    pub users: u64,
    /// Rewards.
    pub rewards: u64,
    /// Rewards that were granted, those that were revoked afterwards included.
    pub grants: u64,
    /// Rewards whose amounts were computed again out of the recorded commands.
    pub recounted: u64,
    /// Bookings of the ledger.
    pub bookings: u64,
    /// Commands of users in the journal.
    pub commands: u64,
    /// The number of deviations, by kind.
    pub deviations: BTreeMap<DeviationKind, u64>,
    /// What could not be looked at, and how many.
    pub unchecked: BTreeMap<Unchecked, u64>,
}

impl AuditReport {
    /// Whether everything that could be looked at agrees.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.deviations.is_empty()
    }

    /// Adds the counts of another part of the database.
    fn add(&mut self, part: &AuditReport) {
        self.users += part.users;
        self.rewards += part.rewards;
        self.grants += part.grants;
        self.recounted += part.recounted;
        self.bookings += part.bookings;
        self.commands += part.commands;
        for (kind, count) in &part.deviations {
            *self.deviations.entry(*kind).or_default() += count;
        }
        for (why, count) in &part.unchecked {
            self.leave_out(*why, *count);
        }
    }

    pub(super) fn leave_out(&mut self, why: Unchecked, count: u64) {
        if count > 0 {
            *self.unchecked.entry(why).or_default() += count;
        }
    }
}

/// What was found in the records of one user.
#[derive(Debug, Default)]
pub(super) struct UserFindings {
    pub(super) report: AuditReport,
    pub(super) deviations: Vec<Deviation>,
}

/// The report while it grows, and who hears of each deviation.
pub(super) struct Findings<'f> {
    pub(super) report: AuditReport,
    tell: &'f mut (dyn FnMut(Deviation) + Send),
}

impl<'f> Findings<'f> {
    pub(super) fn new(tell: &'f mut (dyn FnMut(Deviation) + Send)) -> Self {
        Findings {
            report: AuditReport::default(),
            tell,
        }
    }

    pub(super) fn into_report(self) -> AuditReport {
        self.report
    }

    /// Takes over what was found in the records of a user, and tells it.
    pub(super) fn extend(&mut self, found: UserFindings) {
        self.report.add(&found.report);
        found
            .deviations
            .into_iter()
            .for_each(|deviation| (self.tell)(deviation));
    }

    pub(super) fn add(&mut self, deviation: Deviation) {
        *self.report.deviations.entry(deviation.kind).or_default() += 1;
        (self.tell)(deviation);
    }
}
